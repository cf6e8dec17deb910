"""WebP pictures of ours."""

from __future__ import annotations

import io
from typing import Final

from PIL import Image

_METHOD: Final = 3
"""libwebp's effort, 0 to 6."""


def encode(image: Image.Image, *, quality: int) -> bytes:
    """`image` (RGB) as WebP with pixels and nothing else."""
    buffer = io.BytesIO()
    # A new image, since Pillow copies what it finds in `info` into what it writes.
    clean = Image.new("RGB", image.size)
    clean.paste(image)
    clean.save(buffer, "WEBP", quality=quality, method=_METHOD, exif=b"", xmp=b"", icc_profile=None)
    return buffer.getvalue()
