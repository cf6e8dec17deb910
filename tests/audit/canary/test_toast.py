"""Postgres's compressed values, decoded without Postgres; the real ones are tested on its files."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.canary.lzf import lzf_decompress, lzf_packed, lzf_values
from audit.canary.pglz import lz4_decompress, pglz_compressed, pglz_decompress
from audit.canary.toast import (
    PAGE_BYTES,
    Chunks,
    inline_values,
    unpacked_value,
    without_page_headers,
)

WORDS = [b"anna.", b"mueller", b"@exam", b"ple.com"]
TEXT = b"".join(WORDS)


def stored() -> bytes:
    packed, raw_size = pglz_compressed(WORDS)
    assert TEXT not in packed
    return raw_size.to_bytes(4, "little") + packed


def inline(body: bytes) -> bytes:
    return (((len(body) + 4) << 2) | 2).to_bytes(4, "little") + body


def chunk(value_id: int, number: int, content: bytes) -> bytes:
    head = (value_id, number, (len(content) + 4) << 2)
    return b"".join(word.to_bytes(4, "little") for word in head) + content


def test_pglz_references_are_followed():
    packed, raw_size = pglz_compressed(WORDS)
    text = pglz_decompress(packed, raw_size)
    assert len(text) == raw_size
    assert text.endswith(TEXT)


def test_pglz_repeats_over_itself():
    # One literal, then a reference one byte back of length 3 + 15 + 200.
    assert pglz_decompress(bytes([0b10, ord("a"), 0x0F, 0x01, 200]), 219) == b"a" * 219


def test_lz4_literals_and_references():
    # "abc", then six bytes from three back, then the last literals (lz4_Block_format.md).
    assert lz4_decompress(b"\x32abc\x03\x00\x20de", 11) == b"abcabcabcde"


@given(st.binary(max_size=300), st.integers(min_value=1, max_value=5000))
def test_no_bytes_make_the_decoders_fail(data, raw_size):
    assert len(pglz_decompress(data, raw_size)) <= raw_size
    assert len(lz4_decompress(data, raw_size)) <= raw_size
    assert len(unpacked_value(data)) <= 300 * len(data)


@pytest.mark.parametrize("at", [8, 9, 10, 11, 4003])
def test_a_value_is_found_at_any_offset_of_a_page(at):
    page = bytes(at) + inline(stored())
    page += bytes(PAGE_BYTES - len(page))
    assert any(TEXT in value for _, value in inline_values(page))


def test_values_out_of_line_are_put_together_from_chunks_of_the_same_value():
    noise = random.Random(1).randbytes(3000)
    literals = b"".join(b"\0" + noise[i : i + 8] for i in range(0, len(noise), 8))
    # The reference lies in the second chunk: without the first it cannot be followed.
    first, size = pglz_compressed(WORDS)
    body = (len(noise) + size).to_bytes(4, "little") + literals + first
    pieces = [body[i : i + 1996] for i in range(0, len(body), 1996)]
    assert len(pieces) == 2
    chunks = Chunks()
    page = bytes(16) + chunk(20_000, 0, pieces[0]) + bytes(16)
    page += chunk(20_000, 1, pieces[1]) + bytes(40)
    assert list(chunks.feed(page)) == []
    assert any(TEXT in value for _, value in list(chunks.rest()))
    assert list(chunks.rest()) == []


def test_what_only_looks_like_a_chunk_hides_no_real_one():
    body = b"." * 1990 + TEXT + b"." * 1000
    chunks = Chunks()
    page = bytes(16) + chunk(20_000, 0, b"x" * 1996) + chunk(20_000, 0, body[:1996])
    page += chunk(20_000, 1, b"y" * 40) + chunk(20_000, 1, body[1996:]) + bytes(16)
    assert list(chunks.feed(page)) == []
    assert any(TEXT in value for _, value in list(chunks.rest()))


def test_an_uncompressed_value_is_joined_where_it_was_cut():
    body = b"." * 1990 + TEXT + b"." * 1000
    chunks = Chunks()
    page = bytes(16) + chunk(20_000, 0, body[:1996]) + chunk(20_000, 1, body[1996:]) + bytes(16)
    assert TEXT not in page
    assert list(chunks.feed(page)) == []
    assert any(TEXT in value for _, value in chunks.rest())


def test_strings_of_a_redis_dump_are_unpacked():
    packed = lzf_packed(WORDS)
    assert TEXT not in packed
    [(form, value)] = lzf_values(b"REDIS0009" + packed + b"\xff")
    assert (form, value[-len(TEXT) :]) == ("lzf", TEXT)


@given(st.binary(max_size=300), st.integers(min_value=1, max_value=5000))
def test_no_bytes_make_the_lzf_decoder_fail(data, size):
    assert len(lzf_decompress(data, size)) <= size
    assert all(value for _, value in lzf_values(b"\xc3" + data))


def test_records_of_the_log_are_joined_across_pages():
    long = b"\x18\xd1\x02\x00".ljust(40, b"h") + b"." * (PAGE_BYTES - 45) + TEXT[:5]
    short = b"\x18\xd1\x00\x00".ljust(24, b"h") + TEXT[5:]
    segment = long + short.ljust(PAGE_BYTES, b".")
    assert TEXT not in segment
    assert TEXT in without_page_headers(segment)
