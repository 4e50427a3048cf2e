"""What a person sets once: the configuration file, the environment, and the files that are kept for them."""
