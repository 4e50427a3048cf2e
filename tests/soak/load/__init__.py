"""The open loop: many agents at once, whose calls arrive by a schedule, and who know what must be answered."""
