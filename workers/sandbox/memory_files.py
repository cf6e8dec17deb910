"""Content as an open file that lies in memory only."""

from __future__ import annotations

import contextlib
import os


def as_input(source: bytes | int, stack: contextlib.ExitStack) -> int:
    """A descriptor of `source` with a position of its own, for reading only, closed with `stack`.

    A decoder that gets it can neither change the content nor another reader's position.
    """
    if isinstance(source, int):
        return _read_only(source, stack)
    fd = os.memfd_create("input", os.MFD_CLOEXEC)
    try:
        view = memoryview(source)
        while view:
            view = view[os.write(fd, view) :]
        return _read_only(fd, stack)
    finally:
        os.close(fd)


def _read_only(fd: int, stack: contextlib.ExitStack) -> int:
    reopened = os.open(f"/proc/self/fd/{fd}", os.O_RDONLY | os.O_CLOEXEC)
    stack.callback(os.close, reopened)
    return reopened


def size_of(fd: int) -> int:
    """Bytes in the file behind `fd`."""
    return os.fstat(fd).st_size
