"""Pulling from an S3 Inventory: what a bucket holds is read from a list, and most bytes from the log itself."""
