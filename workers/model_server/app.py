"""HTTP face of the model server."""

from __future__ import annotations

import asyncio
import math
from collections import Counter
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import structlog
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from retrieval import framing
from workers import uds
from workers.model_server.batches import MemoryShortError
from workers.model_server.desk import Desk
from workers.model_server.keeper import LOOK_SECONDS, Keeper
from workers.model_server.requests import (
    MAX_ITEMS,
    Admission,
    body_of,
    deadline_seconds,
    work_of,
)
from workers.model_server.saliency import asked_of, explained
from workers.model_server.scheduler import QueueFullError, Scheduler
from workers.model_server.types import ModelRefusal

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from workers.model_server.store import ModelStore

__all__ = ["MAX_ITEMS", "ModelServer"]

log = structlog.get_logger()


class ModelServer:
    """Models, the compute thread, and whoever keeps the active ones in memory."""

    def __init__(
        self, store: ModelStore, scheduler: Scheduler, *, look_seconds: float = LOOK_SECONDS
    ) -> None:
        """Nothing runs before the application starts."""
        self._store = store
        self._scheduler = scheduler
        self._desk = Desk(store, scheduler)
        self._keeper = Keeper(self._desk, look_seconds=look_seconds)
        self._admission = Admission()
        self._answers: Counter[str] = Counter()

    def app(self) -> Starlette:
        """The Starlette application."""
        return Starlette(
            routes=[
                Route("/encode", uds.guarded(self.encode), methods=["POST"]),
                Route("/saliency", uds.guarded(self.saliency), methods=["POST"]),
                Route("/models", uds.guarded(self.models), methods=["GET"]),
                Route("/healthz", uds.guarded(self.health), methods=["GET"]),
            ],
            lifespan=self._lifespan,
        )

    @asynccontextmanager
    async def _lifespan(self, app: Starlette) -> AsyncIterator[None]:
        del app
        self._scheduler.start()
        keeping = asyncio.create_task(self._keeper.run())
        yield
        keeping.cancel()
        self._desk.close()
        await asyncio.to_thread(self._scheduler.stop)

    async def encode(self, request: Request) -> Response:
        """Texts or arrays in, float32 (n, d) out."""

        async def rows(body: bytes) -> Response:
            found = await self._desk.rows(work_of(body))
            return Response(framing.pack_arrays({}, [found]), media_type=framing.CONTENT_TYPE)

        return await self._answered(request, rows)

    async def saliency(self, request: Request) -> Response:
        """One item and a query's vector in, how much of their similarity each part carries out."""

        async def made(body: bytes) -> Response:
            found = await explained(self._desk, await asyncio.to_thread(asked_of, body))
            data: dict[str, object] = {"method": found.method, "similarity": found.similarity}
            return Response(
                framing.pack_arrays(data, [found.values]), media_type=framing.CONTENT_TYPE
            )

        return await self._answered(request, made)

    async def _answered(
        self, request: Request, work: Callable[[bytes], Awaitable[Response]]
    ) -> Response:
        """What ``work`` answers to the body within the caller's deadline, or why it does not."""
        outcome = "failed"
        try:
            with self._admission.admitted(request):
                async with asyncio.timeout(deadline_seconds(request)):
                    # A deadline that passes cancels what the scheduler has not begun.
                    answer = await work(await body_of(request))
        except ModelRefusal as refusal:
            outcome = "refused"
            log.info("refused", code=refusal.code)
            return JSONResponse(
                {"code": refusal.code, "reason": refusal.reason}, status_code=refusal.status
            )
        except QueueFullError as full:
            outcome = "busy"
            seconds = str(math.ceil(full.retry_after_seconds))
            return JSONResponse({"code": "busy"}, status_code=429, headers={"retry-after": seconds})
        except MemoryShortError:
            outcome = "memory"
            return uds.busy(retry_after_seconds=5, code="memory")
        except TimeoutError:
            outcome = "deadline"
            return uds.busy(retry_after_seconds=2, code="deadline")
        except ClientDisconnect:
            outcome = "gone"
            return Response(status_code=499)
        else:
            outcome = "ok"
            return answer
        finally:
            self._answers[outcome] += 1

    async def models(self, request: Request) -> Response:
        """Every bundle found."""
        del request
        found = await asyncio.to_thread(self._store.found)
        return JSONResponse({"models": [model.as_json() for model in found]})

    async def health(self, request: Request) -> Response:
        """What is loaded, what waits, how much memory."""
        del request
        return JSONResponse(
            {
                "status": "warming" if self._keeper.warming else "ok",
                "loaded": self._store.loaded(),
                "refused": self._store.refused(),
                "models": await asyncio.to_thread(self._by_model),
                "queues": self._scheduler.waiting,
                "batches": self._scheduler.batches,
                "items": self._scheduler.items,
                "answers": dict(self._answers),
                "under_way": self._admission.requests,
                "memory": uds.resident_bytes(),
                "threads": self._store.threads,
            }
        )

    def _by_model(self) -> dict[str, dict[str, Any]]:
        models = self._store.state()
        waiting = self._scheduler.waiting_by_tower()
        for state in models.values():
            state.update(batches=0, items=0, waiting=0, towers={})
        for tower, pace in self._scheduler.paces().items():
            ref, modality = tower[:2]
            if ref in models:
                state = models[ref]
                state["batches"] += pace.batches
                state["items"] += pace.items
                state["waiting"] += waiting.get(tower, 0)
                state["towers"][modality] = {
                    "batch_items": pace.limit,
                    "seconds_per_item": pace.seconds_per_item,
                }
        return models
