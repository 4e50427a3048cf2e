"""Events, one function a kind: from a record's members to rows of the report's scratch database."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from postern_cli.evidence.members import Members
from postern_cli.report.principals import who
from postern_cli.report.store import Cell, Store

Head = Mapping[str, Cell]


def take_grant(store: Store, head: Head, members: Members) -> None:
    """The grant, and its scope table by table: what a task could use."""
    task, decision, budgets = members.inside("task"), members.inside("decision"), members.inside("budgets")
    task_id, tables = task.text("id"), 0
    for table in members.objects("scope"):
        tables += 1
        name = table.text("table")
        for action in table.texts("actions"):
            store.add("scope", {"task": task_id, "tbl": name, "action": action})
        for column in table.objects("columns"):
            store.add(
                "scope_column",
                {
                    "task": task_id,
                    "tbl": name,
                    "name": column.text("name"),
                    "class": column.text("class"),
                    "mask": column.text("mask"),
                },
            )
    lookups = members.texts("lookup")
    for class_ in lookups:
        store.add("lookup", {"task": task_id, "class": class_})
    store.add(
        "granted",
        {
            **head,
            **who(members),
            "task": task_id,
            "purpose": task.text("purpose"),
            "ticket": task.text("ticket"),
            "database_name": members.text("database"),
            "needs_approval": decision.flag("needs_approval"),
            "needed": decision.number("approvals_needed"),
            "expires_s": task.moment("expires_at_s"),
            "statements": budgets.number("statements"),
            "rows_budget": budgets.number("rows"),
            "tables": tables,
            "lookup": " ".join(lookups),
        },
    )


def take_approval(store: Store, head: Head, members: Members) -> None:
    decision = members.inside("decision")
    store.add(
        "approval",
        {
            **head,
            **who(members),
            "task": members.inside("task").text("id"),
            "database_name": members.text("database"),
            "result": decision.text("result"),
            "code": decision.text("code"),
            "comment": members.text("comment"),
            "needed": members.number("needed"),
            "requester": members.inside("requester").text("id"),
        },
    )


def take_refusal(store: Store, head: Head, members: Members) -> None:
    """The refused request, and each code once that a part of it was refused with."""
    request = members.inside("request")
    store.add(
        "refused",
        {
            **head,
            **who(members),
            "database_name": request.text("database"),
            "purpose": request.text("purpose"),
            "ticket": request.text("ticket"),
        },
    )
    codes = {one.text("code") or "-" for one in members.inside("decision").objects("refusals")}
    for code in sorted(codes or {"-"}):
        store.add("reason", {**head, "code": code})


def take_withdrawal(store: Store, head: Head, members: Members) -> None:
    revocation = members.inside("revocation")
    of = revocation.inside("of")
    store.add(
        "withdrawal",
        {
            **head,
            **who(members),
            "by_whom": members.text("by") or "principal",
            "revocation": revocation.text("id"),
            "of_kind": of.text("kind"),
            "of_name": of.text("name"),
            "reason": revocation.text("reason"),
            "happened": revocation.text("time"),
        },
    )


def take_deploy(store: Store, head: Head, members: Members) -> None:
    deploy = members.inside("deploy")
    before, after = deploy.inside("before"), deploy.inside("after")
    store.add(
        "deploy",
        {
            **head,
            "before_version": before.text("version"),
            "before_policy": before.text("policy"),
            "after_version": after.text("version"),
            "after_code": after.text("code"),
            "after_template": after.text("template"),
            "after_policy": after.text("policy"),
            "deployment": deploy.text("deployment"),
        },
    )


def take_erasure(store: Store, head: Head, members: Members) -> None:
    erasure = members.inside("erasure")
    store.add(
        "erasure",
        {
            **head,
            "task": members.inside("task").text("id"),
            "by_whom": erasure.text("by"),
            "reason": erasure.text("reason"),
            "keys": erasure.number("count"),
        },
    )


def take_upkeep(store: Store, head: Head, members: Members) -> None:
    """An event about the log itself: what it says in a few words."""
    about = {
        "epoch_start": lambda: f"{members.text('origin')}; locked until {members.text('retain_until')}",
        "epoch_end": lambda: f"followed by {members.text('next')}",
        "key": lambda: " ".join(one.text("vkey") or "-" for one in members.objects("vkeys")),
        "quarantine": lambda: f"{members.text('key')}: {members.text('reason')}",
    }
    store.add("upkeep", {**head, "about": about[str(head["kind"])]()})


EVENTS: Mapping[str, Callable[[Store, Head, Members], None]] = {
    "grant": take_grant,
    "approval": take_approval,
    "refusal": take_refusal,
    "revocation": take_withdrawal,
    "hold": take_withdrawal,
    "release": take_withdrawal,
    "deploy": take_deploy,
    "erasure": take_erasure,
    "epoch_start": take_upkeep,
    "epoch_end": take_upkeep,
    "key": take_upkeep,
    "quarantine": take_upkeep,
}
