"""``credentials.json`` (0600) tells whoever installed the appliance how to log in."""

from __future__ import annotations

import json
from pathlib import Path
from typing import NotRequired, TypedDict, Unpack

from deploy.embedded.files import write_private
from deploy.paths import data_paths


class GrantEntry(TypedDict):
    """One grant of a demo user; ``collection`` is the id, ``name`` what people call it."""

    collection: str
    name: str
    role: str


class UserEntry(TypedDict):
    """One log-in. ``token`` is an API token; ``grants`` is there for demo users."""

    username: str
    password: str
    token: str
    grants: NotRequired[list[GrantEntry]]


class Credentials(TypedDict, total=False):
    """The whole file."""

    url: str
    admin: UserEntry
    demo_users: list[UserEntry]


def credentials_read(path: Path | None = None) -> Credentials:
    """What the file says; empty where there is none yet."""
    file = path or data_paths().credentials
    try:
        content: Credentials = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    return content


def credentials_update(path: Path | None = None, **parts: Unpack[Credentials]) -> None:
    """Replace the named parts and keep the others."""
    file = path or data_paths().credentials
    content = {**credentials_read(file), **parts}
    write_private(file, json.dumps(content, indent=2) + "\n")
