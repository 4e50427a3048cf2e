"""Checksums that a client sends are compared with the bytes that arrived.

Corrections of moto 5.2.5, which stores and echoes a wrong checksum, and which takes a checksum header
for absent unless the SDK's own header stands beside it.
"""

from __future__ import annotations

import base64
import hashlib
import zlib
from collections.abc import Callable, MutableMapping
from typing import Any

from moto.s3.exceptions import S3ClientError
from moto.s3.responses import S3Response

from postern_local.aws.faults import Refused
from postern_local.aws.replacement import Method, replace

_PREFIX = "HTTP_X_AMZ_CHECKSUM_"
_SDK_ALGORITHM = "HTTP_X_AMZ_SDK_CHECKSUM_ALGORITHM"
_NOT_ALGORITHMS = {"MODE", "ALGORITHM", "TYPE"}
_DIGESTS: dict[str, Callable[[bytes], bytes]] = {
    "crc32": lambda data: zlib.crc32(data).to_bytes(4, "big"),
    "sha1": lambda data: hashlib.sha1(data).digest(),  # noqa: S324 - S3's algorithm, not ours
    "sha256": lambda data: hashlib.sha256(data).digest(),
}


class BadDigestError(S3ClientError):
    """The bytes do not match the checksum."""

    code = "BadDigest"

    def __init__(self, name: str) -> None:
        super().__init__(f"The {name} you specified did not match the calculated checksum.")


def install() -> None:
    """Puts the comparison before every write of bytes. Call once, before the first request."""
    replace(S3Response, "put_object", _checked)
    replace(S3Response, "upload_part", _checked)


def name_algorithm(environ: MutableMapping[str, Any]) -> None:
    """Names the algorithm of the one checksum header, as the SDK would. Raises `Refused` for two or another one."""
    sent = [name.removeprefix(_PREFIX) for name in environ if name.startswith(_PREFIX)]
    sent = [name for name in sent if name not in _NOT_ALGORITHMS]
    if "HTTP_X_AMZ_COPY_SOURCE" in environ:
        environ.setdefault(_SDK_ALGORITHM, "SHA256")  # a copy has no body to sum; moto asks for the header all the same
    if not sent:
        return
    if len(sent) > 1 or environ.setdefault(_SDK_ALGORITHM, sent[0]).upper() != sent[0]:
        raise Refused("InvalidRequest", "Expecting a single x-amz-checksum- header", 400)


def _checked(original: Method) -> Method:
    def write(response: S3Response) -> object:
        body = response.body if isinstance(response.body, bytes) else b""
        if md5 := response.headers.get("Content-MD5"):
            _compare("Content-MD5", hashlib.md5(body).digest(), md5)  # noqa: S324 - the protocol's
        for algorithm, digest in _DIGESTS.items():
            if value := response.headers.get(f"x-amz-checksum-{algorithm}"):
                _compare(algorithm.upper(), digest(body), value)
        return original(response)

    return write


def _compare(name: str, digest: bytes, sent: str) -> None:
    if base64.b64encode(digest).decode() != sent:
        raise BadDigestError(name)
