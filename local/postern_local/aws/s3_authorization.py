"""S3 inside moto asks our evaluator where it would ask its own, which ignores conditions."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from functools import lru_cache
from urllib.parse import parse_qs, urlsplit

import xmltodict
from moto.iam.access_control import PermissionResult
from moto.s3.exceptions import MissingBucket, S3ClientError
from moto.s3.models import FakeBucket, FakeDeleteMarker, S3Backend
from moto.s3.responses import S3Response

from postern_local.aws import callers
from postern_local.aws.authorization import Operation, authorize
from postern_local.aws.faults import Refused
from postern_local.aws.replacement import Method, replace
from postern_local.aws.s3_requests import S3Request, bucket_of, delete_operations, existence_operation, operations
from postern_local.iam import Policy, PolicyError, PolicyKind, parse_policy

Clock = Callable[[], float]
_denied_deletes: ContextVar[frozenset[str]] = ContextVar("denied_deletes", default=frozenset())


class S3Refusal(S3ClientError):
    """A refusal in the form that moto turns into S3's answer."""

    def __init__(self, refused: Refused) -> None:
        super().__init__(refused.code, refused.message)


def install(clock: Clock) -> None:
    """Puts the evaluator in the place of moto's checks. Call once, before the first request."""
    replace(S3Response, "_authenticate_and_authorize_s3_action", lambda _original: _checked_by(clock))
    replace(S3Response, "_bucket_response_delete_keys", lambda original: _delete_keys(original, clock))
    replace(S3Backend, "put_bucket_policy", _put_bucket_policy)
    replace(FakeBucket, "get_permission", lambda _original: _get_permission)


def _checked_by(clock: Clock) -> Method:
    def check(response: S3Response, bucket_name: str | None = None, key_name: str | None = None) -> None:
        request = _request(response, bucket_name, key_name, clock())
        if request.method == "POST" and request.key is None and "delete" in request.query:
            return  # each key is decided by itself in `_delete_keys`
        try:
            for operation in operations(request):
                _authorize(response, operation, request.now_s)
            if _reads_nothing(response, request):
                # Only who may list may know that there is nothing: S3 answers 403 to others.
                _authorize(response, existence_operation(request), request.now_s)
        except Refused as refused:
            raise S3Refusal(refused) from refused

    return check


def _reads_nothing(response: S3Response, request: S3Request) -> bool:
    """Whether it asks for an object, or a version of one, that is not there."""
    if request.method not in ("GET", "HEAD") or request.key is None or request.bucket is None:
        return False
    try:
        stored = response.backend.get_bucket(request.bucket).keys.getlist(request.key, [])
    except MissingBucket:
        return False
    wanted = request.query.get("versionId", [None])[0]
    if wanted is None:
        return not stored or isinstance(stored[-1], FakeDeleteMarker)
    return all(version.version_id != wanted for version in stored)


def _delete_keys(original: Method, clock: Clock) -> Method:
    def delete(response: S3Response, bucket_name: str, authenticated: bool = True) -> object:  # noqa: FBT001, FBT002
        request = _request(response, bucket_name, None, clock())
        listed = xmltodict.parse(response.body, strip_whitespace=False)["Delete"].get("Object", [])
        denied = set()
        for entry in listed if isinstance(listed, list) else [listed]:
            try:
                for operation in delete_operations(request, entry["Key"], entry.get("VersionId")):
                    _authorize(response, operation, request.now_s)
            except Refused:
                denied.add(f"arn:aws:s3:::{bucket_name}/{entry['Key']}")
        token = _denied_deletes.set(frozenset(denied))
        try:
            return original(response, bucket_name, authenticated)
        finally:
            _denied_deletes.reset(token)

    return delete


def _get_permission(_bucket: FakeBucket, action: str, resource: str) -> PermissionResult:
    """What moto asks of a bucket before it acts: nothing is left to decide but the keys of a batch delete."""
    if action == "s3:DeleteObject" and resource in _denied_deletes.get():
        return PermissionResult.DENIED
    return PermissionResult.NEUTRAL


def _put_bucket_policy(original: Method) -> Method:
    def put(backend: S3Backend, bucket_name: str, policy: bytes) -> None:
        try:
            _parse_bucket_policy(bucket_name, policy)
        except PolicyError as error:
            raise S3Refusal(Refused("MalformedPolicy", str(error), 400)) from error
        original(backend, bucket_name, policy)

    return put


def _authorize(response: S3Response, operation: Operation, now_s: float) -> None:
    authorize(
        callers.current.get(),
        operation,
        now_s=now_s,
        resource_policies=_bucket_policies(response, bucket_of(operation)),
    )


def _bucket_policies(response: S3Response, bucket_name: str) -> tuple[Policy, ...]:
    try:
        document = response.backend.get_bucket(bucket_name).policy
    except MissingBucket:
        return ()
    return (_parse_bucket_policy(bucket_name, document),) if document else ()


@lru_cache(maxsize=64)
def _parse_bucket_policy(bucket_name: str, document: bytes) -> Policy:
    return parse_policy(document, kind=PolicyKind.RESOURCE, name=f"bucket policy of {bucket_name}")


def _request(response: S3Response, bucket: str | None, key: str | None, now_s: float) -> S3Request:
    return S3Request(
        method=response.method,
        bucket=bucket,
        key=key,
        query=parse_qs(urlsplit(response.uri).query, keep_blank_values=True),
        headers={name.lower(): value for name, value in response.headers.items()},
        body=response.body if isinstance(response.body, bytes) else b"",
        now_s=now_s,
    )
