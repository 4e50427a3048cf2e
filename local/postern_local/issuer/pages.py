"""The pages on which a person says who they are: plain HTML, no script, everything from outside escaped."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Sequence
from html import escape

from postern_local.issuer.discovery import DEVICE
from postern_local.issuer.people import Person

CHOOSE = "/choose"

_STYLE = """
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { max-width: 40rem; margin: 2rem auto; padding: 0 1rem; }
.local { border-left: .3rem solid #c60; padding-left: .8rem; }
button { font: inherit; padding: .4rem .8rem; }
.people button { display: block; width: 100%; text-align: left; margin: .4rem 0; }
.people span { display: block; opacity: .75; overflow-wrap: anywhere; }
label { display: block; margin: .6rem 0; }
input, textarea { font: inherit; width: 100%; box-sizing: border-box; }
.wrong { border: .1rem solid #c00; padding: .5rem; }
"""
_STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
_LOCAL = (
    "This is the local stack's own issuer. It runs on this machine alone and asks nobody for a password:"
    " whoever opens this page may be anybody. Never use it for anything but trying things out."
)


def policy(form_targets: Iterable[str]) -> str:
    """The Content-Security-Policy of every page. Browsers hold a form's redirect against `form-action` as well."""
    targets = " ".join(("'self'", *form_targets))
    return (
        f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; form-action {targets};"
        " base-uri 'none'; frame-ancestors 'none'"
    )


def picker(
    client: str,
    request: str,
    people: Sequence[Person],
    groups: Sequence[str],
    *,
    code: str | None = None,
    wrong: str = "",
) -> str:
    """Who are you? `code` is a device's, which the person compares with what the device shows."""
    device = (
        f"<p>The program shows the code <strong>{escape(code)}</strong>. If it shows another one, or you did not"
        " start it yourself, say no.</p>"
        if code is not None
        else ""
    )
    listed = "".join(
        f'<button name="person" value="{number}"><strong>{escape(person.sub)}</strong>'
        f"<span>{escape(person.about)}</span></button>"
        for number, person in enumerate(people)
    )
    known = f" ({escape(', '.join(groups))})" if groups else ""
    hidden = f'<input type="hidden" name="request" value="{escape(request)}">'
    return _page(
        "Sign in",
        f"<p><strong>{escape(client)}</strong> wants to know who you are.</p>{device}{_wrong(wrong)}"
        f'<form method="post" action="{CHOOSE}" class="people">{hidden}{listed}</form>'
        f'<h2>Somebody else</h2><form method="post" action="{CHOOSE}">{hidden}'
        '<label>Subject <input name="sub" maxlength="255" required autocomplete="off"></label>'
        f'<label>Groups, parted by commas{known} <input name="groups" maxlength="2000" autocomplete="off"></label>'
        '<label>Further claims, a JSON object <textarea name="claims" rows="4" maxlength="8192"'
        ' spellcheck="false"></textarea></label><button>Sign in</button></form>'
        f'<h2>Nobody</h2><form method="post" action="{CHOOSE}">{hidden}'
        '<button name="no" value="1">Do not sign in</button></form>',
    )


def device(typed: str = "", *, wrong: str = "") -> str:
    """Which code does your program show?"""
    return _page(
        "Connect a program",
        f'{_wrong(wrong)}<form method="post" action="{DEVICE}"><label>The code that the program shows'
        f' <input name="user_code" value="{escape(typed)}" maxlength="40" required autocomplete="off"></label>'
        "<button>Next</button></form>",
    )


def told(title: str, text: str) -> str:
    """A page that only says something."""
    return _page(title, f"<p>{escape(text)}</p>")


def _wrong(text: str) -> str:
    return f'<p class="wrong" role="alert">{escape(text)}</p>' if text else ""


def _page(title: str, body: str) -> str:
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)} - Postern, local</title><style>{_STYLE}</style></head>"
        f'<body><main><h1>{escape(title)}</h1><p class="local">{_LOCAL}</p>{body}</main></body></html>'
    )
