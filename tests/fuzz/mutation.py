"""Bytes that nearly are what they should be: valid ones with a few edits, each drawn from one number.

One number an input, and no choice of Hypothesis's own for each edit: that is a hundred times as many inputs a second.
What is found is made small by `smaller` instead.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from random import Random

from hypothesis import strategies as st

MOST_EDITS = 5
LONGEST = 60_000

# What parsers trip over: ends, escapes, encodings that are none, numbers at the edges of words, names of Python's.
TOKENS: tuple[bytes, ...] = (
    *(b"\0", b"\n", b"\r\n", b"\t", b"\x1b[2J", b"\x7f", b" ", b"  ", b"\xc2\xa0", b"\xe2\x80\xa8"),
    *(b"\xef\xbb\xbf", b"\xff\xfe", b"\xff", b"\xc3\x28", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xc0\x80"),
    *("ß".encode(), "İ".encode(), "٣".encode(), "𝟙".encode(), "\u202e".encode(), "e\u0301".encode()),
    *(b"0", b"-1", b"+1", b"-0", b"00", b"1e999", b"1e-999", b"NaN", b"Infinity", b"0x10", b"1_000", b"1.5"),
    *(b"2147483648", b"4294967296", b"9223372036854775808", b"18446744073709551616", b"9" * 400, b"1" * 5000),
    *(b"null", b"true", b"false", b"{}", b"[]", b'""', b"{", b"}", b"[", b"]", b'"', b"'", b",", b":", b"\\"),
    *(b"\\u0000", b"\\ud800", b"\\udc00\\ud800", b"__proto__", b"%00", b"%2e%2e%2f", b"../", b"/", b"//", b"."),
    *(b"[" * 2000, b'{"a":' * 1100, b"(" * 1500, b"9999-99-99", b"2026-02-30T25:61:61Z", b"0001-01-01T00:00:00Z"),
)


def mutated(valid: Sequence[bytes], *, tokens: Sequence[bytes] = ()) -> st.SearchStrategy[bytes]:
    """One of the valid inputs with up to five edits; now and then one as it is, or bytes that are nothing."""
    known = (*tokens, *tokens, *TOKENS)
    return st.binary(min_size=8, max_size=8).map(lambda drawn: _drawn(Random(drawn), valid, known))


def mutated_text(valid: Sequence[str], *, tokens: Sequence[str] = ()) -> st.SearchStrategy[str]:
    """The same for what takes text; half of it has the lone surrogates that stand for bytes that are no UTF-8."""
    encoded, known = [one.encode() for one in valid], [one.encode() for one in tokens]
    return mutated(encoded, tokens=known).map(lambda data: data.decode(errors=_ERRORS[len(data) % 2]))


_ERRORS = ("replace", "surrogateescape")


def _drawn(random: Random, valid: Sequence[bytes], tokens: Sequence[bytes]) -> bytes:
    if random.random() < 0.03:
        return random.randbytes(random.randrange(60))
    data = random.choice(valid)
    for _ in range(random.choice((0, *range(1, MOST_EDITS + 1)))):
        data = random.choice(_EDITS)(random, data, random.choice(valid), random.choice(tokens))[:LONGEST]
    return data


def _place(random: Random, data: bytes) -> tuple[int, int]:
    """A stretch of the data: mostly a short one."""
    begin = random.randrange(len(data) + 1)
    longest = random.choice((1, 4, 16, len(data)))
    return begin, min(len(data), begin + random.randrange(longest + 1))


def _insert(random: Random, data: bytes, _other: bytes, token: bytes) -> bytes:
    at = random.randrange(len(data) + 1)
    return data[:at] + token + data[at:]


def _replace(random: Random, data: bytes, _other: bytes, token: bytes) -> bytes:
    begin, end = _place(random, data)
    return data[:begin] + token + data[end:]


def _delete(random: Random, data: bytes, _other: bytes, _token: bytes) -> bytes:
    begin, end = _place(random, data)
    return data[:begin] + data[end:]


def _repeat(random: Random, data: bytes, _other: bytes, _token: bytes) -> bytes:
    begin, end = _place(random, data)
    return data[:end] + data[begin:end] * random.choice((1, 1, 2, 50)) + data[end:]


def _cut(random: Random, data: bytes, _other: bytes, _token: bytes) -> bytes:
    return data[: random.randrange(len(data) + 1)]


def _flip(random: Random, data: bytes, _other: bytes, _token: bytes) -> bytes:
    if not data:
        return b"\x80"
    changed = bytearray(data)
    changed[random.randrange(len(data))] ^= 1 << random.randrange(8)
    return bytes(changed)


def _splice(random: Random, data: bytes, other: bytes, _token: bytes) -> bytes:
    return data[: random.randrange(len(data) + 1)] + other[random.randrange(len(other) + 1) :]


_EDITS: tuple[Callable[[Random, bytes, bytes, bytes], bytes], ...] = (
    *(_insert, _insert, _replace, _replace, _replace),
    *(_delete, _repeat, _cut, _flip, _flip, _splice),
)


def smaller(data: bytes, fails: Callable[[bytes], bool], *, tries: int = 2000) -> bytes:
    """The data with stretches left out as long as it still fails."""
    left, width = tries, max(1, len(data) // 2)
    while width and left > 0:
        shorter = next((one for one in _without(data, width) if (left := left - 1) > 0 and fails(one)), None)
        if shorter is None:
            width //= 2
        else:
            data = shorter
    return data


def _without(data: bytes, width: int) -> Iterator[bytes]:
    for at in range(0, len(data), width):
        yield data[:at] + data[at + width :]
