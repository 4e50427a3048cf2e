"""What the command line says, kept as texts that a person has looked at: `python -m tests.cli.golden --write`."""
