"""The parts of ``deploy/bench redact``, and what each of them gives."""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from deploy.benchmarks.figures import Figure, machine
from deploy.paths import ROOT

# Part by part in the order of the report; each module has ``run(options) -> Part``.
PARTS: Final[dict[str, str]] = {
    "structured": "deploy.benchmarks.redact.structured",
    "names": "deploy.benchmarks.redact.names",
    "documents": "deploy.benchmarks.redact.images",
    "faces": "deploy.benchmarks.redact.faces",
    "speech": "deploy.benchmarks.redact.audio",
    "server": "deploy.benchmarks.redact.server",
}
MEASURED: Final = ROOT / "retrieval" / "redaction" / "measured.json"


@dataclass(frozen=True)
class Options:
    """What the user gave: folders of data that do not ship, and how long it may take.

    ``packs``: annotated texts (``presidio*.json``, ``wnut17*.conll``, ``pii_anon*.jsonl``) and
    ``sounds``: recordings without speech; parts that need one and have none say so. ``quick``: a
    tenth of the samples, for trying it out; such figures are never published.
    """

    packs: Path | None = None
    sounds: Path | None = None
    quick: bool = False


@dataclass(frozen=True)
class Miss:
    """What one profile misses of one thing: ``missed`` of ``of``, and of what data."""

    profile: str
    what: str
    missed: int
    of: int
    source: str


@dataclass
class Part:
    """Figures of one part, what profiles miss, and sentences on what could not be measured."""

    figures: list[Figure] = field(default_factory=list)
    misses: list[Miss] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def run(names: Iterable[str], options: Options, *, tell: Callable[[str], None] = print) -> Part:
    """All parts called ``names`` (every one if empty), one after the other, as one."""
    together = Part()
    for name in list(names) or list(PARTS):
        tell(f"-- {name}")
        part: Part = importlib.import_module(PARTS[name]).run(options)
        for note in part.notes:
            tell(f"   {note}")
        together.figures += part.figures
        together.misses += part.misses
        together.notes += part.notes
    return together


def measured_write(part: Part, path: Path = MEASURED) -> None:
    """Put what profiles miss where the console shows it; parts not measured now are kept."""
    kept: dict[tuple[str, str, str], dict[str, Any]] = {}
    if path.exists():
        before = json.loads(path.read_text(encoding="utf-8"))["figures"]
        kept = {(f["profile"], f["what"], f["source"]): f for f in before}
    kept |= {(miss.profile, miss.what, miss.source): asdict(miss) for miss in part.misses}
    report = {
        "measured_at": datetime.now(UTC).date().isoformat(),
        "machine": {"cpu": machine()["cpu"], "cores": machine()["cores"]},
        "figures": [kept[key] for key in sorted(kept)],
    }
    path.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
