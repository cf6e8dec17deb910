"""Tombstones and the journal travel beside the backups, so that the newest there are win.

Every ``*.jsonl`` of the appliance's folder is added to the file of that name in the folders of the
backups and of the copies of keys: an older backup that is restored from there, even after the data
folder is lost, meets all that was erased, withdrawn or held until the last backup.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from audit.lines import lines_append, lines_read

ERASED = "erased.jsonl"
JOURNAL = "journal.jsonl"


def tombs_merge(source: Path, target: Path) -> int:
    """How many lines of the files in folder ``source`` were new to those in ``target``."""
    added = 0
    for file in sorted(source.glob("*.jsonl")) if source.is_dir() else ():
        added += lines_merge(file, target / file.name)
    return added


def lines_merge(source: Path, target: Path) -> int:
    """How many lines of ``source`` were added to ``target``, which had them not yet."""
    known = {_form(line) for line in lines_read(target)}
    new = []
    for line in lines_read(source):
        form = _form(line)
        if form not in known:
            known.add(form)
            new.append(line)
    if new:
        lines_append(target, new)
    return len(new)


def lines_of(folders: Iterable[Path], name: str) -> list[dict[str, Any]]:
    """The different lines of the files called ``name`` in some folders, in order."""
    found: dict[str, dict[str, Any]] = {}
    for folder in folders:
        for line in lines_read(folder / name):
            found.setdefault(_form(line), line)
    return list(found.values())


def _form(line: dict[str, Any]) -> str:
    return json.dumps(line, sort_keys=True)
