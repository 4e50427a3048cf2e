"""The product's version; records name it as their code version."""

__version__ = "0.1.0"
