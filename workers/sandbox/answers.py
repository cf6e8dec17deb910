"""Turns a decoder process's answer into values, believing nothing in it.

A decoder that has been taken over may send anything. It must not be able to bring in more than
pixels, samples and text: every fact is checked against what is possible, and names and versions
come from here and from the zygote.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from workers.sandbox import npy
from workers.sandbox.reasons import decode_error
from workers.sandbox.sniff import Kind
from workers.sandbox.types import Muted, Normalised, PageText, Painted, Sheet, SoundFacts, Step
from workers.sandbox.wire import Answer

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

RENDITION_KINDS: Final = {"image/webp": "webp", "audio/ogg": "ogg", npy.MEDIA_TYPE: "npy"}
"""Media types of our renditions, and the decoder for each."""

SHEET_KINDS: Final = {
    "application/pdf": "pdf",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "docx",
    "image/tiff": "tiff",
}
"""Media types of files with pictures of pages, and the decoder for each."""

METADATA_KINDS: Final = frozenset(
    {
        "exif", "gps", "xmp", "icc", "iptc", "comment", "embedded-thumbnail", "maker-note",
        "text-chunks", "tags", "cover-art", "chapters", "document-properties", "comments",
        "tracked-changes", "scripts", "hidden-text", "attachments", "annotations", "depth-map",
        "further-frames", "further-streams",
    }
)  # fmt: skip

_STEP: Final = re.compile(r"[a-z0-9][a-z0-9 ,.:-]{0,79}")
_MAX_SIDE: Final = 1 << 16
_MAX_SHEETS: Final = 100_000
_MAX_INTEGER: Final = 1 << 53
_WEBP_HEADER: Final = 12
_PNG: Final = b"\x89PNG\r\n\x1a\n"


def whole_numbers(numbers: object) -> dict[str, int]:
    """Only the entries of `numbers` that are whole, not negative and small."""
    if not isinstance(numbers, dict):
        return {}
    return {
        name: value
        for name, value in numbers.items()
        if isinstance(name, str) and type(value) is int and 0 <= value < _MAX_INTEGER
    }


class _Facts:
    """Reads checked facts from an answer's header; anything impossible is a crashed decoder."""

    def __init__(self, facts: Mapping[str, Any]) -> None:
        self._facts = facts

    def integer(self, name: str, *, low: int = 0, high: int = _MAX_INTEGER) -> int:
        value = self._facts.get(name)
        if type(value) is not int or not low <= value <= high:
            raise decode_error("decoder-crashed")
        return value

    def whole(self, name: str, *, high: int) -> tuple[int, ...]:
        """A list of whole numbers; empty where there is none."""
        value = self._facts.get(name) or ()
        if not isinstance(value, list | tuple) or len(value) > _MAX_SHEETS:
            raise decode_error("decoder-crashed")
        if not all(type(item) is int and 0 <= item <= high for item in value):
            raise decode_error("decoder-crashed")
        return tuple(value)

    def texts(self, name: str) -> list[str]:
        value = self._facts.get(name)
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise decode_error("decoder-crashed")
        return value

    def steps(self, components: Mapping[str, str]) -> tuple[Step, ...]:
        """The steps it names, with the zygote's versions."""
        out = []
        for item in self._facts.get("steps") or ():
            match item:
                case [str() as step, str() as component] if _STEP.fullmatch(step):
                    version = components.get(component)
                case _:
                    version = None
            if version is None:
                raise decode_error("decoder-crashed")
            out.append(Step(step=step, component=component, version=version))
        return tuple(out)

    def shape(self, name: str) -> tuple[int, ...]:
        """A shape of which arrays are taken."""
        value = self._facts.get(name)
        if not isinstance(value, list) or not all(type(side) is int for side in value):
            raise decode_error("decoder-crashed")
        if not npy.permitted(value):
            raise decode_error("decoder-crashed")
        return tuple(value)

    def moment(self, name: str) -> datetime | None:
        value = self._facts.get(name)
        if value is None:
            return None
        try:
            moment = datetime.fromisoformat(value)
        except (TypeError, ValueError):
            raise decode_error("decoder-crashed") from None
        return moment if moment.tzinfo is not None else None


def _is_webp(buffer: memoryview) -> bool:
    return bytes(buffer[:4]) == b"RIFF" and bytes(buffer[8:_WEBP_HEADER]) == b"WEBP"


def one_webp(answer: Answer) -> bytes:
    """The one WebP picture in `answer`."""
    if len(answer.buffers) != 1 or not _is_webp(answer.buffers[0]):
        raise decode_error("decoder-crashed")
    return bytes(answer.buffers[0])


def one_png(answer: Answer) -> bytes:
    """The one PNG picture in `answer`."""
    if len(answer.buffers) != 1 or bytes(answer.buffers[0][:8]) != _PNG:
        raise decode_error("decoder-crashed")
    return bytes(answer.buffers[0])


def sound_facts(answer: Answer) -> SoundFacts:
    """The checked `SoundFacts` in `answer`."""
    facts = _Facts(answer.header)
    return SoundFacts(
        duration_ms=facts.integer("duration_ms", low=1),
        metadata_found=tuple(sorted(METADATA_KINDS.intersection(facts.texts("metadata")))),
    )


def muted(answer: Answer) -> Muted:
    """The checked `Muted` in `answer`."""
    if len(answer.buffers) != 2 or not _is_webp(answer.buffers[1]):  # noqa: PLR2004
        raise decode_error("decoder-crashed")
    rendition, thumbnail = (bytes(buffer) for buffer in answer.buffers)
    if not rendition.startswith(b"OggS"):
        raise decode_error("decoder-crashed")
    return Muted(
        rendition=rendition,
        thumbnail=thumbnail,
        thumbnail_type="image/webp",
        duration_ms=_Facts(answer.header).integer("duration_ms", low=1),
    )


def sheets(answer: Answer) -> list[Sheet]:
    """The checked pictures of a document in `answer`."""
    import numpy as np

    pages = _Facts(answer.header).whole("pages", high=_MAX_SIDE)
    pictures = arrays(answer)
    if len(pages) != len(pictures):
        raise decode_error("decoder-crashed")
    found = []
    for page, pixels in zip(pages, pictures, strict=True):
        if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3:  # noqa: PLR2004
            raise decode_error("decoder-crashed")
        found.append(Sheet(page, pixels.astype(np.uint8, copy=False)))
    return found


def painted(answer: Answer) -> Painted:
    """The checked `Painted` in `answer`."""
    if len(answer.buffers) != 2 or not all(map(_is_webp, answer.buffers)):  # noqa: PLR2004
        raise decode_error("decoder-crashed")
    rendition, thumbnail = (bytes(buffer) for buffer in answer.buffers)
    return Painted(rendition=rendition, thumbnail=thumbnail, thumbnail_type="image/webp")


def normalised(answer: Answer, kind: Kind, components: Mapping[str, str]) -> Normalised:
    """The checked `Normalised` in `answer`, for a file sniffed as `kind`."""
    facts = _Facts(answer.header)
    metadata = tuple(sorted(METADATA_KINDS.intersection(facts.texts("metadata"))))
    steps = (Step("sniff", "sniff", components["sniff"]), *facts.steps(components))
    if kind.modality == "text":
        return Normalised(
            modality="text",
            source_type=kind.media_type,
            media_type="text/plain",
            pages=_pages(facts, answer.buffers),
            sheets=facts.whole("sheets", high=_MAX_SIDE),
            metadata_found=metadata,
            captured_at=facts.moment("captured_at"),
            steps=steps,
        )
    if len(answer.buffers) != 2 or not _is_webp(answer.buffers[1]):  # noqa: PLR2004
        raise decode_error("decoder-crashed")
    rendition, thumbnail = (bytes(buffer) for buffer in answer.buffers)
    if kind.modality == "array":
        return _array_normalised(facts, kind, rendition, thumbnail, steps)
    image = kind.modality == "image"
    if not (_is_webp(answer.buffers[0]) if image else rendition.startswith(b"OggS")):
        raise decode_error("decoder-crashed")
    return Normalised(
        modality=kind.modality,
        source_type=kind.media_type,
        media_type="image/webp" if image else "audio/ogg",
        rendition=rendition,
        thumbnail=thumbnail,
        thumbnail_type="image/webp",
        width=facts.integer("width", low=1, high=_MAX_SIDE) if image else None,
        height=facts.integer("height", low=1, high=_MAX_SIDE) if image else None,
        sheets=facts.whole("sheets", high=_MAX_SIDE) if image else (),
        original_width=facts.integer("original_width", low=1) if image else None,
        original_height=facts.integer("original_height", low=1) if image else None,
        duration_ms=None if image else facts.integer("duration_ms", low=1),
        metadata_found=metadata,
        captured_at=facts.moment("captured_at"),
        steps=steps,
    )


def _array_normalised(
    facts: _Facts, kind: Kind, rendition: bytes, thumbnail: bytes, steps: tuple[Step, ...]
) -> Normalised:
    import numpy as np

    shape = facts.shape("shape")
    array = npy.read(rendition, shape)
    if array is None or not np.isfinite(array).all():
        raise decode_error("decoder-crashed")
    flat = len(shape) == npy.MAX_AXES  # only what has channels is surely a map
    return Normalised(
        modality="array",
        source_type=kind.media_type,
        media_type=npy.MEDIA_TYPE,
        rendition=rendition,
        thumbnail=thumbnail,
        thumbnail_type="image/webp",
        width=shape[1] if flat else None,
        height=shape[0] if flat else None,
        shape=shape,
        steps=steps,
    )


def _pages(facts: _Facts, buffers: tuple[memoryview, ...]) -> tuple[PageText, ...]:
    numbered = facts.integer("numbered", high=1) == 1
    try:
        texts = [str(buffer, "utf-8") for buffer in buffers]
    except UnicodeDecodeError:
        raise decode_error("decoder-crashed") from None
    return tuple(
        PageText(number=number if numbered else None, text=text, headings=headings(text))
        for number, text in enumerate(texts, start=1)
    )


_HEADING: Final = re.compile(r"^#{1,6} +(\S.*)$", re.MULTILINE)


def headings(text: str) -> tuple[str, ...]:
    """The words of the lines of `text` that are marked as headings."""
    return tuple(_HEADING.findall(text))


def component_steps(components: Mapping[str, str]) -> tuple[Step, ...]:
    """What the zygote is built of."""
    return tuple(Step("component", name, version) for name, version in sorted(components.items()))


def arrays(answer: Answer) -> list[NDArray[np.uint8] | NDArray[np.float32]]:
    """The arrays in `answer`: the header's ``arrays`` give dtype and shape for each buffer."""
    import numpy as np

    dtypes: dict[str, type[np.uint8 | np.float32]] = {"uint8": np.uint8, "float32": np.float32}
    described = answer.header.get("arrays")
    if not isinstance(described, list) or len(described) != len(answer.buffers):
        raise decode_error("decoder-crashed")
    out: list[NDArray[np.uint8] | NDArray[np.float32]] = []
    for item, buffer in zip(described, answer.buffers, strict=True):
        match item:
            case [str() as dtype, list() as shape] if dtype in dtypes:
                out.append(_array(buffer, dtypes[dtype], shape))
            case _:
                raise decode_error("decoder-crashed")
    return out


def _array(
    buffer: memoryview, dtype: type[np.uint8 | np.float32], shape: list[object]
) -> NDArray[Any]:
    import numpy as np

    try:
        array = np.frombuffer(buffer, dtype=dtype).reshape(shape)  # type: ignore[arg-type]  # checked by numpy itself, which raises
    except (TypeError, ValueError):
        raise decode_error("decoder-crashed") from None
    if not all(type(side) is int and side >= 0 for side in shape):
        raise decode_error("decoder-crashed")
    if array.dtype == np.float32 and not np.isfinite(array).all():
        raise decode_error("decoder-crashed")
    return array
