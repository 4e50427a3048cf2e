"""What the reaper does once a minute: see `passes`."""
