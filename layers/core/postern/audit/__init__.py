"""Evidence: what a record is, its bytes, its key, its chain, and how a log of them is verified. Pure."""
