"""Long runs of base64 or hex, decoded: what lies in them may be compressed or escaped once more."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

_LEAST_RUN = 64
_STEP = _LEAST_RUN // 2  # a run that long covers at least one whole step
_ALPHABET = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_=\r\n"
_IN_RUN = np.zeros(256, dtype=bool)
_IN_RUN[list(_ALPHABET)] = True
_HEX = re.compile(rb"[0-9a-fA-F]+")
_RUN = re.compile(rb"[A-Za-z0-9+/\-_=\r\n]{%d,}" % _LEAST_RUN)
_URL_SAFE = bytes.maketrans(b"-_", b"+/")


def decoded(data: bytes) -> Iterator[tuple[str, bytes]]:
    """(form, content) of every run of at least 64 characters of base64 or hex in ``data``.

    Line breaks in a run are left out. Where base64 begins within a run is not known (a path may
    stand before it), so each of the four possible alignments is given.
    """
    for begin, end in _maybe(data):
        for run in _RUN.finditer(data, begin, end):
            text = run.group().translate(_URL_SAFE, delete=b"\r\n=")
            if _HEX.fullmatch(text):
                yield "hex", bytes.fromhex(text[: len(text) // 2 * 2].decode())
                yield "hex", bytes.fromhex(text[1 : 1 + (len(text) - 1) // 2 * 2].decode())
            for at in range(4):
                part = text[at:]
                if len(part) % 4 == 1:  # such a rest holds no whole byte
                    part = part[:-1]
                yield "base64", base64.b64decode(part + b"=" * (-len(part) % 4))


def _maybe(data: bytes) -> Iterator[tuple[int, int]]:
    """Stretches that hold whole steps of nothing but the alphabet, widened by a run each way."""
    steps = len(data) // _STEP
    if not steps:
        return
    cells = np.frombuffer(data, dtype=np.uint8, count=steps * _STEP).reshape(steps, _STEP)
    rows: npt.NDArray[np.int64] = np.arange(steps)
    for columns in (slice(0, 1), slice(_STEP // 2, _STEP // 2 + 1), slice(7, 8), slice(0, _STEP)):
        rows = rows[_IN_RUN[cells[rows, columns]].all(axis=1)]
    if not len(rows):
        return
    breaks = np.flatnonzero(np.diff(rows) > 1)
    firsts = rows[np.concatenate(([0], breaks + 1))].tolist()
    lasts = rows[np.concatenate((breaks, [len(rows) - 1]))].tolist()
    done = 0
    for first, last in zip(firsts, lasts, strict=True):
        begin = max(done, first * _STEP - _STEP)
        done = (last + 2) * _STEP
        yield begin, done
