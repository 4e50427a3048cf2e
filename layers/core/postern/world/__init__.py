"""A task's role and schema in the database: the SQL that builds it, drops it and proves it gone. Pure."""
