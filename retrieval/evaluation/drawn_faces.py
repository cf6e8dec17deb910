"""Pictures of people who do not exist: faces drawn from a few numbers.

Only the face is a person's own: its shape, colours, eyes, brows, nose, mouth and beard. Hair,
clothes up to the chin, background, place, size, tilt, light and mood differ from picture to
picture, so that whoever recognises a person does it by the face. CenterFace finds these faces.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from random import Random

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

SIDE = 384
_SCALE = 2  # drawn larger and shrunk, for smooth edges
Colour = tuple[int, int, int]
Box = tuple[float, float, float, float]

_SKINS: tuple[Colour, ...] = (
    (241, 205, 178), (224, 172, 138), (198, 140, 104),
    (160, 106, 74), (120, 78, 54), (250, 220, 200),
)  # fmt: skip
_HAIR: tuple[Colour, ...] = (
    (30, 24, 20), (90, 56, 30), (160, 110, 50), (215, 180, 110), (120, 120, 122), (140, 50, 24),
)  # fmt: skip
_IRISES: tuple[Colour, ...] = ((70, 100, 140), (80, 110, 60), (80, 50, 30), (40, 30, 26))
_WHITE, _BLACK, _LIPS = (245, 243, 240), (10, 10, 10), (165, 75, 75)


@dataclass(frozen=True)
class Features:
    """What one person always looks like; lengths are shares of the head's width or height."""

    skin: Colour
    brows: Colour
    iris: Colour
    head: float  # height of the head over its width
    jaw: float
    eyes_apart: float
    eye: float
    brow: float
    nose: float
    mouth: float
    lips: float
    beard: bool


@dataclass(frozen=True)
class _Head:
    """Where the head is drawn: its box and what is measured by it."""

    left: float
    top: float
    width: float
    height: float

    @property
    def middle(self) -> float:
        return self.left + self.width / 2

    @property
    def eyes(self) -> float:
        return self.top + self.height * 0.44


def features(person: int) -> Features:
    """The features of person number ``person``."""
    draw = Random(1000 + person)  # noqa: S311 - a made-up face
    return Features(
        skin=_SKINS[person % len(_SKINS)],
        brows=draw.choice(_HAIR),
        iris=draw.choice(_IRISES),
        head=draw.uniform(1.25, 1.5),
        jaw=draw.uniform(0.72, 0.95),
        eyes_apart=draw.uniform(0.40, 0.50),
        eye=draw.uniform(0.075, 0.105),
        brow=draw.uniform(0.02, 0.045),
        nose=draw.uniform(0.09, 0.15),
        mouth=draw.uniform(0.30, 0.44),
        lips=draw.uniform(0.03, 0.055),
        beard=draw.random() < 0.3,  # noqa: PLR2004 - a share
    )


def picture(person: int, number: int) -> bytes:
    """A PNG of ``person``; ``number`` decides everything that is not the person's own."""
    draw = Random(person * 1009 + number)  # noqa: S311 - as above
    side = SIDE * _SCALE
    canvas = _background(draw, side)
    layer = _drawn(features(person), draw, side)
    tilted = layer.rotate(draw.uniform(-9, 9), resample=Image.Resampling.BICUBIC)
    room = round(side * 0.07)
    canvas.paste(tilted, (draw.randint(-room, room), draw.randint(-room, room)), tilted)
    small = canvas.resize((SIDE, SIDE), Image.Resampling.LANCZOS)
    small = small.filter(ImageFilter.GaussianBlur(0.6))
    pixels = np.asarray(small, dtype=np.float32) * draw.uniform(0.8, 1.15)
    noise = np.random.default_rng(person * 1009 + number).normal(0, 4, pixels.shape)
    shown = Image.fromarray((pixels + noise).clip(0, 255).astype(np.uint8))
    buffer = io.BytesIO()
    shown.save(buffer, "PNG")
    return buffer.getvalue()


def _colour(draw: Random, low: int, high: int) -> Colour:
    return draw.randrange(low, high), draw.randrange(low, high), draw.randrange(low, high)


def _darker(colour: Colour, share: float) -> Colour:
    red, green, blue = (round(part * share) for part in colour)
    return red, green, blue


def _around(x: float, y: float, half_width: float, half_height: float) -> Box:
    return x - half_width, y - half_height, x + half_width, y + half_height


def _background(draw: Random, side: int) -> Image.Image:
    """A room's wall: two colours that run into each other, and a few blurred things."""
    first, second = (Image.new("RGB", (side, side), _colour(draw, 60, 230)) for _ in range(2))
    mask = Image.linear_gradient("L").resize((side, side)).rotate(draw.choice([0, 90, 180]))
    wall = Image.composite(first, second, mask)
    pen = ImageDraw.Draw(wall)
    for _ in range(5):
        x, y = draw.randrange(side), draw.randrange(side)
        size = draw.randrange(side // 8, side // 3)
        pen.rectangle((x, y, x + size, y + size), fill=_colour(draw, 40, 220))
    return wall.filter(ImageFilter.GaussianBlur(side / 40))


def _drawn(own: Features, draw: Random, side: int) -> Image.Image:
    """Hair, clothes and face on a transparent square."""
    width = side * draw.uniform(0.36, 0.50)
    height = width * own.head
    head = _Head(side / 2 - width / 2, (side - height) / 2, width, height)
    layer = Image.new("RGBA", (side, side))
    pen = ImageDraw.Draw(layer)
    hair, right, bottom = draw.choice(_HAIR), head.left + width, head.top + height
    if draw.choice([True, False]):
        long = (head.left - width * 0.13, head.top - height * 0.06, right + width * 0.13)
        pen.rounded_rectangle((*long, bottom + width * 0.25), radius=width * 0.5, fill=hair)
    shirt = _colour(draw, 30, 220)
    collar = _around(head.middle, bottom + width * 0.05, width * 0.3, height * 0.16)
    layer.alpha_composite(_shaded(own, draw, head, side))
    pen.rounded_rectangle(collar, radius=width * 0.12, fill=shirt)
    pen.ellipse(_around(head.middle, bottom + width * 1.1, width * 1.1, width * 0.95), fill=shirt)
    layer.alpha_composite(_soft(own, head, side))
    _sharp(ImageDraw.Draw(layer), own, draw, head)
    fringe = (head.left - width * 0.03, head.top - height * 0.07, right + width * 0.03)
    ImageDraw.Draw(layer).chord((*fringe, head.top + height * 0.62), 190, 350, fill=hair)
    return layer


def _shaded(own: Features, draw: Random, head: _Head, side: int) -> Image.Image:
    """The head's shape, lit from one side and darker towards its edge."""
    shape = Image.new("L", (side, side))
    pen = ImageDraw.Draw(shape)
    right, bottom = head.left + head.width, head.top + head.height
    pen.ellipse((head.left, head.top, right, head.top + head.height * 0.8), fill=255)
    inset = head.width * (1 - own.jaw) / 2
    chin = (head.left + inset, head.top + head.height * 0.3, right - inset, bottom)
    pen.ellipse(chin, fill=255)
    across = np.linspace(-1, 1, side)[None, :] * draw.choice([-1, 1]) * draw.uniform(0.1, 0.35)
    down = np.linspace(-1, 1, side)[:, None] * -0.15
    columns, rows = np.arange(side)[None, :], np.arange(side)[:, None]
    away = ((columns - head.middle) / head.width) ** 2
    away = away + ((rows - head.top - head.height / 2) / head.height) ** 2
    light = (1 + across + down) * (1.06 - 0.9 * away)
    pixels = np.array(own.skin, dtype=np.float32) * light[:, :, None]
    face = Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).convert("RGBA")
    face.putalpha(shape.filter(ImageFilter.GaussianBlur(2)))
    return face


def _soft(own: Features, head: _Head, side: int) -> Image.Image:
    """Nose, shadows about the eyes and beard, without hard edges."""
    soft = Image.new("RGBA", (side, side))
    pen = ImageDraw.Draw(soft)
    width, height, tip = head.width, head.height, head.top + head.height * 0.64
    pen.ellipse(
        _around(head.middle, tip, width * own.nose, height * 0.035), fill=_darker(own.skin, 0.8)
    )
    bridge = (head.middle - width * 0.03, head.eyes, head.middle - width * own.nose * 0.6, tip)
    pen.line(bridge, fill=_darker(own.skin, 0.86), width=round(width * 0.025))
    for sign in (-1, 1):
        x = head.middle + sign * width * own.eyes_apart / 2
        about = _around(x, head.eyes, width * own.eye * 1.7, height * 0.055)
        pen.ellipse(about, fill=_darker(own.skin, 0.82))
        nostril = head.middle + sign * width * own.nose * 0.5
        hole = _around(nostril, tip + height * 0.012, width * 0.022, height * 0.01)
        pen.ellipse(hole, fill=_darker(own.skin, 0.62))
    if own.beard:
        chin = _around(head.middle, head.top + height * 0.83, width * 0.34, height * 0.17)
        pen.ellipse(chin, fill=(*own.brows, 200))
    return soft.filter(ImageFilter.GaussianBlur(width / 45))


def _sharp(pen: ImageDraw.ImageDraw, own: Features, draw: Random, head: _Head) -> None:
    """Eyes, brows and mouth."""
    width, height = head.width, head.height
    for sign in (-1, 1):
        x, y = head.middle + sign * width * own.eyes_apart / 2, head.eyes
        eye, brow = width * own.eye, head.eyes - height * 0.075
        pen.ellipse(_around(x, y, eye, height * 0.026), fill=_WHITE)
        pen.ellipse(_around(x, y, eye * 0.5, height * 0.026), fill=own.iris)
        pen.ellipse(_around(x, y, eye * 0.24, height * 0.014), fill=_BLACK)
        lid = _around(x, y, eye * 1.08, height * 0.032)
        pen.arc(lid, 190, 350, fill=_darker(own.skin, 0.35), width=round(width * 0.014))
        ends = brow + height * 0.012
        arch = (x - eye * 1.1, ends, x, brow, x + eye * 1.1, ends)
        pen.line(arch, fill=own.brows, width=round(width * own.brow), joint="curve")
    mouth, smile = head.top + height * 0.77, draw.uniform(0.0, 0.045) * height
    left, right = head.middle - width * own.mouth / 2, head.middle + width * own.mouth / 2
    upper, lower = mouth - height * own.lips * 0.6, mouth + height * own.lips
    corners = mouth - smile
    pen.polygon(
        [(left, corners), (head.middle, upper), (right, corners), (head.middle, lower)], fill=_LIPS
    )
    line = (left, corners, head.middle, mouth + smile * 0.3, right, corners)
    pen.line(line, fill=_darker(_LIPS, 0.6), width=round(width * 0.014), joint="curve")
