"""The version of each decoder: our module's, and the library's it stands on."""

from __future__ import annotations

from importlib.metadata import version
from typing import Final

from workers.sandbox.decoders import (
    array,
    audio,
    docx,
    html,
    image,
    loudness,
    mute,
    overlay,
    paint,
    pdf,
    plain,
    sheets,
    text_picture,
)

COMPONENTS: Final = {
    "plain": plain.VERSION,
    "html": f"{html.VERSION}+beautifulsoup4-{version('beautifulsoup4')}",
    "docx": f"{docx.VERSION}+lxml-{version('lxml')}",
    "pdf": f"{pdf.VERSION}+pypdfium2-{version('pypdfium2')}",
    "image": f"{image.VERSION}+pillow-{version('pillow')}",
    "audio": f"{audio.VERSION}+av-{version('av')}",
    "loudness": f"{loudness.VERSION}+av-{version('av')}",
    "mute": f"{mute.VERSION}+av-{version('av')}",
    "overlay": f"{overlay.VERSION}+pillow-{version('pillow')}",
    "paint": f"{paint.VERSION}+pillow-{version('pillow')}",
    "sheets": f"{sheets.VERSION}+pypdfium2-{version('pypdfium2')}-pillow-{version('pillow')}",
    "array": f"{array.VERSION}+numpy-{version('numpy')}",
    "text_picture": f"{text_picture.VERSION}+pillow-{version('pillow')}",
}
"""Component name to version, as it is kept in an asset's provenance."""
