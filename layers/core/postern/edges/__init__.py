"""The only code that imports an SDK, reads the environment, a clock or a disk. Each edge implements a port."""

import os

from postern.edges import collector

collector.rest(os.environ)  # here, for what comes next loads the most: see there
