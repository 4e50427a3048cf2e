"""The pictures of a pack, each a query, a drawing and a table of the same figures."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable

from postern_cli.evidence.period import Period
from postern_cli.evidence.words import counted
from postern_cli.report import svg
from postern_cli.report.calendar_steps import steps, weekday, weekdays
from postern_cli.report.named_records import Place
from postern_cli.report.store import Cell, Store
from postern_cli.report.svg import Bar
from postern_cli.report.tables import Picture, Table, top

_MOST_BARS = 12
_MOST_OPEN = 15
_LEAD = ((60, "under 1 minute"), (300, "1 to 5 minutes"), (900, "5 to 15 minutes"), (3600, "15 to 60 minutes"),
         (14_400, "1 to 4 hours"), (86_400, "4 to 24 hours"))  # fmt: skip
_AGES = ((900, "under 15 minutes"), (3600, "15 to 60 minutes"), (86_400, "1 to 24 hours"))


def pictures(store: Store, period: Period, last_time: str) -> tuple[Picture, ...]:
    """All of them, in the order of the page. `last_time` is the latest that a record of the log says."""
    return (
        _by_day(store, period),
        _by_principal(store),
        _by_hour(store),
        _by_table(store),
        _refusals(store),
        _masked(store),
        _approvals(store),
        _open(store, last_time),
    )


def _by_day(store: Store, period: Period) -> Picture:
    sql = """SELECT substr(time, 1, 10), sum(result = 'allow'), sum(result = 'refuse') FROM statement
        GROUP BY 1 ORDER BY 1"""
    days = {str(day): (int(ran or 0), int(refused or 0)) for day, ran, refused in store.rows(sql)}
    unit, labels, step_of = steps(period, days)
    sums: dict[str, list[int]] = {label: [0, 0] for label in labels}
    for day, (ran, refused) in days.items():
        if step_of(day) in sums:
            sums[step_of(day)][0] += ran
            sums[step_of(day)][1] += refused
    title, series = f"Statements by {unit}", ("allowed", "refused")
    table = Table(title, (f"{unit}, UTC", *series), tuple((label, *values) for label, values in sums.items()),
                  "A week is named by its Monday." if unit == "week" else "")  # fmt: skip
    rows = [Bar(_short(label, unit), (values[0], values[1])) for label, values in sums.items()]
    return Picture("by-day", title, svg.columns(title, rows, series) if days else None, table)


def _short(label: str, unit: str) -> str:
    return label[5:] if unit in ("day", "week") else label


def _by_principal(store: Store) -> Picture:
    rows = store.rows("""SELECT principal, sum(result = 'allow') AS ran, sum(result = 'refuse') FROM statement
        GROUP BY principal ORDER BY count(*) DESC, principal""")
    return _ranked("by-principal", "Statements by principal", "principal", ("allowed", "refused"), rows)


def _by_table(store: Store) -> Picture:
    rows = store.rows("""SELECT tbl, sum(CASE WHEN writes THEN 0 ELSE statements END),
        sum(CASE WHEN writes THEN statements ELSE 0 END) FROM used WHERE within GROUP BY tbl
        ORDER BY sum(statements) DESC, tbl""")
    return _ranked(
        "by-table",
        "Access by table",
        "table",
        ("reading", "writing"),
        rows,
        "Allowed statements that name the table; one that writes counts as writing for each table that it names.",
    )


def _refusals(store: Store) -> Picture:
    rows = store.rows("""SELECT code, count(*) FROM (
        SELECT coalesce(code, '-') AS code FROM statement WHERE result = 'refuse'
        UNION ALL SELECT code FROM reason JOIN refused USING (log, at) WHERE within
        UNION ALL SELECT coalesce(code, '-') FROM approval WHERE within AND result = 'refuse')
        GROUP BY code ORDER BY count(*) DESC, code""")
    return _ranked(
        "refusals",
        "Refusals by reason",
        "code",
        ("refusals",),
        rows,
        "A refused request for a task counts once for each code that a part of it was refused with.",
    )


def _masked(store: Store) -> Picture:
    rows = store.rows("""SELECT class, sum(count) FROM (SELECT m.count, coalesce(
        (SELECT CASE count(DISTINCT class) WHEN 1 THEN min(class) END FROM scope_column c
         WHERE c.task = m.task AND c.name = m.name AND c.mask = m.mask),
        (SELECT CASE count(DISTINCT class) WHEN 1 THEN min(class) END FROM scope_column c
         WHERE c.task = m.task AND c.mask = m.mask), '(class not told)') AS class FROM (
        SELECT task, name, mask, sum(count) AS count FROM masked
        WHERE mask <> 'unmasked' AND mask NOT LIKE 'detected:%' GROUP BY 1, 2, 3) m)
        GROUP BY class ORDER BY sum(count) DESC, class""")
    return _ranked(
        "masked",
        "Masked values by class",
        "class",
        ("values",),
        rows,
        "Values in answers that the database had masked. A record names columns and masks; the class is the one that "
        "the task's grant gives to such a column, where it gives only one.",
    )


def _approvals(store: Store) -> Picture:
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for result, lead_s, count in store.rows(
        "SELECT result, lead_s, count(*) FROM decision GROUP BY result, lead_s ORDER BY result, lead_s"
    ):
        counts[_bin(lead_s, _LEAD, "over a day")][str(result)] += int(count or 0)
    always = [*(label for _, label in _LEAD), "over a day"]
    kept = [*always, *(label for label in ("before the grant", "grant not in the log") if label in counts)]
    series = ("approve", "deny")
    table = Table(
        "Approvals and their lead time",
        ("from grant to decision", *series),
        tuple((label, counts[label]["approve"], counts[label]["deny"]) for label in kept),
        _lead_note(store),
    )
    bars = [Bar(one, tuple(counts[one][name] for name in series)) for one in kept]
    drawn = svg.bars(table.caption, bars, series) if any(bar.total for bar in bars) else None
    return Picture("approvals", table.caption, drawn, table)


def _lead_note(store: Store) -> str:
    known = "FROM decision WHERE lead_s >= 0"
    count = store.number(f"SELECT count(*) {known}")
    if not count:
        return ""
    middle = store.number(f"SELECT lead_s {known} ORDER BY lead_s LIMIT 1 OFFSET {(count - 1) // 2}")
    longest = store.number(f"SELECT max(lead_s) {known}")
    return f"Median {counted(middle, 'second')}, longest {counted(longest, 'second')}. Times are the writers' clocks'."


def _by_hour(store: Store) -> Picture:
    cells: Counter[tuple[str, int]] = Counter()
    sql = """SELECT substr(time, 1, 10), substr(time, 12, 2), count(*) FROM statement
        GROUP BY 1, 2 ORDER BY 1, 2"""
    for day, hour, count in store.rows(sql):
        cells[weekday(str(day)), int(hour or 0)] += int(count or 0)
    hours = [f"{hour:02}" for hour in range(24)]
    grid = [(name, [cells[name, hour] for hour in range(24)]) for name in weekdays()]
    title = "Statements by weekday and hour"
    table = Table(title, ("UTC", *hours), tuple((name, *counts) for name, counts in grid))
    return Picture("by-hour", title, svg.heat_map(title, grid, hours) if cells else None, table)


def _open(store: Store, last_time: str) -> Picture:
    ages: Counter[str] = Counter()
    sql = "SELECT strftime('%s', $last) - strftime('%s', time), count(*) FROM open_act GROUP BY 1 ORDER BY 1"
    for age, count in store.rows(sql, {"last": last_time}):
        ages[_bin(age, _AGES, "over a day")] += int(count or 0)
    kept = [*(label for _, label in _AGES), "over a day"]
    oldest = store.all(f"""SELECT log, at, kind, waits_for, time, principal FROM open_act
            ORDER BY time, log, at LIMIT {_MOST_OPEN}""")
    rows = tuple((Place(str(log), int(at or 0)), *rest) for log, at, *rest in oldest)
    title = "Open at the log's end"
    note = f"By age at {last_time}, the latest time in the log: " if ages else ""
    note += ", ".join(f"{label} {ages[label]:,}" for label in kept if ages[label])
    note += f". The oldest {_MOST_OPEN} are listed." if sum(ages.values()) > _MOST_OPEN else ""
    table = Table(title, ("record", "kind", "waits for", "since", "principal"), rows, note)
    drawn = svg.bars(title, [Bar(label, (ages[label],)) for label in kept]) if ages else None
    return Picture("open", title, drawn, table)


def _bin(seconds: object, bounds: tuple[tuple[int, str], ...], over: str) -> str:
    if not isinstance(seconds, int):
        return "grant not in the log"
    if seconds < 0:
        return "before the grant"
    return next((label for bound, label in bounds if seconds < bound), over)


def _ranked(
    id_: str, title: str, what: str, series: tuple[str, ...], rows: Iterable[tuple[Cell, ...]], note: str = ""
) -> Picture:
    kept, _ = top(rows, _MOST_BARS)
    table = Table(title, (what, *series), tuple((label, *values) for label, values in kept), note)
    bars = [Bar(label, tuple(values)) for label, values in kept]
    return Picture(id_, title, svg.bars(title, bars, series) if bars else None, table)
