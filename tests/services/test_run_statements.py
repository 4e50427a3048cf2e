"""The way of a statement, step by step, and what stands when it stops between two of them."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace

import pytest

from postern.audit.canonical import parse_canonical
from postern.errors import (
    BudgetExceeded,
    Conflict,
    DatabaseLost,
    DatabaseUnavailable,
    EvidenceUnavailable,
    NotFound,
    PolicyUnavailable,
    RefusedByPolicy,
    StatementFailed,
    StateUnavailable,
    TooLarge,
    Unprocessable,
)
from postern.ports import IdempotencyKey, Parameter, Result, ResultColumn
from postern.services.admission import Admission
from postern.services.calls import Answered, Answers, Call, StatementCall
from postern.services.gate import Gate
from postern.services.journal import Journal
from postern.services.run_statements import RunStatements
from postern.services.stopwatch import Stopwatch
from postern.types import Budgets, Principal, Sha256Hex, TaskState
from tests.support.audit import MemoryRecordStore
from tests.support.domain import ADDRESS, AGENT, BUDGETS, DIGEST, NOW_S, OTHER, TASK_ID, a_task
from tests.support.fake_clock import FakeClock, FakeIdentifiers
from tests.support.fake_database import FakeDatabase
from tests.support.fake_policy import FakePolicy
from tests.support.fake_task_store import FakeTaskStore
from tests.support.fake_tokens import FakeTokens
from tests.support.fake_watermarks import FakeWatermarks
from tests.support.rates import FakeRates

SQL = "SELECT id, email FROM customers"


def left(statements: int, **changes: int) -> Budgets:
    """What is left of the task that every test starts from."""
    return replace(BUDGETS, statements=statements, **changes)


@dataclass
class Bench:
    """A query service on fakes, with one active task."""

    tasks: FakeTaskStore = field(default_factory=FakeTaskStore)
    records: MemoryRecordStore = field(default_factory=MemoryRecordStore)
    database: FakeDatabase = field(default_factory=FakeDatabase)
    clock: FakeClock = field(default_factory=FakeClock)
    policy: FakePolicy = field(default_factory=FakePolicy)
    tokens: FakeTokens = field(default_factory=FakeTokens)
    rates: FakeRates = field(default_factory=FakeRates)
    threads: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(1))
    remaining: Budgets | None = None
    watermarks: FakeWatermarks = field(default_factory=FakeWatermarks)

    @property
    def gate(self) -> Gate:
        return Gate(self.watermarks, self.clock, "prod-2026", max_staleness_s=86_400, epoch_ends_s=NOW_S + 172_800)

    def call(self, *statements: StatementCall, key: IdempotencyKey | None = None, principal: Principal = AGENT):
        run = RunStatements(
            Admission(
                self.policy,
                self.tasks,
                self.rates,
                FakeIdentifiers(self.tasks.writes * 10),
                self.clock,
                self.gate,
                self.threads,
            ),
            self.tasks,
            Journal(self.records, self.clock, "prod-2026"),
            self.database,
            self.tokens,
            self.clock,
            self.threads,
        )
        return run.run(principal, TASK_ID, Call(statements, key), Stopwatch(self.clock, budget_s=28))

    def run(self, sql: str = SQL, *, idempotency=None, principal=AGENT, **changes) -> Answered:
        """One statement that is answered."""
        answers = self.call(replace(StatementCall(sql, (), 10), **changes), key=idempotency, principal=principal)
        assert isinstance(answers, Answers)
        self.remaining = answers.remaining
        [answered] = answers.statements
        return answered

    def written(self) -> list[dict]:
        return [parse_canonical(data) for key, data in self.records.objects.items() if key.startswith("wal/")]

    def budgets(self) -> Budgets:
        return self.tasks.tasks[TASK_ID].budgets


@pytest.fixture
def bench() -> Iterator[Bench]:
    bench = Bench()
    bench.tasks.create(a_task())
    yield bench
    bench.threads.shutdown()


def test_delivers_rows_with_a_receipt_that_names_both_records(bench):
    answer = bench.run()
    intent, outcome = bench.records.objects.values()
    assert answer.delivery.rows_json == b'[[7,"a***@e***.com"]]'
    assert answer.receipt.intent_sha256 == hashlib.sha256(intent).hexdigest()
    assert answer.receipt.outcome_sha256 == hashlib.sha256(outcome).hexdigest()
    assert bench.remaining == left(4, rows=99, bytes=BUDGETS.bytes - 20)


def test_writes_the_intent_before_the_statement_runs_and_the_outcome_after(bench):
    seen: list[list[str]] = []
    bench.database.before_run = lambda: seen.append([record["type"] for record in bench.written()])
    bench.run()
    assert seen == [["intent"]]
    assert [record["type"] for record in bench.written()] == ["intent", "outcome"]


def test_the_outcome_names_its_intent_and_digests_the_rows_under_the_receipts_key(bench):
    answer = bench.run()
    _, outcome = bench.written()
    assert outcome["intent"] == answer.receipt.intent_sha256
    key = base64.b64decode(answer.receipt.digest_key)
    assert outcome["answer_hmac_sha256"] == hmac.new(key, answer.delivery.rows_json, "sha256").hexdigest()
    assert outcome["masked"] == [{"column": "email", "mask": "email", "count": 1}]


def test_the_intent_says_who_what_where_and_under_which_policy(bench):
    bench.run(parameters=(Parameter("secret"), Parameter(None)))
    intent = bench.written()[0]
    assert intent["principal"]["subject"] == AGENT.subject
    assert intent["task"]["sequence"] == 1
    assert intent["target"]["role"] == f"task_{TASK_ID}"
    assert intent["statement"]["text"] == SQL
    assert intent["policy"] == DIGEST
    assert intent["decision"]["result"] == "allow"
    assert "secret" not in str(bench.written())


def test_the_intent_names_the_token_of_this_call_and_not_the_one_that_opened_the_task(bench):
    bench.run(principal=replace(AGENT, token_sha256=Sha256Hex("f" * 64)))
    assert bench.written()[0]["principal"]["token_sha256"] == "f" * 64


def test_runs_reads_read_only_with_every_limit_set(bench):
    bench.run(max_rows=7)
    limits = bench.database.limits[0]
    assert bench.database.read_only == [True]
    assert limits.max_rows == 7
    assert 0 < limits.statement_timeout_ms <= 18_000
    assert limits.max_bytes == 5_000_000
    assert limits.max_cell_bytes == 1_000_000


def test_never_lets_a_statement_run_past_the_tasks_deadline(bench):
    bench.clock.at_us = (NOW_S + 3598) * 1_000_000
    bench.run()
    assert bench.database.limits[0].statement_timeout_ms <= 2000


@pytest.mark.parametrize(
    ("sql", "error", "code"),
    [
        pytest.param("SELECT * FROM staff", RefusedByPolicy, "guard.relation", id="out-of-scope"),
        pytest.param("SELECT pg_sleep(1)", RefusedByPolicy, "guard.function", id="function"),
        pytest.param("DROP TABLE customers", RefusedByPolicy, "guard.kind", id="kind"),
        pytest.param("SELECT 1; SELECT 2", RefusedByPolicy, "guard.statements", id="two"),
        pytest.param("SELEC 1", Unprocessable, "sql.syntax", id="syntax"),
    ],
)
def test_records_a_refusal_once_and_runs_nothing(bench, sql, error, code):
    with pytest.raises(error) as caught:
        bench.run(sql)
    assert caught.value.code == code
    assert bench.database.ran == []
    [record] = bench.written()
    assert (record["type"], record["decision"]["result"], record["decision"]["code"]) == ("intent", "refuse", code)
    assert caught.value.command_id == record["id"]
    assert bench.budgets() == left(4)


def test_does_not_run_without_a_durable_intent(bench):
    bench.records.fail_next("before")
    with pytest.raises(EvidenceUnavailable):
        bench.run()
    assert bench.database.ran == []
    assert bench.records.objects == {}
    assert bench.budgets().rows == 100


def test_does_not_run_when_the_intent_may_or_may_not_be_durable(bench):
    bench.records.fail_next("after")
    with pytest.raises(EvidenceUnavailable):
        bench.run()
    assert bench.database.ran == []
    assert [record["type"] for record in bench.written()] == ["intent"]


@pytest.mark.parametrize("when", ["before", "after"])
def test_delivers_nothing_without_a_durable_outcome(bench, when):
    bench.database.before_run = lambda: bench.records.fail_next(when)
    with pytest.raises(EvidenceUnavailable) as caught:
        bench.run()
    assert bench.database.ran == [SQL]
    assert caught.value.command_id == bench.written()[0]["id"]
    assert bench.budgets().rows == 100


def test_runs_nothing_and_records_nothing_when_the_state_table_is_away(bench):
    bench.tasks.away = True
    with pytest.raises(StateUnavailable):
        bench.run()
    assert bench.database.ran == []
    assert bench.records.objects == {}


def test_records_that_nothing_ran_when_no_session_can_be_had(bench):
    bench.database.reachable = False
    with pytest.raises(DatabaseUnavailable):
        bench.run()
    assert [record.get("status") for record in bench.written()] == [None, "not_run"]
    assert bench.budgets().rows == 100


def test_prefers_the_missing_record_when_evidence_and_database_are_both_away(bench):
    bench.database.reachable = False
    bench.records.fail_next("before")
    with pytest.raises(EvidenceUnavailable):
        bench.run()


@pytest.mark.parametrize(
    ("failed", "status"),
    [
        pytest.param(StatementFailed("sql.failed", "no such column", sqlstate="42703"), "failed", id="refused"),
        pytest.param(DatabaseLost("database.lost", "the session broke"), "lost", id="lost"),
        pytest.param(TooLarge("answer.too_large", "a cell"), "too_large", id="too-large"),
        pytest.param(DatabaseUnavailable("database.unavailable", "memory"), "not_run", id="unavailable"),
    ],
)
def test_records_how_a_statement_failed(bench, failed, status):
    bench.database.result = failed
    with pytest.raises(type(failed)) as caught:
        bench.run()
    intent, outcome = bench.written()
    assert (outcome["status"], outcome["rows"]) == (status, 0)
    assert caught.value.command_id == intent["id"]
    assert bench.budgets() == left(4)


def test_withholds_even_a_database_error_without_a_durable_outcome(bench):
    bench.database.result = StatementFailed("sql.failed", "no such column", sqlstate="42703")
    bench.database.before_run = lambda: bench.records.fail_next("before")
    with pytest.raises(EvidenceUnavailable):
        bench.run()


def test_delivers_when_only_the_settlement_cannot_be_written(bench):
    bench.database.before_run = lambda: setattr(bench.tasks, "away", True)
    answer = bench.run()
    assert answer.delivery.row_count == 1
    assert bench.remaining == left(4, rows=90, bytes=BUDGETS.bytes - 5_000_000)


def test_a_layer_that_cannot_be_loaded_ends_no_task(bench):
    bench.policy.digest, bench.policy.is_broken = Sha256Hex("0" * 64), True
    with pytest.raises(PolicyUnavailable):
        bench.run()
    assert bench.tasks.tasks[TASK_ID].state is TaskState.ACTIVE
    assert bench.database.ran == []


def test_ends_a_task_whose_policy_has_changed(bench):
    bench.policy.digest = Sha256Hex("0" * 64)
    with pytest.raises(Conflict) as caught:
        bench.run()
    assert caught.value.code == "task.policy_changed"
    assert bench.tasks.tasks[TASK_ID].state is TaskState.ENDING
    assert bench.database.ran == []


def test_is_blind_to_another_principals_task(bench):
    with pytest.raises(NotFound):
        bench.run(principal=OTHER)
    assert bench.records.objects == {}


def test_stops_at_the_last_statement_of_the_budget(bench):
    bench.tasks.tasks[TASK_ID] = a_task(budgets=left(1))
    bench.run()
    with pytest.raises(BudgetExceeded):
        bench.run()
    assert len(bench.database.ran) == 1


KEY = IdempotencyKey("k", Sha256Hex("a" * 64))


def test_runs_a_finished_read_anew_under_a_record_of_its_own(bench):
    first, second = bench.run(idempotency=KEY), bench.run(idempotency=KEY)
    assert first.command_id != second.command_id
    assert len(bench.database.ran) == 2
    assert len(bench.records.objects) == 4
    assert bench.budgets() == left(3, rows=98, bytes=BUDGETS.bytes - 40)


def test_closes_a_key_whose_call_failed_so_that_it_may_be_sent_again(bench):
    bench.records.fail_next("before")
    with pytest.raises(EvidenceUnavailable):
        bench.run(idempotency=KEY)
    assert bench.run(idempotency=KEY).delivery.row_count == 1


def test_a_statement_costs_two_writes_of_state_and_two_of_evidence(bench):
    before = bench.tasks.writes
    bench.run()
    assert bench.tasks.writes - before == 2
    assert bench.records.puts == 2


def test_address_comes_from_the_policys_databases(bench):
    bench.run()
    assert bench.written()[0]["target"]["resource_id"] == ADDRESS.resource_id


@pytest.mark.parametrize("filler", ["x", "é", "\x01", "\U0001f600"], ids=["ascii", "latin", "control", "emoji"])
@pytest.mark.parametrize("allowed", [True, False], ids=["allowed", "refused"])
def test_a_statement_too_long_for_a_record_is_stored_beside_it_and_named(bench, filler, allowed):
    sql = f"{SQL} WHERE email <> '{filler * 90_000}'" + ("" if allowed else " AND pg_sleep(1) IS NULL")
    if allowed:
        bench.run(sql)
    else:
        with pytest.raises(RefusedByPolicy):
            bench.run(sql)
    intent = bench.written()[0]
    [blob] = [data for key, data in bench.records.objects.items() if key == f"blob/prod-2026/{intent['id']}/0"]
    assert blob == sql.encode()
    assert intent["statement"]["text"] == {"blob": 0, "sha256": hashlib.sha256(blob).hexdigest(), "bytes": len(blob)}


def test_many_long_parameters_are_one_digest(bench):
    bench.run(parameters=tuple(Parameter("v" * 900) for _ in range(1000)))
    assert bench.written()[0]["statement"]["parameters"]["count"] == 1000
    assert "vvv" not in str(bench.written()[0])


def test_an_answer_of_very_many_masked_columns_still_fits_its_record(bench):
    columns = tuple(ResultColumn("email" * 12, 25, "text", 4711, 2) for _ in range(1600))
    bench.database.result = Result(columns, tuple(["a***@e***.com"] for _ in columns), 1, None, False, 9)
    bench.run()
    assert bench.written()[1]["masked"] == [{"column": None, "mask": "email", "count": 1600}]


@pytest.mark.parametrize(
    ("sql", "position"),
    [
        pytest.param(f"{SQL} WHERE nope = 1", 39, id="as-asked"),
        pytest.param(f"{SQL} WHERE nope = 1".replace("FROM ", "FROM public."), 46, id="rewritten"),
    ],
)
def test_points_into_the_text_that_was_asked(bench, sql, position):
    def point() -> None:
        place = bench.database.ran[-1].index("nope") + 1
        bench.database.result = StatementFailed("sql.failed", "no such column", sqlstate="42703", position=place)

    bench.database.before_run = point
    assert sql[position - 1 :].startswith("nope")
    with pytest.raises(StatementFailed) as caught:
        bench.run(sql)
    assert caught.value.position == position
