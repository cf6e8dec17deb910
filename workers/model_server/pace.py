"""How many items of a tower to encode at once: as many as fit a time, found by measuring."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

# Weight of the newest batch in the running mean of seconds per item.
_NEWEST: Final = 0.3
# Batches without trouble after which a limit that memory set is tried twice as high.
_GOOD_BATCHES: Final = 64
# The first batch, of whose time nothing is known.
_FIRST_ITEMS: Final = 4


@dataclass
class Pace:
    """What a tower was seen to need. ``most`` is never exceeded, ``limit`` what memory took so far.

    A batch's time is a + b·n, so sizes chosen from the mean of a/n + b settle where the batch takes
    the time that was asked for.
    """

    most: int
    limit: int
    seconds_per_item: float | None = None
    items: int = 0
    batches: int = 0
    good: int = 0

    @classmethod
    def of(cls, most: int) -> Pace:
        """Nothing measured yet."""
        return cls(most=most, limit=most)

    def size(self, seconds: float) -> int:
        """Items that take about ``seconds``; at least 1, at most ``limit``."""
        if self.seconds_per_item is None:
            return min(self.limit, _FIRST_ITEMS)
        return max(1, min(self.limit, int(seconds / self.seconds_per_item)))

    def took(self, items: int, seconds: float) -> None:
        """A batch was encoded."""
        each = max(seconds, 1e-6) / items
        before = self.seconds_per_item
        self.seconds_per_item = each if before is None else before + _NEWEST * (each - before)
        self.items += items
        self.batches += 1
        self.good += 1
        if self.good >= _GOOD_BATCHES and self.limit < self.most:
            self.limit, self.good = min(self.most, 2 * self.limit), 0

    def shrink(self, items: int) -> None:
        """A batch of ``items`` did not fit into memory."""
        self.limit, self.good = max(1, items // 2), 0
