"""What made-up values are made of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

_TRIES: Final = 20_000


def digits(rng: Random, count: int, first: str = "") -> str:
    """``count`` random digits that begin with ``first``."""
    return first + "".join(rng.choices("0123456789", k=count - len(first)))


def until(make: Callable[[], str], valid: Callable[[str], bool]) -> str:
    """The first of ``make``'s values that is valid.

    Raises:
        RuntimeError: none in many tries; the generator does not fit the check.
    """
    for _ in range(_TRIES):
        value = make()
        if valid(value):
            return value
    raise RuntimeError("no valid value found")


def date(rng: Random, order: str = "ymd") -> str:
    """A date from 1930 to 2019 in six digits, the century left out."""
    year, month, day = rng.randint(1930, 2019), rng.randint(1, 12), rng.randint(1, 28)
    parts = {"y": f"{year % 100:02d}", "m": f"{month:02d}", "d": f"{day:02d}"}
    return "".join(parts[one] for one in order)
