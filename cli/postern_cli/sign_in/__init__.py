"""Who calls: logins that are kept, tokens of the environment and of CI, and how an issuer gives one."""
