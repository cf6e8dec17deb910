"""Loaded models: each bundle once, kept while it is active or in use, and given back afterwards."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection
from dataclasses import replace
from typing import Any, Final

from workers.model_server.types import (
    Description,
    Encoder,
    Library,
    ModelRefusal,
    Opened,
    Tower,
)

__all__ = ["Description", "Encoder", "Library", "ModelRefusal", "ModelStore", "Opened", "Tower"]

IDLE_SECONDS: Final = 600.0


class _Held:
    """A bundle in memory, since when nobody asked for it, and which files it was."""

    def __init__(self, opened: Opened, stamp: str | None, now: float) -> None:
        self.opened = opened
        self.stamp = stamp
        self.last_use = now
        self.stale = False


class ModelStore:
    """Bundles by ref, loaded when active or first asked for; safe to call from several threads."""

    def __init__(
        self,
        library: Library,
        *,
        threads: int,
        idle_seconds: float = IDLE_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """``threads`` is only told to whoever asks for health.

        A model that is not active goes after ``idle_seconds`` without a request.
        """
        self.threads = threads
        self._library = library
        self._idle_seconds = idle_seconds
        self._clock = clock
        self._lock = threading.Lock()
        self._locks: dict[str, threading.Lock] = {}
        self._held: dict[str, _Held] = {}
        self._refused: dict[str, tuple[str, str | None]] = {}

    def loaded(self) -> list[str]:
        """Refs in memory, sorted."""
        return sorted(self._held)

    def refused(self) -> dict[str, str]:
        """Why a ref could not be loaded the last time somebody asked for it."""
        return {ref: code for ref, (code, _) in list(self._refused.items())}

    def found(self) -> list[Description]:
        """Every bundle, with whether it is in memory."""
        return [replace(item, loaded=item.ref in self._held) for item in self._library.found()]

    def state(self) -> dict[str, dict[str, Any]]:
        """Of each model in memory: active, bytes of its weights, seconds since its last use."""
        active, now = self._library.active(), self._clock()
        return {
            ref: {
                "loaded": True,
                "active": ref in active,
                "resident_bytes": held.opened.weight_bytes,
                "idle_seconds": round(now - held.last_use, 1),
            }
            for ref, held in sorted(self._held.items())
        }

    def tower(self, ref: str, modality: str) -> Tower:
        """A modality of a bundle, which is loaded if it was not; blocks meanwhile.

        Raises:
            ModelRefusal: unknown or unverifiable bundle, or a modality it has no tower for.
        """
        held = self._held.get(ref) or self._load(ref)
        held.last_use = self._clock()
        encoder = held.opened.towers.get(modality)
        if encoder is None:
            raise ModelRefusal(
                "no-such-modality", f"The model {ref} has no tower for that modality."
            )
        return Tower(encoder, held.opened.description.dimension)

    def is_loaded(self, ref: str) -> bool:
        """Whether ``tower`` would answer at once."""
        return ref in self._held

    def probes(self, ref: str) -> list[tuple[str, Any]]:
        """Modality and one harmless input of it, for a warm-up of the bundle, which is loaded.

        Raises:
            ModelRefusal: as ``tower``.
        """
        description = self.load(ref).description
        made = [(word, self._library.probe(description, word)) for word in description.modalities]
        return [(modality, probe) for modality, probe in made if probe is not None]

    def load(self, ref: str) -> Opened:
        """The bundle, in memory from now on; one thread loads, others wait for it.

        Raises:
            ModelRefusal: unknown or unverifiable.
        """
        return (self._held.get(ref) or self._load(ref)).opened

    def _load(self, ref: str) -> _Held:
        with self._lock:
            lock = self._locks.setdefault(ref, threading.Lock())
        with lock:
            held = self._held.get(ref)
            if held is None or held.stale:
                held = self._held[ref] = self._opened(ref)
            return held

    def _opened(self, ref: str) -> _Held:
        stamp = self._library.stamp(ref)
        try:
            opened = self._library.open(ref)
        except ModelRefusal as refusal:
            self._refused[ref] = (refusal.code, stamp)
            raise
        self._refused.pop(ref, None)
        return _Held(opened, stamp, self._clock())

    def renew(self, ref: str) -> None:
        """Opens a stale bundle anew; until that is done, requests are served by the old one.

        Raises:
            ModelRefusal: it is not what its manifest says any more; nobody is served by it then.
        """
        try:
            self._load(ref)
        except ModelRefusal:
            self._held.pop(ref, None)
            raise

    def stale(self) -> list[str]:
        """Active refs whose files were replaced since they were opened."""
        return sorted(ref for ref, held in list(self._held.items()) if held.stale)

    def wanted(self) -> list[str]:
        """Active refs that are not in memory, but those whose very files were refused already."""
        return [
            ref
            for ref in sorted(self._library.active())
            if ref not in self._held
            and self._refused.get(ref, ("", ""))[1:] != (self._library.stamp(ref),)
        ]

    def tend(self, *, busy: Collection[str] = ()) -> dict[str, str]:
        """Lets go of what was removed or replaced on disk, and of what nobody needs: ref → why.

        Requests that were accepted keep their model until they are answered. An active model that
        was replaced stays, as stale, for ``renew``. ``busy``: refs that work waits for.
        """
        active, now, gone = self._library.active(), self._clock(), dict[str, str]()
        for ref, held in list(self._held.items()):
            stamp = self._library.stamp(ref)
            if stamp is not None and stamp != held.stamp and ref in active:
                held.stale = True
            elif stamp != held.stamp:
                gone[ref] = "removed"
            elif (
                ref not in active and ref not in busy and now - held.last_use >= self._idle_seconds
            ):
                gone[ref] = "idle"
        for ref in gone:
            del self._held[ref]
        for ref in list(self._refused):
            if ref not in active and self._library.stamp(ref) is None:
                del self._refused[ref]
        return gone
