"""HTTP face of the model server."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import structlog
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from retrieval import framing
from retrieval.transport import DEADLINE_HEADER
from workers import uds
from workers.model_server.scheduler import LANES, QueueFullError, Scheduler
from workers.model_server.store import ModelRefusal, ModelStore, Tower

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from concurrent.futures import Future

    import numpy as np
    import numpy.typing as npt

    from workers.model_server.scheduler import Lane

MEGABYTE: Final = 1024 * 1024
MAX_BODY_BYTES: Final = 256 * MEGABYTE
MAX_ITEMS: Final = 512
MAX_TEXT_CHARS: Final = 32_000
# Items in one forward pass: large enough to use the cores, short enough (some 0.2 s) for a query to
# wait for.
BATCH_ITEMS: Final = {"text": 32, "image": 8, "audio": 4}
_USUAL_BATCH: Final = 4
_DEFAULT_DEADLINE_SECONDS: Final = 30.0

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Work:
    """A checked request: what to encode, with what, how urgently."""

    model: str
    modality: str
    lane: Lane
    items: list[Any]
    size_bytes: int


@dataclass
class ModelServer:
    """Models, the compute thread, and the ref that is loaded before anybody asks."""

    store: ModelStore
    scheduler: Scheduler
    warm_ref: str | None = None
    warming: asyncio.Task[None] | None = None

    def app(self) -> Starlette:
        """The Starlette application."""
        return Starlette(
            routes=[
                Route("/encode", uds.guarded(self.encode), methods=["POST"]),
                Route("/models", uds.guarded(self.models), methods=["GET"]),
                Route("/healthz", uds.guarded(self.health), methods=["GET"]),
            ],
            lifespan=self._lifespan,
        )

    @asynccontextmanager
    async def _lifespan(self, app: Starlette) -> AsyncIterator[None]:
        del app
        self.scheduler.start()
        if self.warm_ref is not None:
            self.warming = asyncio.create_task(self._warm(self.warm_ref))
        yield
        if self.warming is not None:
            self.warming.cancel()
        await asyncio.to_thread(self.scheduler.stop)

    async def encode(self, request: Request) -> Response:
        """Texts or arrays in, float32 (n, d) out."""
        try:
            work = _work(await _body(request))
            tower = await asyncio.to_thread(self.store.tower, work.model, work.modality)
            rows = await self._rows(work, tower, _deadline_seconds(request))
        except ModelRefusal as refusal:
            log.info("refused", code=refusal.code)
            return JSONResponse(
                {"code": refusal.code, "reason": refusal.reason}, status_code=refusal.status
            )
        except QueueFullError:
            return JSONResponse({"code": "busy"}, status_code=429, headers={"retry-after": "1"})
        except TimeoutError:
            return uds.busy(retry_after_seconds=2, code="deadline")
        except ClientDisconnect:
            return Response(status_code=499)
        return Response(framing.pack_arrays({}, [rows]), media_type=framing.CONTENT_TYPE)

    async def _rows(self, work: Work, tower: Tower, seconds: float) -> npt.NDArray[np.float32]:
        if not work.items:
            return tower.nothing()
        future: Future[npt.NDArray[np.float32]] = self.scheduler.submit(
            work.items,
            tower=(work.model, work.modality),
            encode=tower.encode,
            lane=work.lane,
            batch_items=BATCH_ITEMS.get(work.modality, _USUAL_BATCH),
            size_bytes=work.size_bytes,
        )
        # A deadline that passes cancels the future, and with it what the scheduler has not begun.
        return await asyncio.wait_for(asyncio.wrap_future(future), seconds)

    async def models(self, request: Request) -> Response:
        """Every bundle found."""
        del request
        found = await asyncio.to_thread(self.store.found)
        return JSONResponse({"models": [model.as_json() for model in found]})

    async def health(self, request: Request) -> Response:
        """What is loaded, what waits, how much memory."""
        del request
        warming = self.warming is not None and not self.warming.done()
        return JSONResponse(
            {
                "status": "warming" if warming else "ok",
                "loaded": self.store.loaded(),
                "refused": self.store.refused(),
                "queues": self.scheduler.waiting,
                "batches": self.scheduler.batches,
                "memory": uds.resident_bytes(),
                "threads": self.store.threads,
            }
        )

    async def _warm(self, ref: str) -> None:
        """Load the built-in bundle and encode once.

        So that the first search is as quick as the second.
        """
        try:
            for modality, probe in await asyncio.to_thread(self.store.probes, ref):
                tower = self.store.tower(ref, modality)
                # Through the compute thread: OpenMP keeps a pool of threads for every caller.
                work = Work(ref, modality, "ingest", [probe], 0)
                await self._rows(work, tower, _DEFAULT_DEADLINE_SECONDS)
                log.info("warm", model=ref, modality=modality)
        except ModelRefusal as refusal:
            log.error("warm-up-refused", model=ref, code=refusal.code)  # noqa: TRY400 - says all
        except Exception as error:  # noqa: BLE001 - the server serves other bundles all the same
            log.error("warm-up-failed", model=ref, **uds.where(error))  # noqa: TRY400 - see where


async def _body(request: Request) -> bytes:
    pieces = bytearray()
    try:
        async for piece in uds.body_within(request, MAX_BODY_BYTES):
            pieces += piece
    except uds.BodyTooLargeError as error:
        raise ModelRefusal(
            "too-large", "The request is too large; send fewer at a time.", 413
        ) from error
    return bytes(pieces)


def _work(body: bytes) -> Work:
    try:
        data, arrays = framing.unpack_arrays(body)
        lane: Lane = data["priority"]
        modality, model = str(data["modality"]), str(data["model"])
        # A tower reads some 256 word pieces; what lies far behind them would only cost time.
        texts = [str(text)[:MAX_TEXT_CHARS] for text in data["texts"]] if modality == "text" else []
    except (framing.FramingError, KeyError, TypeError) as error:
        raise ModelRefusal(
            "bad-request", "The request is not in the expected form.", 400
        ) from error
    if lane not in LANES:
        raise ModelRefusal("bad-request", "The priority is neither query nor ingest.", 400)
    items: list[Any] = [*texts] if modality == "text" else [*arrays]
    if len(items) > MAX_ITEMS:
        reason = f"At most {MAX_ITEMS} items a request, got {len(items)}."
        raise ModelRefusal("too-many-items", reason, 413)
    return Work(model, modality, lane, items, len(body))


def _deadline_seconds(request: Request) -> float:
    try:
        return max(0.05, int(request.headers[DEADLINE_HEADER]) / 1000)
    except (KeyError, ValueError):
        return _DEFAULT_DEADLINE_SECONDS
