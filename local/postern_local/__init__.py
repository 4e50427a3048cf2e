"""The local stack: everything that Postern runs on, on one machine, without Docker and without AWS."""
