"""The command line of Postern, for agents, operators and auditors."""
