"""Measurements. botocore signs in Python here, as it does in a deployed function, which has no awscrt."""

import os

os.environ.setdefault("BOTO_DISABLE_CRT", "true")  # botocore reads it when it is imported
