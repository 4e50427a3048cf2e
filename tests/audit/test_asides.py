"""What is written into a record, and what is put beside it: by the length that it would have in the record."""

from __future__ import annotations

import pytest

from postern.audit.asides import INLINE_BYTES, Asides
from postern.audit.canonical import canonical_bytes


@pytest.mark.parametrize("bytes_each", [1, 2, 3, 4, 6])
@pytest.mark.parametrize("more", [-1, 0, 1])
def test_a_text_stays_where_its_canonical_form_fits(bytes_each: int, more: int) -> None:
    character = {1: "a", 2: "\\", 3: "€", 4: "\U0001f600", 6: "\x01"}[bytes_each]
    text = character * ((INLINE_BYTES - 2) // bytes_each + more)
    asides = Asides()

    fitted = asides.fit(text)

    if len(canonical_bytes(text)) <= INLINE_BYTES:
        assert (fitted, asides.blobs) == (text, [])
    else:
        assert asides.blobs == [text.encode()]


@pytest.mark.parametrize("value", [True, False, "", "allow", ["public.orders"], None, 7])
def test_what_is_short_stays(value: object) -> None:
    asides = Asides()

    assert asides.fit(value) is value
    assert asides.blobs == []
