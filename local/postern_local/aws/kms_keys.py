"""Ed25519 keys in KMS, as AWS has them, and keys whose id is chosen by who makes them.

Corrections of moto 5.2.5, which knows no ECC_NIST_EDWARDS25519, signs with keys that are disabled or to
be deleted, answers a wrong signature with an answer instead of an error, and leaves the key's spec out
of its public key. References: "Sign" and "GetPublicKey" (AWS KMS API reference); RFC 8032, RFC 8410.
"""

from __future__ import annotations

import json
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from moto.core.exceptions import JsonRESTError
from moto.kms.exceptions import ValidationException
from moto.kms.models import Key, KmsBackend
from moto.kms.responses import KmsResponse
from moto.kms.utils import AbstractPrivateKey

from postern_local.aws.replacement import Method, replace
from postern_local.iam import PolicyError, PolicyKind, parse_policy
from postern_local.model import KEY_ID_TAG

MAX_MESSAGE_BYTES = 4096
_SPEC = "ECC_NIST_EDWARDS25519"
_ALGORITHM = "ED25519_SHA_512"


class Ed25519Key(AbstractPrivateKey):
    """The private half, in the form that moto asks of one."""

    def __init__(self) -> None:
        self._private = Ed25519PrivateKey.generate()

    def sign(self, message: bytes, signing_algorithm: str) -> bytes:  # noqa: ARG002 - it has one
        return self._private.sign(message)

    def verify(self, message: bytes, signature: bytes, signing_algorithm: str) -> bool:  # noqa: ARG002
        try:
            self._private.public_key().verify(signature, message)
        except InvalidSignature:
            return False
        return True

    def public_key(self) -> bytes:
        """DER of SubjectPublicKeyInfo: 12 bytes of header and the 32 of the key."""
        return self._private.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def install() -> None:
    """Puts the corrections in place. Call once, before the first request."""
    replace(KmsBackend, "create_key", _create_key)
    replace(KmsBackend, "put_key_policy", _put_key_policy)
    replace(KmsBackend, "sign", _only_enabled)
    replace(KmsBackend, "verify", _only_enabled)
    replace(KmsResponse, "sign", _checked)
    replace(KmsResponse, "verify", lambda original: _checked(_raising(original)))
    replace(KmsResponse, "get_public_key", _get_public_key)
    replace(Key, "signing_algorithms", _signing_algorithms)


def _create_key(original: Method) -> Method:
    def create(
        backend: KmsBackend,
        policy: str | None,
        key_usage: str,
        key_spec: str,
        description: str,
        tags: list[dict[str, str]] | None,
        *options: object,
    ) -> Key:
        if policy:
            _check_policy(policy)
        if key_spec == _SPEC and key_usage != "SIGN_VERIFY":
            raise ValidationException(f"KeyUsage {key_usage} is not compatible with KeySpec {_SPEC}")
        is_ours = key_spec == _SPEC
        key: Key = original(
            backend, policy, key_usage, "ECC_NIST_P256" if is_ours else key_spec, description, tags, *options
        )
        if is_ours:
            key.key_spec, key.private_key = _SPEC, Ed25519Key()
        for tag in tags or ():
            if tag["TagKey"] == KEY_ID_TAG:
                _rename(backend, key, tag["TagValue"])
        return key

    return create


def _signing_algorithms(original: Any) -> Any:  # noqa: ANN401 - a property, where `replace` expects a method
    return property(lambda key: [_ALGORITHM] if key.key_spec == _SPEC else original.fget(key))


def _rename(backend: KmsBackend, key: Key, key_id: str) -> None:
    if key_id in backend.keys:
        raise ValidationException(f"key {key_id}: expected an id that no key has")
    del backend.keys[key.id]
    key.arn = key.arn.replace(key.id, key_id)
    key.id = key_id
    backend.keys[key_id] = key


def _put_key_policy(original: Method) -> Method:
    def put(backend: KmsBackend, key_id: str, policy: str) -> None:
        _check_policy(policy)
        original(backend, key_id, policy)

    return put


def _check_policy(document: str) -> None:
    try:
        parse_policy(document, kind=PolicyKind.KEY, name="key policy")
    except PolicyError as error:
        raise JsonRESTError("MalformedPolicyDocumentException", str(error)) from error


def _only_enabled(original: Method) -> Method:
    def act(backend: KmsBackend, key_id: str, *values: object, **named: object) -> object:
        key = backend.describe_key(key_id)
        if key.key_state == "PendingDeletion":
            raise JsonRESTError("KMSInvalidStateException", f"{key.arn} is pending deletion.")
        if not key.enabled:
            raise JsonRESTError("DisabledException", f"{key.arn} is disabled.")
        return original(backend, key_id, *values, **named)

    return act


def _checked(original: Method) -> Method:
    def act(response: KmsResponse) -> object:
        message = response._get_param("Message") or b""
        if len(message) > MAX_MESSAGE_BYTES:
            raise ValidationException(f"Message: expected at most {MAX_MESSAGE_BYTES} bytes, got {len(message)}")
        is_raw = (response._get_param("MessageType") or "RAW") == "RAW"
        if response._get_param("SigningAlgorithm") == _ALGORITHM and not is_raw:
            raise ValidationException(f"MessageType: expected RAW with {_ALGORITHM}")
        return original(response)

    return act


def _raising(original: Method) -> Method:
    def verify(response: KmsResponse) -> str:
        answer: str = original(response)
        if not json.loads(answer)["SignatureValid"]:
            raise JsonRESTError("KMSInvalidSignatureException", "The signature is not valid.")
        return answer

    return verify


def _get_public_key(original: Method) -> Method:
    def get(response: KmsResponse) -> str:
        answer = json.loads(original(response))
        spec = answer["CustomerMasterKeySpec"]
        key_id = response.kms_backend.get_key_id(answer["KeyId"])
        return json.dumps({**answer, "KeySpec": spec, "KeyId": response.kms_backend.keys[key_id].arn})

    return get
