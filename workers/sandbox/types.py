"""What goes into the decoding sandbox and what comes out of it: frozen values, no behaviour.

This module imports nothing outside the standard library but numpy's name for an array, so that any
process may use it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Modality = Literal["text", "image", "audio", "array"]
"""``array`` is numbers of whatever an upload says they are: depth, heat, a sensor's."""
Disposition = Literal["quarantined", "rejected"]

MEGABYTE: Final = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Limits:
    """What one file may cost. The defaults are the appliance's own."""

    max_input_bytes: int = 512 * MEGABYTE
    max_output_bytes: int = 384 * MEGABYTE
    max_pixels: int = 120_000_000
    max_audio_ms: int = 4 * 60 * 60 * 1000
    max_pages: int = 2_000
    max_text_chars: int = 20_000_000
    memory_bytes: int = 1024 * MEGABYTE
    """Address space above what the empty decoder process already holds, input apart."""
    wall_seconds: float = 60.0
    """For text and images; audio gets `audio_wall_seconds`."""
    audio_wall_seconds: float = 1_800.0


@dataclass(frozen=True, slots=True)
class Step:
    """One thing done to the content, for the asset's provenance."""

    step: str
    component: str
    version: str


@dataclass(frozen=True, slots=True)
class PageText:
    r"""The plain text of one page, lines end in ``\n``, headings are marked ``# `` to ``###### ``.

    `number` counts from 1 and is None where the format has no pages. `headings` are the headings'
    words in order, without marks.
    """

    number: int | None
    text: str
    headings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Normalised:
    """A decoded, normalised file without its metadata, not yet redacted.

    `rendition` is empty for text (see `pages`). Images: WebP, sRGB, upright, longest side at most
    2048 px; `width` and `height` are the rendition's. Audio: Ogg Opus, 48 kHz mono, loudness
    normalised; `duration_ms` is the rendition's. `thumbnail` is WebP, at most 320 px (the picture,
    or the waveform); None for text, whose picture is made from redacted text.
    """

    modality: Modality
    source_type: str
    """The sniffed MIME type of what came in."""
    media_type: str
    """MIME type of `rendition`; ``text/plain`` for text."""
    rendition: bytes = b""
    pages: tuple[PageText, ...] = ()
    sheets: tuple[int, ...] = ()
    """Of a document: for each picture that may hold writing its page, 0 where there are none."""
    thumbnail: bytes | None = None
    thumbnail_type: str | None = None
    width: int | None = None
    height: int | None = None
    original_width: int | None = None
    """Of a picture as it came in, upright."""
    original_height: int | None = None
    duration_ms: int | None = None
    shape: tuple[int, ...] = ()
    """Of an array; its rendition is NumPy's format, float32, as `npy` writes it."""
    metadata_found: tuple[str, ...] = ()
    """Kinds of metadata that were there and are gone: exif, gps, xmp, icc, iptc, comment, id3..."""
    captured_at: datetime | None = None
    """From EXIF; aware; read as UTC where the camera does not say its offset."""
    steps: tuple[Step, ...] = ()


@dataclass(frozen=True, slots=True)
class Sheet:
    """A picture out of a document: ``pixels`` uint8 (height, width, 3) RGB, `page` 0 if none."""

    page: int
    pixels: NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Muted:
    """A sound with stretches taken out: Ogg Opus again, and its waveform, drawn anew."""

    rendition: bytes
    thumbnail: bytes
    thumbnail_type: str
    duration_ms: int


@dataclass(frozen=True, slots=True)
class Painted:
    """A picture with parts filled, and its thumbnail, both WebP."""

    rendition: bytes
    thumbnail: bytes
    thumbnail_type: str


@dataclass(frozen=True, slots=True)
class SoundFacts:
    """Length of one of our own sounds, and the kinds of metadata in it: there should be none."""

    duration_ms: int
    metadata_found: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TensorSpec:
    """What an encoder wants. Image towers read `longest_side`, audio towers the other two."""

    longest_side: int = 512
    """The image is scaled down, never up, until its longest side is at most this many pixels."""
    sample_rate: int = 48_000
    windows_ms: tuple[tuple[int, int], ...] = ()
    """(start, end) per window, ascending by start; empty: the whole sound as one window.

    Ask for at most `MAX_WINDOWS` at a time: they come back in memory at once.
    """


@dataclass(frozen=True, slots=True)
class Heat:
    """How warm each cell of a grid is, top row first, or each span of a text: 0 to 255.

    Of a sound, whose window of ``window_ms`` is drawn, the lowest pitches are the first row.
    ``spans`` are (start, end) characters, one a value of the only row.
    """

    rows: tuple[tuple[int, ...], ...]
    spans: tuple[tuple[int, int], ...] = ()
    window_ms: tuple[int, int] = (0, 0)

    def checked(self) -> list[list[int]]:
        """The rows.

        Raises:
            ValueError: they are uneven, too many, or hold what is no warmth.
        """
        cells = sum(map(len, self.rows))
        if len({len(row) for row in self.rows}) != 1 or not 0 < cells <= MAX_CELLS:
            raise ValueError(f"heat is a grid of at most {MAX_CELLS} cells")
        if not all(0 <= value <= _HOTTEST for row in self.rows for value in row):
            raise ValueError("warmth is from 0 to 255")
        if self.spans and len(self.spans) != cells:
            raise ValueError("each span has its warmth")
        return [list(row) for row in self.rows]


MAX_CELLS: Final = 2_500
"""Cells of a heat map: they travel in one message of 64 KB, with the spans of a text."""
_HOTTEST: Final = 255
MAX_WINDOWS: Final = 64
MAX_SHEETS: Final = 4
"""Pictures out of a document that can be asked for at once: they come back in memory together."""
MAX_POLYGONS: Final = 1_000
"""Parts of a picture that can be filled at once, for the same reason as `MAX_INTERVALS`."""
MAX_INTERVALS: Final = 2_500
"""Stretches of a sound that can be muted at once: their times travel in one message of 64 KB."""


@dataclass(frozen=True, slots=True)
class Wall:
    """One thing a decoder must not be able to do, and whether it was stopped from doing it."""

    name: str
    held: bool


@dataclass(frozen=True, slots=True)
class SandboxHealth:
    """State of the zygote, for health answers and ``manage.py doctor``."""

    running: bool
    pid: int | None
    restarts: int
    jobs_running: int
    uid: int | None
    """The user id decoders run under."""
    walls: tuple[Wall, ...]
    components: tuple[Step, ...]
    """The libraries the decoders were built on, with versions."""
