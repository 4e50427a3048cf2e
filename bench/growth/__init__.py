"""What a statement costs as things grow around it: `python -m bench.growth`, a part of `make bench-long`."""
