"""The statement check: PostgreSQL's grammar in, a decision with a reason out. Pure."""
