"""What a picture's file says besides its pixels: found, named, and left behind."""

from __future__ import annotations

import contextlib
import re
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from PIL import ExifTags, Image

ORIENTATION: Final = int(ExifTags.Base.Orientation)

_INFO_KINDS: Final = {
    "exif": "exif",
    "xmp": "xmp",
    "XML:com.adobe.xmp": "xmp",
    "icc_profile": "icc",
    "photoshop": "iptc",
    "comment": "comment",
    "thumbnails": "embedded-thumbnail",
    "depth_images": "depth-map",
}
_THUMBNAIL_IFD: Final = int(ExifTags.IFD.IFD1)
_EXIF_DATE: Final = re.compile(r"(\d{4}:\d\d:\d\d) (\d\d:\d\d:\d\d)")
_OFFSET: Final = re.compile(r"[+-]\d\d:\d\d")
_SPEAKING_TAGS: Final = (
    ExifTags.Base.ImageDescription,
    ExifTags.Base.Make,
    ExifTags.Base.Model,
    ExifTags.Base.Software,
    ExifTags.Base.DateTime,
    ExifTags.Base.Artist,
    ExifTags.Base.HostComputer,
    ExifTags.Base.Copyright,
)
_TIFF_KINDS: Final = {0x02BC: "xmp", 0x83BB: "iptc", 0x8649: "iptc"}
# EXIF 2.32, 4.6.5: when the picture was taken, when it was digitised, when the file was changed.
_DATES: Final = (
    (ExifTags.Base.DateTimeOriginal, ExifTags.Base.OffsetTimeOriginal),
    (ExifTags.Base.DateTimeDigitized, ExifTags.Base.OffsetTimeDigitized),
)


@dataclass(slots=True)
class Found:
    """Kinds of metadata, and when the picture was taken (ISO 8601), if the camera says so.

    `size` is the picture's width and height in the file, upright.
    """

    kinds: set[str] = field(default_factory=set)
    size: tuple[int, int] = (0, 0)
    frames: int = 1
    captured_at: str | None = None


def _captured_at(details: dict[int, Any]) -> str | None:
    for date_tag, offset_tag in _DATES:
        match = _EXIF_DATE.match(str(details.get(date_tag, "")))
        if match is None:
            continue
        offset = str(details.get(offset_tag, "")).strip("\x00 ")
        zone = offset if _OFFSET.fullmatch(offset) else "+00:00"
        date, clock = match.groups()
        text = f"{date.replace(':', '-')}T{clock}{zone}"
        with contextlib.suppress(ValueError):
            return datetime.fromisoformat(text).isoformat()
    return None


def inventory(image: Image.Image, *, frames: bool = True) -> Found:
    """The metadata of an opened picture. Damaged metadata counts as found and is not read.

    `frames` looks for further frames, which forgets pixels that are already decoded.
    """
    found = Found()
    for key, kind in _INFO_KINDS.items():
        if image.info.get(key):
            found.kinds.add(kind)
    if getattr(image, "text", None):
        found.kinds.add("text-chunks")
    if frames:
        found.frames = getattr(image, "n_frames", 1)
    if found.frames > 1:
        found.kinds.add("further-frames")
    # Whatever a camera wrote into the tags, a picture is not refused for it.
    with contextlib.suppress(Exception):
        _read_tags(image, found)
    return found


def _read_tags(image: Image.Image, found: Found) -> None:
    tags = image.getexif()
    if not tags:
        return
    # In a TIFF most of the same tags describe the pixels.
    if image.format != "TIFF" or any(tag in tags for tag in _SPEAKING_TAGS):
        found.kinds.add("exif")
    for tag, kind in _TIFF_KINDS.items():
        if image.format == "TIFF" and tag in tags:
            found.kinds.add(kind)
    if tags.get_ifd(ExifTags.IFD.GPSInfo):
        found.kinds.add("gps")
    if tags.get_ifd(_THUMBNAIL_IFD):
        found.kinds.add("embedded-thumbnail")
    details = tags.get_ifd(ExifTags.IFD.Exif)
    if details:
        found.kinds.add("exif")
    if ExifTags.Base.MakerNote in details:
        found.kinds.add("maker-note")
    found.captured_at = _captured_at(details)
