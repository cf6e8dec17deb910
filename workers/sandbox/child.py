"""The life of one decoder process, from fork to exit."""

from __future__ import annotations

import gc
import os
import signal
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NoReturn

from workers.sandbox import walls, wire
from workers.sandbox.jobs import Job
from workers.sandbox.reasons import Refusal

INPUT_FD: Final = 3
OUTPUT_FD: Final = 4
_JAIL_FD: Final = 5
EXIT_ANSWERED: Final = 0
EXIT_UNWALLED: Final = 71
"""The walls could not be built, so nothing was decoded."""
EXIT_SILENT: Final = 72

# What the libraries raise about a file they cannot read, as against what a mistake of ours raises.
_ABOUT_THE_FILE: Final = (OSError, ValueError, EOFError, ArithmeticError, RuntimeError, SyntaxError)
_OOM_SCORE: Final = b"900"


@dataclass(frozen=True, slots=True)
class Result:
    """What an operation answers: JSON facts and raw buffers."""

    facts: dict[str, Any]
    buffers: Sequence[wire.Buffer] = ()


Operation = Callable[[int, int, Mapping[str, Any]], Result]
"""``operation(input_fd, input_bytes, arguments)``."""


def _arrange_files(input_fd: int, output_fd: int, jail_fd: int | None) -> int | None:
    """Moves the job's files to their fixed numbers and closes every other; the jail's new number.

    The zygote keeps all its own files above the fixed numbers, so no move overwrites another.
    """
    os.dup2(input_fd, INPUT_FD)
    os.dup2(output_fd, OUTPUT_FD)
    if jail_fd is None:
        os.closerange(_JAIL_FD, os.sysconf("SC_OPEN_MAX"))
        return None
    os.dup2(jail_fd, _JAIL_FD)
    os.closerange(_JAIL_FD + 1, os.sysconf("SC_OPEN_MAX"))
    return _JAIL_FD


def _prefer_to_be_killed() -> None:
    """Has the kernel end this process first when the machine runs out of memory."""
    try:
        with open("/proc/self/oom_score_adj", "wb", buffering=0) as score:  # noqa: PTH123
            score.write(_OOM_SCORE)
    except OSError:  # A container may forbid it; it is a courtesy, not a wall.
        return


def _answer(operation: Operation, job: Job) -> Result:
    try:
        return operation(INPUT_FD, job.input_bytes, job.arguments)
    except Refusal as refusal:
        code, numbers = refusal.code, refusal.numbers
    except MemoryError:
        code, numbers = "decoder-memory", {}
    except _ABOUT_THE_FILE:
        code, numbers = "damaged", {}
    except Exception:  # noqa: BLE001 - whatever it was, the parent must hear of it
        code, numbers = "decoder-failed", {}
    return Result({"code": code, "numbers": numbers})


def run(
    job: Job, operation: Operation, *, input_fd: int, output_fd: int, jail_fd: int | None
) -> NoReturn:
    """Lives one job and exits. Never returns, never raises: the zygote's stack lies above."""
    status = EXIT_UNWALLED
    try:
        # The parent may have stopped reading: then this process has no reason to live.
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        jail = _arrange_files(input_fd, output_fd, jail_fd)
        _prefer_to_be_killed()
        budget = walls.Budget(
            memory_bytes=job.memory_bytes + job.input_bytes, cpu_seconds=job.cpu_seconds
        )
        walls.enclose(budget, empty_directory=jail)
        status = EXIT_SILENT
        gc.enable()
        result = _answer(operation, job)
        wire.send(lambda part: os.write(OUTPUT_FD, part), result.facts, result.buffers)
        status = EXIT_ANSWERED
    finally:
        os._exit(status)
