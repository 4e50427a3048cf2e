"""How rules name claims, nested ones too, and that no claim can pass for another."""

from __future__ import annotations

import pytest

from postern.errors import PolicyFileError, Unauthenticated
from postern.identity.claims import check_claim_name, check_flat_claim, find_claim, pointer
from postern.yaml_lines import Node

CLAIMS = {
    "kubernetes.io": {"namespace": "prod", "serviceaccount": {"name": "agent"}, "": "empty"},
    "kubernetes": {"io": {"namespace": "evil"}},
    "/kubernetes.io/namespace": "evil",
    "/kubernetes.io/missing": "evil",
    "kubernetes.io/namespace": "evil",
    "/odd": "odd",
    "https://sts.amazonaws.com/": {"aws_account": "1"},
    "https://acme.example/roles": ["r"],
    "a~b": {"~1": "tilde one", "/": "slash"},
    "list": [{"x": "1"}],
    "nothing": None,
    "text": "x",
}


def node(text: str) -> Node:
    return Node(text, 7, "issuers.yaml", "require")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("/kubernetes.io/namespace", "prod"),
        ("/kubernetes.io/serviceaccount/name", "agent"),
        ("/kubernetes.io/serviceaccount", {"name": "agent"}),
        ("kubernetes.io/namespace", "evil"),
        ("kubernetes.io.namespace", None),
        ("/https:~1~1sts.amazonaws.com~1/aws_account", "1"),
        ("https://acme.example/roles", ["r"]),
        ("/~1odd", "odd"),
        ("/~1kubernetes.io~1namespace", "evil"),
        ("/a~0b/~01", "tilde one"),
        ("/a~0b/~1", "slash"),
        ("/nothing/x/y", None),
        ("/missing/x", None),
        ("/kubernetes.io/missing", None),
        ("/kubernetes.io/missing/x", None),
        ("nothing", None),
    ],
)
def test_finds_the_claim_that_a_name_means_and_no_other(name, value):
    assert find_claim(CLAIMS, check_claim_name(name, node(name))) == value


@pytest.mark.parametrize("name", ["/list/0", "/list/0/x", "/text/x", "/kubernetes.io/namespace/x"])
def test_refuses_a_token_that_has_something_else_where_an_object_is_expected(name):
    with pytest.raises(Unauthenticated) as raised:
        find_claim(CLAIMS, name)
    assert raised.value.code == "token.claims"


@pytest.mark.parametrize(
    "name",
    ["/", "//a", "/a/", "/a//b", "/a/b~", "/a/b~2", "/a~/b", "/sub", "/a~0b", "", "a\nb", "a\u200bb", "x" * 256],
)
def test_refuses_a_name_that_is_ambiguous_or_unfit(name):
    with pytest.raises(PolicyFileError, match=r"issuers\.yaml:7"):
        check_claim_name(name, node(name))


def test_names_the_one_spelling_of_a_claim_that_is_not_nested():
    with pytest.raises(PolicyFileError, match="expected `a~b`, since nothing is nested, got the pointer /a~0b"):
        check_claim_name("/a~0b", node("/a~0b"))


def test_refuses_a_pointer_where_a_claim_must_be_at_the_top():
    with pytest.raises(PolicyFileError, match="at the top of the token"):
        check_flat_claim(node("/a/b"))


@pytest.mark.parametrize("steps", [("a", "b"), ("https://x/", "y~1/z"), ("~", "/")])
def test_writes_the_spelling_that_it_reads(steps):
    name = pointer(*steps)
    assert check_claim_name(name, node(name)) == name
    assert find_claim({steps[0]: {steps[1]: "here"}}, name) == "here"
