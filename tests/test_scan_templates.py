"""The scan of the templates: what is found is mended or accepted by name, and a scan that did not look fails."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
import yaml
from scripts.scan_templates import CANARY, Finding, ScanFailure, accepted, compare, found, scan, settled, templates

from postern_local.transform import read_yaml

ROOT = Path(__file__).parent.parent
WHY = "The gateway waits for the answer, and tells it."


def check(template: str = "audit", check_id: str = "CKV_AWS_1", resource: str = "AWS::S3::Bucket.B") -> dict[str, str]:
    return {"file_path": f"/{template}.json", "check_id": check_id, "resource": resource, "check_name": "a title"}


def report(*failed: dict[str, str], skipped: tuple[dict[str, str], ...] = (), errors: tuple[str, ...] = ()) -> object:
    results = {"failed_checks": [check(CANARY), *failed], "skipped_checks": [*skipped], "parsing_errors": [*errors]}
    return {"check_type": "cloudformation", "results": results}


def document(**changes: object) -> dict[str, object]:
    entry = {"Check": "CKV_AWS_1", "Resources": ["B"], "Why": WHY} | changes
    return {"Metadata": {"AcceptedFindings": [{name: value for name, value in entry.items() if value is not None}]}}


class TestFound:
    def test_names_template_check_and_resource(self) -> None:
        assert found(report(check())) == [Finding("audit", "CKV_AWS_1", "B", "a title")]

    def test_leaves_out_the_template_that_is_wrong_on_purpose(self) -> None:
        assert found(report()) == []

    @pytest.mark.parametrize(
        "wrong",
        [
            pytest.param({"passed": 0, "failed": 0}, id="nothing-was-read"),
            pytest.param(report(errors=("/audit.json",)), id="a-template-does-not-parse"),
            pytest.param(report(skipped=(check(),)), id="checkovs-own-skip"),
            pytest.param(
                {"results": {"failed_checks": [check()], "skipped_checks": [], "parsing_errors": []}},
                id="rules-that-find-nothing-in-what-is-wrong",
            ),
        ],
    )
    def test_a_scan_that_did_not_look_everywhere_fails(self, wrong: object) -> None:
        with pytest.raises(ScanFailure):
            found(wrong)


class TestCompare:
    FINDING = Finding("audit", "CKV_AWS_1", "B", "a title")

    def test_nothing_is_open_where_each_finding_is_accepted(self) -> None:
        assert compare([self.FINDING], [Finding("audit", "CKV_AWS_1", "B")]) == []

    @pytest.mark.parametrize(
        "other",
        [
            pytest.param(Finding("network", "CKV_AWS_1", "B"), id="of-another-template"),
            pytest.param(Finding("audit", "CKV_AWS_2", "B"), id="of-another-check"),
            pytest.param(Finding("audit", "CKV_AWS_1", "C"), id="of-another-resource"),
        ],
    )
    def test_what_is_accepted_elsewhere_leaves_the_finding_open(self, other: Finding) -> None:
        opened = compare([self.FINDING], [other])
        assert opened[0] == "audit: B: CKV_AWS_1: a title"
        assert "accepted, and not found" in opened[1]

    def test_accepting_twice_is_open(self) -> None:
        twice = [Finding("audit", "CKV_AWS_1", "B")] * 2
        assert compare([self.FINDING], twice) == ["audit: B: CKV_AWS_1: accepted twice"]


class TestAccepted:
    def test_reads_each_resource_by_name(self) -> None:
        wanted = [Finding("audit", "CKV_AWS_1", "B"), Finding("audit", "CKV_AWS_1", "C")]
        assert list(accepted("audit", document(Resources=["B", "C"]))) == wanted

    @pytest.mark.parametrize(
        "changes",
        [
            pytest.param({"Why": None}, id="no-reason"),
            pytest.param({"Why": "fine"}, id="a-reason-that-says-nothing"),
            pytest.param({"Resources": []}, id="no-resource"),
            pytest.param({"Until": "2027"}, id="an-unknown-key"),
        ],
    )
    def test_refuses_an_entry_that_is_not_whole(self, changes: dict[str, object]) -> None:
        with pytest.raises(ValueError, match="audit: Metadata"):
            list(accepted("audit", document(**changes)))

    @pytest.mark.parametrize("path", templates(), ids=lambda path: path.stem)
    def test_every_template_names_resources_that_it_has(self, path: Path) -> None:
        read = read_yaml(path)
        made = {"ApiliveStage"}  # by the transform, of Api
        missing = [one for one in accepted(path.stem, read) if one.resource not in read["Resources"].keys() | made]
        assert missing == []


@pytest.mark.parametrize(
    ("written", "read"),
    [
        pytest.param({"Fn::If": ["C", {"a": 1}, {"b": 2}]}, {"a": 1}, id="the-first-branch"),
        pytest.param({"Fn::If": ["C", {"Ref": "AWS::NoValue"}, {"b": 2}]}, {"b": 2}, id="the-branch-that-is-something"),
        pytest.param({"x": {"Fn::If": ["C", {"Fn::If": ["D", [1], []]}, 0]}}, {"x": [1]}, id="one-in-another"),
        pytest.param([1, {"Fn::If": ["C", 2, {"Ref": "AWS::NoValue"}]}], [1, 2], id="in-a-list"),
        pytest.param(
            {"x": {"Ref": "AWS::NoValue"}, "y": [{"Ref": "AWS::NoValue"}]}, {"y": []}, id="nothing-is-left-out"
        ),
        pytest.param({"Fn::Sub": "a", "b": {"Ref": "C"}}, {"Fn::Sub": "a", "b": {"Ref": "C"}}, id="all-else-stays"),
    ],
)
def test_what_a_condition_may_leave_out_is_looked_at(written: object, read: object) -> None:
    assert settled(written) == read


def test_a_scanner_that_is_not_there_cannot_tell(tmp_path: Path) -> None:
    with pytest.raises(ScanFailure, match="got no file"):
        scan({}, tmp_path / "checkov")


def test_a_scanner_that_says_nothing_cannot_tell(tmp_path: Path) -> None:
    silent = tmp_path / "checkov"
    silent.write_text("#!/bin/sh\nexit 0\n")
    silent.chmod(0o755)
    with pytest.raises(ScanFailure, match="expected JSON"):
        scan({}, silent)


def test_no_template_escapes_the_scan() -> None:
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "*.yaml", "*.yml", "*.json", "*.template"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    ).stdout.split("\n")  # fmt: skip
    written = [ROOT / name for name in listed if name and (ROOT / name).is_file() and "tests/" not in name]
    there = {path for path in written if "AWSTemplateFormatVersion" in path.read_text()}
    assert there == set(templates())


@pytest.mark.parametrize("path", templates(), ids=lambda path: path.stem)
def test_no_template_says_a_section_twice(path: Path) -> None:
    """The loader takes the last of two, so what the first says would be lost in silence."""
    root = yaml.compose(path.read_text(), Loader=yaml.SafeLoader)
    assert isinstance(root, yaml.MappingNode)
    names = [key.value for key, _ in root.value]
    assert len(names) == len(set(names))
