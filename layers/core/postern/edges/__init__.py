"""The only code that imports an SDK, reads the environment, a clock or a disk. Each edge implements a port."""
