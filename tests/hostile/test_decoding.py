"""Files made to harm: each is refused with a reason, and the sandbox goes on working."""

from __future__ import annotations

import gzip
import io
import random
import struct
import tarfile
import zipfile
import zlib

import numpy as np
import pytest
import soundfile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from workers.sandbox import DecodeError, Limits, Normalised, Sandbox
from workers.sandbox.reasons import REASONS


@pytest.fixture(scope="module")
def sandbox():
    with Sandbox(jobs=2) as running:
        pid = running.health().pid
        yield running
        assert running.health().pid == pid


def code_of(sandbox, data, name, **more):
    with pytest.raises(DecodeError) as caught:
        sandbox.sniff_normalise(data, name_hint=name, **more)
    return caught.value.code


def png_chunk(name, body):
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def png_bomb(side):
    """Zeros pack a thousandfold: a few megabytes of file, gigabytes of pixels."""
    packer = zlib.compressobj(9)
    row = bytes(1 + side)
    packed = b"".join(packer.compress(row) for _ in range(side)) + packer.flush()
    header = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + png_chunk(b"IHDR", header)
        + png_chunk(b"IDAT", packed)
        + png_chunk(b"IEND", b"")
    )


def test_a_png_bomb_is_refused_by_its_header(sandbox):
    assert code_of(sandbox, png_bomb(12_000), "a.png") == "too-many-pixels"


def test_a_png_bomb_within_the_pixel_limit_ends_at_the_memory_limit(sandbox):
    limits = Limits(max_pixels=1_000_000_000, memory_bytes=20 * 1024 * 1024)
    assert code_of(sandbox, png_bomb(9_000), "a.png", limits=limits) == "decoder-memory"


@pytest.mark.parametrize(
    ("kind", "at", "form"), [("GIF", 6, "<HH"), ("BMP", 18, "<II"), ("WEBP", 26, "<HH")]
)
def test_huge_dimensions_in_a_header_are_refused(sandbox, kind, at, form):
    buffer = io.BytesIO()
    Image.new("RGB", (16, 16)).save(buffer, kind)
    data = bytearray(buffer.getvalue())
    struct.pack_into(form, data, at, 0xFFFF, 0xFFFF)
    assert code_of(sandbox, bytes(data), "a") in {
        "too-many-pixels", "damaged", "truncated", "unknown-type",
    }  # fmt: skip


def test_a_png_with_a_bomb_in_its_text_is_harmless(sandbox):
    buffer = io.BytesIO()
    Image.new("RGB", (8, 8), "red").save(buffer, "PNG")
    data = buffer.getvalue()
    text = b"Comment\0\0" + zlib.compress(bytes(100_000_000), 9)
    bomb = data[:33] + png_chunk(b"zTXt", text) + data[33:]
    try:
        assert sandbox.sniff_normalise(bomb, name_hint="a.png").width == 8
    except DecodeError as error:
        assert error.code in {"damaged", "decoder-memory"}


def archive(parts, compression=zipfile.ZIP_DEFLATED):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as out:
        for name, body in parts.items():
            out.writestr(name, body)
    return buffer.getvalue()


W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'


def body(text):
    return f"<w:document {W}><w:body><w:p><w:r><w:t>{text}</w:t></w:r></w:p></w:body></w:document>"


def test_a_minimal_word_document_is_taken(sandbox):
    """The positive control for the attacks below."""
    data = archive({"word/document.xml": body("hello")})
    assert sandbox.sniff_normalise(data, name_hint="a.docx").pages[0].text == "hello"


def test_a_zip_bomb_is_refused(sandbox):
    data = archive({"word/document.xml": body("x"), "word/media/a.bin": bytes(50_000_000)})
    assert code_of(sandbox, data, "a.docx") == "archive-bomb"


def test_a_zip_bomb_that_lies_about_its_size_is_refused(sandbox):
    data = bytearray(archive({"word/document.xml": body("x" * 5_000_000)}))
    for signature, at in ((b"PK\x01\x02", 24), (b"PK\x03\x04", 22)):
        struct.pack_into("<I", data, data.index(signature) + at, 1000)
    assert code_of(sandbox, bytes(data), "a.docx") in {"archive-bomb", "damaged"}


def test_an_archive_of_very_many_members_is_refused(sandbox):
    parts = {f"word/{number}": b"" for number in range(10_001)}
    data = archive({"word/document.xml": body("x"), **parts}, zipfile.ZIP_STORED)
    assert code_of(sandbox, data, "a.docx") == "archive-bomb"


ENTITIES = (
    '<!DOCTYPE d [<!ENTITY x SYSTEM "file:///etc/passwd">]>' + body("&x;"),
    '<!DOCTYPE d SYSTEM "http://127.0.0.1/evil.dtd">' + body("x"),
    "<!DOCTYPE d [<!ENTITY a 'aaaaaaaaaa'>"
    + "".join(f"<!ENTITY {chr(98 + i)} '{('&' + chr(97 + i) + ';') * 10}'>" for i in range(9))
    + "]>"
    + body("&j;"),
)


@pytest.mark.parametrize("document", ENTITIES)
@pytest.mark.parametrize("codec", ["utf-8", "utf-16"])
def test_entities_in_a_word_document_are_refused(sandbox, document, codec):
    data = archive({"word/document.xml": document.encode(codec)})
    assert code_of(sandbox, data, "a.docx") == "forbidden-xml"


def test_entities_in_the_styles_are_refused(sandbox):
    data = archive({"word/document.xml": body("x"), "word/styles.xml": ENTITIES[0]})
    assert code_of(sandbox, data, "a.docx") == "forbidden-xml"


def test_xml_nested_very_deeply_is_refused(sandbox):
    # Stored, not packed: it must be the parser's depth limit that refuses it.
    deep = f"<w:document {W}>" + "<w:p>" * 20_000 + "</w:p>" * 20_000 + "</w:document>"
    stored = archive({"word/document.xml": deep}, zipfile.ZIP_STORED)
    assert code_of(sandbox, stored, "a.docx") == "damaged"


def test_html_entities_open_no_file(sandbox):
    data = b'<!DOCTYPE html [<!ENTITY x SYSTEM "file:///etc/passwd">]><html><p>start &x; end'
    assert "root:" not in sandbox.sniff_normalise(data, name_hint="a.html").pages[0].text


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.svg", b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'),
        ("a.svg", b'<?xml version="1.0"?><svg><image href="file:///etc/passwd"/></svg>'),
        ("a.m3u8", b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n"),
        ("a.pls", b"[playlist]\nFile1=file:///etc/passwd\n"),
        ("a.ffconcat", b"ffconcat version 1.0\nfile /etc/passwd\n"),
        ("a.sh", b"#!/bin/sh\nrm -rf /\n"),
        ("a.py", b"print('hello')\n"),
        ("a.php", b"<?php system('id'); ?>"),
        ("a.exe", b"MZ" + bytes(500)),
        ("a", b"\x7fELF" + bytes(500)),
        ("a.zip", archive({"../../etc/passwd": b"x"})),
        ("a.jar", archive({"META-INF/MANIFEST.MF": b"x"})),
        ("a.gz", gzip.compress(b"words", mtime=0)),
        ("a.7z", b"7z\xbc\xaf\x27\x1c" + bytes(50)),
        ("a.rar", b"Rar!\x1a\x07\x00" + bytes(50)),
        ("a.rtf", b"{\\rtf1 hello}"),
        ("a.ps", b"%!PS-Adobe-3.0\n(/etc/passwd) (r) file\n"),
        ("a.xml", b"<?xml version='1.0'?><a/>"),
        ("a.bmp", b"BM" + bytes(100)),
        ("a.mkv", b"\x1aE\xdf\xa3" + bytes(100)),
        ("a.avi", b"RIFF\x00\x01\x00\x00AVI LIST" + bytes(100)),
        ("a.jxl", b"\x00\x00\x00\x0cJXL \r\n\x87\n" + bytes(50)),
    ],
)
def test_other_kinds_of_files_are_not_supported(sandbox, name, data):
    assert code_of(sandbox, data, name) == "unknown-type"
    assert code_of(sandbox, data, "a.jpg") == "mislabelled"
    # A playlist or a script that calls itself a sound must not reach ffmpeg.
    assert code_of(sandbox, data, "a.mp3") == "mislabelled"


def test_a_tar_is_not_supported(sandbox):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as out:
        out.addfile(tarfile.TarInfo("../x"), io.BytesIO(b""))
    assert code_of(sandbox, buffer.getvalue(), "a.tar") == "unknown-type"


@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.mp3", "a.wav", "a.pdf", "a.docx"])
def test_text_that_calls_itself_something_else_is_mislabelled(sandbox, name):
    assert code_of(sandbox, b"just some words\n" * 20, name) == "mislabelled"


def gif():
    buffer = io.BytesIO()
    Image.new("RGB", (8, 8), "red").save(buffer, "GIF")
    return buffer.getvalue()


def test_a_picture_with_an_archive_behind_it_is_only_a_picture(sandbox):
    """GIFAR: the beginning decides, and what follows is not in the rendition."""
    data = gif() + archive({"SECRETCANARY.class": b"SECRETCANARY"}, zipfile.ZIP_STORED)
    result = sandbox.sniff_normalise(data, name_hint="a.docx")
    assert result.modality == "image"
    assert b"SECRETCANARY" not in result.rendition + (result.thumbnail or b"")


def test_a_picture_with_a_script_in_it_is_only_a_picture(sandbox):
    script = b"<script>SECRETCANARY</script>"
    data = gif()[:-1] + b"!\xfe" + bytes([len(script)]) + script + b"\0;"
    result = sandbox.sniff_normalise(data, name_hint="a.html")
    assert result.modality == "image"
    assert b"SECRETCANARY" not in result.rendition


def test_a_pdf_that_is_a_web_page_too_is_only_a_pdf(sandbox):
    data = b"%PDF-1.4\n<html><script>alert(1)</script></html>"
    assert code_of(sandbox, data, "a.html") in {"damaged", "truncated"}


def test_a_file_over_the_size_limit_is_refused_unread(sandbox):
    limits = Limits(max_input_bytes=1024 * 1024)
    with pytest.raises(DecodeError) as caught:
        sandbox.sniff_normalise(bytes(2 * 1024 * 1024), name_hint="a.txt", limits=limits)
    assert caught.value.reason == "The file is larger than the 1 MB that are taken."


def samples():
    """One small valid file of each kind, to be damaged."""
    noise = np.random.default_rng(5).integers(0, 255, (48, 48, 3), dtype=np.uint8)
    out = []
    for kind in ("JPEG", "PNG", "WEBP", "GIF", "TIFF", "AVIF"):
        buffer = io.BytesIO()
        Image.fromarray(noise).save(buffer, kind)
        out.append(buffer.getvalue())
    sound = np.random.default_rng(5).normal(0, 0.2, (4800, 1))
    for container, subtype in (
        ("WAV", "PCM_16"), ("FLAC", "PCM_16"), ("OGG", "VORBIS"), ("OGG", "OPUS"),
        ("MP3", "MPEG_LAYER_III"),
    ):  # fmt: skip
        buffer = io.BytesIO()
        soundfile.write(buffer, sound, 48_000, format=container, subtype=subtype)
        out.append(buffer.getvalue())
    out.append(archive({"word/document.xml": body("hello")}))
    return out


SAMPLES = samples()


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(which=st.integers(0, len(SAMPLES) - 1), seed=st.integers(0, 2**32), keep=st.floats(0.2, 1.0))
def test_damaged_files_are_taken_or_refused_and_nothing_else(sandbox, which, seed, keep):
    """Bytes are flipped and the end is cut off: whatever comes of it is an answer or a reason."""
    data = bytearray(SAMPLES[which])
    chance = random.Random(seed)
    for _ in range(chance.randint(1, 8)):
        data[chance.randrange(len(data))] = chance.randrange(256)
    limits = Limits(wall_seconds=20, audio_wall_seconds=20, memory_bytes=512 * 1024 * 1024)
    try:
        result = sandbox.sniff_normalise(bytes(data[: int(len(data) * keep)]), limits=limits)
    except DecodeError as error:
        assert error.code in REASONS
        assert error.code != "decoder-failed"
    else:
        assert isinstance(result, Normalised)


@given(st.binary(max_size=300), st.sampled_from(["", "a.txt", "a.jpg", "a.mp3", "a.pdf"]))
@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_any_bytes_are_taken_or_refused(sandbox, data, name):
    try:
        sandbox.sniff_normalise(data, name_hint=name)
    except DecodeError as error:
        assert error.code in REASONS
        assert error.reason
