"""Proportional set size (PSS): a process's own memory and its share of what it shares."""

from __future__ import annotations

from pathlib import Path


def pss_by_name(root_pid: int) -> dict[str, int]:
    """PSS in bytes of ``root_pid`` and all that descend from it, by command. Reads /proc.

    Raises:
        PermissionError: a descendant belongs to another user and we are not root.
    """
    found: dict[str, int] = {}
    for pid in descendants(root_pid):
        try:
            size = _pss(pid)
            name = _name(pid)
        except (FileNotFoundError, ProcessLookupError):
            continue  # ended meanwhile
        found[name] = found.get(name, 0) + size
    return found


def pss_of_tree(root_pid: int) -> int:
    """PSS in bytes of ``root_pid`` and all that descend from it."""
    return sum(pss_by_name(root_pid).values())


def _pss(pid: int) -> int:
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024
    return 0


def descendants(root_pid: int) -> list[int]:
    """``root_pid`` and the ids of all processes that descend from it. Reads /proc."""
    parents: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                stat = (entry / "stat").read_text(encoding="utf-8", errors="replace")
            except (FileNotFoundError, ProcessLookupError):
                continue
            parents[int(entry.name)] = int(stat.rpartition(")")[2].split()[1])
    found = [root_pid]
    for pid in found:
        found += [child for child, parent in parents.items() if parent == pid]
    return found


def _name(pid: int) -> str:
    """What the process is in our terms: the module it runs, or its program."""
    words = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")
    if "-m" in words[1:]:
        module = words[words.index("-m") + 1]
        kind = next((word for word in words if word in {"worker", "beat"}), "")
        return f"{module} {kind}".strip()
    if words[1:] and words[1].endswith(".py"):
        return " ".join([Path(words[1]).name, *words[2:4]]).strip()
    if words[0].startswith("postgres:") or words[0].endswith("/postgres"):
        return "postgres"
    return Path(words[0].split(" ")[0]).name or "unnamed"
