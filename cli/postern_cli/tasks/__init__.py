"""`postern task`: open, look at, decide and end tasks."""
