"""Proposes a catalog from a live database, and compares one with it. Sampled values are looked at and never kept."""
