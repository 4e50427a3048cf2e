"""One use case a file. Services speak domain objects and domain errors, never HTTP or an SDK."""
