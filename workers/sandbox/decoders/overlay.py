"""Heat over one of our own renditions: which patches, moments and pitches, or words carry a match.

One hue, from nothing to a full orange, over a grey picture: it reads without telling red from green
and in print. What is lighter than nothing (parts that speak against the match) is left as it is.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any, BinaryIO, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from workers.sandbox.child import Result
from workers.sandbox.decoders import tensors
from workers.sandbox.decoders.image import upright_rgb

VERSION: Final = "1"

MAX_CHARS: Final = 20_000
_MAX_PIXELS: Final = 64_000_000
"""A rendition has at most 2048 x 2048."""
_SIDE: Final = 1024
_HEAT: Final = (240, 110, 0)
_INK, _SOFT, _PAPER = (28, 32, 36), (96, 104, 112), (255, 255, 255)
_GREY_SHARE: Final = 0.9
"""How much of a picture's colour goes, so that the heat's hue is the only one that stands out."""
_MOST_HEAT: Final = 0.8
_FONT: Final = ImageFont.load_default(16)
_SMALL: Final = ImageFont.load_default(13)

_RATE: Final = 32_000
_FFT, _BANDS = 1024, 96
_LOW_HZ, _HIGH_HZ = 50.0, 14_000.0
"""What the towers hear, and what the map's rows divide: see ``retrieval.saliency.sound``."""
_PLOT: Final = (800, 288)
_LEFT, _BOTTOM, _TOP = 64, 44, 12
_TICKS_HZ: Final = (100, 500, 1000, 2000, 4000, 8000)
_DECIBELS: Final = 60.0

_WIDTH: Final = 840
_MARGIN: Final = 24
_LINE: Final = 28
_MOST_LINES: Final = 120


def draw(file: BinaryIO, size: int, arguments: Mapping[str, Any]) -> Result:
    """A PNG of the rendition with ``heat``: rows of 0 to 255 of a grid, or one a span of a text."""
    heat = np.asarray(arguments["heat"], np.float32) / 255.0
    if arguments["kind"] == "text":
        picture = _text(file.read(size).decode(), arguments["spans"], heat)
    elif arguments["kind"] == "webp":
        image, _ = upright_rgb(file, "webp", side=_SIDE, max_pixels=_MAX_PIXELS)
        picture = _warmed(image, heat)
    else:
        window = tuple(arguments["window_ms"])
        wave = tensors.decode(
            file,
            size,
            {
                "kind": "ogg",
                "sample_rate": _RATE,
                "windows_ms": [window],
                "max_ms": arguments["max_ms"],
            },
        ).buffers[0]
        picture = _sound(np.frombuffer(wave, np.float32), heat, window)
    return Result({}, [_png(picture)])


def _warmed(image: Image.Image, heat: NDArray[np.float32]) -> Image.Image:
    """``image`` (RGB), greyed, with heat where the grid is warm."""
    pixels = np.asarray(image, np.float32)
    grey = pixels.mean(axis=2, keepdims=True)
    calm = pixels * (1 - _GREY_SHARE) + grey * _GREY_SHARE
    plane = Image.fromarray(np.round(np.clip(heat, 0, 1) * 255).astype(np.uint8))
    smooth = np.asarray(plane.resize(image.size, Image.Resampling.BICUBIC), np.float32) / 255.0
    share = smooth[..., None] * _MOST_HEAT
    warm = calm * (1 - share) + np.asarray(_HEAT, np.float32) * share
    return Image.fromarray(np.clip(warm, 0, 255).astype(np.uint8))


def _sound(
    wave: NDArray[np.float32], heat: NDArray[np.float32], window: tuple[int, int]
) -> Image.Image:
    """A spectrogram, low pitches at the bottom, with heat, and axes of seconds and hertz."""
    loud = _spectrogram(wave)
    plane = Image.fromarray(np.flipud((1 - 0.85 * loud) * 255).astype(np.uint8))
    plot = _warmed(plane.resize(_PLOT, Image.Resampling.BILINEAR).convert("RGB"), np.flipud(heat))
    width, height = _PLOT
    page = Image.new("RGB", (_LEFT + width + 24, _TOP + height + _BOTTOM), _PAPER)
    page.paste(plot, (_LEFT, _TOP))
    pen = ImageDraw.Draw(page)
    for hz in _TICKS_HZ:
        at = _TOP + height - round(height * float(_place(np.asarray(hz))))
        pen.line((_LEFT - 5, at, _LEFT, at), fill=_SOFT)
        label = f"{hz / 1000:g} kHz" if hz >= 1000 else f"{hz} Hz"  # noqa: PLR2004 a thousand
        pen.text((_LEFT - 9, at), label, fill=_INK, font=_SMALL, anchor="rm")
    start, end = window[0] / 1000, window[1] / 1000
    for second in _seconds(start, end):
        at = _LEFT + round(width * (second - start) / (end - start))
        pen.line((at, _TOP + height, at, _TOP + height + 5), fill=_SOFT)
        pen.text((at, _TOP + height + 8), f"{second:g} s", fill=_INK, font=_SMALL, anchor="mt")
    return page


def _seconds(start: float, end: float) -> list[float]:
    """Some six whole or half seconds from ``start`` to ``end``."""
    step = next((s for s in (0.1, 0.25, 0.5, 1.0, 2.0, 5.0) if (end - start) / s <= 10), 10.0)  # noqa: PLR2004 labels that fit
    first = int(np.ceil(start / step - 1e-9))
    return [round(n * step, 2) for n in range(first, int(np.floor(end / step + 1e-9)) + 1)]


def _place(hz: NDArray[Any]) -> NDArray[np.float64]:
    """Where a pitch lies between the lowest and the highest, 0 to 1, on the mel scale."""
    mel = 2595.0 * np.log10(1.0 + np.asarray([_LOW_HZ, _HIGH_HZ]) / 700.0)
    found: NDArray[np.float64] = (2595.0 * np.log10(1.0 + hz / 700.0) - mel[0]) / (mel[1] - mel[0])
    return found


def _spectrogram(wave: NDArray[np.float32]) -> NDArray[np.float32]:
    """Loudness 0 to 1 over 60 dB: float32 (bands, frames), the lowest band first."""
    padded = np.pad(wave, (0, max(0, _FFT - len(wave))))
    hop = max(1, (len(padded) - _FFT) // _PLOT[0])
    frames = np.lib.stride_tricks.sliding_window_view(padded, _FFT)[::hop]
    power = np.abs(np.fft.rfft(frames * np.hanning(_FFT), axis=1)) ** 2
    mel = 2595.0 * np.log10(1.0 + np.asarray([_LOW_HZ, _HIGH_HZ]) / 700.0)
    centres = 700.0 * (10.0 ** (np.linspace(mel[0], mel[1], _BANDS) / 2595.0) - 1.0)
    place = centres * _FFT / _RATE
    below, share = place.astype(int), place - place.astype(int)
    bands = (power[:, below] * (1 - share) + power[:, below + 1] * share).T
    decibels = 10 * np.log10(np.maximum(bands, 1e-12))
    loud = (decibels - decibels.max()) / _DECIBELS + 1
    found: NDArray[np.float32] = np.clip(loud, 0, 1).astype(np.float32)
    return found


def _text(text: str, spans: Sequence[Sequence[int]], heat: NDArray[np.float32]) -> Image.Image:
    """The text with each span on a ground as warm as it is."""
    lines = _lines(text[:MAX_CHARS], spans, heat.ravel())
    page = Image.new("RGB", (_WIDTH, 2 * _MARGIN + _LINE * max(1, len(lines))), _PAPER)
    pen = ImageDraw.Draw(page)
    for number, line in enumerate(lines):
        top = _MARGIN + number * _LINE
        for left, word, warmth in line:
            if warmth > 0:
                ground = tuple(
                    round(white * (1 - warmth) + hot * warmth)
                    for white, hot in zip(_PAPER, _HEAT, strict=True)
                )
                width = pen.textlength(word, font=_FONT)
                pen.rectangle((left - 2, top, left + width + 2, top + _LINE - 5), fill=ground)
            pen.text((left, top + 2), word, fill=_INK, font=_FONT)
    return page


def _lines(
    text: str, spans: Sequence[Sequence[int]], heat: NDArray[np.float32]
) -> list[list[tuple[float, str, float]]]:
    """Lines of (left, word, warmth), as many as fit a picture."""
    lines: list[list[tuple[float, str, float]]] = [[]]
    left, at, space = float(_MARGIN), 0, _FONT.getlength(" ")
    warm = [(start, end, float(h)) for (start, end), h in zip(spans, heat, strict=True)]
    for word in text.replace("\n", " \n ").split(" "):
        at = text.find(word.strip(), at) if word.strip() else at
        if word == "\n":
            lines.append([])
            left = float(_MARGIN)
        elif word:
            width = _FONT.getlength(word)
            if left + width > _WIDTH - _MARGIN and lines[-1]:
                lines.append([])
                left = float(_MARGIN)
            end = at + len(word)
            warmth = max((h for s, e, h in warm if s < end and e > at), default=0.0)
            lines[-1].append((left, word, warmth))
            left += width + space
            at = end
        if len(lines) > _MOST_LINES:
            return lines[:_MOST_LINES]
    return lines


def _png(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG", optimize=False)
    return buffer.getvalue()


def warm_up() -> None:
    """Draws each kind once."""
    half = np.full((2, 2), 0.5, np.float32)
    _png(_warmed(Image.new("RGB", (8, 8), "white"), half))
    _png(_sound(np.zeros(_RATE, np.float32), half, (0, 1000)))
    _png(_text("a b", [[0, 1]], np.ones(1, np.float32)))
