"""Which part of an item carries its match with a query: behind searches, beside ingestion."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import structlog

from retrieval import framing
from retrieval.saliency.base import (
    DEFAULT,
    METHODS,
    Cells,
    Method,
    SaliencyImpossible,
    SaliencyMap,
    similarities,
)
from retrieval.saliency.occlusion import map_of, variants_of, windows_of
from retrieval.saliency.picture import PictureCells
from retrieval.saliency.sound import SoundCells
from retrieval.saliency.words import WordCells
from workers.model_server.requests import MAX_TEXT_CHARS, Work
from workers.model_server.types import ModelRefusal

if TYPE_CHECKING:
    import numpy.typing as npt

    from workers.model_server.desk import Desk
    from workers.model_server.types import Tower

_USUAL: Final[Method] = "occlusion"
_GRADIENT_ITEMS: Final = 1
_METHODS: Final[dict[str | None, Method | None]] = {None: None, **{name: name for name in METHODS}}

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Asked:
    """A checked request: one item and the vector it was found with."""

    model: str
    modality: str
    method: Method | None
    query: npt.NDArray[np.float32]
    cells: Cells


def asked_of(body: bytes) -> Asked:
    """What a body asks for.

    Raises:
        ModelRefusal: it is not in the expected form, or the item cannot be taken apart.
    """
    try:
        data, arrays = framing.unpack_arrays(body)
        model, modality = str(data["model"]), str(data["modality"])
        method = _METHODS[data.get("method")]
        query = np.asarray(arrays[0], np.float32).reshape(-1)
        item = str(data["text"])[:MAX_TEXT_CHARS] if modality == "text" else arrays[1]
        cells = _cells(modality, item, int(data.get("rate", 0)))
    except SaliencyImpossible:
        raise ModelRefusal(
            "not-explained", "There is nothing in this that could be taken apart."
        ) from None
    except (framing.FramingError, LookupError, TypeError, ValueError) as error:
        raise ModelRefusal(
            "bad-request", "The request is not in the expected form.", 400
        ) from error
    return Asked(model, modality, method, query, cells)


def _cells(modality: str, item: Any, rate: int) -> Cells:
    if modality == "text":
        return WordCells(item)
    if modality == "image" and item.dtype == np.uint8:
        return PictureCells(item)
    if modality == "audio" and item.dtype == np.float32:
        return SoundCells(item, rate=rate)
    raise SaliencyImpossible("there is no map for such data")


async def explained(desk: Desk, asked: Asked) -> SaliencyMap:
    """The map, by the method asked for or the better one; occlusion where that is impossible.

    Every forward pass goes through the scheduler in the lane of ingestion: searches come first.
    Cancel it and what has not begun is dropped.

    Raises:
        ModelRefusal: unknown model, no such tower, or a query of another size.
        QueueFullError, MemoryShortError: not now.
    """
    tower = await desk.tower(asked.model, asked.modality)
    if asked.query.shape != (tower.dimension,):
        raise ModelRefusal("bad-request", "The query is of another space.", 400)
    if (asked.method or DEFAULT.get(asked.modality, _USUAL)) == "gradient":
        try:
            return await _gradient(desk, tower, asked)
        except SaliencyImpossible:
            log.info("no-gradients", model=asked.model, modality=asked.modality)
    return await _occlusion(desk, asked)


async def _occlusion(desk: Desk, asked: Asked) -> SaliencyMap:
    windows = windows_of(asked.cells.shape)
    variants = variants_of(asked.cells, windows)
    found = []
    # A batch at a time is made and queued, so that memory holds no more and others get turns.
    while batch := await asyncio.to_thread(next, variants, None):
        size = sum(getattr(item, "nbytes", len(item)) for item in batch)
        rows = await desk.rows(Work(asked.model, asked.modality, "ingest", batch, size))
        found.append(similarities(rows, asked.query))
    return map_of(asked.cells.shape, windows, np.concatenate(found))


async def _gradient(desk: Desk, tower: Tower, asked: Asked) -> SaliencyMap:
    from retrieval.saliency.gradient import gradient

    made: list[SaliencyMap] = []

    def work(items: list[Any]) -> npt.NDArray[np.float32]:
        made.append(gradient(items[0], query=asked.query, encoder=tower.encoder))
        return np.zeros((1, 1), np.float32)

    key = (asked.model, asked.modality, "gradient")
    future = desk.scheduler.submit(
        [asked.cells], tower=key, encode=work, lane="ingest", batch_items=_GRADIENT_ITEMS
    )
    try:
        await asyncio.wrap_future(future)
    finally:
        desk.scheduler.forget(key)
    return made[-1]
