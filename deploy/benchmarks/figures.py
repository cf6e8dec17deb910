"""One figure a line, and the machine it was measured on."""

from __future__ import annotations

import os
import platform
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from deploy.setup.preflight import GIB, memory_bytes


@dataclass(frozen=True)
class Figure:
    """A measured number. ``target`` is an upper bound in the same unit; a lower if ``at_least``."""

    name: str
    value: float
    unit: str
    target: float | None = None
    divided_by: str | None = None
    at_least: bool = False

    @property
    def ok(self) -> bool | None:
        """Whether the target is met; None where there is none."""
        if self.target is None:
            return None
        return self.value >= self.target if self.at_least else self.value <= self.target

    def as_json(self) -> dict[str, Any]:
        """The figure as the command's JSON shows it."""
        return {**asdict(self), "ok": self.ok}

    def line(self) -> str:
        """The figure for people."""
        missed = "BELOW" if self.at_least else "ABOVE"
        verdict = {None: "", True: "ok", False: missed}[self.ok]
        sign = "≥" if self.at_least else "≤"
        target = "" if self.target is None else f"(target {sign} {self.target:g})"
        return f"{self.name:<34} {self.value:>10.2f} {self.unit:<6} {target:<18} {verdict}"


def percentile(values: list[float], share: float) -> float:
    """The smallest of ``values`` that at least ``share`` of them do not exceed (nearest rank)."""
    ordered = sorted(values)
    rank = max(1, -(-len(ordered) * share // 1))
    return ordered[int(rank) - 1]


def machine() -> dict[str, Any]:
    """The machine, in the words a reader needs to judge a figure."""
    return {
        "cpu": _cpu_name(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_gb": round(memory_bytes() / GIB, 1),
        "system": platform.platform(),
        "python": platform.python_version(),
        "load_before": round(os.getloadavg()[0], 2),
    }


def _cpu_name() -> str:
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()
