"""`postern query`: statements from a person or a program, and their rows."""
