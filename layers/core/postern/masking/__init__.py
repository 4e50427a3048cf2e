"""Masks as SQL expressions, and the detectors that look over delivered text. Pure."""
