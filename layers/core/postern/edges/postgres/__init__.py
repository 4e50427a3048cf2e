"""Sessions to PostgreSQL: the only code that speaks its protocol, over pg8000 (`connect`, `wire`, `sessions`)."""
