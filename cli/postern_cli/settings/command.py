"""`postern config`: what is set and by whom, and how it is set."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from postern_cli.gate.options import JsonOption, ProfileOption
from postern_cli.settings.config_edit import edited
from postern_cli.settings.config_file import PROFILE_NAME, config_path, parse_config, read_config
from postern_cli.settings.keys import KEYS
from postern_cli.settings.private_files import read_trusted, write_private
from postern_cli.settings.resolve import resolve
from postern_cli.stop import Exit, Stop
from postern_cli.terminal import printable

app = typer.Typer(no_args_is_help=True)


@app.command()
def show(*, profile: ProfileOption = None, as_json: JsonOption = False) -> None:
    """Show what holds here, and what says so: a variable, a profile, the file, or the default.

    Exit code: 0 shown; 2 the file or a variable is wrong.
    """
    settings = resolve(profile)
    names = sorted(read_config().profiles)
    if as_json:
        said = {key: {"value": one.value, "from": one.source} for key, one in settings.of.items()}
        print(
            json.dumps({"file": str(config_path()), "profile": settings.profile, "profiles": names, "settings": said})
        )
        return
    for key, one in settings.of.items():
        value = "-" if one.value is None else str(one.value).lower() if isinstance(one.value, bool) else one.value
        print(f"{key:<10}{printable(value):<40}  {printable(one.source)}")
    print(f"{'profile':<10}{settings.profile or '-':<40}  of {', '.join(names) or 'none'}")


@app.command("set")
def set_key(
    key: Annotated[str, typer.Argument(metavar="KEY", help=f"One of {', '.join(KEYS)}, profile.")],
    value: Annotated[str, typer.Argument(metavar="VALUE", help="What it is from now on.")],
    *,
    profile: Annotated[
        str | None, typer.Option("--profile", metavar="NAME", help="Set it in this profile, which is made if need be.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Set a key in the file, for every profile or in one. What else stands there, comments too, is kept.

    KEY `profile` names the profile that is meant where none is named.

    Exit code: 0 set; 2 usage.
    """
    path = config_path()
    before = read_trusted(path) or b""
    config = parse_config(before)
    if profile is not None and not PROFILE_NAME.fullmatch(profile):
        raise Stop(Exit.USAGE, f"--profile: expected letters, digits, `_` and `-`, got {profile!r}")
    if key == "profile":
        if profile is not None or value not in config.profiles:
            known = ", ".join(config.profiles) or "none yet: set a key with --profile NAME first"
            raise Stop(Exit.USAGE, f"profile: expected one of the file's ({known}), got {value!r}")
        given: str | bool = value
    else:
        given = _parsed(key, value)
    after = edited(before.decode(), key, given, profile).encode()
    parse_config(after)  # what would not be read again is not written
    write_private(path.resolve() if path.is_symlink() else path, after)
    where = "" if profile is None else f"profile {profile}: "
    print(
        json.dumps({"file": str(path), "set": key, "value": given}) if as_json else f"{where}{key} = {printable(value)}"
    )


@app.command()
def path(*, as_json: JsonOption = False) -> None:
    """Print where the configuration file is, or would be.

    Exit code: 0 printed.
    """
    print(json.dumps({"file": str(config_path())}) if as_json else config_path())


def _parsed(key: str, value: str) -> str | bool:
    if key not in KEYS:
        raise Stop(Exit.USAGE, f"config: expected one of {', '.join(KEYS)}, profile, got {key!r}")
    try:
        return KEYS[key].parse(value)
    except ValueError as error:
        raise Stop(Exit.USAGE, f"{key}: expected {error}, got {value!r}") from error
