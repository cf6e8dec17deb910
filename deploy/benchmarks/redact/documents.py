"""Made-up cards, forms and screenshots as pictures, and where on them each word stands."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Final

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from deploy.benchmarks.redact import layouts
from deploy.benchmarks.redact.persons import person

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Where Debian and most other distributions keep typefaces; Pillow's own one is always there.
_FOLDERS: Final = (Path("/usr/share/fonts"), Path("/usr/local/share/fonts"))
_UNFIT: Final = ("Math", "Icon", "awesome", "glyphicons", "Symbol", "Emoji")
_TURNS: Final = (0.0, 0.0, 0.0, 90.0, 180.0, 270.0, 3.0, -5.0, 12.0, -20.0, 35.0)
_CONTRASTS: Final = (1.0, 1.0, 1.0, 0.6, 0.35, 0.2, 0.12)
_SIZES: Final = (11, 13, 15, 18, 22, 28, 36)
_LIGHT: Final = 0.25


@dataclass(frozen=True, slots=True)
class Word:
    """One word on a document; ``corners``: float32 (4, 2) in pixels. ``secret`` is what it is of.

    Words of the same secret share its text; plain words have none.
    """

    text: str
    corners: NDArray[np.float32]
    secret: str = ""


@dataclass(frozen=True, slots=True)
class Document:
    """A picture and what is written on it."""

    image: Image.Image
    kind: str
    words: tuple[Word, ...]
    turn: float
    contrast: float
    size: int

    @property
    def secrets(self) -> list[str]:
        """What must not be read any more, each once."""
        return sorted({word.secret for word in self.words if word.secret})


@dataclass
class _Sheet:
    """Draws and notes where words stand."""

    image: Image.Image
    ink: tuple[int, int, int]
    words: list[Word] = field(default_factory=list)

    def write(
        self, at: tuple[float, float], text: str, font: ImageFont.FreeTypeFont, secret: str = ""
    ) -> float:
        """Write ``text`` word by word; the x where it ends."""
        pen = ImageDraw.Draw(self.image)
        x, y = at
        blank = pen.textlength(" ", font=font)
        for word in text.split():
            left, top, right, bottom = pen.textbbox((x, y), word, font=font)
            pen.text((x, y), word, font=font, fill=self.ink)
            corners = np.array([[left, top], [right, top], [right, bottom], [left, bottom]])
            self.words.append(Word(word, corners.astype(np.float32), secret))
            x = x + pen.textlength(word, font=font) + blank
        return x


def typefaces() -> list[Path | None]:
    """Files of the typefaces that this machine has; None is Pillow's own."""
    found = [path for folder in _FOLDERS if folder.is_dir() for path in folder.rglob("*.ttf")]
    fit = [path for path in sorted(found) if not any(word in path.name for word in _UNFIT)]
    return [None, *fit]


def documents(count: int, seed: int) -> list[Document]:
    """``count`` documents, the same for the same seed and typefaces."""
    rng = Random(seed)  # noqa: S311 - made-up data, not a secret
    faces = typefaces()
    return [_document(rng, number, faces) for number in range(count)]


def _document(rng: Random, number: int, faces: list[Path | None]) -> Document:
    kinds = sorted(layouts.LAYOUTS)
    kind = kinds[number % len(kinds)]
    size, contrast, turn = rng.choice(_SIZES), rng.choice(_CONTRASTS), rng.choice(_TURNS)
    paper, ink = _colours(rng, contrast)
    font, bold = _font(rng.choice(faces), size), _font(rng.choice(faces), round(size * 1.25))
    width, height, lines = layouts.LAYOUTS[kind](rng, person(rng), person(rng))
    image = Image.new("RGB", (round(width * size), round(height * size)), paper)
    _decorated(image, rng, paper)
    sheet = _Sheet(image, ink)
    for line in lines:
        x = line.x * size
        for text, secret in line.parts:
            x = sheet.write((x, line.y * size), text, bold if line.large else font, secret)
    turned, words = _turned(image, sheet.words, turn, paper)
    if rng.random() < _LIGHT:
        turned = turned.filter(ImageFilter.GaussianBlur(0.4 if size < 16 else 0.8))  # noqa: PLR2004
    return Document(turned, kind, tuple(words), turn, contrast, size)


def _font(path: Path | None, size: int) -> ImageFont.FreeTypeFont:
    if path is not None:
        return ImageFont.truetype(str(path), size)
    own = ImageFont.load_default(size)
    if not isinstance(own, ImageFont.FreeTypeFont):
        raise TypeError("this Pillow has no typeface of its own")
    return own


def _colours(rng: Random, contrast: float) -> tuple[tuple[int, int, int], tuple[int, int, int]]:
    """Paper and ink that lie ``contrast`` of the way from equal to black on white."""
    light = rng.randint(225, 255)
    paper = tuple(max(0, light - rng.randint(0, 25)) for _ in range(3))
    ink = tuple(round(channel * (1 - contrast)) for channel in paper)
    if rng.random() < _LIGHT:
        dark = tuple(255 - channel for channel in paper)
        bright = tuple(round(channel + (255 - channel) * contrast) for channel in dark)
        paper, ink = dark, bright
    return (paper[0], paper[1], paper[2]), (ink[0], ink[1], ink[2])


def _decorated(image: Image.Image, rng: Random, paper: tuple[int, int, int]) -> None:
    """A frame and a coloured corner, as cards and windows have."""
    pen = ImageDraw.Draw(image)
    shade = tuple(max(0, channel - 20) for channel in paper)
    if rng.random() < 0.5:  # noqa: PLR2004 - half of them
        pen.rectangle((2, 2, image.width - 3, image.height - 3), outline=shade, width=2)


def _turned(
    image: Image.Image, words: list[Word], turn: float, paper: tuple[int, int, int]
) -> tuple[Image.Image, list[Word]]:
    """The picture turned counter-clockwise, and the words where they lie then."""
    if not turn:
        return image, words
    turned = image.rotate(turn, Image.Resampling.BICUBIC, expand=True, fillcolor=paper)
    angle = np.radians(turn)
    matrix = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    before = np.array([image.width, image.height]) / 2
    after = np.array([turned.width, turned.height]) / 2
    return turned, [
        Word(
            word.text, ((word.corners - before) @ matrix.T + after).astype(np.float32), word.secret
        )
        for word in words
    ]
