"""Every event of a varied log fits our table of OCSF 1.3.0, and the table finds what does not."""

from __future__ import annotations

import re
from copy import deepcopy
from typing import Any

import pytest

from postern_cli.ocsf.kinds import LEFT_OUT, MAPPED
from postern_cli.ocsf.schema import CLASSES, SHAPES
from tests.support.ocsf import faults
from tests.support.stack import PROJECT

# Read in the schema, apart from the table: base_event, classification and occurrence, then the class.
REQUIRED = {
    6005: {
        *("activity_id", "category_uid", "class_uid", "type_uid", "time", "severity_id", "metadata"),
        *("actor", "src_endpoint"),
    },
    3003: {*("activity_id", "category_uid", "class_uid", "type_uid", "time", "severity_id", "metadata"), "user"},
}


def test_every_event_of_a_varied_log_fits(events):
    assert {event["metadata"]["uid"]: found for event in events if (found := faults(event))} == {}


def test_the_log_has_an_event_of_each_kind(events):
    assert {event["unmapped"]["kind"] for event in events} == {kind for _, kind in MAPPED}


def test_the_table_requires_what_the_schema_requires():
    required = {
        uid: {one.name for one in event_class.shape.attributes if one.requirement == "required"}
        for uid, event_class in CLASSES.items()
    }
    assert required == REQUIRED


def test_each_line_of_the_table_says_where_it_is_from():
    shapes = [*SHAPES.values(), *(one.shape for one in CLASSES.values())]
    sources = {one.source for shape in shapes for one in shape.attributes}
    assert [
        one for one in sources if not re.match(r"(events|objects|includes|profiles)/\S+\.json: |docs/log-format", one)
    ] == []


def test_every_kind_of_the_log_format_is_mapped_or_left_out_with_a_reason():
    page = (PROJECT / "docs/log-format.md").read_text()
    table = page.partition("| type and kind |")[2].partition("\n\n")[0]
    kinds = set()
    for type_, names in re.findall(r"^\| (intent|event) ((?:`\w+`(?:, )?)+)", table, re.MULTILINE):
        kinds |= {(type_, name) for name in re.findall(r"`(\w+)`", names)}
    assert len(kinds) > 10
    assert kinds == MAPPED.keys() | LEFT_OUT.keys()


def test_the_page_tells_of_every_kind():
    page = (PROJECT / "docs/analytics.md").read_text()
    table = page.partition("| record |")[2].partition("\n\n")[0]
    assert [kind for _, kind in [*MAPPED, *LEFT_OUT] if f"`{kind}`" not in table] == []


def _set(path: str, value: Any) -> Any:
    def change(event: dict[str, Any]) -> None:
        *parents, last = path.split(".")
        for name in parents:
            event = event[name]
        if value is None:
            del event[last]
        else:
            event[last] = value

    return change


@pytest.mark.parametrize(
    ("class_uid", "change"),
    [
        pytest.param(6005, _set("time", None), id="no time"),
        pytest.param(6005, _set("time", "2026-03-03"), id="a time in words"),
        pytest.param(6005, _set("time", 2**63), id="a time too large"),
        pytest.param(6005, _set("severity_id", 7), id="a severity that is none"),
        pytest.param(6005, _set("severity_id", True), id="a flag for a number"),
        pytest.param(6005, _set("category_uid", 3), id="another category"),
        pytest.param(6005, _set("type_uid", 600505), id="another type"),
        pytest.param(6005, _set("class_uid", 6003), id="another class"),
        pytest.param(6005, _set("src_endpoint", None), id="no source"),
        pytest.param(6005, _set("src_endpoint", {}), id="a source of nothing"),
        pytest.param(6005, _set("database", None), id="no datastore"),
        pytest.param(6005, _set("metadata.version", "1.4.0"), id="another version"),
        pytest.param(6005, _set("metadata.product.vendor_name", None), id="no vendor"),
        pytest.param(6005, _set("query_info.query_string", "x" * 70_000), id="a string too long"),
        pytest.param(6005, _set("unmapped.sha256", None), id="no way back to the record"),
        pytest.param(6005, _set("rows", 3), id="an attribute that is not there"),
        pytest.param(6005, _set("actor.user", "agent"), id="a word for an object"),
        pytest.param(6005, _set("unmapped.lookups", "pii.email"), id="a word for a list"),
        pytest.param(3003, _set("user", None), id="no user"),
        pytest.param(3003, _set("privileges", None), id="no privileges"),
        pytest.param(3003, _set("group", {"name": "agents"}), id="privileges and a group"),
        pytest.param(3003, _set("metadata.profiles", []), id="a profile that is not named"),
    ],
)
def test_what_does_not_fit_is_found(events, class_uid, change):
    # One without a table, so that its database is all that says what it is about.
    event = deepcopy(next(one for one in events if one["class_uid"] == class_uid and "table" not in one))
    assert faults(event) == []
    change(event)
    assert faults(event) != []
