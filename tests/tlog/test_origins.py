"""What a log is called."""

from __future__ import annotations

import pytest

from postern.errors import IntegrityError
from postern.tlog.origins import log_of, origin_of


def test_an_origin_names_deployment_and_log():
    assert origin_of("shop", "prod-2026") == "postern.shop/prod-2026"
    assert log_of("postern.shop/prod-2026") == "prod-2026"


@pytest.mark.parametrize("name", ["", "Prod", "a b", "a/b", "a+b", "a.b", "a\n", "ä", "x" * 41], ids=repr)
def test_refuses_a_name_that_is_none(name):
    for deployment, log in ((name, "log"), ("shop", name)):
        with pytest.raises(IntegrityError):
            origin_of(deployment, log)


@pytest.mark.parametrize(
    "origin",
    ["", "shop/prod", "postern.shop", "postern.shop/", "postern./prod", "postern.shop/prod/", "postern.postern.a/b"],
    ids=repr,
)
def test_refuses_an_origin_that_is_not_ours(origin):
    with pytest.raises(IntegrityError):
        log_of(origin)
