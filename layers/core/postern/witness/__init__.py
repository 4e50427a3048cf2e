"""A witness of logs: it keeps the largest tree that it saw of each, and signs only what continues it."""
