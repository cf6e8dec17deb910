"""Tokens are found however they are written, and nothing is found that is not there."""

import base64
import bz2
import gzip
import html
import io
import json
import lzma
import os
import quopri
import zipfile
import zlib
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.canary.forms import patterns
from audit.canary.needles import Needles
from audit.canary.scanner import PIECE_BYTES, Tally, gathered, scan

EMAIL = "Zoë.Straße+tag@Example.org"
CARD = "4111-1111-1111-1111"
PLAIN = "anna.mueller@example.com"
TOKENS = [EMAIL, CARD, PLAIN]


def zipped(data: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("word/document.xml", data * 3)
    return buffer.getvalue()


def gzip_named(data: bytes) -> bytes:
    buffer = io.BytesIO()
    with gzip.GzipFile("some name.txt", "wb", fileobj=buffer) as file:
        file.write(data)
    return buffer.getvalue()


WRITTEN = {
    "as it is": lambda t: t.encode(),
    "lower": lambda t: t.lower().encode(),
    "upper": lambda t: t.upper().encode(),
    "utf-16-le": lambda t: t.encode("utf-16-le"),
    "utf-16-be upper": lambda t: t.upper().encode("utf-16-be"),
    "hex": lambda t: t.encode().hex().encode(),
    "HEX of lower": lambda t: t.lower().encode().hex().upper().encode(),
    "percent": lambda t: quote(t, safe="").encode(),
    "percent lower": lambda t: quote_plus(t).lower().encode(),
    "percent all": lambda t: "".join(f"%{b:02X}" for b in t.encode()).encode(),
    "json": lambda t: json.dumps(t).encode(),
    "json all": lambda t: "".join(f"\\u{ord(c):04x}" for c in t).encode(),
    "html": lambda t: html.escape(t).encode("ascii", "xmlcharrefreplace"),
    "quoted-printable": lambda t: quopri.encodestring(t.encode()),
    "base64 url": lambda t: base64.urlsafe_b64encode(b"??>" + t.encode() + b"??>"),
    "base64 of utf-16": lambda t: base64.b64encode(t.encode("utf-16-le")),
    "base64 of upper": lambda t: base64.b64encode(t.upper().encode()),
    "base64 in lines": lambda t: base64.encodebytes(b"from: " * 9 + t.encode() + b" to: " * 9),
    "gzip": lambda t: gzip.compress(t.encode()),
    "gzip with a name": lambda t: gzip_named(t.encode()),
    "gzip, then something else": lambda t: gzip.compress(t.encode())[:-6] + b"other" * 9,
    "zlib": lambda t: zlib.compress(b"text " * 9 + t.encode(), 1),
    "bzip2": lambda t: bz2.compress(t.encode()),
    "xz": lambda t: lzma.compress(t.encode()),
    "docx": lambda t: zipped(t.encode()),
    "docx in gzip in base64": lambda t: base64.b64encode(gzip.compress(zipped(t.encode()))),
}


def found(data: bytes, tokens=TOKENS, *, piece: int = PIECE_BYTES) -> set[int]:
    tally = Tally()
    scan(Needles(tokens), tally, gathered([data], size=piece))
    assert tally.bytes_read == len(data)
    return {one.token for one in tally.found}


@pytest.mark.parametrize("form", WRITTEN)
@pytest.mark.parametrize("number", range(len(TOKENS)))
def test_a_token_is_found_in_every_form(form, number):
    written = WRITTEN[form](TOKENS[number])
    assert found(b"before " + written + b" after") == {number}


@pytest.mark.parametrize("before", range(3))
def test_base64_is_found_wherever_the_token_begins(before):
    assert found(base64.b64encode(b"x" * before + PLAIN.encode() + b"y")) == {2}


@pytest.mark.parametrize("written", ["4111111111111111", "4111 1111 1111 1111", CARD])
def test_a_number_is_found_however_it_is_grouped(written):
    assert found(f"card {written}.".encode()) == {1}


@pytest.mark.parametrize("form", ["as it is", "gzip", "docx", "utf-16-le"])
def test_what_straddles_two_pieces_is_found(form):
    data = b"." * 5000 + WRITTEN[form](PLAIN) + b"." * 5000
    assert all(found(data, piece=size) == {2} for size in (4999, 5003, 5007, 97))


def test_base64_in_another_case_is_another_text():
    encoded = base64.b64encode(PLAIN.encode())
    assert encoded.swapcase() != encoded
    assert found(encoded.swapcase()) == set()


def test_nothing_is_found_where_nothing_is():
    near = b"anna.mueller@example.con 4111-1111-1111-1112 " + gzip.compress(b"anna@example.com")
    assert found(near + os.urandom(1 << 20) + near) == set()


def test_a_bomb_is_not_unpacked_for_ever(monkeypatch):
    monkeypatch.setattr("audit.canary.scanner.MOST_UNPACKED_BYTES", 1 << 20)
    tally = Tally()
    scan(Needles(TOKENS), tally, [gzip.compress(bytes(64 << 20))])
    assert tally.cut_short == 1


def test_a_cut_stream_gives_what_is_left_of_it():
    packed = gzip.compress(PLAIN.encode() + os.urandom(50_000))
    assert found(packed[:25_000]) == {2}


@given(st.text(min_size=4, max_size=40), st.binary(max_size=60), st.binary(max_size=60))
def test_any_text_is_found_in_any_surroundings(token, before, after):
    assert found(before + token.encode() + after, [token]) == {0}


def test_encoded_forms_too_short_to_mean_anything_are_left_out():
    short = {len(one.data) for one in patterns("Anna") if one.form == "base64"}
    assert all(length >= 6 for length in short)
    assert found(b"HANNAH", ["anna"]) == {0}
