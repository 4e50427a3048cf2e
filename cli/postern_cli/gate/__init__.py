"""What every command that calls a gate shares: its address, one exchange, and the options."""
