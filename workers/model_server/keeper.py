"""Keeps active models in memory and warm, and gives back the memory of those nobody needs."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

import structlog

from workers import uds
from workers.model_server import gpu, memory
from workers.model_server.desk import Desk, most_items
from workers.model_server.requests import DEFAULT_DEADLINE_SECONDS, Work
from workers.model_server.types import ModelRefusal, Tower

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

LOOK_SECONDS: Final = 5.0

log = structlog.get_logger()


class Keeper:
    """Looks every few seconds at which models are active, which are idle and which are gone."""

    def __init__(
        self,
        desk: Desk,
        *,
        look_seconds: float = LOOK_SECONDS,
        device: gpu.DeviceMemory | None = None,
    ) -> None:
        """``device``: whose memory bounds the batches of towers that compute on a GPU."""
        self.warming = True
        self._desk = desk
        self._look_seconds = look_seconds
        self._device = device or gpu.Cuda()
        self._trims = 0
        self._warm: set[str] = set()

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await self.look()
            self.warming = False
            await asyncio.sleep(self._look_seconds)

    async def look(self) -> None:
        """One look; whatever goes wrong with one model is logged and harms no other."""
        try:
            self._let_go()
            for ref in self._desk.store.stale():
                await self._renew(ref)
            loaded = {ref for ref, state in self._desk.store.state().items() if state["active"]}
            for ref in sorted((loaded - self._warm) | set(self._desk.store.wanted())):
                await self._warm_up(ref)
            if self._trims:
                self._trims -= 1
                await asyncio.to_thread(memory.given_back)
        except Exception as error:  # noqa: BLE001 - the next look may go better
            log.error("look-failed", **uds.where(error))  # noqa: TRY400 - see where

    def _let_go(self) -> None:
        busy = {tower[0] for tower in self._desk.scheduler.waiting_by_tower()}
        for ref, why in self._desk.store.tend(busy=busy).items():
            for tower in self._desk.scheduler.paces():
                if tower[0] == ref:
                    self._desk.scheduler.forget(tower)
            self._warm.discard(ref)
            # Once now, and once more when requests that were under way have let go of it.
            self._trims = 2
            log.info("unloaded", model=ref, why=why)

    async def _renew(self, ref: str) -> None:
        """Take a model whose files were replaced from them, with no pause in answering."""
        self._trims = 2
        try:
            await self._desk.renew(ref)
        except ModelRefusal as refusal:
            log.error("renewal-refused", model=ref, code=refusal.code)  # noqa: TRY400 - says all
            return
        self._warm.discard(ref)
        log.info("renewed", model=ref)

    async def _warm_up(self, ref: str) -> None:
        """Load a model and encode once, so that the first search is as quick as the second."""
        try:
            for modality, probe in await asyncio.to_thread(self._desk.store.probes, ref):
                tower = await self._desk.tower(ref, modality)
                # Through the compute thread: OpenMP keeps a pool of threads for every caller.
                work = Work(ref, modality, "ingest", [probe], 0)
                await asyncio.wait_for(self._desk.rows(work), DEFAULT_DEADLINE_SECONDS)
                if gpu.on_gpu(tower.encoder):
                    await self._measure(tower, work)
                log.info("warm", model=ref, modality=modality)
        except ModelRefusal as refusal:
            log.error("warm-up-refused", model=ref, code=refusal.code)  # noqa: TRY400 - says all
        except Exception as error:  # noqa: BLE001 - the server serves other bundles all the same
            log.error("warm-up-failed", model=ref, **uds.where(error))  # noqa: TRY400 - see where
        self._warm.add(ref)

    async def _measure(self, tower: Tower, work: Work) -> None:
        """Bound the tower's batches by what the GPU's memory takes, in the compute thread."""
        most = most_items(tower, work.modality)
        key, found = (work.model, work.modality), [most]

        def encode(items: list[Any]) -> npt.NDArray[np.float32]:
            found.append(gpu.fitting(tower.encode, items[0], memory=self._device, most=most))
            return tower.encode(items)

        future = self._desk.scheduler.submit(
            work.items, tower=(*key, "probe"), encode=encode, lane="ingest", batch_items=1
        )
        await asyncio.wrap_future(future)
        self._desk.scheduler.forget((*key, "probe"))
        self._desk.scheduler.limit(key, found[-1])
        log.info("measured", model=work.model, modality=work.modality, batch_items=found[-1])
