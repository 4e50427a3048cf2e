"""List prices, each as it is taken: us-east-1, on demand, no free tier, US dollars, as stated in November 2026.

They are facts about somebody else's price list and change without notice: look them up before you rely on a sum.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


@dataclass(frozen=True, slots=True)
class Price:
    """Dollars for a million units."""

    what: str
    unit: str
    per_million: float


class Priced(Enum):
    """Everything that the product pays for by use."""

    PUT = Price("S3 Standard PUT, LIST", "request", 5.00)
    GET = Price("S3 Standard GET, HEAD", "request", 0.40)
    WRITE = Price("DynamoDB on demand, write", "request unit (1 KB)", 0.625)
    READ = Price("DynamoDB on demand, read", "request unit (4 KB, strongly consistent)", 0.125)
    QUEUE = Price("SQS standard", "request", 0.40)
    SIGN = Price("KMS asymmetric Sign (Ed25519)", "request", 15.00)
    INVOKE = Price("Lambda", "invocation", 0.20)
    COMPUTE = Price("Lambda on arm64", "GB-second", 13.3334)
    API = Price("API Gateway REST API", "call", 3.50)


INVENTORY_MILLION = 0.0025  # objects that an S3 Inventory lists
STORED_GB_MONTH = 0.023  # S3 Standard, first 50 TB
INDEX_GB_MONTH = 0.25  # DynamoDB
KEY_MONTH = 1.00  # a KMS key
METRIC_MONTH = 0.30  # a custom metric of CloudWatch

# By the hour or the month, and by use: what stands beside the statements' own way.
SNAPSHOT_GB_SECOND = 0.0000015046  # Lambda SnapStart for Python: a version's snapshot, three hours at least
RESTORED_GB = 0.0001397998  # of memory, each time an environment begins from a snapshot
ALARM_MONTH = 0.10  # on one metric of standard resolution
DASHBOARD_MONTH = 3.00
ENDPOINT_HOUR = 0.01  # an interface endpoint in one zone
ENDPOINT_GB = 0.01
FIREWALL_MONTH = 5.00  # AWS WAF: a web ACL
FIREWALL_RULE_MONTH = 1.00
FIREWALL_MILLION = 0.60  # requests
ACU_HOUR = 0.12  # Aurora Serverless v2, standard storage
IO_MILLION = 0.20
DATABASE_GB_MONTH = 0.10
TRACE_MILLION = 5.00  # recorded by X-Ray
LOG_GB = 0.50  # taken in by CloudWatch Logs
LOG_GB_MONTH = 0.03
