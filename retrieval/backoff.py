"""When to ask a server again that is away or busy, and when to give up."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass, field
from typing import Final

_FIRST_SECONDS: Final = 0.05
_LONGEST_SECONDS: Final = 2.0
# What broke the connection three times may be what ends the server each time.
_MOST_BREAKS: Final = 3


@dataclass
class Tries:
    """The attempts of one request: none after ``deadline`` (monotonic seconds).

    Nor any later than ``patience_seconds`` after the first failure: an answer may take long, but a
    server that is away for so long is not waited for.

    Pauses double from 50 ms to 2 s, and a random half of each keeps callers that failed together
    from coming back together ("equal jitter": M. Brooker, Exponential Backoff And Jitter, AWS
    Architecture Blog, 2015). A server's Retry-After comes on top.
    """

    deadline: float
    patience_seconds: float
    attempt: int = 0
    breaks: int = 0
    random: random.Random = field(default_factory=random.Random, repr=False)

    def pause(self, *, retry_after_seconds: float | None, broke: bool) -> float | None:
        """Seconds to wait before the next attempt; None where there should be none.

        ``broke``: the connection ended after the request was under way.
        """
        if self.attempt == 0:
            self.deadline = min(self.deadline, time.monotonic() + self.patience_seconds)
        self.breaks += broke
        if self.breaks >= _MOST_BREAKS:
            return None
        step = min(_FIRST_SECONDS * 2**self.attempt, _LONGEST_SECONDS)
        self.attempt += 1
        seconds = (retry_after_seconds or 0.0) + step / 2 + self.random.uniform(0, step / 2)
        return seconds if time.monotonic() + seconds < self.deadline else None
