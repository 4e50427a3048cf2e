"""What the layer of packages leaves out, and that botocore works on what is left."""

from __future__ import annotations

import gzip
import importlib.util
import json
import re
import shutil
from pathlib import Path

import botocore
import pytest
from botocore.loaders import Loader
from botocore.session import Session

from tests.support.stack import PROJECT

FROM = Path(botocore.__file__).parent / "data"
METADATA = "used-1.0.dist-info/METADATA"
CALLED = PROJECT / "layers/core/postern/edges/clients.py"


@pytest.fixture(scope="module")
def prune():
    spec = importlib.util.spec_from_file_location("prune", PROJECT / "layers/deps/prune.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def pruned(prune, tmp_path_factory) -> Path:
    """A layer with botocore's data, a service too many, and what a wheel brings along."""
    root = tmp_path_factory.mktemp("layer")
    data = root / "botocore/data"
    data.mkdir(parents=True)
    for path in FROM.glob("*.json"):
        shutil.copy(path, data)
    for name in [*prune.SERVICES, "glacier"]:
        shutil.copytree(FROM / name, data / name)
    for name in (
        "used/tests/test_it.py",
        "used/__init__.pyi",
        "pycparser/ast.py",
        "phonenumbers/geodata/d.py",
        "bin/jp.py",
    ):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("")
    (root / "used/kept.py").write_text("")
    (root / METADATA).parent.mkdir()
    (root / METADATA).write_text("Metadata-Version: 2.4\nName: used\nVersion: 1.0\n\n# Used\n\nVersion: of a README\n")
    prune.main(root)
    return root


def test_takes_out_what_is_listed_and_leaves_the_rest(pruned):
    left = {path.relative_to(pruned).as_posix() for path in pruned.rglob("*") if path.is_file()}

    assert {name for name in left if not name.startswith("botocore/")} == {"used/kept.py", METADATA}
    assert not {name for name in left if "glacier" in name or "examples-1" in name}


def test_leaves_every_service_that_a_client_is_made_of(prune):
    asked = set(re.findall(r'_client\(\s*session, "(\w+)"', CALLED.read_text()))

    assert asked | {"xray"} == prune.SERVICES  # which X-Ray's SDK makes its own client of


def signs(services: list[str], data: Path) -> list[str]:
    """Where clients made of these descriptions, and of no others, send what they are asked."""
    loader = Loader([str(data)], include_default_search_paths=False)
    loader.BUILTIN_DATA_PATH = str(data)  # endpoints of descriptions that are not the SDK's own are found differently
    session = Session()
    session.register_component("data_loader", loader)
    session.set_credentials("a", "b")
    regions = ("eu-central-1", "us-gov-west-1", "cn-north-1")
    clients = [session.create_client(service, region) for service in services for region in regions]
    s3 = session.create_client("s3", "eu-central-1")
    presigned = s3.generate_presigned_url("get_object", {"Bucket": "b", "Key": "k"}).split("?")[0]
    return [*(client.meta.endpoint_url for client in clients), presigned]


def test_clients_of_what_is_left_have_the_endpoints_of_the_whole(prune, pruned):
    services = sorted(prune.SERVICES)

    assert signs(services, pruned / "botocore/data") == signs(services, FROM)


def test_a_description_keeps_every_operation_and_shape(prune, pruned):
    for name in sorted(prune.SERVICES):
        path = max((pruned / "botocore/data" / name).glob("*/service-2.json.gz"))
        whole = json.loads(gzip.decompress((FROM / path.relative_to(pruned / "botocore/data")).read_bytes()))
        left = json.loads(gzip.decompress(path.read_bytes()))
        assert left == prune.without_prose(whole)
        assert left["operations"].keys() == whole["operations"].keys()
        assert left["shapes"].keys() == whole["shapes"].keys()


def test_metadata_of_a_wheel_keeps_its_fields_and_loses_its_readme(pruned):
    assert (pruned / METADATA).read_text() == "Metadata-Version: 2.4\nName: used\nVersion: 1.0\n"


def test_a_member_of_that_name_that_is_no_prose_stays(prune):
    model = {"documentation": "prose", "members": {"documentation": {"shape": "Text", "documentation": "more"}}}

    assert prune.without_prose(model) == {
        "documentation": "",
        "members": {"documentation": {"shape": "Text", "documentation": ""}},
    }
