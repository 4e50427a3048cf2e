"""`postern audit replay`: one task of a pulled log, played in the terminal."""
