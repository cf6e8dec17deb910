"""From a checked request to its rows: the model loaded if need be, the work queued, awaited."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final

from workers.model_server import gpu
from workers.model_server.requests import Work
from workers.model_server.scheduler import Scheduler
from workers.model_server.store import ModelStore
from workers.model_server.types import Opened, Tower

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

# Most items in one forward pass on a CPU; the time they take usually sets fewer (scheduler).
BATCH_ITEMS: Final = {"text": 32, "image": 16, "audio": 8}
_USUAL_BATCH: Final = 8


class Desk:
    """Used from the event loop. Loading has a thread of its own, so that it delays no answer."""

    def __init__(self, store: ModelStore, scheduler: Scheduler) -> None:
        """Nothing runs before the first request."""
        self.store = store
        self.scheduler = scheduler
        self._loader = ThreadPoolExecutor(1, thread_name_prefix="load")
        self._loading: dict[str, asyncio.Future[Opened]] = {}

    async def rows(self, work: Work) -> npt.NDArray[np.float32]:
        """float32 (n, d), row i for item i.

        Cancel it and what has not begun is dropped.

        Raises:
            ModelRefusal: unknown or unverifiable model, or input that it does not take.
            QueueFullError, MemoryShortError: not now.
        """
        tower = await self.tower(work.model, work.modality)
        if not work.items:
            return tower.nothing()
        future = self.scheduler.submit(
            work.items,
            tower=(work.model, work.modality),
            encode=tower.encode,
            lane=work.lane,
            batch_items=most_items(tower, work.modality),
            size_bytes=work.size_bytes,
        )
        return await asyncio.wrap_future(future)

    async def tower(self, ref: str, modality: str) -> Tower:
        """One modality of a model; others that ask for it wait for the same loading.

        Raises:
            ModelRefusal: as ``ModelStore.tower``.
        """
        if not self.store.is_loaded(ref):
            loading = self._loading.get(ref)
            if loading is None:
                loop = asyncio.get_running_loop()
                loading = loop.run_in_executor(self._loader, self.store.load, ref)
                self._loading[ref] = loading
                loading.add_done_callback(lambda done: self._loaded(ref, done))
            # Whoever gives up waiting does not end it for the others.
            await asyncio.shield(loading)
        return self.store.tower(ref, modality)

    async def renew(self, ref: str) -> None:
        """Open a model anew, in the loading thread.

        Raises:
            ModelRefusal: as ``ModelStore.renew``.
        """
        await asyncio.get_running_loop().run_in_executor(self._loader, self.store.renew, ref)

    def _loaded(self, ref: str, done: asyncio.Future[Opened]) -> None:
        del self._loading[ref]
        if not done.cancelled():
            done.exception()  # looked at: asyncio would log one that nobody waited for any more

    def close(self) -> None:
        """End the loading thread once it is through."""
        self._loader.shutdown(wait=False, cancel_futures=True)


def most_items(tower: Tower, modality: str) -> int:
    """The upper bound of a batch of this tower."""
    return gpu.most_items(tower.encoder, BATCH_ITEMS.get(modality, _USUAL_BATCH))
