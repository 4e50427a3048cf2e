"""Postern: a gate between AI coding agents and production PostgreSQL.

The package is laid out so that arrows go one way:

    functions -> services -> identity, policy, world, guard, masking, audit, ports
                 edges    -> the same pure packages, and ports

Pure packages never read a clock, the network, the environment, a disk or a source of randomness:
those come in as arguments. Only `edges` imports an SDK. `tests/test_architecture.py` holds this.
"""
