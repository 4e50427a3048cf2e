"""Who may do what: the policy layer parsed and validated, and the decision over a request. Pure."""
