"""What was chosen for a tower, on which machine, and where that is kept. Imports no torch."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

Device = Literal["cpu", "cuda"]
Dtype = Literal["float32", "bfloat16", "float16"]
Engine = Literal["torch", "lean", "half", "mixed", "int8", "compiled"]

DEVICES: Final = frozenset({"cpu", "cuda"})
DTYPES: Final = frozenset({"float32", "bfloat16", "float16"})
ENGINES: Final = frozenset({"torch", "lean", "half", "mixed", "int8", "compiled"})
VERSION: Final = 1
_LONGEST_FILE: Final = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Choice:
    """How a tower computes.

    ``engine``: ``torch`` as it was loaded; ``lean`` the same function with dead work left out;
    ``half`` weights kept in float16; ``int8`` matrix products in int8; ``mixed`` those in int8
    whose answers are not added to what came before, the others ``half``; ``compiled`` a library
    made on this machine, ``package`` beside the record with its hash.
    """

    device: Device = "cpu"
    dtype: Dtype = "float32"
    engine: Engine = "torch"
    threads: int = 0  # 0: as many as the process has
    package: str = ""
    package_sha256: str = ""

    @property
    def name(self) -> str:
        """What people read: ``int8``, ``lean bfloat16``, ``lean float16 cuda``."""
        words: list[str] = [self.engine]
        if self.dtype != "float32":
            words.append(self.dtype)
        if self.device != "cpu":
            words.append(self.device)
        return " ".join(words)


SAFE: Final = Choice()


@dataclass(frozen=True, slots=True)
class Trial:
    """What was found of one candidate.

    ``one_ms`` is an item alone, as a query comes; ``each_ms`` an item of a full batch, both from
    the item to its vector: lower is better. ``one_times`` and ``each_times`` say how many times
    as fast as the tower as loaded that is, measured in turn with it: higher is better. ``cosine``
    is the least, over all inputs, to that tower. ``refused`` says why it may not win.
    """

    choice: Choice
    one_ms: float = 0.0
    each_ms: float = 0.0
    one_times: float = 0.0
    each_times: float = 0.0
    cosine: float = 0.0
    weight_bytes: int = 0
    refused: str = ""

    @property
    def ok(self) -> bool:
        """Whether it may be chosen."""
        return not self.refused


@dataclass(frozen=True)
class Record:
    """Choices by modality, the machine and the bundle they hold for, and what was measured."""

    machine: Mapping[str, str]
    manifest_sha256: str
    choices: Mapping[str, Choice]
    trials: Mapping[str, tuple[Trial, ...]] = field(default_factory=dict)
    seconds: float = 0.0


def record_path(models: Path, ref: str) -> Path:
    """Where the record of a bundle lies: beside the bundles, never in one."""
    return models / f"{ref}.runtime.json"


def record_write(path: Path, record: Record) -> None:
    """Writes ``record`` at once or not at all, readable by this user alone."""
    body = {"version": VERSION, **asdict(record)}
    part = path.with_name(f".{path.name}.part")
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(body, file, indent=2)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)


def record_read(path: Path) -> Record | None:
    """The record at ``path``; None where there is none, or one that cannot be understood."""
    try:
        if path.stat().st_size > _LONGEST_FILE:
            return None
        body = json.loads(path.read_text(encoding="utf-8"))
        if body["version"] != VERSION:
            return None
        return Record(
            machine={str(name): str(value) for name, value in body["machine"].items()},
            manifest_sha256=str(body["manifest_sha256"]),
            choices={name: _choice(value) for name, value in body["choices"].items()},
            trials={
                name: tuple(
                    Trial(**{**trial, "choice": _choice(trial["choice"])}) for trial in many
                )
                for name, many in body["trials"].items()
            },
            seconds=float(body["seconds"]),
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _choice(value: Mapping[str, Any]) -> Choice:
    choice = Choice(**value)
    known = choice.device in DEVICES and choice.dtype in DTYPES and choice.engine in ENGINES
    if not known or not isinstance(choice.threads, int) or choice.threads < 0:
        raise ValueError("a choice that is not known here")
    if Path(choice.package).name != choice.package:
        raise ValueError("a package lies beside its record")
    return choice
