"""What may stand in run-once statements (migrations), decided before anybody approves them. Pure."""
