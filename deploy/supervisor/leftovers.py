"""Ends children that a killed supervisor left behind.

The kernel tells children that their parent died, but one that hangs may ignore it. The next start
ends it, recognised by its pid together with its start time, since pids are used again.
"""

from __future__ import annotations

import json
from pathlib import Path

from deploy.embedded.process import kill_session, wait_until
from deploy.paths import Paths

_GRACE_SECONDS = 20.0


def note(paths: Paths, pids: list[int]) -> None:
    """Write down which processes are ours now."""
    entries = [[pid, start] for pid in pids if (start := started_at(pid)) is not None]
    _file(paths).write_text(json.dumps(entries), encoding="ascii")


def forget(paths: Paths) -> None:
    """All have been stopped."""
    _file(paths).unlink(missing_ok=True)


def end(paths: Paths) -> None:
    """Give what is left of an earlier start a while to end by itself, then kill it."""
    try:
        entries = json.loads(_file(paths).read_text(encoding="ascii"))
    except (OSError, ValueError):
        return

    def alive() -> list[int]:
        return [pid for pid, start in entries if started_at(pid) == start]

    wait_until(lambda: not alive(), seconds=_GRACE_SECONDS)
    for pid in alive():
        kill_session(pid)
    forget(paths)


def started_at(pid: int) -> int | None:
    """Clock ticks after boot at which ``pid`` started (proc(5), stat field 22); None if gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return None
    after_name = fields.rpartition(")")[2].split()
    return None if after_name[0] == "Z" else int(after_name[19])


def _file(paths: Paths) -> Path:
    return paths.data / "children.json"
