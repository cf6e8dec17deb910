"""Where checkpoints go, as the configuration names it. Pure: settings read it before Django is up.

* ``dir:/path`` or ``/path``: a file each, in a folder of every year;
* ``syslog:/dev/log``, ``syslog+tcp://host:port``, ``syslog+udp://host:port`` (RFC 5424; UDP tells
  nobody whether it arrived);
* ``smtp://…``, ``smtp+starttls://…``, ``smtps://[user@]host:port/?to=ADDRESS&from=ADDRESS``;
* ``https://host/path``: POST, with ``VITRINE_CHECKPOINT_TOKEN`` as bearer token. Plain ``http``
  only to this machine itself.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal
from urllib.parse import parse_qs, unquote, urlsplit

Kind = Literal["directory", "syslog", "email", "https"]
_HOST = re.compile(r"[A-Za-z0-9_.:-]+")
_MAIL = re.compile(r"[^\s@,;<>]+@[^\s@,;<>]+")
_LOOPBACK = ("127.0.0.1", "::1", "localhost")
_PORTS = {
    "smtp": 25,
    "smtp+starttls": 587,
    "smtps": 465,
    "https": 443,
    "http": 80,
    "syslog+tcp": 601,  # RFC 3195's, which servers use for plain TCP too (RFC 6587)
    "syslog+udp": 514,
}
_LONGEST_NAME = 200


@dataclass(frozen=True)
class SinkAddress:
    """One place. ``name`` is what is shown and kept: without user, password or query."""

    name: str
    kind: Kind
    scheme: str
    path: str = ""
    host: str = ""
    port: int = 0
    user: str = ""
    to: str = ""
    sender: str = ""


def sink_addresses(texts: Sequence[str]) -> tuple[SinkAddress, ...]:
    """The places in the order they were named; none for the single word ``none``.

    Raises:
        ValueError: one that is malformed or named twice. The message does not repeat it.
    """
    if list(texts) == ["none"]:
        return ()
    found = tuple(_parsed(text, number) for number, text in enumerate(texts, start=1))
    if len({one.name for one in found}) != len(found):
        raise ValueError("a place is named twice")
    return found


def _parsed(text: str, number: int) -> SinkAddress:
    scheme, _, rest = text.partition(":")
    if text.startswith("/"):
        scheme, rest = "dir", text
    if scheme in {"dir", "syslog"}:
        return _local(scheme, rest, number)
    if scheme not in _PORTS:
        raise ValueError(f"entry {number} is no place: dir:, syslog:, smtp:// or https://")
    try:
        parts = urlsplit(text)
        host, port = parts.hostname or "", parts.port or _PORTS[scheme]
    except ValueError:
        raise ValueError(f"entry {number} has no usable host and port") from None
    if not _HOST.fullmatch(host):
        raise ValueError(f"entry {number} has no usable host and port")
    if parts.password is not None:
        raise ValueError(f"entry {number} holds a password: name it in a variable of its own")
    if scheme == "http" and host not in _LOOPBACK:
        raise ValueError(f"entry {number} would go unencrypted: use https://")
    name = f"{scheme}://{host}:{port}{parts.path}"[:_LONGEST_NAME]
    user = unquote(parts.username or "")
    if scheme.startswith("smtp"):
        return _email(name, scheme, host, port, user, parts.query, number)
    kind: Kind = "syslog" if scheme.startswith("syslog") else "https"
    if kind == "https" and (parts.query or user):
        raise ValueError(f"entry {number} holds more than a path: the token has its own variable")
    return SinkAddress(name, kind, scheme, path=parts.path or "/", host=host, port=port)


def _local(scheme: str, path: str, number: int) -> SinkAddress:
    path = path.removeprefix("//") if path.startswith("///") else path
    if not path.startswith("/") or path.startswith("//"):
        raise ValueError(f"entry {number} names no absolute path")
    name = f"{scheme}:{path}"[:_LONGEST_NAME]
    return SinkAddress(name, "directory" if scheme == "dir" else "syslog", scheme, path=path)


def _email(
    name: str, scheme: str, host: str, port: int, user: str, query: str, number: int
) -> SinkAddress:
    asked = parse_qs(query)
    to, sender = asked.get("to", [""])[0], asked.get("from", [""])[0]
    if not _MAIL.fullmatch(to) or not _MAIL.fullmatch(sender or to):
        raise ValueError(f"entry {number} needs ?to=ADDRESS, and may have &from=ADDRESS")
    return SinkAddress(
        f"{name.rstrip('/')}/{to}"[:_LONGEST_NAME],
        "email",
        scheme,
        host=host,
        port=port,
        user=user,
        to=to,
        sender=sender or to,
    )
