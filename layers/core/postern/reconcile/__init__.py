"""Compares the database's own log with the records: pure, one pass over both, in bounded memory."""
