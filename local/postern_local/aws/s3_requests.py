"""Which actions an S3 request needs, on which resources, and the condition keys it carries.

Pure. A subresource or method that is not in these tables is refused, not waved through.
Reference: "Required permissions for Amazon S3 API operations" and "Actions, resources, and condition
keys for Amazon S3" (service authorization reference).
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import parse_qs, unquote, urlsplit

from postern_local.aws.authorization import Operation
from postern_local.aws.faults import Refused

Query = Mapping[str, list[str]]

# subresource -> method -> action
_BUCKET: dict[str, dict[str, str]] = {
    "": {"GET": "ListBucket", "HEAD": "ListBucket", "PUT": "CreateBucket", "DELETE": "DeleteBucket"},
    "accelerate": {"GET": "GetAccelerateConfiguration", "PUT": "PutAccelerateConfiguration"},
    "acl": {"GET": "GetBucketAcl", "PUT": "PutBucketAcl"},
    "cors": {"GET": "GetBucketCORS", "PUT": "PutBucketCORS", "DELETE": "PutBucketCORS"},
    "encryption": {
        "GET": "GetEncryptionConfiguration",
        "PUT": "PutEncryptionConfiguration",
        "DELETE": "PutEncryptionConfiguration",
    },
    "lifecycle": {
        "GET": "GetLifecycleConfiguration",
        "PUT": "PutLifecycleConfiguration",
        "DELETE": "PutLifecycleConfiguration",
    },
    "location": {"GET": "GetBucketLocation"},
    "logging": {"GET": "GetBucketLogging", "PUT": "PutBucketLogging"},
    "notification": {"GET": "GetBucketNotification", "PUT": "PutBucketNotification"},
    "object-lock": {"GET": "GetBucketObjectLockConfiguration", "PUT": "PutBucketObjectLockConfiguration"},
    "ownershipControls": {
        "GET": "GetBucketOwnershipControls",
        "PUT": "PutBucketOwnershipControls",
        "DELETE": "PutBucketOwnershipControls",
    },
    "policy": {"GET": "GetBucketPolicy", "PUT": "PutBucketPolicy", "DELETE": "DeleteBucketPolicy"},
    "policyStatus": {"GET": "GetBucketPolicyStatus"},
    "publicAccessBlock": {
        "GET": "GetBucketPublicAccessBlock",
        "PUT": "PutBucketPublicAccessBlock",
        "DELETE": "PutBucketPublicAccessBlock",
    },
    "replication": {
        "GET": "GetReplicationConfiguration",
        "PUT": "PutReplicationConfiguration",
        "DELETE": "PutReplicationConfiguration",
    },
    "tagging": {"GET": "GetBucketTagging", "PUT": "PutBucketTagging", "DELETE": "PutBucketTagging"},
    "uploads": {"GET": "ListBucketMultipartUploads"},
    "versioning": {"GET": "GetBucketVersioning", "PUT": "PutBucketVersioning"},
    "versions": {"GET": "ListBucketVersions"},
}
_OBJECT: dict[str, dict[str, str]] = {
    "": {"GET": "GetObject", "HEAD": "GetObject", "PUT": "PutObject", "DELETE": "DeleteObject"},
    "acl": {"GET": "GetObjectAcl", "PUT": "PutObjectAcl"},
    "attributes": {"GET": "GetObjectAttributes"},
    "legal-hold": {"GET": "GetObjectLegalHold", "PUT": "PutObjectLegalHold"},
    "retention": {"GET": "GetObjectRetention", "PUT": "PutObjectRetention"},
    "tagging": {"GET": "GetObjectTagging", "PUT": "PutObjectTagging", "DELETE": "DeleteObjectTagging"},
    "uploads": {"POST": "PutObject"},
    "uploadId": {
        "GET": "ListMultipartUploadParts",
        "PUT": "PutObject",
        "POST": "PutObject",
        "DELETE": "AbortMultipartUpload",
    },
}
# Actions that have a name of their own when a version is named.
_VERSIONED = {
    "DeleteObject": "DeleteObjectVersion",
    "DeleteObjectTagging": "DeleteObjectVersionTagging",
    "GetObject": "GetObjectVersion",
    "GetObjectAcl": "GetObjectVersionAcl",
    "GetObjectAttributes": "GetObjectVersionAttributes",
    "GetObjectTagging": "GetObjectVersionTagging",
    "PutObjectAcl": "PutObjectVersionAcl",
    "PutObjectTagging": "PutObjectVersionTagging",
}
# A PUT with one of these headers needs the action besides.
_BY_HEADER = {
    "x-amz-acl": "PutObjectAcl",
    "x-amz-object-lock-legal-hold": "PutObjectLegalHold",
    "x-amz-object-lock-mode": "PutObjectRetention",
    "x-amz-object-lock-retain-until-date": "PutObjectRetention",
    "x-amz-tagging": "PutObjectTagging",
}
# Query parameters that name no subresource.
_PLAIN = frozenset(
    {
        *("continuation-token", "delimiter", "encoding-type", "fetch-owner", "key-marker", "list-type", "marker"),
        *("max-keys", "max-parts", "max-uploads", "part-number-marker", "partNumber", "prefix", "start-after"),
        *("upload-id-marker", "version-id-marker", "versionId", "x-id", "bucket-region", "max-buckets"),
    }
)
_CONTEXT_HEADERS = {
    "if-match": "s3:if-match",
    "if-none-match": "s3:if-none-match",
    "x-amz-acl": "s3:x-amz-acl",
    "x-amz-content-sha256": "s3:x-amz-content-sha256",
    "x-amz-copy-source": "s3:x-amz-copy-source",
    "x-amz-object-lock-legal-hold": "s3:object-lock-legal-hold",
    "x-amz-object-lock-mode": "s3:object-lock-mode",
    "x-amz-object-lock-retain-until-date": "s3:object-lock-retain-until-date",
    "x-amz-server-side-encryption": "s3:x-amz-server-side-encryption",
    "x-amz-server-side-encryption-aws-kms-key-id": "s3:x-amz-server-side-encryption-aws-kms-key-id",
    "x-amz-server-side-encryption-customer-algorithm": "s3:x-amz-server-side-encryption-customer-algorithm",
    "x-amz-storage-class": "s3:x-amz-storage-class",
}
_CONTEXT_PARAMETERS = {
    "delimiter": "s3:delimiter",
    "max-keys": "s3:max-keys",
    "prefix": "s3:prefix",
    "versionId": "s3:VersionId",
}
_RETENTION_MODE = re.compile(rb"<Mode>\s*([A-Z]+)\s*</Mode>")
_RETENTION_UNTIL = re.compile(rb"<RetainUntilDate>\s*([^<\s]+)\s*</RetainUntilDate>")


@dataclass(frozen=True, slots=True)
class S3Request:
    """One S3 request as it arrived; header names in lower case, `key` decoded, both None where absent."""

    method: str
    bucket: str | None
    key: str | None
    query: Query
    headers: Mapping[str, str]
    body: bytes
    now_s: float

    @property
    def subresource(self) -> str:
        """The one subresource that the query names. Raises `Refused` for two, and for one that is not known."""
        named = [name for name in self.query if name not in _PLAIN and not name.startswith(("X-Amz-", "response-"))]
        known = _OBJECT if self.key is not None else _BUCKET
        is_known = len(named) <= 1 and all(name in known for name in named)
        # A name given twice or left empty, or a part without its number, could mean one thing here and another in moto.
        is_plain = all(len(values) == 1 for values in self.query.values()) and all(
            self.query.get(name, ["x"])[0] for name in ("versionId", "uploadId", "partNumber")
        )
        is_part = self.method == "PUT" and "uploadId" in self.query
        if not is_known or not is_plain or is_part != (self.method == "PUT" and "partNumber" in self.query):
            raise Refused("NotImplemented", f"query: expected one known subresource, got {sorted(self.query)}", 501)
        return named[0] if named else ""


def bucket_of(operation: Operation) -> str:
    """The bucket whose policy bears on the operation."""
    return operation.resource.removeprefix("arn:aws:s3:::").split("/", 1)[0]


def operations(request: S3Request) -> Iterator[Operation]:
    """Every operation that the request needs; all must be allowed. Raises `Refused` where it is not known."""
    if request.bucket is None:
        yield Operation("s3:ListAllMyBuckets", "arn:aws:s3:::*")
        return
    table = _BUCKET if request.key is None else _OBJECT
    action = table[request.subresource].get(request.method)
    if action is None:
        raise Refused("NotImplemented", f"{request.method} {request.subresource}: not served by the local stack", 501)
    resource = f"arn:aws:s3:::{request.bucket}"
    if request.key is None:
        yield Operation(f"s3:{action}", resource, _context(request))
        return
    yield from _object_operations(request, action, f"{resource}/{request.key}")


def existence_operation(request: S3Request) -> Operation:
    """What it takes to be told that an object is not there."""
    action = "s3:ListBucketVersions" if "versionId" in request.query else "s3:ListBucket"
    return Operation(action, f"arn:aws:s3:::{request.bucket}", _context(request))


def delete_operations(request: S3Request, key: str, version_id: str | None) -> Iterator[Operation]:
    """What deleting one key of a DeleteObjects request needs."""
    resource = f"arn:aws:s3:::{request.bucket}/{key}"
    versioned = {"s3:VersionId": (version_id,)} if version_id else {}
    action = "s3:DeleteObjectVersion" if version_id else "s3:DeleteObject"
    yield Operation(action, resource, _context(request) | versioned)
    if _bypasses(request):
        yield Operation("s3:BypassGovernanceRetention", resource, _context(request))


def _object_operations(request: S3Request, action: str, resource: str) -> Iterator[Operation]:
    context = _context(request)
    versioned = _VERSIONED.get(action, action) if "versionId" in request.query else action
    yield Operation(f"s3:{versioned}", resource, context)
    if action == "GetObjectAttributes":
        read = "GetObjectVersion" if "versionId" in request.query else "GetObject"
        yield Operation(f"s3:{read}", resource, context)
    if action == "PutObject":
        for extra in sorted({name for header, name in _BY_HEADER.items() if header in request.headers}):
            yield Operation(f"s3:{extra}", resource, context)
        if "x-amz-copy-source" in request.headers:
            yield _copy_source(request.headers["x-amz-copy-source"], context)
    if _bypasses(request) and action in ("DeleteObject", "PutObjectRetention"):
        yield Operation("s3:BypassGovernanceRetention", resource, context)


def _copy_source(source: str, context: Mapping[str, tuple[str, ...]]) -> Operation:
    parsed = urlsplit(source)
    path = unquote(parsed.path).lstrip("/")
    versions = parse_qs(parsed.query).get("versionId")
    action = "s3:GetObjectVersion" if versions else "s3:GetObject"
    return Operation(action, f"arn:aws:s3:::{path}", context)


def _bypasses(request: S3Request) -> bool:
    return "x-amz-bypass-governance-retention" in request.headers


def _context(request: S3Request) -> dict[str, tuple[str, ...]]:
    context: dict[str, tuple[str, ...]] = {
        name: (request.headers[header],) for header, name in _CONTEXT_HEADERS.items() if header in request.headers
    }
    context |= {name: (request.query[p][0],) for p, name in _CONTEXT_PARAMETERS.items() if p in request.query}
    if request.key is not None and request.subresource == "retention" and request.method == "PUT":
        context |= _retention_context(request.body)
    until = context.get("s3:object-lock-retain-until-date")
    if until and (days := _remaining_days(until[0], request.now_s)) is not None:
        context["s3:object-lock-remaining-retention-days"] = (str(days),)
    if request.key is not None:
        context["s3:ObjectCreationOperation"] = ("true" if _creates_object(request) else "false",)
    return context | {
        "s3:authType": ("REST-QUERY-STRING" if "X-Amz-Credential" in request.query else "REST-HEADER",),
        "s3:signatureversion": ("AWS4-HMAC-SHA256",),
        "s3:TlsVersion": ("1.3",),  # as `aws:SecureTransport`: loopback stands for TLS
    }


def _creates_object(request: S3Request) -> bool:
    return (request.method, request.subresource) in (("PUT", ""), ("POST", "uploadId"))


def _retention_context(body: bytes) -> dict[str, tuple[str, ...]]:
    context: dict[str, tuple[str, ...]] = {}
    if mode := _RETENTION_MODE.search(body):
        context["s3:object-lock-mode"] = (mode[1].decode(),)
    if until := _RETENTION_UNTIL.search(body):
        context["s3:object-lock-retain-until-date"] = (until[1].decode(errors="replace"),)
    return context


def _remaining_days(until: str, now_s: float) -> int | None:
    try:
        time = datetime.fromisoformat(until)
    except ValueError:
        return None
    aware = time if time.tzinfo else time.replace(tzinfo=UTC)
    return math.ceil((aware.timestamp() - now_s) / 86_400)
