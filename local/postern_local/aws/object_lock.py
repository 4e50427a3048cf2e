"""Object Lock as S3 keeps it: what is locked stays locked, whoever asks.

Corrections of moto 5.2.5, which accepts a shorter retention, another mode and suspended versioning,
answers GetObjectRetention with nothing, and leaves objects that arrive by copy or multipart upload
without the bucket's default retention.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from moto.core.responses import ActionResult
from moto.s3.exceptions import InvalidBucketState, MissingKey, S3ClientError
from moto.s3.models import FakeKey, S3Backend
from moto.s3.responses import S3Response

from postern_local.aws.replacement import Method, replace

Clock = Callable[[], float]
_MODES = ("GOVERNANCE", "COMPLIANCE")


class LockedError(S3ClientError):
    """A change that the lock forbids."""

    code = "AccessDenied"

    def __init__(self) -> None:
        super().__init__("Access Denied because object protected by object lock.")


class InvalidLockError(S3ClientError):
    """Retention that S3 would not accept."""

    code = "InvalidArgument"


class NoRetentionError(S3ClientError):
    """The object has no retention."""

    code = "NoSuchObjectLockConfiguration"

    def __init__(self) -> None:
        super().__init__("The specified object does not have a ObjectLock configuration")


def install(clock: Clock) -> None:
    """Puts the corrections in place. Call once, before the first request."""
    replace(S3Backend, "put_object", lambda original: _put_object(original, clock))
    replace(S3Backend, "put_object_retention", lambda original: _put_object_retention(original, clock))
    replace(S3Backend, "put_bucket_versioning", _put_bucket_versioning)
    replace(S3Backend, "put_object_lock_configuration", _put_object_lock_configuration)
    replace(S3Response, "get_object", _get_object)


def _put_object(original: Method, clock: Clock) -> Method:
    def put(backend: S3Backend, bucket_name: str, key_name: str, value: bytes, **options: object) -> FakeKey:
        bucket = backend.get_bucket(bucket_name)
        mode, until = options.get("lock_mode"), options.get("lock_until")
        if mode is None and until is None:
            if bucket.has_default_lock:
                options |= {"lock_mode": bucket.default_lock_mode, "lock_until": bucket.default_retention()}
        else:
            _parse_retention(mode, until, clock())
        stored: FakeKey = original(backend, bucket_name, key_name, value, **options)
        return stored

    return put


def _put_object_retention(original: Method, clock: Clock) -> Method:
    def put(
        backend: S3Backend,
        bucket_name: str,
        key_name: str,
        version_id: str | None,
        retention: tuple[str | None, str | None],
    ) -> None:
        key = backend.get_object(bucket_name, key_name, version_id=version_id)
        if key is None:
            raise MissingKey(key=key_name)
        mode, until = _parse_retention(*retention, clock())
        if _is_retained(key, clock()) and _weakens(key, mode, until):
            raise LockedError
        original(backend, bucket_name, key_name, version_id, retention)

    return put


def _put_bucket_versioning(original: Method) -> Method:
    def put(backend: S3Backend, bucket_name: str, status: str) -> None:
        if backend.get_bucket(bucket_name).object_lock_enabled and status != "Enabled":
            raise InvalidBucketState(
                "An Object Lock configuration is present on this bucket, so the versioning state cannot be changed."
            )
        original(backend, bucket_name, status)

    return put


def _put_object_lock_configuration(original: Method) -> Method:
    def put(backend: S3Backend, bucket_name: str, lock_enabled: bool, *default: object) -> None:  # noqa: FBT001
        if not lock_enabled:
            raise InvalidLockError("ObjectLockEnabled: expected Enabled")
        original(backend, bucket_name, lock_enabled, *default)

    return put


def _get_object(original: Method) -> Method:
    """GetObjectRetention, which moto answers as if it were GetObject."""

    def get(response: S3Response) -> object:
        if "retention" not in response.querystring:
            return original(response)
        key, _ = response._get_key(validate_storage_class=False)
        if key.lock_mode is None:
            raise NoRetentionError
        response.data["Action"] = "GetObjectRetention"
        retention = {"Mode": key.lock_mode, "RetainUntilDate": _parse_time(key.lock_until)}
        return response.serialized(ActionResult({"Retention": retention}))

    return get


def _is_retained(key: FakeKey, now_s: float) -> bool:
    return key.lock_mode in _MODES and _parse_time(key.lock_until).timestamp() > now_s


def _weakens(key: FakeKey, mode: str, until: datetime) -> bool:
    """Whether the change shortens or softens a retention. Governance gives way to nobody here either: its
    bypass is a right that no template of ours grants."""
    softer = key.lock_mode == "COMPLIANCE" and mode != "COMPLIANCE"
    return softer or until < _parse_time(key.lock_until)


def _parse_retention(mode: object, until: object, now_s: float) -> tuple[str, datetime]:
    """A retention that S3 accepts: both parts, and a time to come. Raises `InvalidLockError`; removing is none."""
    if not isinstance(mode, str) or mode not in _MODES or not isinstance(until, str):
        raise InvalidLockError("x-amz-object-lock-retain-until-date and x-amz-object-lock-mode must both be supplied")
    time = _parse_time(until)
    if time.timestamp() <= now_s:
        raise InvalidLockError("The retain until date must be in the future!")
    return mode, time


def _parse_time(text: str | None) -> datetime:
    try:
        time = datetime.fromisoformat(text or "")
    except ValueError as error:
        raise InvalidLockError("The retain until date must be provided in ISO 8601 format") from error
    return time if time.tzinfo else time.replace(tzinfo=UTC)
