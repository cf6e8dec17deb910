"""Bounded concurrency with a lane for queries."""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

Lane = Literal["query", "ingest"]


class GateFullError(Exception):
    """Too many wait already, or the wait was too long."""


class Gate:
    """At most ``ingest`` ingestions at once, and ``query`` slots more that only queries may take.

    Whoever finds no slot waits in line, queries before ingestion; at most ``waiting`` of each kind
    wait.
    """

    def __init__(self, *, ingest: int, query: int, waiting: int) -> None:
        """Everything free."""
        self._ingest_slots = ingest
        self._slots = ingest + query
        self._waiting_limit = waiting
        self._running: dict[Lane, int] = {"query": 0, "ingest": 0}
        self._lines: dict[Lane, deque[asyncio.Future[None]]] = {"query": deque(), "ingest": deque()}

    @property
    def running(self) -> dict[Lane, int]:
        """How many of each kind are at work."""
        return dict(self._running)

    @property
    def waiting(self) -> dict[Lane, int]:
        """How many of each kind wait."""
        return {lane: len(line) for lane, line in self._lines.items()}

    @asynccontextmanager
    async def slot(self, lane: Lane, *, seconds: float) -> AsyncIterator[None]:
        """Held within; waits for at most ``seconds``.

        Raises:
            GateFullError: no slot came free in time, or the line is full.
        """
        await self.acquire(lane, seconds=seconds)
        try:
            yield
        finally:
            self.release(lane)

    async def acquire(self, lane: Lane, *, seconds: float) -> None:
        """Take a slot; ``release`` must follow.

        Raises:
            GateFullError: no slot came free in time, or the line is full.
        """
        if self._free(lane):
            self._running[lane] += 1
            return
        line = self._lines[lane]
        if len(line) >= self._waiting_limit:
            raise GateFullError
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        line.append(turn)
        try:
            await asyncio.wait_for(asyncio.shield(turn), seconds)
        except (TimeoutError, asyncio.CancelledError) as error:
            if turn.done():  # the slot was given in the same instant
                self.release(lane)
            else:
                line.remove(turn)
            if isinstance(error, TimeoutError):
                raise GateFullError from None
            raise

    def release(self, lane: Lane) -> None:
        """Give a slot back and wake who is next."""
        self._running[lane] -= 1
        for waiting in ("query", "ingest"):
            line = self._lines[waiting]
            while line and self._free(waiting):
                self._running[waiting] += 1
                line.popleft().set_result(None)

    def _free(self, lane: Lane) -> bool:
        total = sum(self._running.values())
        if lane == "query":
            return total < self._slots
        return total < self._slots and self._running["ingest"] < self._ingest_slots
