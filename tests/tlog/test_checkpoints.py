"""Checkpoints, byte for byte."""

from __future__ import annotations

import base64

import pytest

from postern.errors import IntegrityError
from postern.tlog.checkpoints import Checkpoint, format_checkpoint, open_checkpoint, parse_checkpoint
from postern.tlog.hashing import EMPTY_ROOT, Hash, leaf_hash
from postern.tlog.notes import format_note
from tests.support.log_copy import log_key, signed

ORIGIN = "postern.shop/prod-2026"
KEY, NEXT_KEY = log_key(ORIGIN, 1), log_key(ORIGIN, 2)
ROOT = leaf_hash(b"{}")
HEAD = Checkpoint(ORIGIN, 1, ROOT)

TEXT = "".join(
    [
        "postern.shop/prod-2026\n",  # the origin
        "1\n",  # the tree's size: one leaf
        # the root, which of one leaf is its hash: SHA-256 of 00 7b 7d
        "KKOhj2zWQGsIbp/9ofm4oT289EsPPzLLkDGhH9BTrPk=\n",
    ]
)


def test_every_byte_of_a_checkpoint():
    assert base64.b64decode("KKOhj2zWQGsIbp/9ofm4oT289EsPPzLLkDGhH9BTrPk=") == ROOT
    assert format_checkpoint(HEAD) == TEXT
    assert parse_checkpoint(TEXT) == HEAD


def test_reads_the_specifications_example():
    text = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"
    assert parse_checkpoint(text).size == 20_852_163
    assert format_checkpoint(parse_checkpoint(text)) == text


def with_size(size: str) -> str:
    return TEXT.replace("\n1\n", f"\n{size}\n")


def with_root(data: bytes) -> str:
    return f"{ORIGIN}\n1\n{base64.b64encode(data).decode()}\n"


BAD_TEXTS = {
    "nothing": "",
    "origin-alone": f"{ORIGIN}\n",
    "no-root": f"{ORIGIN}\n1\n",
    "no-newline-at-the-end": TEXT[:-1],
    "extension-line": TEXT + "time 1\n",
    "empty-line-after": TEXT + "\n",
    "empty-line-before": "\n" + TEXT,
    "no-origin": TEXT.replace(ORIGIN, ""),
    "carriage-returns": TEXT.replace("\n", "\r\n"),
    "empty-size": with_size(""),
    "leading-zero": with_size("01"),
    "size-0300": with_size("0300"),
    "plus": with_size("+1"),
    "minus": with_size("-1"),
    "blank-before-size": with_size(" 1"),
    "blank-after-size": with_size("1 "),
    "hex-size": with_size("0x1"),
    "underscore": with_size("1_0"),
    "other-digits": with_size("١"),
    "over-int64": with_size(str(2**63)),
    "huge-size": with_size("9" * 4000),
    "empty-tree-with-a-root": with_size("0"),
    "short-root": with_root(ROOT[:31]),
    "long-root": with_root(ROOT + b"\0"),
    "no-root-bytes": with_root(b""),
    "root-in-hex": f"{ORIGIN}\n1\n{ROOT.hex()}\n",
    "root-without-padding": TEXT.replace("=", ""),
    "root-with-unused-bits": TEXT.replace("rPk=", "rPl="),
    "root-in-url-alphabet": TEXT.replace("/", "_").replace("shop_", "shop/"),
    "blank-after-root": TEXT.replace("=\n", "= \n"),
}


@pytest.mark.parametrize("text", BAD_TEXTS.values(), ids=BAD_TEXTS.keys())
def test_refuses_every_other_form(text):
    with pytest.raises(IntegrityError) as refused:
        parse_checkpoint(text)
    assert refused.value.code == "evidence.malformed"


def test_a_form_is_refused_even_where_it_is_signed():
    text = with_size("01")
    with pytest.raises(IntegrityError) as refused:
        open_checkpoint(format_note(text, [KEY.sign(text)]), [KEY.verifier], ORIGIN)
    assert refused.value.code == "evidence.malformed"


def test_a_tree_may_have_as_many_leaves_as_63_bits_can_say():
    assert parse_checkpoint(with_size("9223372036854775807")).size == 2**63 - 1


def test_the_empty_tree_has_a_checkpoint():
    empty = Checkpoint(ORIGIN, 0, EMPTY_ROOT)
    assert format_checkpoint(empty) == f"{ORIGIN}\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n"
    assert parse_checkpoint(format_checkpoint(empty)) == empty


@pytest.mark.parametrize(
    ("origin", "size", "root"),
    [("", 1, ROOT), ("a\nb", 1, ROOT), (ORIGIN, -1, ROOT), (ORIGIN, 2**63, ROOT), (ORIGIN, 1, Hash(b"short"))],
    ids=["no-origin", "two-lines", "negative", "over-int64", "short-root"],
)
def test_refuses_a_head_that_no_log_can_have(origin, size, root):
    with pytest.raises(IntegrityError):
        Checkpoint(origin, size, root)


def test_opens_what_the_logs_key_signed():
    assert open_checkpoint(signed(HEAD, KEY), [KEY.verifier], ORIGIN) == HEAD


def test_opens_what_both_keys_signed_while_one_follows_the_other():
    both = signed(HEAD, KEY, NEXT_KEY)
    for known in ([KEY], [NEXT_KEY], [KEY, NEXT_KEY]):
        assert open_checkpoint(both, [key.verifier for key in known], ORIGIN) == HEAD


FOREIGN = log_key("postern.shop/prod-2027", 1)


def refused_code(data: bytes, *keys, origin: str = ORIGIN) -> str:
    with pytest.raises(IntegrityError) as refused:
        open_checkpoint(data, [key.verifier for key in keys], origin)
    return refused.value.code


def test_refuses_what_none_of_the_logs_keys_signed():
    assert refused_code(signed(HEAD, NEXT_KEY), KEY) == "evidence.signature"
    assert refused_code(signed(HEAD, KEY)) == "evidence.signature"


def test_refuses_another_logs_checkpoint():
    other = signed(Checkpoint(FOREIGN.name, 1, ROOT), FOREIGN)
    assert refused_code(other, KEY) == "evidence.signature"
    assert refused_code(other, FOREIGN) == "evidence.signature"


def test_refuses_another_origin_under_the_logs_own_signature():
    assert refused_code(signed(Checkpoint(FOREIGN.name, 1, ROOT), KEY), KEY) == "evidence.signature"


def test_a_key_of_another_name_does_not_count_for_this_log():
    """A key that signs for one epoch does not speak for another, though it is trusted for its own."""
    assert refused_code(signed(HEAD, FOREIGN), KEY, FOREIGN) == "evidence.signature"
