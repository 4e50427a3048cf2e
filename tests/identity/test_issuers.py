"""issuers.yaml: what it may say, and where it is wrong."""

from __future__ import annotations

import pytest

from postern.errors import PolicyFileError
from postern.identity.claim_rules import GroupRule, Requirement
from postern.identity.issuer_url import is_https, is_loopback
from postern.identity.issuers import ALGORITHMS, IssuerRules, LocalIssuer, normal_typ, parse_issuers

FULL = """\
issuers:
  - name: github
    issuer: https://token.actions.githubusercontent.com
    audience: https://postern.example.com
    audience_claim: aud
    algorithms: [RS256, ES256]
    typ: [JWT, application/at+jwt, absent]
    leeway_s: 0
    require:
      repository_owner: octo
      event_name: [push, workflow_dispatch]
      attempt: 1
      protected: true
    match:
      ref: "refs/heads/(main|release-.*)"
    attributes: {repo: repository}
    groups:
      - name: deployers
        when: {environment: [production, staging], repository: octo/shop}
    groups_claim: groups
    on_behalf_of: actor
"""
LEAST = "issuers: [{name: a, issuer: https://i.example, audience: us}]"
LOCAL = LocalIssuer("http://127.0.0.1:8080")


def parse(text: str, local: LocalIssuer | None = None) -> tuple[IssuerRules, ...]:
    return parse_issuers(text.encode(), file="issuers.yaml", local=local)


def entry(**changes: str) -> str:
    """One issuer with these fields, each given as YAML, put in or changed."""
    fields = {"name": "a", "issuer": "https://i.example", "audience": "us", **changes}
    return "issuers:\n- " + "\n  ".join(f"{name}: {value}" for name, value in fields.items() if value) + "\n"


def test_reads_every_field():
    (rules,) = parse(FULL)
    assert (rules.name, rules.issuer, rules.is_local) == (
        "github",
        "https://token.actions.githubusercontent.com",
        False,
    )
    assert (rules.audience, rules.audience_claim) == ("https://postern.example.com", "aud")
    assert rules.algorithms == {"RS256", "ES256"}
    assert rules.types == {"jwt", "at+jwt", "absent"}
    assert rules.leeway_s == 0
    assert rules.require == (
        Requirement("repository_owner", ("octo",)),
        Requirement("event_name", ("push", "workflow_dispatch")),
        Requirement("attempt", (1,)),
        Requirement("protected", (True,)),
    )
    assert [(one.claim, one.text) for one in rules.match] == [("ref", "refs/heads/(main|release-.*)")]
    assert rules.attributes == {"repo": "repository"}
    when = (Requirement("environment", ("production", "staging")), Requirement("repository", ("octo/shop",)))
    assert rules.groups == (GroupRule("deployers", when),)
    assert (rules.groups_claim, rules.on_behalf_of) == ("groups", "actor")


def test_gives_the_defaults_that_the_format_names():
    (rules,) = parse(LEAST)
    assert rules == IssuerRules(
        name="a",
        issuer="https://i.example",
        is_local=False,
        audience="us",
        audience_claim="aud",
        algorithms=frozenset({"RS256"}),
        types=frozenset({"jwt", "at+jwt"}),
        leeway_s=30,
        require=(),
        match=(),
        attributes={},
        groups=(),
        groups_claim=None,
        on_behalf_of=None,
    )


def test_accepts_a_file_without_issuers():
    assert parse("issuers: []") == ()


def test_keeps_the_order_of_the_file():
    both = entry() + entry(name="b", issuer="https://b.example").replace("issuers:\n", "")
    assert [rules.name for rules in parse(both)] == ["a", "b"]


@pytest.mark.parametrize("algorithm", sorted(ALGORITHMS))
def test_accepts_an_asymmetric_algorithm(algorithm):
    assert parse(entry(algorithms=f"[{algorithm}]"))[0].algorithms == {algorithm}


@pytest.mark.parametrize(
    "issuer",
    [
        "https://login.example/tenant/v2.0",
        "https://tenant.eu.auth0.example/",
        "https://oidc.eks.eu-west-1.example/id/ABC",
        "https://i.example:8443",
        "https://[2001:db8::1]",
    ],
)
def test_accepts_an_https_issuer_and_keeps_it_to_the_letter(issuer):
    assert parse(entry(issuer=f'"{issuer}"'))[0].issuer == issuer


def test_takes_local_for_the_local_stacks_issuer():
    (rules,) = parse(entry(issuer="local"), LOCAL)
    assert (rules.issuer, rules.is_local) == ("http://127.0.0.1:8080", True)


def test_refuses_local_where_no_local_stack_runs():
    with pytest.raises(PolicyFileError, match=r"issuers.yaml:3: issuers\[0\].issuer: `local` is the local stack's"):
        parse(entry(issuer="local"))


@pytest.mark.parametrize(
    "url",
    [
        *(
            "https://i.example",
            "http://10.0.0.1",
            "http://127.0.0.1.evil.example",
            "http://evil@127.0.0.1@evil.example",
        ),
        *("http://localhost.evil.example", "ftp://127.0.0.1", "127.0.0.1", "", "http://127.0.0.1?x", "http://0.0.0.0"),
    ],
)
def test_refuses_a_local_issuer_off_the_loopback_interface(url):
    with pytest.raises(ValueError, match="loopback"):
        LocalIssuer(url)


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:1", "http://localhost:1/x", "https://127.0.0.1", "http://[::1]:8080"]
)
def test_accepts_a_local_issuer_on_the_loopback_interface(url):
    assert LocalIssuer(url).url == url
    assert is_loopback(url)


@pytest.mark.parametrize(
    "url",
    [
        *(
            "http://i.example",
            "HTTP://i.example",
            "i.example",
            "//i.example",
            "https://",
            "https:///x",
            "https:i.example",
        ),
        *(
            "https://u@i.example",
            "https://u:p@i.example",
            "https://@i.example",
            "https://i.example?",
            "https://i.example#",
        ),
        *("https://i.example/?a=b", "https://i.example#f", "https://i .example", "https://i.example\\@e.example"),
        *(
            "https://i.example:x",
            "https://i.example:99999",
            "https://é.example",
            "https://i.example/\n",
            "https://[::1",
        ),
        *("file:///etc/passwd", "javascript:x", "http://127.0.0.1:8080", "Local", "LOCAL"),
    ],
)
def test_refuses_an_issuer_that_is_no_plain_https_url(url):
    assert not is_https(url)
    with pytest.raises(PolicyFileError, match="issuer: expected"):
        parse(entry(issuer=f'"{url.replace(chr(92), chr(92) * 2).replace(chr(10), chr(92) + "n")}"'), LOCAL)


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("issuer: []", 1, "issuer: unknown field; expected one of issuers"),
        ("{}", 1, "expected a field `issuers`, got none"),
        ("issuers: {}", 1, "issuers: expected a list, got a mapping"),
        ("issuers: [x]", 1, "expected a mapping, got the text 'x'"),
        ("issuers:", 1, "issuers: expected a list, got nothing"),
        (entry(name=""), 2, "expected a field `name`, got none"),
        (entry(issuer=""), 2, "expected a field `issuer`, got none"),
        (entry(audience=""), 2, "expected a field `audience`, got none"),
        (entry(nmae="x"), 5, "nmae: unknown field"),
        (entry(name="GitHub"), 2, "expected 1 to 40 of a-z, 0-9 and -, got 'GitHub'"),
        (entry(name="a|b"), 2, "expected 1 to 40 of a-z, 0-9 and -, got 'a|b'"),
        (entry(name="x" * 41), 2, "expected 1 to 40"),
        (entry(name='"a\\n"'), 2, "expected 1 to 40"),
        (entry() + entry(issuer="https://j.example").replace("issuers:\n", ""), 5, "got `a` again"),
        (entry() + entry(name="b").replace("issuers:\n", ""), 6, "expected one entry for an issuer, got a second"),
        (entry(audience="[us]"), 4, "audience: expected text, got a list"),
        (entry(audience='"a\\u202eb"'), 4, "audience: expected 1 to 255 characters"),
        (entry(algorithms="RS256"), 5, "algorithms: expected a list"),
        (entry(algorithms="[]"), 5, "algorithms: expected at least one"),
        (entry(algorithms="[HS256]"), 5, "got 'HS256'"),
        (entry(algorithms="[none]"), 5, "got 'none'"),
        (entry(algorithms="[rs256]"), 5, "got 'rs256'"),
        (entry(algorithms="[RS256, RS256]"), 5, "got 'RS256' twice"),
        (entry(typ="[]"), 5, "typ: expected at least one"),
        (entry(typ="[JWT, jwt]"), 5, "got 'jwt' twice"),
        (entry(typ='["a b"]'), 5, "expected a media type such as at+jwt, got 'a b'"),
        (entry(leeway_s="121"), 5, "leeway_s: expected an integer from 0 to 120, got 121"),
        (entry(leeway_s="-1"), 5, "leeway_s: expected an integer from 0 to 120, got -1"),
        (entry(leeway_s="true"), 5, "leeway_s: expected an integer, got true"),
        (entry(leeway_s="30.0"), 5, "quote it"),
        (entry(require="[a]"), 5, "require: expected a mapping"),
        (entry(require="{a: []}"), 5, "require.a: expected a value or a list of values"),
        (entry(require="{a: {b: c}}"), 5, "require.a: expected text, got a mapping"),
        (entry(require="{a: null}"), 5, "require.a: expected text, got nothing"),
        (entry(require="{a: [[b]]}"), 5, "expected text, got a list"),
        (entry(match='{a: "("}'), 5, "match.a: expected an RE2 pattern"),
        (entry(match='{a: "(?=b)"}'), 5, "match.a: expected an RE2 pattern"),
        (entry(match='{a: "(b)\\\\1"}'), 5, "match.a: expected an RE2 pattern"),
        (entry(match="{a: [b]}"), 5, "match.a: expected text, got a list"),
        (entry(attributes="{Repo: repository}"), 5, "attribute's name"),
        (entry(attributes="{repo: [repository]}"), 5, "attributes.repo: expected text"),
        (entry(groups="[{name: g}]"), 5, "expected a field `when`, got none"),
        (entry(groups="[{name: g, when: {}}]"), 5, "when: expected at least one claim"),
        (entry(groups="[{name: g, when: {a: b}, x: y}]"), 5, "x: unknown field"),
        (entry(groups="{g: {a: b}}"), 5, "groups: expected a list"),
        (entry(groups_claim="[g]"), 5, "groups_claim: expected text"),
        (entry(on_behalf_of="true"), 5, "on_behalf_of: expected text"),
    ],
    ids=lambda value: value if isinstance(value, str) and len(value) < 60 and "\n" not in value else "",
)
def test_names_file_and_line_of_what_is_wrong(text, line, says):
    with pytest.raises(PolicyFileError) as raised:
        parse(text)
    assert says in raised.value.detail
    assert (raised.value.file, raised.value.line) == ("issuers.yaml", line)


@pytest.mark.parametrize(
    ("typ", "normal"),
    [
        ("JWT", "jwt"),
        ("application/jwt", "jwt"),
        ("Application/AT+JWT", "at+jwt"),
        ("application/a/b", "application/a/b"),
        ("text/jwt", "text/jwt"),
    ],
)
def test_leaves_application_off_a_media_type_where_rfc_7515_does(typ, normal):
    assert normal_typ(typ) == normal
