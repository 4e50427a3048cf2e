"""Text with signatures under it, and the keys they are checked with (C2SP signed-note).

    <text, whose last line ends too>
    <an empty line>
    — <key name> <base64 of the 4-byte key id and the signature>        one line a signature

A signature covers the text with its last newline. A key's id is the first four bytes of SHA-256 over its name, a
newline, its algorithm's byte and the key: it finds a key and proves nothing. A verifier key is told as
`<name>+<id in hex>+<base64 of the algorithm's byte and the key>`.

Signatures of keys that nobody asked about are left alone: keys change, and witnesses add theirs. One of a known key
must hold.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from postern.errors import IntegrityError
from postern.tlog.spelling import format_base64, malformed, parse_base64

ED25519 = 0x01  # an Ed25519 signature over the text
COSIGNATURE = 0x04  # an Ed25519 signature over a time and the text: C2SP tlog-cosignature
MAX_NOTE_BYTES = 1_000_000  # bounds that Go's note package has too
MAX_SIGNATURES = 100

_ALGORITHMS = (ED25519, COSIGNATURE)
_KEY_BYTES = 32
_KEY_ID_BYTES = 4
_KEY_ID_HEX = re.compile(r"[0-9a-f]{8}")
_DASH = "— "

Sign = Callable[[bytes], bytes]  # a 64-byte Ed25519 signature of the message


@dataclass(frozen=True, slots=True)
class VerifierKey:
    """A public key and the name it signs under. Made by `parse_vkey` and `verifier_key`, so that its id is its own."""

    name: str
    key_id: bytes  # 4 bytes
    algorithm: int
    public: bytes  # 32 bytes

    def __str__(self) -> str:
        return f"{self.name}+{self.key_id.hex()}+{format_base64(bytes([self.algorithm]) + self.public)}"


@dataclass(frozen=True, slots=True)
class NoteSignature:
    """One signature line. Says nothing until it was verified."""

    name: str
    key_id: bytes  # 4 bytes
    signature: bytes  # what follows the key id, at least one byte


@dataclass(frozen=True, slots=True)
class Note:
    """A text, which ends in a newline, and the signatures under it, none of them verified."""

    text: str
    signatures: tuple[NoteSignature, ...]


def verifier_key(name: str, public: bytes, algorithm: int = ED25519) -> VerifierKey:
    """The verifier key of a 32-byte Ed25519 public key. Raises `IntegrityError` (`evidence.malformed`)."""
    _check_name(name)
    if algorithm not in _ALGORITHMS:
        raise malformed("verifier key", "algorithm 1 (Ed25519) or 4 (cosignature)", str(algorithm))
    if len(public) != _KEY_BYTES:
        raise malformed("verifier key", f"a public key of {_KEY_BYTES} bytes", f"{len(public)}")
    digest = hashlib.sha256(f"{name}\n".encode() + bytes([algorithm]) + public).digest()
    return VerifierKey(name, digest[:_KEY_ID_BYTES], algorithm, public)


def format_vkey(name: str, public: bytes, algorithm: int = ED25519) -> str:
    """The text that a verifier key is told as. Raises as `verifier_key` does."""
    return str(verifier_key(name, public, algorithm))


def parse_vkey(text: str) -> VerifierKey:
    """The key that this text tells. Raises `IntegrityError` (`evidence.malformed`) unless it is exactly one of ours."""
    parts = text.split("+", 2)
    if len(parts) != 3 or _KEY_ID_HEX.fullmatch(parts[1]) is None:
        raise malformed("verifier key", "<name>+<8 hex digits>+<base64>", repr(text))
    material = parse_base64(parts[2], "verifier key")
    if not material:
        raise malformed("verifier key", "an algorithm and a key", "nothing")
    key = verifier_key(parts[0], material[1:], material[0])
    if key.key_id.hex() != parts[1]:
        raise malformed("verifier key", f"the id {key.key_id.hex()} of this name and key", parts[1])
    return key


def parse_note(data: bytes) -> Note:
    """The parts of a signed note. Raises `IntegrityError` (`evidence.malformed`) unless it is exactly one."""
    if len(data) > MAX_NOTE_BYTES:
        raise malformed("note", f"at most {MAX_NOTE_BYTES} bytes", f"{len(data)}")
    try:
        whole = data.decode("utf-8")
    except UnicodeDecodeError:
        raise malformed("note", "UTF-8", "other bytes") from None
    if any(one < " " and one != "\n" for one in whole):
        raise malformed("note", "no control characters but newlines", "one")
    text, blank, lines = whole.rpartition("\n\n")
    if not blank or not lines.endswith("\n"):
        raise malformed("note", "a text, an empty line and signature lines", "another form")
    signatures = lines.removesuffix("\n").split("\n")
    if len(signatures) > MAX_SIGNATURES:
        raise malformed("note", f"at most {MAX_SIGNATURES} signatures", f"{len(signatures)}")
    return Note(f"{text}\n", tuple(_parse_signature(line) for line in signatures))


def format_note(text: str, signatures: Sequence[NoteSignature]) -> bytes:
    """The bytes of the signed note. Raises `IntegrityError` (`evidence.malformed`) where it would not parse again."""
    lines = [f"{_DASH}{one.name} {format_base64(one.key_id + one.signature)}\n" for one in signatures]
    data = f"{text}\n{''.join(lines)}".encode()
    if parse_note(data) != Note(text, tuple(signatures)):
        raise malformed("note", "a text that ends in a newline, and signatures", "others")
    return data


def sign(text: str, name: str, public: bytes, sign: Sign) -> NoteSignature:
    """A signature line for this text, checked under the public key: a signer's mistake is not passed on.

    Raises `IntegrityError`: `evidence.signature` where it does not hold, `evidence.malformed`.
    """
    key = verifier_key(name, public)
    signature = sign(text.encode())
    check_signature(key, text.encode(), signature)
    return NoteSignature(name, key.key_id, signature)


def verify_note(note: Note, vkeys: Sequence[VerifierKey]) -> list[VerifierKey]:
    """Which of these keys signed the text, each once, in the order of the lines.

    Raises `IntegrityError`: `evidence.signature` where a line of one of them does not hold, or none of them signed;
    `evidence.malformed` where two of them cannot be told apart or one does not sign notes.
    """
    signed: list[VerifierKey] = []
    for key, signature in lines_of(note, vkeys, ED25519):
        check_signature(key, note.text.encode(), signature)
        if key not in signed:
            signed.append(key)
    if not signed:
        names = ", ".join(f"{key.name}+{key.key_id.hex()}" for key in vkeys) or "no key"
        raise IntegrityError("evidence.signature", f"note: expected a signature of {names}, got none")
    return signed


def lines_of(note: Note, vkeys: Sequence[VerifierKey], algorithm: int) -> list[tuple[VerifierKey, bytes]]:
    """The note's lines that are of these keys, which all are of this algorithm, and their unverified signatures."""
    known: dict[tuple[str, bytes], VerifierKey] = {}
    for key in vkeys:
        if key.algorithm != algorithm:
            raise malformed("verifier key", f"one of algorithm {algorithm}", str(key.algorithm))
        if known.setdefault((key.name, key.key_id), key) != key:
            raise malformed("verifier keys", "one key of each name and id", f"two of {key.name}")
    found = ((known.get((line.name, line.key_id)), line.signature) for line in note.signatures)
    return [(key, signature) for key, signature in found if key is not None]


def check_signature(key: VerifierKey, message: bytes, signature: bytes) -> None:
    """Raises `IntegrityError` (`evidence.signature`) unless it is this key's Ed25519 signature of the message."""
    try:
        Ed25519PublicKey.from_public_bytes(key.public).verify(signature, message)
    except (InvalidSignature, ValueError):
        raise IntegrityError(
            "evidence.signature", f"signature of {key.name}+{key.key_id.hex()}: expected one that holds, got another"
        ) from None


def _parse_signature(line: str) -> NoteSignature:
    if not line.startswith(_DASH):
        raise malformed("signature line", "an em dash and a blank at its start", repr(line))
    name, _, encoded = line.removeprefix(_DASH).partition(" ")
    _check_name(name)
    data = parse_base64(encoded, "signature line")
    if len(data) <= _KEY_ID_BYTES:
        raise malformed("signature line", "a key id and a signature", f"{len(data)} bytes")
    return NoteSignature(name, data[:_KEY_ID_BYTES], data[_KEY_ID_BYTES:])


def _check_name(name: str) -> None:
    # A command line's bytes that are not UTF-8 come as surrogates, which no text of a note can hold.
    if not name or "+" in name or any(one.isspace() or one < " " or "\ud800" <= one <= "\udfff" for one in name):
        raise malformed("key name", "one without blanks and plus signs", repr(name))
