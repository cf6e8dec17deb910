"""Any Pillow mode and ICC profile to 8-bit sRGB, transparency laid over white."""

from __future__ import annotations

import io
from typing import Final

import numpy as np
from PIL import Image, ImageCms

_SIXTEEN_BIT: Final = ("I;16", "I;16L", "I;16B", "I;16N")
_PROFILE_MODES: Final = {"RGB ": "RGB", "GRAY": "L", "CMYK": "CMYK", "Lab ": "LAB"}
_MAX_PROFILE: Final = 4 * 1024 * 1024
_SRGB: Final = ImageCms.createProfile("sRGB")
_LAB: Final = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
_BYTE: Final = 255
_WORD: Final = 65_535


def eight_bit(image: Image.Image) -> Image.Image:
    """`image` in one of L, LA, RGB, RGBA, CMYK, YCbCr, LAB.

    Integer pictures are read as 16-bit if they fit, else stretched; floating point as 0 to 1 if
    they fit, else stretched.
    """
    mode = image.mode
    if mode in _SIXTEEN_BIT:
        values = np.asarray(image)
        return Image.fromarray((values >> 8).astype(np.uint8))
    if mode in ("I", "F"):
        return Image.fromarray(_stretched(np.asarray(image)))
    transparent = "transparency" in image.info
    target = {
        "1": "L",
        "P": "RGBA" if transparent else "RGB",
        "PA": "RGBA",
        "La": "LA",
        "RGBa": "RGBA",
        "L": "LA" if transparent else "L",
        "RGB": "RGBA" if transparent else "RGB",
        "RGBX": "RGB",
        "HSV": "RGB",
    }.get(mode, mode)
    return image if target == mode else image.convert(target)


def _stretched(
    values: np.ndarray[tuple[int, ...], np.dtype[np.generic]],
) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    numbers = np.nan_to_num(values.astype(np.float32), posinf=0.0, neginf=0.0)
    low, high = float(numbers.min()), float(numbers.max())
    if low >= 0 and high <= 1:
        low, high = 0.0, 1.0
    elif low >= 0 and high <= _WORD:
        low, high = 0.0, float(_WORD if high > _BYTE else _BYTE)
    scale = _BYTE / (high - low) if high > low else 0.0
    return np.clip((numbers - low) * scale + 0.5, 0, _BYTE).astype(np.uint8)


def to_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """`image` in RGB or RGBA, through its ICC profile where it has a usable one."""
    alpha = image.getchannel("A") if image.mode in ("LA", "RGBA") else None
    colours = image.convert("RGB" if image.mode == "RGBA" else "L") if alpha else image
    converted = _by_profile(colours, profile)
    if converted is None and colours.mode == "LAB":
        converted = _by_profile(colours, _LAB)
    if converted is None:
        converted = colours.convert("RGB")
    if alpha is not None:
        converted.putalpha(alpha)
    return converted


def _by_profile(image: Image.Image, profile: bytes | None) -> Image.Image | None:
    """`image` converted by `profile`; None where that is missing, too large or unusable."""
    if not profile or len(profile) > _MAX_PROFILE:
        return None
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        mode = _PROFILE_MODES.get(source.profile.xcolor_space)
        if mode is None or (mode != image.mode and not (mode == "RGB" and image.mode == "YCbCr")):
            return None
        return ImageCms.profileToProfile(
            image.convert(mode), source, _SRGB, ImageCms.Intent.PERCEPTUAL, outputMode="RGB"
        )
    except (OSError, ImageCms.PyCMSError, ValueError):
        return None


def on_white(image: Image.Image) -> Image.Image:
    """`image` in RGB, what was transparent white."""
    if image.mode != "RGBA":
        return image.convert("RGB")
    white = Image.new("RGB", image.size, "white")
    white.paste(image, mask=image.getchannel("A"))
    return white


def warm_up() -> None:
    """Builds a transform once."""
    profile = ImageCms.ImageCmsProfile(_SRGB).tobytes()
    to_srgb(Image.new("RGB", (2, 2)), profile)
