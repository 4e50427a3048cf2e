"""Our reader of botocore's descriptions gives what botocore's own gives."""

from __future__ import annotations

import pytest
from botocore.loaders import Loader
from botocore.session import Session

from postern.edges import clients
from postern.edges.descriptions import Descriptions, loader

OURS, THEIRS = loader(), Loader()


@pytest.mark.parametrize(
    ("service", "kind"),
    [
        pytest.param("dynamodb", "service-2", id="packed"),
        pytest.param("sts", "service-2", id="another service"),
        pytest.param("sts", "endpoint-rule-set-1", id="rules of endpoints"),
        pytest.param("sqs", "paginators-1", id="plain"),
    ],
)
def test_a_description_is_the_same_in_the_same_order(service: str, kind: str) -> None:
    ours, theirs = (one.load_service_model(service, kind) for one in (OURS, THEIRS))

    assert ours == theirs
    assert list(_names(ours)) == list(_names(theirs))


def _names(node: object) -> list[str]:
    """Every name in it, in order: comparing dictionaries says nothing of theirs."""
    if isinstance(node, dict):
        return [name for key, value in node.items() for name in (key, *_names(value))]
    return [name for one in node for name in _names(one)] if isinstance(node, list) else []


def test_what_is_in_no_file_is_none_as_the_search_expects() -> None:
    assert Descriptions().load_file("/nowhere/service-2") is None


def test_a_session_of_ours_reads_by_it() -> None:
    made = clients.connect("eu-central-1").get_component("data_loader")

    assert isinstance(made.file_loader, Descriptions)
    assert not isinstance(Session().get_component("data_loader").file_loader, Descriptions)
