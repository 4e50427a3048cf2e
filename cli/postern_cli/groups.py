"""The groups of the command line. A group's module is imported only when the command line names the group.

So help is quick, and a missing extra (the local stack's packages) stops only who needs it.
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable
from functools import cache

import typer
from typer.core import TyperArgument, TyperCommand, TyperGroup, TyperOption
from typer.main import get_command

GROUPS = {
    "login": ("postern_cli.sign_in.login", "Sign in at one of the gate's issuers, and keep the login."),
    "logout": ("postern_cli.sign_in.logout", "Forget the login."),
    "whoami": ("postern_cli.sign_in.whoami", "Show who the gate takes you for."),
    "config": ("postern_cli.settings.command", "Look at what is set, and set it."),
    "task": ("postern_cli.tasks.command", "Open, look at, approve, deny and end tasks."),
    "query": ("postern_cli.query.command", "Run a statement in a task, or many at a prompt."),
    "revoke": ("postern_cli.operate.revoke", "Take access away from a task, a principal, an issuer or a database."),
    "revocations": ("postern_cli.operate.revocations", "Look at the denials and holds that stand, and lift them."),
    "worlds": ("postern_cli.operate.worlds", "Hold a database for maintenance, and release it."),
    "policy": ("postern_cli.policy", "Validate, test and explain a policy layer."),
    "catalog": ("postern_cli.catalog", "Propose a catalog, and compare one with a live database."),
    "db": ("postern_cli.db", "Prepare a database, and look for what weakens the wall."),
    "audit": ("postern_cli.audit", "Pull the evidence and check it, offline."),
    "smoke": ("postern_cli.operate.smoke", "Open a task, run a query and prove its record, after a deploy."),
    "local": ("postern_cli.local", "Run everything on this machine, without Docker and without AWS."),
}
PANELS = {
    "Sign in": ("login", "logout", "whoami", "config"),
    "Work": ("task", "query"),
    "Operate": ("revoke", "revocations", "worlds", "smoke"),
    "Prepare": ("policy", "catalog", "db", "local"),
    "Audit": ("audit",),
}
_OF_THE_APPLICATION = frozenset({"install_completion", "show_completion"})
# What Typer says of a type, and what these commands say of what they take.
_METAVARS = {
    "<str>": "TEXT",
    "<list[str]>": "TEXT",
    "<path>": "PATH",
    "<list[Path]>": "PATH",
    "<datetime>": "TIME",
    "<int>": "N",
    "<int range>": "N",
    "<float>": "N",
    "<float range>": "N",
}
Command = TyperGroup | TyperCommand


class LazyGroups(TyperGroup):
    """The application's groups. One that the command line, or a completion of it, names gets its commands then."""

    def resolve_command(  # type: ignore[override]
        self, ctx: typer.Context, args: list[str]
    ) -> tuple[str | None, object, list[str]]:
        if args and args[0] in GROUPS:
            self.commands[args[0]] = load(args[0])
        return super().resolve_command(ctx, args)


def application(callback: Callable[..., None]) -> Command:
    """All groups, as names and short help until one is named. `callback` takes the options before the group."""
    whole = typer.Typer(cls=LazyGroups, callback=callback)
    for panel, names in PANELS.items():
        for name in names:
            whole.add_typer(typer.Typer(), name=name, short_help=GROUPS[name][1], rich_help_panel=panel)
    return _tidied(_command_of(whole))


@cache
def load(name: str) -> Command:
    """The group with its commands, read once. A module with one command and no group of them is that command itself."""
    module, about = GROUPS[name]
    group: typer.Typer = importlib.import_module(module).app
    group.info.help = about
    command = _command_of(group)
    command.name = name
    command.params = [one for one in command.params if one.name not in _OF_THE_APPLICATION]
    return _tidied(command)


def _command_of(group: typer.Typer) -> Command:
    command = get_command(group)
    if not isinstance(command, TyperGroup | TyperCommand):
        raise TypeError(f"{command.name}: expected a command of Typer's own kinds")
    return command


def _tidied(command: Command) -> Command:
    """The command with help in paragraphs, whatever the width, and one way to write what an option takes."""
    if command.help:
        paragraphs = [" ".join(one.split()) for one in inspect.cleandoc(command.help).split("\n\n")]
        # Exit codes stand where the eye finds them.
        command.help = "\n\n".join(paragraphs).replace(" Exit code: ", "\n\nExit code: ")
    context = typer.Context(command)
    for parameter in [*command.params, command.get_help_option(context)]:
        if isinstance(parameter, TyperArgument) and parameter.metavar is None:
            parameter.metavar = (parameter.name or "").upper()
        if isinstance(parameter, TyperOption) and parameter.metavar is None:
            parameter.metavar = "" if parameter.is_flag else _METAVARS.get(parameter.display_type(context))
    if isinstance(command, TyperGroup):
        for one in command.commands.values():
            if isinstance(one, TyperGroup | TyperCommand):
                _tidied(one)
        command.commands = dict(sorted(command.commands.items(), key=lambda item: _written_at(item[1])))
    return command


def _written_at(command: object) -> tuple[str, int]:
    """Where a command stands in the source: modules add theirs in the order in which they happen to be imported."""
    if isinstance(command, TyperGroup) and command.commands:
        return min(map(_written_at, command.commands.values()))
    callback = getattr(command, "callback", None)
    if callback is None:
        return "", 0
    written = inspect.unwrap(callback)
    return written.__module__, written.__code__.co_firstlineno
