"""What an answer is counted as, held against what Lambda's own runtime makes of it."""

from __future__ import annotations

import json

import pytest
from awslambdaric.lambda_runtime_marshaller import to_json

from postern.edges import http
from postern.edges.statement_presenter import query_answer, transaction_answer
from postern.ports import Result, ResultColumn
from postern.services.answer_bytes import answer_bytes
from postern.services.answers import Delivery, deliver
from postern.services.calls import Answered, Answers
from postern.types import Budgets, CommandId, MaskKind, Receipt, Sha256Hex, View, ViewColumn

FRAME = 1_000  # bytes of an answer around columns, rows and masks, and as many for each statement
RECEIPT = Receipt(Sha256Hex("a" * 64), Sha256Hex("b" * 64), "prod-2026", "k" * 44, Sha256Hex("c" * 64))
VIEW = View("public", "people", "people", (ViewColumn('"' * 60, "text", "ref.person", MaskKind.TOKEN),), oid=4711)
WHITE = '{"a"' + "\n\r\t " * 500 + ":1}"
HOSTILE = "".join(chr(place) for place in range(1, 0x3000)) + "🙂"


@pytest.fixture(autouse=True)
def in_lambda(monkeypatch):
    monkeypatch.setenv("AWS_EXECUTION_ENV", "AWS_Lambda_python3.13")


def delivered(cells: list[str], *, name: str = "c", oid: int = 25, width: int = 1, table_oid: int = 0) -> Delivery:
    columns = (ResultColumn(name, oid, "timestamp without time zone", table_oid, 1),) * width
    return deliver(Result(columns, (cells,) * width, len(cells), None, truncated=False, received_bytes=1), (VIEW,))


def sent(*deliveries: Delivery) -> int:
    answered = tuple(Answered(CommandId("d" * 36), one, None, 1, RECEIPT) for one in deliveries)
    present = query_answer if len(answered) == 1 else transaction_answer
    return len(to_json(http.answer(200, present(Answers(answered, Budgets(), 0, True), now_s=0))).encode())


@pytest.mark.parametrize(
    "delivery",
    [
        pytest.param(lambda: delivered([WHITE] * 9, oid=114), id="white-space-of-json"),
        pytest.param(lambda: delivered([json.dumps(HOSTILE)], oid=3802), id="escapes-of-json"),
        pytest.param(lambda: delivered([HOSTILE]), id="text"),
        pytest.param(lambda: delivered(["x"], name='"' * 63, width=1_664), id="names"),
        pytest.param(lambda: delivered(["bob@example.com"], name="\n" * 63, width=1_664), id="what-detectors-found"),
        pytest.param(lambda: delivered(["tok_0123456789abcdef"], width=300, table_oid=4711), id="masks"),
        pytest.param(lambda: delivered([], name="ünï漢🙂" * 5, width=1_600), id="no-rows"),
    ],
)
def test_all_but_a_bounded_frame_of_an_answer_is_counted(delivery):
    one = delivery()
    assert 0 < sent(one) - answer_bytes(one) < 2 * FRAME


def test_each_statement_of_many_is_counted():
    many = [delivered([], name="a column of a long name", width=1_600)] * 50
    counted = sum(map(answer_bytes, many))
    assert counted > 6_000_000
    assert 0 < sent(*many) - counted < 51 * FRAME
