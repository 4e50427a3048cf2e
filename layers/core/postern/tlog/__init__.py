"""The transparency log as mathematics: hashes, trees, proofs. Pure."""
