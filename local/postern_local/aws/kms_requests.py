"""Which action a KMS request needs, on which key, and the condition keys it carries.

Pure. A role's session may use a key and look at it; what makes and manages keys is the administrator's.
Reference: "Actions, resources, and condition keys for AWS KMS" (service authorization reference).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from postern_local.aws.authorization import Operation
from postern_local.aws.faults import Refused

_TARGET = re.compile(r"TrentService\.([A-Za-z]+)")
_OF_SESSIONS = frozenset(
    {
        *("Decrypt", "DescribeKey", "Encrypt", "GenerateDataKey", "GenerateDataKeyWithoutPlaintext"),
        *("GetPublicKey", "Sign", "Verify"),
    }
)


@dataclass(frozen=True, slots=True)
class KeyDescription:
    """A key's ARN and its policy's document."""

    arn: str
    policy: str


# A key's id, ARN or alias -> the key; None where there is none. A ciphertext stands for the key that it names.
FindKey = Callable[[str], KeyDescription | None]


@dataclass(frozen=True, slots=True)
class KmsOperation:
    """What a request needs of one key."""

    operation: Operation
    key: KeyDescription


def operation(target: str, body: bytes, find: FindKey, *, is_session: bool) -> KmsOperation | None:
    """The operation on the key that the request names; None where it names none, which only an administrator may.

    Raises `Refused` for what a session has no business with.
    """
    found = _TARGET.fullmatch(target)
    values = _decode(body)
    if found is None or (is_session and found[1] not in _OF_SESSIONS):
        raise Refused("AccessDeniedException", f"{target}: not served to a role's session by the local stack", 400)
    named = values.get("KeyId") or _key_of_ciphertext(values)
    key = find(named) if isinstance(named, str) else None
    if key is None:
        if is_session:
            # As KMS says it of a key that the caller may not know of.
            raise Refused("AccessDeniedException", f"{found[1]}: the key does not exist or is not yours", 400)
        return None
    return KmsOperation(Operation(f"kms:{found[1]}", key.arn, _context(values)), key)


def _key_of_ciphertext(values: Mapping[str, Any]) -> str | None:
    """Decrypt may leave the key to the ciphertext, which names it in the open: see moto's format."""
    import base64

    blob = values.get("CiphertextBlob")
    if not isinstance(blob, str):
        return None
    return base64.b64decode(blob)[:36].decode("ascii", "replace")


def _context(values: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    context: dict[str, tuple[str, ...]] = {}
    if "SigningAlgorithm" in values:
        context["kms:SigningAlgorithm"] = (str(values["SigningAlgorithm"]),)
        context["kms:MessageType"] = (str(values.get("MessageType", "RAW")),)
    encryption = values.get("EncryptionContext") or {}
    if encryption:
        context["kms:EncryptionContextKeys"] = tuple(encryption)
        context |= {f"kms:EncryptionContext:{name}": (str(value),) for name, value in encryption.items()}
    return context


def _decode(body: bytes) -> Mapping[str, Any]:
    try:
        decoded = json.loads(body or b"{}")
    except ValueError as error:
        raise Refused("SerializationException", "body: expected JSON", 400) from error
    if not isinstance(decoded, dict):
        raise Refused("SerializationException", "body: expected an object", 400)
    return decoded
