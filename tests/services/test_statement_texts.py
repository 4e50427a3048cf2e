"""What records show of statements in each mode: literals and their digests are searched for in every byte."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from postern.audit.canonical import parse_canonical
from postern.errors import EvidenceUnavailable, PosternError, StatementFailed
from postern.masking.detectors import redact_text
from postern.ports import IdempotencyKey, Parameter, Result, ResultColumn
from postern.services.admission import Admission
from postern.services.calls import Call, StatementCall
from postern.services.journal import Journal
from postern.services.run_statements import RunStatements
from postern.services.statement_texts import HIDDEN, StatementTexts
from postern.services.stopwatch import Stopwatch
from postern.statement_text.unsealing import check_parameters, parse_sealed, unseal
from postern.types import Action, GrantedColumn, Mask, MaskKind, Sha256Hex, StatementText, View, ViewColumn
from tests.support.audit import MemoryRecordStore
from tests.support.domain import AGENT, BUDGETS, GRANT, TASK_ID, VIEWS, a_task
from tests.support.fake_clock import FakeClock, FakeIdentifiers
from tests.support.fake_database import ONE_ROW, FakeDatabase
from tests.support.fake_policy import FakePolicy
from tests.support.fake_task_store import FakeTaskStore
from tests.support.fake_tokens import FakeTokens
from tests.support.rates import FakeRates
from tests.support.seals import FakeSeals
from tests.support.statement_cases import Case, cases

LOG = "prod-2026"
CLOSED = (StatementText.NORMALIZED, StatementText.SEALED)
PERSON = GrantedColumn("person", "ref.person", Mask(MaskKind.TOKEN))
TABLE = replace(GRANT.tables[0], actions=tuple(sorted(Action)), columns=(*GRANT.tables[0].columns, PERSON))
WRITABLE = replace(GRANT, tables=(TABLE,), lookups=("ref.person",))
VIEW = View(
    "public",
    "customers",
    "customers",
    (*VIEWS[0].columns, ViewColumn("person", "text", "ref.person", MaskKind.TOKEN, "text")),
    oid=4711,
)
MANY = replace(BUDGETS, statements=100_000, rows=10**6, bytes=10**12, affected=10**6, values=10**6, lookups=10**4)


class OpenGate:
    def check(self) -> None:
        pass


class CountingIdentifiers(FakeIdentifiers):
    """As the fake, and each record's key is another."""

    def key(self) -> bytes:
        self.count += 1
        return hashlib.sha256(f"key {self.count}".encode()).digest()


@dataclass
class Bench:
    """A query service on fakes in one of the modes."""

    mode: StatementText
    seals: FakeSeals = field(default_factory=FakeSeals)
    records: MemoryRecordStore = field(default_factory=MemoryRecordStore)
    database: FakeDatabase = field(default_factory=FakeDatabase)
    tasks: FakeTaskStore = field(default_factory=FakeTaskStore)
    threads: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(1))
    identifiers: CountingIdentifiers = field(default_factory=CountingIdentifiers)

    def __post_init__(self) -> None:
        self.tasks.create(a_task(grant=WRITABLE, views=(VIEW,), budgets=MANY))

    def call(self, *statements: StatementCall, key: IdempotencyKey | None = None):
        clock = FakeClock()
        run = RunStatements(
            Admission(FakePolicy(), self.tasks, FakeRates(), self.identifiers, clock, OpenGate(), self.threads),
            self.tasks,
            Journal(self.records, clock, LOG, StatementTexts(self.mode, LOG, self.seals)),
            self.database,
            FakeTokens(),
            clock,
            self.threads,
        )
        return run.run(AGENT, TASK_ID, Call(statements, key), Stopwatch(clock, budget_s=28))

    def ask(self, sql: str, *parameters: Parameter) -> dict[str, Any]:
        """The intent of one statement, whatever became of it."""
        done = set(self.records.objects)
        with suppress(PosternError):
            self.call(StatementCall(sql, parameters, 10))
        [intent] = [key for key in self.records.objects if key not in done and key.endswith("1-intent.json")]
        return parse_canonical(self.records.objects[intent])

    def run_all(self, calls: Iterator[Case]) -> list[Case]:
        done = []
        for case in calls:
            wrote = case.statements[0].sql.startswith(("UPDATE", "DELETE", "INSERT"))
            self.database.result = WROTE if wrote else echo(case)
            before = len(self.records.objects)
            with suppress(PosternError):
                self.call(*case.statements)
            assert len(self.records.objects) > before, case.name
            done.append(case)
        return done


WROTE = Result((), (), 0, 1, truncated=False, received_bytes=0)


def echo(case: Case) -> Result:
    """An answer that says a literal again: as a cell, and as the name of a column that a mask stands in."""
    said = case.literals[0] if case.literals else "nothing"
    column = ResultColumn(said, 25, "text", 4711, 2)
    count = 1 if case.statements[0].sql.startswith("EXPLAIN") else 2
    return Result((column,) * count, ([said],) * count, 1, None, truncated=False, received_bytes=20)


@pytest.fixture
def bench(request: pytest.FixtureRequest) -> Iterator[Bench]:
    bench = Bench(request.param)
    yield bench
    bench.threads.shutdown()


in_closed_modes = pytest.mark.parametrize("bench", CLOSED, ids=str, indirect=True)
in_mode = {mode: pytest.mark.parametrize("bench", [mode], ids=str, indirect=True) for mode in StatementText}

HEX = re.compile(rb"[0-9a-f]{16,}")
BASE64 = re.compile(rb"[A-Za-z0-9+/_-]{16,}={0,2}")
DIGESTS = (hashlib.sha256, hashlib.sha1, hashlib.md5, hashlib.sha512, hashlib.blake2b)


@dataclass
class Haystack:
    """Every byte of every object, and what stands in it in hex and base64."""

    objects: list[bytes]

    def __post_init__(self) -> None:
        raw = b"\n".join(self.objects)
        words = set(HEX.findall(raw))
        decoded = [bytes.fromhex(word.decode()[: len(word) // 2 * 2]) for word in words]
        for word in set(BASE64.findall(raw)):
            text = word.rstrip(b"=").translate(bytes.maketrans(b"-_", b"+/"))
            decoded.append(base64.b64decode(text[: len(text) // 4 * 4]))
        self.digests = set(decoded)
        self.text = raw + b"\n" + b"\n".join(decoded)

    def shows(self, literal: str) -> bool:
        return any(form in self.text for form in (literal.encode(), literal.lower().encode()))

    def has_digest(self, secret: str) -> bool:
        encoded = secret.encode("utf-8", "surrogatepass")
        return any(make(encoded).digest() in self.digests for make in DIGESTS)


def haystack(bench: Bench) -> Haystack:
    kept = [repr(item).encode() for item in bench.tasks.keys.values()]
    return Haystack([*bench.records.objects.values(), *map(str.encode, bench.records.objects), *kept])


SEEDS = (1, 2, 3)


@in_closed_modes
def test_no_literal_and_no_plain_digest_of_one_is_in_any_object(bench):
    done = [case for seed in SEEDS for case in bench.run_all(cases(seed))]
    assert sum(len(case.statements) for case in done) > 240
    found = haystack(bench)
    for case in done:
        for literal in case.literals:
            assert not found.shows(literal), f"{case.name}: {literal}"
        for secret in case.secrets:
            assert not found.has_digest(secret), f"{case.name}: {secret[:80]}"


@in_mode[StatementText.FULL]
def test_the_search_finds_what_the_mode_full_shows(bench):
    done = bench.run_all(cases(1))
    found = haystack(bench)
    shown = [case.name for case in done if case.literals and all(map(found.shows, case.literals))]
    # No mode shows parameters.
    assert {case.name for case in done if case.literals} - set(shown) == {"parameters", "parameters refused"}
    assert all(found.has_digest(one.sql) for case in done for one in case.statements if "\0" not in one.sql)


KEYED = {"hmac_sha256", "answer_hmac_sha256", "sealed"}
STEPPED = {"at_most_bytes"}  # the cases' literals differ in length too
CHAINED = {"writer", "intent", "outcome"}


def without_keyed(value: object) -> object:
    """A record without what is keyed, and without the digests of the records before it."""
    if isinstance(value, dict):
        return {name: without_keyed(one) for name, one in value.items() if name not in KEYED | STEPPED | CHAINED}
    return [without_keyed(one) for one in value] if isinstance(value, list) else value


@in_closed_modes
def test_other_literals_change_nothing_but_what_is_keyed(bench):
    other = Bench(bench.mode)
    try:
        names = [case.name for case in bench.run_all(cases(1))]
        other.run_all(cases(2))
    finally:
        other.threads.shutdown()
    one, two = bench.records, other.records
    shown = [key for key in one.objects if not is_sealed_blob(one, key)]
    assert shown == [key for key in two.objects if not is_sealed_blob(two, key)]
    assert len(shown) > len(names)
    for key in shown:
        if key.startswith("blob/"):
            assert one.objects[key] == two.objects[key]
        else:
            first, second = (without_keyed(json.loads(store.objects[key])) for store in (one, two))
            assert first == second


def is_sealed_blob(store: MemoryRecordStore, key: str) -> bool:
    return key.startswith("blob/") and re.fullmatch(rb"[A-Za-z0-9+/=]+", store.objects[key]) is not None


@in_closed_modes
@pytest.mark.parametrize(
    "template",
    [
        pytest.param("SELECT id FROM customers WHERE email = '{}'", id="string"),
        pytest.param('SELECT id FROM customers WHERE email = "{}"', id="wrong-quotes"),
        pytest.param("SELECT id FROM customers WHERE email = '{}", id="broken"),
    ],
)
def test_four_digits_cannot_be_found_by_trying_all(bench, template):
    secret = template.format("4711")
    bench.database.result = ONE_ROW
    bench.ask(secret, Parameter("4711"))
    objects = [*bench.records.objects.values(), *map(str.encode, bench.records.objects)]
    digests = Haystack(objects).digests
    for number in range(10_000):
        for guess in (f"{number:04}", template.format(f"{number:04}"), f'["{number:04}"]'):
            for make in (hashlib.sha256, hashlib.sha1, hashlib.md5):
                assert make(guess.encode()).digest() not in digests
    # Nor is the key of a keyed digest in a record, in whatever form: each is tried.
    words = {word for data in objects for word in re.findall(rb"[!#-+./-9;-Z^-~-]{8,64}", data)}
    for key in words | {as_bytes(word) for word in words}:
        for said in (secret, '["4711"]', "[]"):
            assert hmac.new(key, said.encode(), hashlib.sha256).digest() not in digests


def as_bytes(word: bytes) -> bytes:
    """What a word stands for in hex, or else in base64."""
    if re.fullmatch(rb"([0-9a-f]{2})+", word):
        return bytes.fromhex(word.decode())
    return base64.b64decode(re.sub(rb"[^A-Za-z0-9+/]", b"", word)[: len(word) // 4 * 4] + b"===")


@in_closed_modes
def test_what_stays_to_be_read(bench):
    bench.database.result = ONE_ROW
    intent = bench.ask("SELECT id FROM public.customers WHERE email = 'Ann' AND id > $1", Parameter("7"))
    statement = intent["statement"]
    assert statement["mode"] == bench.mode
    assert statement["text"] == "SELECT id FROM public.customers WHERE email = $2 AND id > $1"
    assert statement["ran"] == 'SELECT id FROM "customers" WHERE email = $2 AND id > $1'
    assert re.fullmatch("[0-9a-f]{16}", statement["fingerprint"])
    assert (statement["at_most_bytes"], statement["parameters"]["count"]) == (256, 1)
    assert not {"sha256", "bytes"} & statement.keys()
    assert intent["decision"]["relations"] == ["public.customers"]
    assert ("sealed" in statement) == (bench.mode is StatementText.SEALED)


@in_closed_modes
def test_a_statement_that_does_not_parse_has_no_text(bench):
    statement = bench.ask("SELECT 'O'Brien' FROM customers" + " " * 300)["statement"]
    assert (statement["text"], statement["fingerprint"], statement["at_most_bytes"]) == (None, None, 512)


@in_closed_modes
def test_a_refusal_says_what_its_code_means(bench):
    decision = bench.ask("SELECT pg_read_file('/home/ann')")["decision"]
    assert decision == {
        "result": "refuse",
        "code": "guard.function",
        "reason": "The statement calls a function that is not on the allow-list.",
    }


@in_closed_modes
def test_a_column_keeps_its_name_where_the_catalog_has_it(bench):
    masked = ResultColumn("email", 25, "text", 4711, 2)
    columns = (masked, replace(masked, name="ann"), replace(masked, name="[hidden"))
    bench.database.result = Result(columns, (["a***@e***.com"],) * 3, 1, None, truncated=False, received_bytes=20)
    bench.ask("SELECT email, email AS ann, email AS ann FROM customers")
    outcome = bench.records.bodies()[-1]
    assert [one["column"] for one in outcome["masked"]] == ["email", HIDDEN, HIDDEN]
    assert outcome["bytes"] == 256


@in_closed_modes
def test_the_receipts_key_opens_the_commitments(bench):
    bench.database.result = ONE_ROW
    sql = "SELECT id FROM customers WHERE email = 'Ann'"
    answers = bench.call(StatementCall(sql, (Parameter("7"), Parameter(None)), 10))
    key = base64.b64decode(answers.statements[0].receipt.digest_key)
    statement = bench.records.bodies()[0]["statement"]

    def digest(data: bytes) -> str:
        return hmac.new(key, data, hashlib.sha256).hexdigest()

    assert statement["hmac_sha256"] == digest(sql.encode())
    assert statement["parameters"]["hmac_sha256"] == digest(b'["7",null]')
    assert bench.records.bodies()[1]["answer_hmac_sha256"] == digest(answers.statements[0].delivery.rows_json)


@in_mode[StatementText.SEALED]
def test_every_sealed_statement_opens_to_what_was_asked(bench):
    asked = [one for case in bench.run_all(cases(1)) for one in case.statements]
    intents = [(key, data) for key, data in bench.records.objects.items() if key.endswith("1-intent.json")]
    assert len(intents) == len(asked)
    for statement, (_key, data) in zip(asked, intents, strict=True):
        sealed = parse_sealed(data, bench.records.objects.__getitem__)
        opened = unseal(sealed, bench.seals.kept[TASK_ID][sealed.sealed.key_id])
        assert opened.text == statement.sql
        sent = [one.text if isinstance(one, Parameter) else None for one in statement.parameters]
        check_parameters(sealed, opened, sent)
    assert bench.seals.made == 1


@in_mode[StatementText.SEALED]
def test_a_refusals_own_words_are_sealed(bench):
    bench.ask("SELECT pg_sleep(1)")
    [data] = bench.records.objects.values()
    sealed = parse_sealed(data, bench.records.objects.__getitem__)
    assert "pg_sleep" in unseal(sealed, bench.seals.held[TASK_ID]).reason


@in_mode[StatementText.SEALED]
def test_nothing_runs_without_a_key(bench):
    bench.seals.away = True
    with pytest.raises(EvidenceUnavailable):
        bench.call(StatementCall("SELECT id FROM customers", (), 10))
    assert bench.database.ran == []
    assert bench.records.objects == {}


@pytest.mark.parametrize("bench", [StatementText.FULL, StatementText.NORMALIZED], ids=str, indirect=True)
def test_no_key_is_asked_for_where_nothing_is_sealed(bench):
    bench.seals.away = True
    bench.call(StatementCall("SELECT id FROM customers", (), 10))
    assert len(bench.database.ran) == 1


@in_closed_modes
def test_a_failure_of_the_database_says_its_code(bench):
    bench.database.result = StatementFailed("sql.failed", "invalid input syntax: 'Ann'", sqlstate="22P02")
    bench.ask("SELECT id FROM customers WHERE id = 'Ann'")
    outcome = bench.records.bodies()[-1]
    assert (outcome["error"], outcome["sqlstate"]) == ("sql.failed", "22P02")
    assert not haystack(bench).shows("Ann")


@in_closed_modes
def test_a_finished_call_leaves_no_digest_under_its_key(bench):
    bench.database.result = WROTE
    key = IdempotencyKey("name", Sha256Hex("a" * 64))
    bench.call(StatementCall("UPDATE customers SET id = 4711000001", (), 10), key=key)
    found = haystack(bench)
    assert not found.shows("4711000001")
    assert bench.tasks.keys, "it is kept"


def test_the_cases_hold_nothing_that_a_detector_would_hide():
    # Else a literal would be hidden by a detector, and the search would prove nothing.
    hidden = [case.name for case in cases(1) if any(redact_text(one) != one for one in case.literals)]
    assert hidden == []
