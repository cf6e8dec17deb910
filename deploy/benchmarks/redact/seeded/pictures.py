"""Pictures of forms with identifiers in their pixels, and in every kind of metadata they have."""

from __future__ import annotations

import io
from collections.abc import Iterable

from PIL import ExifTags, Image, ImageDraw, ImageFont
from PIL.PngImagePlugin import PngInfo

from deploy.benchmarks.redact.seeded.seed import Seed

_SIZE = (960, 420)
_FONT_PIXELS = 30
_XMP = (
    '<?xpacket begin="" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/">'
    '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description '
    'xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:creator>{}</dc:creator></rdf:Description>'
    "</rdf:RDF></x:xmpmeta><?xpacket end='w'?>"
)


def jpeg(seed: Seed) -> bytes:
    """EXIF artist and comment, XMP creator, a comment segment."""
    exif = Image.Exif()
    exif[ExifTags.Base.Artist] = seed.one("EXIF")[1]
    xmp = _XMP.format(seed.one("XMP")[1]).encode()
    comment = seed.one("comment")[1].encode()
    return _saved(
        _form(seed.rest("pixels")), "JPEG", exif=exif, xmp=xmp, comment=comment, quality=92
    )


def png(seed: Seed) -> bytes:
    """Text chunks, plain, compressed and international."""
    info = PngInfo()
    info.add_text("Author", seed.one("text chunk")[1])
    info.add_text("Description", seed.one("compressed chunk")[1] * 3, zip=True)
    return _saved(_form(seed.rest("pixels")), "PNG", pnginfo=info)


def webp(seed: Seed) -> bytes:
    """EXIF and XMP."""
    exif = Image.Exif()
    exif[ExifTags.Base.ImageDescription] = seed.one("EXIF")[1]
    xmp = _XMP.format(seed.one("XMP")[1])
    return _saved(_form(seed.rest("pixels")), "WEBP", exif=exif, xmp=xmp, quality=90)


def tiff(seed: Seed) -> bytes:
    """Two pages and tags."""
    tags = {270: seed.one("tag")[1], 315: seed.one("tag")[1]}  # ImageDescription, Artist
    pages = [_form([seed.one("pixels")]), _form(seed.rest("pixels"))]
    return _saved(
        pages[0], "TIFF", save_all=True, append_images=pages[1:], tiffinfo=tags,
        compression="tiff_deflate",
    )  # fmt: skip


def gif(seed: Seed) -> bytes:
    """A comment extension."""
    comment = seed.one("comment")[1].encode()
    return _saved(_form(seed.rest("pixels")).quantize(16), "GIF", comment=comment)


def _form(entries: Iterable[tuple[str, str]]) -> Image.Image:
    """A form with a line of large writing for each entry."""
    entries = list(entries)
    shade = 255 - 5 * len(entries)
    picture = Image.new("RGB", _SIZE, (shade, shade, 255))
    draw = ImageDraw.Draw(picture)
    font = ImageFont.load_default(_FONT_PIXELS)
    lines = ["REGISTRATION FORM", "Town library, reading room"]
    lines += [f"{label}: {value}" for label, value in entries]
    for number, line in enumerate(lines):
        draw.text((40, 30 + number * 56), line, fill=(20, 20, 20), font=font)
    return picture


def _saved(picture: Image.Image, form: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, form, **options)
    return buffer.getvalue()
