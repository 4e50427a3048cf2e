"""The story that `make demo` plays, its shop database and its policy."""
