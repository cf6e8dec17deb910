"""Vectors of what a user asked a moment ago, so that asking again skips the model.

Redaction is never skipped: the key is made of what redaction left, so another profile or another
recogniser asks the model anew. Held in this process's memory alone, as vectors under keys that
nobody can work out without the process's own random key: no text, no plain hash, nothing on disk
or in Redis, and a new process begins with nothing.

Users share nothing. The key holds the user, so what others asked is a miss; each has room for as
many vectors as everybody else and displaces only his own, so no timing tells what others ask, nor
how much. Where so many users are at it that a newcomer finds no place, he is served uncached.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress
from typing import Final
from uuid import UUID

import numpy as np
import structlog
from django.core.cache import cache as shared
from redis.exceptions import RedisError

from retrieval.selectors.models import ActiveModel
from retrieval.vectors import Vector

# 512 users x 32 vectors of 512 float32 are 33 MB.
VECTORS_A_USER: Final = 32
USERS: Final = 512
KEPT_SECONDS: Final = 900.0
_REPORT_SECONDS: Final = 5.0
_COUNTED: Final = ("hit", "miss")

logger = structlog.get_logger("vitrine.search")


class QueryVectors:
    """Vectors by user, model version and redacted query; safe to use from all threads."""

    def __init__(
        self,
        *,
        vectors_a_user: int = VECTORS_A_USER,
        users: int = USERS,
        kept_seconds: float = KEPT_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Empty. What is older than ``kept_seconds`` is as if it were not there."""
        self._vectors_a_user = vectors_a_user
        self._users = users
        self._kept_seconds = kept_seconds
        self._clock = clock
        self.reset()

    def reset(self) -> None:
        """Empty, under a new key: a forked child must not begin with its parent's."""
        self._key = secrets.token_bytes(32)
        self._lock = threading.Lock()
        self._held: dict[UUID, OrderedDict[bytes, tuple[float, Vector]]] = {}
        self._unreported = dict.fromkeys(_COUNTED, 0)
        self._reported_at = -_REPORT_SECONDS

    def get(
        self,
        *,
        user: UUID | None,
        model: ActiveModel,
        modality: str,
        asked: bytes,
        make: Callable[[], Vector],
    ) -> Vector:
        """The vector of ``asked`` (redacted words, or a redacted rendition), made if need be.

        float32 ``(d,)``, not to be written to. Without a user nothing is looked up or kept.
        """
        if user is None:
            return make()
        key = self._digest(user, model, modality, asked)
        found = self._find(user, key)
        self._count("miss" if found is None else "hit")
        return self._keep(user, key, make()) if found is None else found

    def forget(self, user: UUID) -> None:
        """Drop what this user asked: at a log-out, or when the account changes."""
        with self._lock:
            self._held.pop(user, None)

    def report(self) -> dict[str, int]:
        """Look-ups of all processes since the broker started, by outcome.

        Reads and writes two numbers in Redis; where that is away, what is known here alone.
        """
        with self._lock:
            fresh = dict(self._unreported)
            self._unreported = dict.fromkeys(_COUNTED, 0)
            self._reported_at = self._clock()
        with suppress(RedisError, OSError):
            for name in _COUNTED:
                shared.add(_shared_key(name), 0, timeout=None)
            return {name: int(shared.incr(_shared_key(name), fresh.pop(name))) for name in _COUNTED}
        with self._lock:
            for name, count in fresh.items():
                self._unreported[name] += count
            return dict(self._unreported)

    def _digest(self, user: UUID, model: ActiveModel, modality: str, asked: bytes) -> bytes:
        mac = hmac.new(self._key, digestmod=hashlib.sha256)
        for part in (user.bytes, model.id.bytes, model.ref.encode(), modality.encode(), asked):
            mac.update(len(part).to_bytes(8, "big"))
            mac.update(part)
        return mac.digest()

    def _find(self, user: UUID, key: bytes) -> Vector | None:
        with self._lock:
            mine = self._held.get(user, OrderedDict())
            until, vector = mine.get(key, (0.0, None))
            if vector is None or until <= self._clock():
                mine.pop(key, None)
                return None
            mine.move_to_end(key)
            return vector

    def _keep(self, user: UUID, key: bytes, vector: Vector) -> Vector:
        kept = np.array(vector)
        kept.flags.writeable = False
        with self._lock:
            self._drop_old()
            if user not in self._held and len(self._held) >= self._users:
                return kept
            mine = self._held.setdefault(user, OrderedDict())
            mine[key] = (self._clock() + self._kept_seconds, kept)
            if len(mine) > self._vectors_a_user:
                mine.popitem(last=False)
        return kept

    def _drop_old(self) -> None:
        now = self._clock()
        for user, mine in list(self._held.items()):
            for key in [key for key, (until, _) in mine.items() if until <= now]:
                del mine[key]
            if not mine:
                del self._held[user]

    def _count(self, outcome: str) -> None:
        with self._lock:
            self._unreported[outcome] += 1
            due = self._clock() - self._reported_at >= _REPORT_SECONDS
        if due:
            self.report()


def _shared_key(name: str) -> str:
    return f"vitrine:query-cache:{name}"


query_vectors: Final = QueryVectors()
os.register_at_fork(after_in_child=query_vectors.reset)
