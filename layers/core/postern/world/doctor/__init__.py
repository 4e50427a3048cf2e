"""What in a live database weakens the wall: checks that ask, findings that say why, and the SQL that mends each."""
