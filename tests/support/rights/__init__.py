"""Rights as the templates give them, asked in tables by two evaluators, and widened to see that the tables notice."""
