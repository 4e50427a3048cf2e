"""The pages that operators paste from: every stack, parameter, output and command that they name is there."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from postern.edges.policy_files import read_bundle
from postern.types import DatabaseName
from postern_cli.groups import GROUPS, load
from tests.support.stack import PROJECT
from tests.support.stacks import refusal, written

PAGES = {name: (PROJECT / "docs" / name).read_text() for name in ("deploy.md", "uninstall.md")}
TEMPLATES = {
    "postern": "template.yaml",
    **{f"postern-{name}": f"infra/{name}.yaml" for name in ("audit", "database", "door", "identity", "network")},
}


def blocks(page: str) -> Iterator[str]:
    """The shell of the page, continued lines joined."""
    for block in re.findall(r"```sh\n(.*?)```", PAGES[page], re.DOTALL):
        yield block.replace("\\\n", " ")


def deploys() -> Iterator[tuple[str, dict[str, str]]]:
    """Each deploy of a stack: the template and the parameters given."""
    for block in blocks("deploy.md"):
        for line in block.splitlines():
            stack = re.search(r"--stack-name (\S+)", line)
            given = re.search(r"--parameter-overrides (.*)", line)
            if stack and given:
                pairs = re.findall(r"(?:^|\s)([A-Z]\w+)=(\$\([^)]*\)|\S+)", given[1])
                yield TEMPLATES[stack[1]], dict(pairs)


def test_every_stack_is_deployed() -> None:
    assert {template for template, _ in deploys()} == set(TEMPLATES.values())


@pytest.mark.parametrize(
    ("template", "given"), [pytest.param(*one, id=f"{number} {one[0]}") for number, one in enumerate(deploys())]
)
def test_a_stack_is_given_what_it_asks_for_and_nothing_else(template: str, given: dict[str, str]) -> None:
    declared = written(template)["Parameters"]

    assert set(given) <= set(declared)
    assert {name for name, one in declared.items() if "Default" not in one} <= set(given)
    plain = {name: text for name, text in given.items() if "$" not in text and "…" not in text}
    assert {name: refusal(declared[name], text) for name, text in plain.items()} == dict.fromkeys(plain)


def test_the_template_of_a_stack_is_the_one_that_its_name_says() -> None:
    for block in blocks("deploy.md"):
        for line in block.splitlines():
            named = re.search(r"cloudformation deploy --stack-name (\S+) --template-file (\S+)", line)
            assert named is None or TEMPLATES[named[1]] == named[2]


@pytest.mark.parametrize("page", PAGES)
def test_outputs_that_are_asked_for_are_there(page: str) -> None:
    asked = re.findall(r"output \$\w+ (postern\S*) (\w+)", PAGES[page])

    assert asked
    assert [one for one in asked if one[1] not in written(TEMPLATES[one[0]])["Outputs"]] == []


def commands() -> dict[str, set[str]]:
    """The command line's groups, each with its commands; none where the group is a command itself."""
    return {name: set(getattr(load(name), "commands", ())) for name in GROUPS}


@pytest.mark.parametrize("page", PAGES)
def test_commands_of_ours_are_there(page: str) -> None:
    targets = set(re.findall(r"^([a-z-]+):.*##", (PROJECT / "Makefile").read_text(), re.MULTILINE))
    for target in re.findall(r"\bmake ([a-z][a-z-]+)", "\n".join(blocks(page))):
        assert target in targets, target
    known = commands()
    for group, command in re.findall(r"(?:^|\s)postern ([a-z]+) ([a-z-]+)", "\n".join(blocks(page))):
        assert group in known, group
        assert not known[group] or command in known[group] or command.startswith("-"), (group, command)


CATALOG = """
database: shop
schema_default: public
classes: {pii.email: {mask: email}, pii.name: {mask: redact}, pii.birth: {mask: year}}
tables:
  public.customers:
    columns: {id: open, email: pii.email, full_name: pii.name, born: pii.birth, region: open}
  public.orders:
    columns: {id: open, customer_id: open, total: open, placed_at: open}
functions: []
"""


def test_the_policy_layer_that_the_page_makes_is_valid(tmp_path: Path) -> None:
    page = PAGES["deploy.md"].replace("….", "x.").replace("…", "x")
    layer = tmp_path / "policy"
    shutil.copytree(PROJECT / "layers/policy", layer)
    (told,) = re.findall(r'^    (\{"shop":.*?\}\})$', page, re.DOTALL | re.MULTILINE)
    (layer / "databases.yaml").write_text(told)
    (issuers,) = re.findall(r"```yaml\n(issuers:.*?)```", page, re.DOTALL)
    (layer / "issuers.yaml").write_text(issuers)
    (layer / "catalog/shop.yaml").write_text(CATALOG)
    cedar = layer / "policy/access.cedar"
    comment, mark, policies = cedar.read_text().partition("// @id")
    cedar.write_text(comment + re.sub(r"^// ?", "", mark + policies, flags=re.MULTILINE))

    bundle = read_bundle(layer, local=None)
    assert [issuer.name for issuer in bundle.issuers] == ["aws"]
    assert bundle.databases[DatabaseName("shop")].ca == "/opt/ca/eu-central-1-bundle.pem"
    assert "permit" in re.sub(r"^//.*$", "", cedar.read_text(), flags=re.MULTILINE)


def test_whatever_outlives_its_stack_is_told_of() -> None:
    kept = {
        name
        for path in ["template.yaml", *(f"infra/{file.name}" for file in (PROJECT / "infra").glob("*.yaml"))]
        for name, one in written(path)["Resources"].items()
        if one.get("DeletionPolicy") in ("Retain", "Snapshot")
        or one.get("Properties", {}).get("RetentionPolicy") == "Retain"
    }
    told = set(re.findall(r"`(\w+)`", PAGES["uninstall.md"].partition("## 1.")[0]))
    assert len(kept) > 10
    assert kept <= told


@pytest.mark.parametrize("page", PAGES)
def test_pages_that_are_pointed_at_are_there(page: str) -> None:
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", PAGES[page]):
        assert (PROJECT / "docs" / target).resolve().exists(), target
