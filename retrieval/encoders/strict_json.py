"""JSON from files that nobody has vouched for: bounded, without doubled keys, nothing but JSON."""

from __future__ import annotations

import json
import re
from typing import Any

MOST_BYTES = 64 * 1024 * 1024  # the tokenizer.json of a 256,000-word vocabulary takes about 35 MB
MOST_DEPTH = 32  # tokenizer.json needs 8, model configurations 6
MOST_VALUES = 4_000_000  # that vocabulary's words and merges are about 1.9 million
# Strings whole, so that what looks like structure inside them is not counted; then what opens,
# parts and closes containers.
_TOKENS = re.compile(rb'"(?:[^"\\]|\\.)*+"|[\[{,]|[\]}]', re.DOTALL)


class JsonRefused(Exception):
    """The text is not JSON, or not within the limits; the message is a plain clause."""


def loads(data: bytes, *, most_bytes: int = MOST_BYTES) -> Any:
    """The value that ``data`` says, UTF-8 without a byte order mark.

    Size, nesting and the number of values are counted before anything is built.

    Raises:
        JsonRefused: too large, too deep, too many values, a key twice in one object, a number that
            JSON does not know (NaN, Infinity), or not JSON at all.
    """
    if len(data) > most_bytes:
        raise JsonRefused(f"it has more than {most_bytes} bytes")
    _count(data)
    try:
        return json.loads(
            data.decode("utf-8"), object_pairs_hook=_pairs, parse_constant=_not_a_number
        )
    except (ValueError, RecursionError):
        raise JsonRefused("it is not JSON") from None


def _count(data: bytes) -> None:
    depth = values = 0
    for match in _TOKENS.finditer(data):
        first = data[match.start()]
        if first in b"[{":
            depth += 1
            values += 1
        elif first in b"]}":
            depth -= 1
        elif first == ord(","):
            values += 1
        if depth > MOST_DEPTH:
            raise JsonRefused(f"it is nested more than {MOST_DEPTH} deep")
        if values > MOST_VALUES:
            raise JsonRefused(f"it holds more than {MOST_VALUES} values")


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise JsonRefused("it names a key twice")
    return found


def _not_a_number(name: str) -> Any:
    raise JsonRefused(f"it holds {name}, which JSON does not know")
