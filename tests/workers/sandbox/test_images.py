"""Pictures come out upright, in sRGB, small enough, and with nothing but pixels."""

from __future__ import annotations

import io
import struct
import zlib
from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pillow_heif
import pytest
from PIL import ExifTags, Image, ImageCms, PngImagePlugin

from workers.sandbox import DecodeError, Limits

pillow_heif.register_heif_opener()

SECRET = "SECRETCANARY"


def saved(image, kind, **options):
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def opened(data):
    return Image.open(io.BytesIO(data))


def pixel(data, x, y):
    return opened(data).convert("RGB").getpixel((x, y))


def close(one, other, tolerance=12):
    return all(abs(a - b) <= tolerance for a, b in zip(one, other, strict=True))


def code_of(sandbox, data, name, **more):
    with pytest.raises(DecodeError) as caught:
        sandbox.sniff_normalise(data, name_hint=name, **more)
    return caught.value.code


@pytest.fixture
def gradient():
    rows, columns = np.mgrid[0:120, 0:200]
    return Image.fromarray(
        np.stack([columns, rows, (rows + columns) // 2], axis=-1).astype(np.uint8), "RGB"
    )


@pytest.mark.parametrize(
    ("kind", "name", "media_type"),
    [
        ("JPEG", "a.jpg", "image/jpeg"),
        ("PNG", "a.png", "image/png"),
        ("WEBP", "a.webp", "image/webp"),
        ("GIF", "a.gif", "image/gif"),
        ("TIFF", "a.tif", "image/tiff"),
        ("HEIF", "a.heic", "image/heic"),
        ("AVIF", "a.avif", "image/avif"),
    ],
)
def test_every_format_becomes_a_webp_of_the_same_picture(sandbox, gradient, kind, name, media_type):
    result = sandbox.sniff_normalise(saved(gradient, kind), name_hint=name)
    assert (result.modality, result.source_type) == ("image", media_type)
    assert (result.media_type, result.width, result.height) == ("image/webp", 200, 120)
    assert close(pixel(result.rendition, 150, 60), (150, 60, 105), 30)
    assert opened(result.thumbnail).size == (200, 120)
    assert result.steps[0].component == "sniff"
    assert all(step.version for step in result.steps)


def test_the_name_does_not_matter_where_the_content_is_known(sandbox, gradient):
    assert sandbox.sniff_normalise(saved(gradient, "PNG"), name_hint="a.mp3").modality == "image"


def test_large_pictures_are_scaled_and_small_ones_left(sandbox):
    large = sandbox.sniff_normalise(saved(Image.new("RGB", (5000, 2500)), "PNG"), name_hint="a.png")
    assert (large.width, large.height) == (2048, 1024)
    assert opened(large.thumbnail).size == (320, 160)
    tiny = sandbox.sniff_normalise(saved(Image.new("RGB", (1, 1)), "PNG"), name_hint="a.png")
    assert (tiny.width, tiny.height) == (1, 1)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_pictures_come_out_upright(sandbox, kind, orientation):
    """The upper left corner is red in the upright picture, however the camera was held."""
    upright = Image.new("RGB", (160, 96), "white")
    upright.paste((255, 0, 0), (0, 0, 48, 32))
    stored = {
        1: lambda image: image,
        2: lambda image: image.transpose(Image.Transpose.FLIP_LEFT_RIGHT),
        3: lambda image: image.transpose(Image.Transpose.ROTATE_180),
        4: lambda image: image.transpose(Image.Transpose.FLIP_TOP_BOTTOM),
        5: lambda image: image.transpose(Image.Transpose.TRANSPOSE),
        6: lambda image: image.transpose(Image.Transpose.ROTATE_90),
        7: lambda image: image.transpose(Image.Transpose.TRANSVERSE),
        8: lambda image: image.transpose(Image.Transpose.ROTATE_270),
    }[orientation](upright)
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    if kind == "TIFF":
        data = saved(stored, kind, tiffinfo={int(ExifTags.Base.Orientation): orientation})
    else:
        data = saved(stored, kind, exif=exif)
    result = sandbox.sniff_normalise(data, name_hint="a")
    assert (result.width, result.height) == (160, 96)
    assert close(pixel(result.rendition, 10, 10), (255, 0, 0), 40)
    assert close(pixel(result.rendition, 150, 10), (255, 255, 255), 40)
    assert close(pixel(result.rendition, 10, 85), (255, 255, 255), 40)


def test_a_heic_comes_out_upright_once(sandbox):
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    upright = Image.new("RGB", (160, 96), "white")
    upright.paste((255, 0, 0), (0, 0, 48, 32))
    data = saved(upright.transpose(Image.Transpose.ROTATE_90), "HEIF", exif=exif.tobytes())
    result = sandbox.sniff_normalise(data, name_hint="a.heic")
    assert (result.width, result.height) == (160, 96)
    assert close(pixel(result.rendition, 10, 10), (255, 0, 0), 40)


def camera_exif():
    exif = Image.Exif()
    exif[ExifTags.Base.Make] = SECRET
    exif[ExifTags.Base.Artist] = SECRET
    details = exif.get_ifd(ExifTags.IFD.Exif)
    details[ExifTags.Base.DateTimeOriginal] = "2021:03:04 05:06:07"
    details[ExifTags.Base.OffsetTimeOriginal] = "+02:00"
    details[ExifTags.Base.MakerNote] = SECRET.encode()
    details[ExifTags.Base.UserComment] = SECRET.encode()
    gps = exif.get_ifd(ExifTags.IFD.GPSInfo)
    gps[ExifTags.GPS.GPSLatitudeRef] = "N"
    gps[ExifTags.GPS.GPSLatitude] = (52.0, 31.0, 12.0)
    return exif


def srgb_profile():
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
    return profile.tobytes()


def assert_bare(data, *, forbidden=(b"EXIF", b"XMP ", b"ICCP", b"ANIM", b"ANMF")):
    """A WebP with pixels only: its chunks are read here byte by byte, not by a library."""
    assert data[:4] == b"RIFF"
    assert data[8:12] == b"WEBP"
    assert struct.unpack("<I", data[4:8])[0] + 8 == len(data)
    chunks, at = [], 12
    while at < len(data):
        name, length = struct.unpack("<4sI", data[at : at + 8])
        chunks.append(name)
        at += 8 + length + length % 2
    assert set(chunks) <= {b"VP8 ", b"VP8L"}, chunks
    assert SECRET.encode() not in data
    assert all(mark not in data[:64] for mark in forbidden)


def test_nothing_of_the_metadata_is_left(sandbox, gradient):
    xmp = f"<x:xmpmeta xmlns:x='adobe:ns:meta/'>{SECRET}</x:xmpmeta>".encode()
    data = saved(
        gradient,
        "JPEG",
        exif=camera_exif(),
        icc_profile=srgb_profile(),
        comment=SECRET.encode(),
        xmp=xmp,
    )
    assert data.count(SECRET.encode()) >= 5
    result = sandbox.sniff_normalise(data, name_hint="a.jpg")
    assert {"exif", "gps", "maker-note", "xmp", "icc", "comment"} <= set(result.metadata_found)
    assert_bare(result.rendition)
    assert_bare(result.thumbnail)
    assert result.captured_at == datetime(2021, 3, 4, 5, 6, 7, tzinfo=timezone(timedelta(hours=2)))


def test_an_embedded_thumbnail_and_iptc_are_found_and_gone(sandbox, gradient):
    preview = saved(Image.new("RGB", (16, 16)), "JPEG", comment=SECRET.encode())
    tiff = struct.pack("<2sHI", b"II", 42, 8)
    first = struct.pack("<HHHII", 1, 0x0112, 3, 1, 1) + struct.pack("<I", 26)
    second = struct.pack("<H", 2)
    second += struct.pack("<HHII", 0x0201, 4, 1, 56) + struct.pack(
        "<HHII", 0x0202, 4, 1, len(preview)
    )
    exif = b"Exif\0\0" + tiff + first + second + struct.pack("<I", 0) + preview
    iptc = b"Photoshop 3.0\x008BIM\x04\x04\0\0" + struct.pack(">I", 5 + len(SECRET))
    iptc += b"\x1c\x02\x78" + struct.pack(">H", len(SECRET)) + SECRET.encode()
    plain = saved(gradient, "JPEG")
    segments = b"".join(
        marker + struct.pack(">H", len(body) + 2) + body
        for marker, body in ((b"\xff\xe1", exif), (b"\xff\xed", iptc))
    )
    data = plain[:2] + segments + plain[2:]
    result = sandbox.sniff_normalise(data, name_hint="a.jpg")
    assert {"exif", "embedded-thumbnail", "iptc"} <= set(result.metadata_found)
    assert_bare(result.rendition)


def test_png_text_is_gone_also_behind_the_pixels(sandbox, gradient):
    info = PngImagePlugin.PngInfo()
    info.add_text("Author", SECRET)
    info.add_itxt("XML:com.adobe.xmp", SECRET)
    data = saved(gradient, "PNG", pnginfo=info, exif=camera_exif(), icc_profile=srgb_profile())
    late = b"tEXtComment\0" + SECRET.encode()
    chunk = struct.pack(">I", len(late) - 4) + late + struct.pack(">I", zlib.crc32(late))
    end = data.rindex(b"IEND") - 4
    result = sandbox.sniff_normalise(data[:end] + chunk + data[end:], name_hint="a.png")
    assert {"text-chunks", "xmp", "exif", "gps", "icc"} <= set(result.metadata_found)
    assert_bare(result.rendition)


@pytest.mark.parametrize("kind", ["WEBP", "TIFF", "HEIF", "AVIF"])
def test_metadata_of_other_formats_is_gone(sandbox, gradient, kind):
    data = saved(gradient, kind, exif=camera_exif().tobytes())
    assert SECRET.encode() in data
    result = sandbox.sniff_normalise(data, name_hint="a")
    assert {"exif", "gps"} <= set(result.metadata_found)
    assert_bare(result.rendition)


def test_a_camera_that_states_no_offset_is_read_as_utc(sandbox, gradient):
    exif = camera_exif()
    del exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.OffsetTimeOriginal]
    result = sandbox.sniff_normalise(saved(gradient, "JPEG", exif=exif), name_hint="a.jpg")
    assert result.captured_at == datetime(2021, 3, 4, 5, 6, 7, tzinfo=UTC)


@pytest.mark.parametrize("date", ["0000:00:00 00:00:00", "2021:13:40 99:99:99", SECRET, ""])
def test_an_impossible_date_is_none(sandbox, gradient, date):
    exif = Image.Exif()
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.DateTimeOriginal] = date
    result = sandbox.sniff_normalise(saved(gradient, "JPEG", exif=exif), name_hint="a.jpg")
    assert result.captured_at is None


def test_colours_go_through_the_profile(sandbox):
    """A profile whose red and green are swapped must show: it is applied, not just dropped."""
    profile = bytearray(srgb_profile())
    red, green = profile.index(b"rXYZ"), profile.index(b"gXYZ")
    profile[red : red + 4], profile[green : green + 4] = b"gXYZ", b"rXYZ"
    data = saved(Image.new("RGB", (32, 32), (255, 0, 0)), "PNG", icc_profile=bytes(profile))
    result = sandbox.sniff_normalise(data, name_hint="a.png")
    assert close(pixel(result.rendition, 16, 16), (0, 255, 0), 40)


def test_a_damaged_profile_is_ignored(sandbox, gradient):
    data = saved(gradient, "PNG", icc_profile=b"not a profile" * 20)
    assert "icc" in sandbox.sniff_normalise(data, name_hint="a.png").metadata_found


@pytest.mark.parametrize(
    ("image", "kind", "expected"),
    [
        (Image.new("1", (32, 32), 1), "PNG", (255, 255, 255)),
        (Image.new("L", (32, 32), 128), "PNG", (128, 128, 128)),
        (Image.new("LA", (32, 32), (0, 0)), "PNG", (255, 255, 255)),
        (Image.new("RGBA", (32, 32), (255, 0, 0, 0)), "PNG", (255, 255, 255)),
        (Image.new("RGBA", (32, 32), (0, 0, 0, 128)), "PNG", (127, 127, 127)),
        (Image.new("P", (32, 32), 0), "GIF", (0, 0, 0)),
        (Image.new("CMYK", (32, 32), (0, 255, 255, 0)), "JPEG", (254, 0, 0)),
        (Image.new("CMYK", (32, 32), (0, 255, 255, 0)), "TIFF", (255, 0, 0)),
        (Image.new("LAB", (32, 32), (255, 128, 128)), "TIFF", (255, 255, 255)),
        (Image.new("YCbCr", (32, 32), (255, 128, 128)), "JPEG", (255, 255, 255)),
        (Image.fromarray(np.full((32, 32), 0x8080, np.uint16)), "PNG", (128, 128, 128)),
        (Image.fromarray(np.full((32, 32), 0x8080, np.uint16)), "TIFF", (128, 128, 128)),
        (Image.fromarray(np.full((32, 32), 0.5, np.float32)), "TIFF", (128, 128, 128)),
        (Image.fromarray(np.full((32, 32), np.nan, np.float32)), "TIFF", (0, 0, 0)),
        (Image.fromarray(np.full((32, 32), 40_000, np.int32)), "TIFF", (156, 156, 156)),
    ],
)
def test_every_pixel_mode_becomes_rgb(sandbox, image, kind, expected):
    result = sandbox.sniff_normalise(saved(image, kind), name_hint="a")
    assert close(pixel(result.rendition, 16, 16), expected)


def test_a_palette_with_transparency_lies_on_white(sandbox):
    image = Image.new("P", (32, 32), 0)
    image.putpalette([255, 0, 0, 0, 255, 0])
    result = sandbox.sniff_normalise(saved(image, "PNG", transparency=0), name_hint="a.png")
    assert close(pixel(result.rendition, 16, 16), (255, 255, 255))


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "TIFF", "PNG"])
def test_of_an_animation_the_first_frame_is_taken(sandbox, kind):
    frames = [Image.new("RGB", (32, 32), colour) for colour in ("red", "lime", "blue")]
    data = saved(frames[0], kind, save_all=True, append_images=frames[1:])
    result = sandbox.sniff_normalise(data, name_hint="a")
    assert close(pixel(result.rendition, 16, 16), (255, 0, 0), 40)
    assert "further-frames" in result.metadata_found
    assert_bare(result.rendition)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF", "TIFF", "HEIF", "AVIF"])
@pytest.mark.parametrize("share", [0.5, 0.9])
def test_half_a_picture_is_refused(sandbox, kind, share):
    noise = np.random.default_rng(1).integers(0, 255, (300, 300, 3), dtype=np.uint8)
    data = saved(Image.fromarray(noise), kind)
    assert code_of(sandbox, data[: int(len(data) * share)], "a") in {"truncated", "damaged"}


def test_fifty_megapixels_are_taken(sandbox):
    data = saved(Image.new("RGB", (8660, 5774), (10, 200, 30)), "JPEG", quality=30)
    result = sandbox.sniff_normalise(data, name_hint="a.jpg")
    assert (result.width, result.height) == (2048, 1365)
    assert close(pixel(result.rendition, 100, 100), (10, 200, 30))


def test_too_many_pixels_are_refused_before_they_are_decoded(sandbox):
    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    body = b"IHDR" + header
    data = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + body + struct.pack(">I", zlib.crc32(body))
    data += struct.pack(">I", 0) + b"IDAT" + struct.pack(">I", zlib.crc32(b"IDAT"))
    with pytest.raises(DecodeError) as caught:
        sandbox.sniff_normalise(data, name_hint="a.png")
    assert caught.value.code == "too-many-pixels"
    assert caught.value.reason == "The picture has 3600 megapixels; up to 120 are taken."


def test_the_pixel_limit_is_the_callers(sandbox, gradient):
    data = saved(gradient, "PNG")
    assert code_of(sandbox, data, "a.png", limits=Limits(max_pixels=20_000)) == "too-many-pixels"


def test_a_picture_that_needs_more_memory_than_allowed_is_refused(sandbox):
    data = saved(Image.new("RGB", (9000, 9000)), "PNG")
    limits = Limits(memory_bytes=100 * 1024 * 1024)
    assert code_of(sandbox, data, "a.png", limits=limits) == "decoder-memory"


def test_a_bigtiff_offset_beyond_the_file_is_refused(sandbox):
    data = bytearray(saved(Image.new("RGB", (64, 64)), "TIFF"))
    struct.pack_into("<I", data, 4, 0x7FFFFFFF)
    assert code_of(sandbox, bytes(data), "a.tif") in {"truncated", "damaged"}


def test_the_rendition_is_the_same_every_time(sandbox, gradient):
    data = saved(gradient, "JPEG")
    one, other = (sandbox.sniff_normalise(data, name_hint="a.jpg") for _ in range(2))
    assert one == other
