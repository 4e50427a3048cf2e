"""What of a statement's text may stand in a locked object: its shape in the open, its literals under a key."""
