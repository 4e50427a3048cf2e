"""What ships is told the same each time, with licences that somebody chose."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from scripts import make_sbom
from scripts.licences import CHOSEN, PERMISSIVE, UnknownLicence, expression_of, refused

DIGEST = "a" * 64


def wheel(name: str, **metadata: Any) -> dict[str, Any]:
    told = {"name": name, "version": "1.0", "license": "MIT", "requires_dist": []} | metadata
    return {"metadata": told, "download_info": {"archive_info": {"hashes": {"sha256": DIGEST}}}}


REPORT = {"install": [wheel("Six"), wheel("boto3", requires_dist=["six >=1", 'crt; extra == "crt"'])]}


class TestDependencies:
    def test_names_each_with_licence_and_digest(self) -> None:
        boto3, six = json.loads(make_sbom.dependencies(REPORT))["components"]
        assert (boto3["purl"], six["purl"]) == ("pkg:pypi/boto3@1.0", "pkg:pypi/six@1.0")
        assert six["licenses"] == [{"license": {"id": "MIT"}}]
        assert six["hashes"] == [{"alg": "SHA-256", "content": DIGEST}]

    def test_says_what_needs_what(self) -> None:
        told = {one["ref"]: one["dependsOn"] for one in json.loads(make_sbom.dependencies(REPORT))["dependencies"]}
        assert told["pkg:pypi/boto3@1.0"] == ["pkg:pypi/six@1.0"]
        assert told["postern-deps"] == ["pkg:pypi/boto3@1.0", "pkg:pypi/six@1.0"]

    def test_order_of_the_report_changes_nothing(self) -> None:
        turned = {"install": REPORT["install"][::-1]}
        assert make_sbom.dependencies(turned) == make_sbom.dependencies(REPORT)

    def test_another_digest_is_another_document(self) -> None:
        other = copy.deepcopy(REPORT)
        other["install"][0]["download_info"]["archive_info"]["hashes"]["sha256"] = "b" * 64
        serials = {json.loads(make_sbom.dependencies(one))["serialNumber"] for one in (REPORT, other)}
        assert len(serials) == 2

    def test_holds_no_time(self) -> None:
        assert "timestamp" not in json.loads(make_sbom.dependencies(REPORT))["metadata"]


class TestOwn:
    def test_tells_each_file_and_no_bytecode(self, tmp_path: Path) -> None:
        folder = tmp_path / "postern"
        (folder / "__pycache__").mkdir(parents=True)
        (folder / "a.py").write_text("x = 1\n")
        (folder / "__pycache__/a.pyc").write_bytes(b"x")
        assert [one["name"] for one in json.loads(make_sbom.own("core", folder))["components"]] == ["postern/a.py"]

    def test_another_content_is_another_document(self, tmp_path: Path) -> None:
        (tmp_path / "a.py").write_text("x = 1\n")
        before = make_sbom.own("core", tmp_path)
        (tmp_path / "a.py").write_text("x = 2\n")
        assert make_sbom.own("core", tmp_path) != before


class TestLicences:
    @pytest.mark.parametrize(
        ("expression", "may"),
        [
            *((name, True) for name in sorted(PERMISSIVE)),
            ("Apache-2.0 OR GPL-2.0-only", True),
            ("MIT AND PSF-2.0", True),
            ("MIT AND GPL-3.0-only", False),
            ("GPL-3.0-or-later", False),
            ("AGPL-3.0-only", False),
            ("LGPL-2.1-or-later", False),
            ("MPL-2.0", False),
            ("SSPL-1.0", False),
            ("GPL-2.0-only WITH Classpath-exception-2.0", False),
            ("LicenseRef-Proprietary", False),
        ],
    )
    def test_ships_only_what_asks_for_nothing(self, expression: str, may: bool) -> None:
        assert refused({"x": expression}) == ([] if may else [f"x: {expression}"])

    def test_what_was_chosen_ships_under_that_licence_only(self) -> None:
        assert refused(CHOSEN) == []
        assert refused({"python-stdnum": "LGPL-3.0-or-later"}) == ["python-stdnum: LGPL-3.0-or-later"]

    def test_one_is_chosen(self) -> None:
        """A second is a decision: say why beside it, and in docs/limitations.md."""
        assert set(CHOSEN) == {"python-stdnum"}

    @pytest.mark.parametrize("says", ["", "UNKNOWN", "BSD", "see LICENSE"])
    def test_words_that_do_not_say_which_are_refused(self, says: str) -> None:
        with pytest.raises(UnknownLicence, match="x: expected a licence"):
            expression_of("x", {"license": says})


class TestBuild:
    def test_a_build_that_holds_something_else_is_told(self, tmp_path: Path) -> None:
        pinned = make_sbom.read_pins(make_sbom.REQUIREMENTS)
        without = make_sbom.left_out()
        told = {"install": [wheel(pin.name, version=pin.version) for pin in pinned.values()]}
        report = make_sbom.shipping(told, without)
        for pin in pinned.values():
            if pin.name not in without:
                (tmp_path / f"{pin.name.replace('-', '_')}-{pin.version}.dist-info").mkdir()
        assert make_sbom.differences(report, without, tmp_path) == []
        (tmp_path / "stowaway-1.0.dist-info").mkdir()
        assert make_sbom.differences(report, without, tmp_path) == [
            "stowaway 1.0: in the build or in the pins, and not in both"
        ]

    def test_what_the_layer_keeps_nothing_of_is_in_no_document(self) -> None:
        report = {"install": [wheel("cffi", requires_dist=["pycparser"]), wheel("pycparser")]}
        told = make_sbom.dependencies(make_sbom.shipping(report, make_sbom.left_out()))
        assert "cffi" in told
        assert "pycparser" not in told

    def test_the_platforms_are_those_of_the_build(self) -> None:
        """The layer's Makefile says for which glibc wheels are taken; without it the report would be of others."""
        assert {"2_34", "2_17"} <= set(make_sbom.glibcs())
