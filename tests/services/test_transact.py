"""Writes and transactions: what is durable before what, and what stands when it stops in between."""

from __future__ import annotations

import base64
import hmac
from collections.abc import Iterator
from dataclasses import replace

import pytest

from postern.errors import (
    BudgetExceeded,
    Conflict,
    DatabaseLost,
    EvidenceUnavailable,
    IntegrityError,
    OutcomeUnknown,
    PosternError,
    RefusedByPolicy,
    StatementFailed,
    TooLarge,
    Unprocessable,
)
from postern.ports import Finished, IdempotencyKey, Lookup, Parameter, Result, ResultColumn
from postern.services.calls import Answers, StatementCall
from postern.types import Action, Budgets, GrantedColumn, Mask, MaskKind, Secret, Sha256Hex, View, ViewColumn
from tests.services.test_run_statements import Bench
from tests.support.domain import BUDGETS, GRANT, NOW_S, TASK_ID, VIEWS, a_task
from tests.support.fake_database import ONE_ROW

UPDATE = "UPDATE customers SET id = 9 WHERE id = 7"
INSERT = "INSERT INTO customers (id) VALUES (9)"
READ = "SELECT id FROM customers"
WROTE = Result((), (), 0, 1, truncated=False, received_bytes=0)
KEY = IdempotencyKey("k", Sha256Hex("a" * 64))
REFUSED = StatementFailed("sql.failed", "duplicate key", sqlstate="23505")

TABLE = replace(
    GRANT.tables[0],
    actions=tuple(sorted(Action)),
    columns=(*GRANT.tables[0].columns, GrantedColumn("person", "ref.person", Mask(MaskKind.TOKEN))),
)
WRITABLE = replace(GRANT, tables=(TABLE,), lookups=("ref.person",))
TOKENS = View(
    "public",
    "customers",
    "customers",
    (*VIEWS[0].columns, ViewColumn("person", "text", "ref.person", MaskKind.TOKEN, "text")),
    oid=4711,
)


@pytest.fixture
def bench() -> Iterator[Bench]:
    bench = Bench()
    bench.tasks.create(a_task(grant=WRITABLE, server_major=18))
    bench.database.result = WROTE
    yield bench
    bench.threads.shutdown()


def statement(sql: str, *parameters: Parameter | Lookup, max_rows: int = 10) -> StatementCall:
    return StatementCall(sql, parameters, max_rows)


def write(bench: Bench, *sqls: str, key: IdempotencyKey | None = None) -> Answers | Finished:
    return bench.call(*(statement(sql) for sql in sqls or (UPDATE,)), key=key)


def story(bench: Bench) -> list[str]:
    """The records in the order of their writing, by type and status."""
    return [" ".join(filter(None, (record["type"], record.get("status")))) for record in bench.written()]


def left(**changes: int) -> Budgets:
    return replace(BUDGETS, **{"statements": 4} | changes)


def test_a_write_is_committed_between_its_outcome_and_its_settlement(bench):
    seen: list[list[str]] = []
    bench.database.before_commit = lambda: seen.append(story(bench))
    answers = write(bench)
    assert seen == [["intent", "outcome pending"]]
    assert story(bench) == ["intent", "outcome pending", "settled committed"]
    assert bench.database.events == ["begin", "mark", "commit"]
    assert answers.settled
    assert answers.statements[0].affected == 1


def test_the_outcome_names_the_transaction_for_whoever_must_ask_of_its_fate(bench):
    bench.database.written = 1
    write(bench)
    assert bench.written()[1]["transaction"] == {
        "xid": "7711",
        "backend_pid": 4242,
        "backend_start": "2026-09-21T14:13:20.000001Z",
        "system_identifier": "7400000000000000001",
        "rows_written": 1,
    }


def test_the_receipt_names_all_three_records(bench):
    receipt = write(bench).statements[0].receipt
    outcome, settled = bench.written()[1:]
    assert outcome["intent"] == receipt.intent_sha256
    assert settled["outcome"] == receipt.outcome_sha256
    assert receipt.settled_sha256 is not None


def test_only_statements_that_write_may(bench):
    bench.database.results = [ONE_ROW]
    write(bench, READ, UPDATE)
    assert bench.database.read_only == [True, False]


def test_a_transaction_of_reads_writes_nothing_and_needs_no_fence(bench):
    bench.database.result = ONE_ROW
    answers = write(bench, READ, READ)
    assert answers.settled is None
    assert story(bench) == ["intent", "intent", "outcome ok", "outcome ok"]
    assert bench.database.events == ["begin read only", "rollback"]


def test_every_statement_of_a_transaction_has_all_its_records_and_its_place(bench):
    answers = write(bench, UPDATE, INSERT)
    assert story(bench) == [
        "intent", "intent", "outcome pending", "outcome pending", "settled committed", "settled committed",
    ]  # fmt: skip
    first, second = bench.written()[:2]
    assert first["transaction"] == {"id": first["id"], "index": 0, "count": 2}
    assert second["transaction"] == {"id": first["id"], "index": 1, "count": 2}
    assert [record["task"]["sequence"] for record in (first, second)] == [1, 2]
    assert [one.command_id for one in answers.statements] == [first["id"], second["id"]]


def test_a_statement_that_fails_takes_the_others_along(bench):
    bench.database.results = [WROTE, REFUSED]
    with pytest.raises(StatementFailed) as caught:
        write(bench, UPDATE, INSERT, READ)
    assert caught.value.detail.startswith("statements[1]: ")
    assert caught.value.command_id == bench.written()[1]["id"]
    assert story(bench)[3:] == ["outcome rolled_back", "outcome failed", "outcome not_run"]
    assert "commit" not in bench.database.events
    assert bench.budgets() == left(statements=2)


def test_a_refused_statement_keeps_the_others_from_running_and_all_are_on_record(bench):
    with pytest.raises(RefusedByPolicy) as caught:
        write(bench, UPDATE, "SELECT * FROM staff", READ)
    assert (caught.value.code, bench.database.ran) == ("guard.relation", [])
    assert caught.value.detail.startswith("statements[1]: ")
    codes = [record["decision"]["code"] for record in bench.written()]
    assert codes == ["guard.transaction", "guard.relation", "guard.transaction"]
    assert caught.value.command_id == bench.written()[1]["id"]


@pytest.mark.parametrize("when", ["before", "after"])
def test_nothing_is_committed_where_the_fence_is_not_durable(bench, when):
    bench.database.before_run = lambda: bench.records.fail_next(when)
    with pytest.raises(EvidenceUnavailable):
        write(bench)
    assert "commit" not in bench.database.events
    assert bench.database.events[-1] == "rollback"


def test_a_fence_that_came_to_stand_before_another_failed_is_settled_as_rolled_back(bench):
    def lose_the_second() -> None:
        if len(bench.database.ran) == 2:
            put, calls = bench.records.put, []

            def failing(record):
                calls.append(record)
                if len(calls) == 2:
                    bench.records.fail_next("before")
                return put(record)

            bench.records.put = failing

    bench.database.before_run = lose_the_second
    with pytest.raises(EvidenceUnavailable):
        write(bench, UPDATE, INSERT)
    assert story(bench) == ["intent", "intent", "outcome pending", "settled rolled_back"]
    assert "commit" not in bench.database.events


def test_a_command_that_was_closed_as_abandoned_is_rolled_back(bench):
    """The reaper puts `abandoned` under the outcome's key: the writer finds bytes that are not its own."""

    def taken() -> None:
        def conflict(record):
            raise IntegrityError("evidence.conflict", "other bytes")

        bench.records.put = conflict

    bench.database.before_run = taken
    with pytest.raises(Conflict) as caught:
        write(bench)
    assert caught.value.code == "command.abandoned"
    assert bench.database.events == ["begin", "mark", "rollback"]


@pytest.mark.parametrize(
    "failed",
    [
        pytest.param(REFUSED, id="deferred-constraint"),
        pytest.param(DatabaseLost("database.lost", "before COMMIT was sent"), id="lost-before-commit"),
    ],
)
def test_a_commit_that_is_refused_is_settled_as_rolled_back(bench, failed):
    bench.database.commit_fails = failed
    with pytest.raises(type(failed)):
        write(bench, key=KEY)
    assert story(bench) == ["intent", "outcome pending", "settled rolled_back"]
    assert bench.budgets() == left()
    bench.database.commit_fails = None
    assert write(bench, key=KEY).settled


def test_a_write_whose_fate_is_unknown_stays_pending_and_keeps_its_key_and_budgets(bench):
    bench.database.commit_fails = OutcomeUnknown("outcome.unknown", "no answer to COMMIT")
    with pytest.raises(OutcomeUnknown) as caught:
        write(bench, key=KEY)
    assert story(bench) == ["intent", "outcome pending"]
    assert caught.value.command_id == bench.written()[0]["id"]
    assert bench.budgets() == left(rows=90, bytes=BUDGETS.bytes - 5_000_000, affected=19)
    with pytest.raises(Conflict) as again:
        write(bench, key=KEY)
    assert (again.value.code, again.value.command_id) == ("idempotency.running", caught.value.command_id)


def test_a_committed_write_is_answered_even_where_its_settlement_cannot_be_written(bench):
    bench.database.before_commit = lambda: bench.records.fail_next("before")
    answers = write(bench)
    assert answers.settled is False
    assert answers.statements[0].receipt.settled_sha256 is None


def test_a_committed_write_is_answered_where_another_settled_it_first(bench):
    def settled_by_another() -> None:
        def conflict(record):
            raise IntegrityError("evidence.conflict", "other bytes")

        bench.records.put = conflict

    bench.database.before_commit = settled_by_another
    assert write(bench).settled is False


def test_nothing_is_committed_once_it_is_too_late(bench):
    bench.database.before_run = lambda: setattr(bench.clock, "at_s", bench.clock.at_s + 24.5)
    with pytest.raises(StatementFailed) as caught:
        write(bench)
    assert caught.value.code == "database.timeout"
    assert story(bench) == ["intent", "outcome pending", "settled rolled_back"]
    assert "commit" not in bench.database.events


def test_a_finished_write_is_never_run_again_and_tells_what_is_on_record(bench):
    first = write(bench, key=KEY)
    again = write(bench, key=KEY)
    assert isinstance(again, Finished)
    assert len(bench.database.ran) == 1
    [recorded] = again.answer["statements"]
    assert recorded["command_id"] == first.statements[0].command_id
    assert recorded["affected"] == 1
    assert recorded["receipt"]["outcome_sha256"] == first.statements[0].receipt.outcome_sha256
    assert "digest_key" not in str(again.answer)


def test_a_write_that_failed_may_be_sent_again_under_its_key(bench):
    bench.database.results = [REFUSED]
    with pytest.raises(StatementFailed):
        write(bench, key=KEY)
    assert write(bench, key=KEY).settled


def test_a_write_takes_off_the_rows_that_it_wrote(bench):
    bench.database.result = replace(WROTE, affected=3)
    assert write(bench).remaining == left(affected=17)


def test_rows_that_a_write_set_off_are_taken_off_too(bench):
    bench.database.written = 12
    assert write(bench).remaining == left(affected=8)


def test_a_write_that_sets_off_more_than_the_task_has_left_is_undone(bench):
    bench.database.written = 21
    with pytest.raises(BudgetExceeded) as caught:
        write(bench)
    assert caught.value.code == "budget.affected"
    assert story(bench) == ["intent", "outcome over_budget"]
    assert bench.database.events == ["begin", "mark", "rollback"]


def test_a_transaction_writes_no_more_rows_than_the_task_has_left(bench):
    bench.database.result = replace(WROTE, affected=11)
    with pytest.raises(BudgetExceeded) as caught:
        write(bench, UPDATE, UPDATE)
    assert caught.value.code == "budget.affected"
    assert story(bench)[2:] == ["outcome over_budget", "outcome over_budget"]
    assert "commit" not in bench.database.events
    assert bench.budgets() == left(statements=3)


def test_a_write_whose_rows_pass_a_bound_is_rolled_back(bench):
    bench.database.results = [TooLarge("answer.too_large", "rows returned by a write")]
    with pytest.raises(TooLarge):
        write(bench)
    assert story(bench) == ["intent", "outcome too_large"]


@pytest.mark.parametrize(
    ("sqls", "outcomes"),
    [
        pytest.param((READ,), ["outcome too_large"], id="a-read"),
        pytest.param((UPDATE,), ["outcome too_large"], id="a-write"),
        pytest.param((READ, READ), ["outcome rolled_back", "outcome too_large"], id="two-that-fit-alone"),
    ],
)
def test_an_answer_that_would_not_get_out_of_the_function_is_on_record_as_such(bench, sqls, outcomes):
    # Each line break becomes two characters of JSON, of which Lambda makes three.
    long = "\n" * (2_100_000 if len(sqls) == 1 else 1_200_000)
    bench.database.result = replace(ONE_ROW, values=(["7"], [long]), affected=None, received_bytes=len(long))
    with pytest.raises(TooLarge) as caught:
        write(bench, *sqls)
    assert caught.value.code == "answer.too_large"
    assert sorted(story(bench)) == sorted(["intent" for _ in sqls] + outcomes)
    assert "commit" not in bench.database.events


WHITE_SPACE = Result((ResultColumn("j", 114, "json", 0, 0),), (["[1" + "\n" * 999_900 + "]"] * 4,), 4, None, False, 1)
LONG_NAMES = Result(
    (ResultColumn('"' * 63, 25, "text", 0, 0),) * 1_664, (["x" * 25 + '""'] * 93,) * 1_664, 93, None, False, 1
)


@pytest.mark.parametrize("result", [WHITE_SPACE, LONG_NAMES], ids=["white-space", "names"])
@pytest.mark.parametrize("sql", [READ, UPDATE], ids=["read", "write"])
def test_all_that_an_answer_says_is_counted_before_it_is_on_record_as_delivered(bench, result, sql):
    bench.database.result = result
    with pytest.raises(TooLarge, match="6,000,000 bytes"):
        write(bench, sql)
    assert story(bench) == ["intent", "outcome too_large"]
    assert "commit" not in bench.database.events


@pytest.mark.parametrize(
    ("sqls", "ends"),
    [((READ,), []), ((UPDATE,), ["begin", "rollback"]), ((READ, READ), ["begin read only", "rollback"])],
    ids=["read", "write", "two"],
)
def test_a_fault_of_ours_delivers_and_writes_nothing_and_is_left_to_the_reaper(bench, sqls, ends):
    bench.database.result = replace(ONE_ROW, values=(["no integer"], ["x"]))
    with pytest.raises(ValueError, match="expected digits"):
        write(bench, *sqls)
    assert bench.database.events == ends
    assert story(bench) == ["intent" for _ in sqls]
    assert len(bench.tasks.held(TASK_ID)) == 1


def test_an_answer_that_gets_out_is_delivered(bench):
    bench.database.result = replace(ONE_ROW, values=(["7"], ["\n" * 1_800_000]), affected=None)
    [answered] = write(bench, READ).statements
    assert len(answered.delivery.rows_json) > 3_600_000


@pytest.mark.parametrize("failed", [REFUSED, DatabaseLost("database.lost", "gone")], ids=["constraint", "lost"])
def test_a_transaction_that_cannot_be_marked_is_not_committed(bench, failed):
    bench.database.mark_fails = failed
    with pytest.raises(PosternError):
        write(bench)
    assert "commit" not in bench.database.events
    assert story(bench) == ["intent", f"outcome {'failed' if failed is REFUSED else 'lost'}"]


def test_the_rows_of_a_transaction_share_one_bound(bench):
    bench.tasks.tasks[TASK_ID] = a_task(grant=WRITABLE, server_major=18, budgets=replace(BUDGETS, rows=12))
    bench.database.result = replace(ONE_ROW, values=(["7"] * 8, ["x"] * 8), row_count=8)
    write(bench, READ, READ)
    assert [limits.max_rows for limits in bench.database.limits] == [10, 4]


@pytest.mark.parametrize("value", ["tok_0123456789abcdef", "a***@e***.com", "[redacted]"])
def test_a_parameter_that_carries_a_mask_is_not_written(bench, value):
    with pytest.raises(RefusedByPolicy) as caught:
        bench.call(statement("UPDATE customers SET id = $1", Parameter(value)))
    assert caught.value.code == "guard.write_back"
    assert bench.database.ran == []
    bench.database.result = ONE_ROW
    bench.call(statement("SELECT id FROM customers WHERE email = $1", Parameter(value)))


LOOKUP = Lookup("ref.person", Secret("ann"))
SOUGHT = "SELECT id FROM customers WHERE person = $1"


@pytest.fixture
def seeker(bench) -> Bench:
    bench.tasks.tasks[TASK_ID] = a_task(grant=WRITABLE, server_major=18, views=(TOKENS,))
    bench.database.result = ONE_ROW
    return bench


def test_a_lookup_is_sent_as_the_token_of_its_value(seeker):
    answers = seeker.call(statement(SOUGHT, LOOKUP))
    assert seeker.database.parameters == [(Parameter("tok_of_ann"),)]
    assert [(one.token_of, one.value.reveal()) for one in seeker.tokens.asked] == [("text", "ann")]
    assert answers.remaining.lookups == 2


def test_a_lookup_is_recorded_by_its_class_and_never_by_its_value(seeker):
    answers = seeker.call(statement(SOUGHT, LOOKUP))
    intent = seeker.written()[0]
    assert intent["statement"]["lookups"] == [{"class": "ref.person", "parameter": 1}]
    assert "ann" not in str(seeker.written())
    # Nor by a digest: who holds the receipt's key could search for it.
    key = base64.b64decode(answers.statements[0].receipt.digest_key)
    digest = hmac.new(key, b"[null]", "sha256").hexdigest()
    assert intent["statement"]["parameters"] == {"count": 1, "hmac_sha256": digest}


def test_a_lookup_of_a_value_that_is_none_of_its_type_runs_nothing_and_is_counted(seeker):
    seeker.tokens.fails = Unprocessable("sql.lookup", "expected a uuid")
    with pytest.raises(Unprocessable):
        seeker.call(statement(SOUGHT, LOOKUP))
    assert seeker.database.ran == []
    assert story(seeker) == ["intent", "outcome not_run"]
    assert seeker.budgets() == left(lookups=2)


def test_a_lookup_that_the_guard_refuses_is_not_counted(seeker):
    with pytest.raises(RefusedByPolicy) as caught:
        seeker.call(statement("SELECT $1 FROM customers", LOOKUP))
    assert caught.value.code == "guard.lookup"
    assert seeker.tokens.asked == []
    assert seeker.budgets() == left()


def test_lookups_stop_at_the_last_one_of_the_budget(seeker):
    with pytest.raises(BudgetExceeded) as caught:
        seeker.call(*(statement(SOUGHT, LOOKUP) for _ in range(4)))
    assert caught.value.code == "budget.lookups"
    assert seeker.tokens.asked == []


def test_an_answer_with_more_sensitive_values_than_are_left_is_withheld(seeker):
    tokens = [f"tok_{n:016x}" for n in range(51)]
    column = replace(ONE_ROW.columns[0], name="person", type_oid=25, type="text", attribute_number=3)
    seeker.database.result = replace(ONE_ROW, columns=(column,), values=(tokens,), row_count=51)
    with pytest.raises(BudgetExceeded) as caught:
        seeker.call(statement("SELECT person FROM customers", max_rows=60))
    assert caught.value.code == "budget.values"
    assert story(seeker) == ["intent", "outcome over_budget"]
    assert seeker.budgets() == left()


def test_sensitive_values_are_counted_once_an_answer(seeker):
    column = replace(ONE_ROW.columns[0], name="person", type_oid=25, type="text", attribute_number=3)
    tokens = ["tok_0000000000000001", "tok_0000000000000001", None]
    seeker.database.result = replace(ONE_ROW, columns=(column,), values=(tokens,), row_count=3)
    assert seeker.call(statement("SELECT person FROM customers")).remaining.values == 49


def test_settling_stops_at_the_first_record_that_cannot_be_written(bench):
    bench.database.before_commit = lambda: bench.records.fail_next("before")
    before = bench.records.puts
    answers = write(bench, UPDATE, UPDATE, UPDATE)
    assert answers.settled is False
    assert bench.records.puts - before == 3 + 3 + 1
    assert [one.receipt.settled_sha256 for one in answers.statements] == [None] * 3


def test_no_settlement_is_begun_that_would_keep_the_answer_from_going_out(bench):
    bench.database.before_commit = lambda: setattr(bench.clock, "at_s", bench.clock.at_s + 22)
    answers = write(bench)
    assert answers.settled is False
    assert story(bench) == ["intent", "outcome pending"]


def test_nothing_is_committed_past_the_tasks_deadline(bench):
    bench.database.before_run = lambda: setattr(bench.clock, "at_us", (NOW_S + 3600) * 1_000_000)
    with pytest.raises(StatementFailed) as caught:
        write(bench)
    assert caught.value.code == "database.timeout"
    assert "commit" not in bench.database.events
    assert story(bench) == ["intent", "outcome pending", "settled rolled_back"]


def test_a_statement_for_which_no_time_is_left_does_not_run(bench):
    bench.database.before_run = lambda: setattr(bench.clock, "at_s", bench.clock.at_s + 18.5)
    with pytest.raises(StatementFailed) as caught:
        write(bench, UPDATE, UPDATE)
    assert caught.value.code == "database.timeout"
    assert len(bench.database.ran) == 1


def test_an_error_is_not_its_own_cause(bench):
    bench.database.result = DatabaseLost("database.lost", "the session broke")
    for sqls in ((READ,), (READ, READ)):
        with pytest.raises(DatabaseLost) as caught:
            write(bench, *sqls)
        assert caught.value.__cause__ is not caught.value
