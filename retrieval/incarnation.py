"""Which process holds a claim, told so that other processes can see whether it still lives.

Pure: no Django. Linux only, as the appliance is.
"""

from __future__ import annotations

import os
import socket
from functools import cache
from pathlib import Path


@cache
def machine() -> str:
    """Host, boot and pid namespace: numbers of processes mean something only within them."""
    boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()[:8]
    namespace = Path("/proc/self/ns/pid").readlink().name.strip("pid:[]")
    return f"{socket.gethostname()[:100]}/{boot}/{namespace}"


def me() -> str:
    """``machine/pid/start``: start time tells a process from a later one with the same number."""
    pid = os.getpid()
    return f"{machine()}/{pid}/{_started(pid)}"


def is_gone(holder: str, *, node_restarted: bool = False) -> bool:
    """Whether ``holder`` was a process of this machine that has ended.

    A process of another host is not ours to judge, and one in another container of this machine
    only when this node itself has just restarted (``node_restarted``): its container then got a new
    pid namespace.
    """
    parts = holder.split("/")
    ours = machine().split("/")
    if len(parts) != len(ours) + 2 or parts[0] != ours[0]:
        return False
    if parts[1] != ours[1]:
        return True
    if parts[2] != ours[2]:
        return node_restarted
    pid, started = parts[3:]
    return pid.isdigit() and _started(int(pid)) != started


def _started(pid: int) -> str:
    """Field 22 of /proc/PID/stat, see proc(5); empty where there is none, or a zombie."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    fields = stat.rpartition(")")[2].split()  # the name in parentheses may hold anything
    return "" if fields[0] in {"Z", "X"} else fields[19]
