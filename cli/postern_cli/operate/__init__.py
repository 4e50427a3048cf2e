"""`postern revoke`, `revocations`, `worlds` and `smoke`: what an operator does with what runs."""
