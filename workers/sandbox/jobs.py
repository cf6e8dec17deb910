"""What the parent and the zygote tell each other about a job: JSON of a few known fields."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any, Final

MAX_MESSAGE: Final = 64 * 1024


@dataclass(frozen=True, slots=True)
class Job:
    """One operation in one child. `arguments` is JSON; content travels by the input file."""

    operation: str
    arguments: dict[str, Any]
    input_bytes: int
    memory_bytes: int
    cpu_seconds: int
    wall_seconds: float

    def encode(self) -> bytes:
        """The job as one datagram.

        Raises:
            ValueError: it is longer than a datagram may be.
        """
        message = json.dumps(asdict(self)).encode()
        if len(message) > MAX_MESSAGE:
            raise ValueError(f"job of {len(message)} bytes, at most {MAX_MESSAGE} fit")
        return message

    @classmethod
    def decode(cls, message: bytes) -> Job:
        """The job that `encode` wrote."""
        return cls(**json.loads(message))


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a child ended: exit status, or signal, and whether the zygote had to kill it."""

    status: int
    signal: int
    timed_out: bool
    peak_bytes: int

    def encode(self) -> bytes:
        """The outcome as one line."""
        return json.dumps(asdict(self)).encode()

    @classmethod
    def decode(cls, message: bytes) -> Outcome:
        """The outcome that `encode` wrote."""
        return cls(**json.loads(message))


@dataclass(frozen=True, slots=True)
class Hello:
    """The zygote's first word: it is ready, these walls held in its trial, these are its parts."""

    pid: int
    uid: int | None
    walls: dict[str, bool]
    components: dict[str, str]
    failure: str | None = None

    def encode(self) -> bytes:
        """The greeting as one datagram."""
        return json.dumps(asdict(self)).encode()

    @classmethod
    def decode(cls, message: bytes) -> Hello:
        """The greeting that `encode` wrote."""
        return cls(**json.loads(message))
