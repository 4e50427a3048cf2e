"""What stands by the month whatever is run: `python -m bench.standing`, `--write` into docs/cost.md.

How many of each there are is counted in the templates.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench import prices
from bench.pages import options, publish
from postern_local.transform import read_yaml

ROOT = Path(__file__).parent.parent
HOURS = 730  # of a month
LEAST_ACU = 0.5


@dataclass(frozen=True, slots=True)
class Standing:
    """One part: when it is there, what of it, and dollars a month."""

    part: str
    when: str
    what: str
    month: float


def tables() -> str:
    """The tables of docs/cost.md."""
    return "\n".join([*_months(), "", *_uses()])


def _resources(name: str) -> Mapping[str, Any]:
    """The resources of a template, as written."""
    found: Mapping[str, Any] = read_yaml(ROOT / name)["Resources"]
    return found


def _of(name: str, kind: str) -> list[Mapping[str, Any]]:
    return [one.get("Properties", {}) for one in _resources(name).values() if one["Type"] == kind]


def standing() -> Iterator[Standing]:
    """Every part that costs by the hour or the month."""
    functions = _of("template.yaml", "AWS::Serverless::Function")
    kept_gb = sum(one["MemorySize"] for one in functions if "SnapStart" in one) / 1024
    snap_month = kept_gb * prices.SNAPSHOT_GB_SECOND * HOURS * 3600
    yield Standing("SnapStart, kept snapshots", "each version that is kept", f"{kept_gb:.2f} GB", snap_month)

    alarms = sum(len(_of(name, "AWS::CloudWatch::Alarm")) for name in _templates())
    yield Standing("CloudWatch alarms", "always", f"{alarms}", alarms * prices.ALARM_MONTH)
    dashboards = sum(len(_of(name, "AWS::CloudWatch::Dashboard")) for name in _templates())
    yield Standing("CloudWatch dashboard", "always", f"{dashboards}", dashboards * prices.DASHBOARD_MONTH)

    keys = _of("infra/keys.yaml", "AWS::KMS::Key")
    yield Standing("KMS keys", "the second in mode `sealed`", f"{len(keys)}", len(keys) * prices.KEY_MONTH)

    endpoints = sum(
        one.get("VpcEndpointType") == "Interface" for one in _of("infra/network.yaml", "AWS::EC2::VPCEndpoint")
    )
    zones = int(read_yaml(ROOT / "infra/network.yaml")["Parameters"]["Zones"]["Default"])
    hourly = endpoints * zones * prices.ENDPOINT_HOUR
    yield Standing("network: interface endpoints", "`network`", f"{endpoints} in {zones} zones", hourly * HOURS)

    rules = sum(len(one["Rules"]) for one in _of("infra/firewall.yaml", "AWS::WAFv2::WebACL"))
    firewall = prices.FIREWALL_MONTH + rules * prices.FIREWALL_RULE_MONTH
    yield Standing("firewall", "`firewall`", f"1 ACL, {rules} rules", firewall)

    acu = LEAST_ACU * prices.ACU_HOUR * HOURS
    yield Standing("Aurora Serverless v2, awake and idle", "`database`", f"{LEAST_ACU} ACU", acu)


def _templates() -> list[str]:
    return ["template.yaml", *(f"infra/{path.name}" for path in sorted((ROOT / "infra").glob("*.yaml")))]


def _months() -> Iterator[str]:
    """The rows, dearest first."""
    yield "| dollars a month, whatever is run | with | what | |"
    yield "|---|---|---|---:|"
    for one in sorted(standing(), key=lambda one: -one.month):
        yield f"| {one.part} | {one.when} | {one.what} | {one.month:,.2f} |"


def _uses() -> Iterator[str]:
    """What parts that are options, or that tell of the others, cost by use."""
    rows = {
        "firewall, requests": f"${prices.FIREWALL_MILLION:.2f} a million",
        "X-Ray, traces that are recorded": f"${prices.TRACE_MILLION:.2f} a million",
        "CloudWatch logs, taken in": f"${prices.LOG_GB:.2f} a GB",
        "CloudWatch logs, kept": f"${prices.LOG_GB_MONTH:.2f} a GB and month",
        "interface endpoints, data": f"${prices.ENDPOINT_GB:.2f} a GB",
        "SnapStart, restored": f"${prices.RESTORED_GB * 1000:.2f} a thousand GB",
        "Aurora, requests to storage": f"${prices.IO_MILLION:.2f} a million",
        "Aurora, storage": f"${prices.DATABASE_GB_MONTH:.2f} a GB and month",
    }
    yield "| by use | |"
    yield "|---|---:|"
    for what, price in rows.items():
        yield f"| {what} | {price} |"


if __name__ == "__main__":
    options(__doc__).parse_args()
    publish("cost.md", "bench.standing", tables())
