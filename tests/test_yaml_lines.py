"""YAML with lines: what is read, and everything that two readers could see differently."""

from __future__ import annotations

import pytest
import yaml

from postern import yaml_lines
from postern.errors import PolicyFileError
from postern.yaml_lines import MAX_BYTES, MAX_DEPTH, Node, load_lines

DOCUMENT = b"""\
# a comment
name: shop
limits:
  rows: 10
  strict: true
columns: [id, "null", 'on']
note: |
  two
  lines
none: null
empty:
"""


@pytest.fixture(autouse=True, params=[yaml.CSafeLoader, yaml.SafeLoader], ids=["libyaml", "python"])
def loader(request, monkeypatch):
    """Both of PyYAML's parsers, since a wheel may come without libyaml."""
    monkeypatch.setattr(yaml_lines, "_Loader", request.param)


def load(text: bytes) -> Node:
    return load_lines(text, "f.yaml")


def refusal(text: bytes) -> PolicyFileError:
    with pytest.raises(PolicyFileError) as raised:
        load(text)
    return raised.value


def plain(node: Node) -> object:
    """The document without its lines."""
    if isinstance(node.value, dict):
        return {name: plain(inner) for name, inner in node.value.items()}
    if isinstance(node.value, list):
        return [plain(inner) for inner in node.value]
    return node.value


def test_reads_mappings_lists_and_scalars():
    assert plain(load(DOCUMENT)) == {
        "name": "shop",
        "limits": {"rows": 10, "strict": True},
        "columns": ["id", "null", "on"],
        "note": "two\nlines\n",
        "none": None,
        "empty": None,
    }


@pytest.mark.parametrize(
    ("names", "line", "path"),
    [
        (["name"], 2, "name"),
        (["limits"], 3, "limits"),
        (["limits", "strict"], 5, "limits.strict"),
        (["note"], 7, "note"),
    ],
    ids=lambda value: ".".join(value) if isinstance(value, list) else None,
)
def test_gives_each_field_the_line_of_its_name_and_its_path(names, line, path):
    node = load(DOCUMENT)
    for name in names:
        node = node.required(name)
    assert (node.line, node.path, node.file) == (line, path, "f.yaml")


def test_gives_list_items_a_line_and_a_path():
    items = load(b"a:\n- x\n- y\n").required("a").sequence()
    assert [(item.line, item.path) for item in items] == [(2, "a[0]"), (3, "a[1]")]


@pytest.mark.parametrize(
    ("text", "value"),
    [(b"0", 0), (b"-1", -1), (b"999999999999999999", 10**18 - 1), (b'"1"', "1"), (b"a b", "a b"), (b"1.2.3", "1.2.3")],
)
def test_reads_a_scalar_as_every_reader_would(text, value):
    assert load(text).value == value


@pytest.mark.parametrize(
    "scalar",
    [
        *("yes", "no", "on", "off", "Yes", "True", "TRUE", "Null", "~", "=", "<<"),
        *("1.5", "1e5", ".5", ".inf", ".nan", "+1", "-0", "007", "0x1f", "0o17", "0b1", "1_000", "12:30", "12:30:45"),
        *("2026-01-01", "2026-01-01T00:00:00Z", "9" * 19),
    ],
)
def test_refuses_a_plain_scalar_that_readers_read_differently(scalar):
    assert "quote it" in refusal(f"a:\n  b: {scalar}".encode()).detail
    assert load(f"a: '{scalar}'".encode()).required("a").value == scalar


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        (b"a: 1\nb: 2\na: 3", 3, "`a` is here twice; first on line 1"),
        (b"x: {a: 1, a: 2}", 1, "twice"),
        (b'a: 1\n"\\x61": 2', 2, "twice"),
        (b"a: &x 1\nb: *x", 1, "anchors"),
        (b"a: 1\nb: *x", 2, "anchors"),
        (b"a: 1\n<<: {b: 2}", 2, "quote it"),
        (b"a: 1\nb: !!str 1", 2, "tags"),
        (b"a: !python/object:os.system x", 1, "tags"),
        (b"%YAML 1.1\n---\na: 1", 1, "directives"),
        (b"a: 1\n---\nb: 2", 2, "second"),
        (b"", 1, "empty"),
        (b"# nothing", 1, "empty"),
        (b"a: 1\n2: b", 2, "field's name"),
        (b"a: 1\ntrue: b", 2, "field's name"),
        (b"? [a]\n: b", 1, "field's name"),
        (b"'': b", 1, "field's name"),
        (b"a: 1\nb: \xff", 2, "UTF-8"),
        (b"a: 1\nb: }", 2, "expected YAML"),
        (b"a: 1\n b: 2", 2, "expected YAML"),
        (b"\n" + b"[" * 40 + b"]" * 40, 2, "levels"),
        (b"[" * 200_000, 1, "levels"),
    ],
    ids=lambda value: str(value)[:24],
)
def test_refuses_what_is_not_plain_data_and_names_the_line(text, line, says):
    error = refusal(text)
    assert says in error.detail
    assert error.line == line
    assert error.detail.startswith(f"f.yaml:{line}: ")


def test_reads_the_deepest_document_that_it_allows():
    assert load(b"[" * MAX_DEPTH + b"1" + b"]" * MAX_DEPTH).sequence()


def test_refuses_a_file_over_the_bound():
    assert "bytes" in refusal(b"#" * (MAX_BYTES + 1)).detail


@pytest.mark.parametrize(
    ("text", "ask", "says"),
    [
        (b"a: [1]", Node.mapping, "a: expected a mapping, got a list"),
        (b"a: x", Node.sequence, "a: expected a list, got the text 'x'"),
        (b"a: 1", Node.text, "a: expected text, got 1"),
        (b"a: true", Node.text, "a: expected text, got true"),
        (b"a:", Node.text, "a: expected text, got nothing"),
        (b"a: ''", Node.text, "a: expected text, got an empty string"),
        (b"a: true", Node.integer, "a: expected an integer, got true"),
        (b"a: '1'", Node.integer, "a: expected an integer, got the text '1'"),
        (b"a: 1", Node.boolean, "a: expected true or false, got 1"),
        (b"a: {}", Node.boolean, "a: expected true or false, got a mapping"),
    ],
)
def test_refuses_a_value_of_another_kind(text, ask, says):
    with pytest.raises(PolicyFileError, match=f"f.yaml:1: {says}"):
        ask(load(text).required("a"))


@pytest.mark.parametrize(
    ("bounds", "says"),
    [({"at_least": 6}, "from 6 up"), ({"at_most": 4}, "up to 4"), ({"at_least": 6, "at_most": 9}, "from 6 to 9")],
)
def test_refuses_an_integer_outside_its_bounds(bounds, says):
    with pytest.raises(PolicyFileError, match=f"expected an integer {says}, got 5"):
        load(b"5").integer(**bounds)


def test_gives_the_values_that_are_of_the_right_kind():
    root = load(DOCUMENT)
    assert root.required("name").text() == "shop"
    assert root.required("limits").required("rows").integer(at_least=10, at_most=10) == 10
    assert root.required("limits").required("strict").boolean() is True
    assert root.optional("absent") is None


def test_refuses_an_unknown_field_at_its_line_and_lists_the_known_ones():
    with pytest.raises(PolicyFileError, match=r"f\.yaml:2: nmae: unknown field; expected one of limits, name"):
        load(b"limits: 1\nnmae: x\n").only(["name", "limits"])


def test_refuses_a_missing_field_at_the_line_of_its_mapping():
    with pytest.raises(PolicyFileError, match=r"f\.yaml:2: b: expected a field `name`, got none"):
        load(b"a: 1\nb:\n  x: 1\n").required("b").required("name")
