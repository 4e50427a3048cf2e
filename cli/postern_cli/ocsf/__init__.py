"""`postern audit export --ocsf`: a pulled log as events of the Open Cybersecurity Schema Framework, 1.3.0."""
