"""Redis: every key and value, what it remembers of commands, and its files."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import redis

from audit.canary.base import CannotLook, Controls, Look
from audit.canary.lzf import lzf_packed, lzf_values
from deploy.canary.files import CONTROL, Folder, read
from deploy.canary.samples import message

_PREFIX = b"canary:control:"
_EXPIRE_SECONDS = 3600  # should the search be killed, nothing stays
_BATCH = 500
Answer = Callable[[bytes], Any]


class QueueFiles(Folder):
    """Redis's folder: its dump, whose strings are packed, and its journal, should there be any."""

    def plant(self, controls: Controls) -> None:
        """Besides the usual, a string as a dump packs it."""
        super().plant(controls)
        name = f"{CONTROL}{secrets.token_hex(4)}"
        token = controls.new("lzf", where=name).encode()
        words = [token[begin : begin + 8] for begin in range(0, len(token), 8)]
        self.write(name, b"REDIS0009" + lzf_packed(words) + b"\xff")

    def look_at(self, path: Path, place: str, look: Look) -> None:
        """Searches one file, packed strings too."""
        look.through(place, read(path), inner=lzf_values)


class Queue:
    """Keys and values of every type in every database: queue, task results, cache, sessions."""

    name = "Redis"
    permitted = False

    def __init__(self, url: str, *, own: bool = True) -> None:
        """``own``: it runs in the data folder, whose files are searched as files."""
        self._own = own
        # No decoding: values are bytes.
        self._client: Any = redis.Redis.from_url(url, socket_timeout=60)

    def plant(self, controls: Controls) -> None:
        """A key of every type, a queued task, a task's result, and a key's own name.

        Raises:
            CannotLook: Redis does not answer.
        """
        try:
            self._client.ping()
        except redis.RedisError as error:
            raise CannotLook(f"Redis does not answer ({type(error).__name__})") from None
        put = self._client

        def key(kind: str) -> bytes:
            return _PREFIX + kind.encode()

        def new(kind: str, form: str = "plain") -> str:
            return controls.new(form, where=key(kind).decode())

        put.set(key("string"), new("string"))
        put.rpush(key("list"), message(new("list", "base64")))
        put.sadd(key("set"), new("set"))
        put.hset(key("hash"), mapping={new("hash"): "1", "2": new("hash")})
        put.zadd(key("zset"), {new("zset"): 1.0})
        put.xadd(key("stream"), {"field": new("stream")})
        result = {"status": "SUCCESS", "result": new("celery-task-meta")}
        put.set(key("celery-task-meta"), json.dumps(result))
        put.set(key(controls.new("plain", where="(names of keys)")), b"")
        for name in self._keys_of_ours():
            put.expire(name, _EXPIRE_SECONDS)

    def search(self, look: Look) -> None:
        """Database by database."""
        if not self._own:
            look.note("REDIS_URL names a server elsewhere: its files are not searched")
        for number in self._databases():
            client = self._on(number)
            for names in _batches(client.scan_iter(count=_BATCH)):
                told = look.through(f"db{number} (names of keys)", [b"\n".join(names)]).tokens
                for name in names:
                    shown = name.decode(errors="replace")
                    ours = name.startswith(_PREFIX)
                    place = shown if not told or ours else f"a {_kind(shown)} key"
                    look.through(f"db{number} {place}", _values(client, name))
        self._remembered(look)

    def clean(self) -> None:
        """The planted keys are gone."""
        try:
            for name in self._keys_of_ours():
                self._client.delete(name)
        except redis.RedisError:
            return

    def _keys_of_ours(self) -> list[bytes]:
        return list(self._client.scan_iter(match=_PREFIX + b"*", count=_BATCH))

    def _databases(self) -> list[int]:
        spaces = self._client.info("keyspace")
        return sorted(int(name.removeprefix("db")) for name in spaces)

    def _on(self, number: int) -> Any:
        keywords = dict(self._client.connection_pool.connection_kwargs, db=number)
        pool = redis.ConnectionPool(
            connection_class=self._client.connection_pool.connection_class, **keywords
        )
        return redis.Redis(connection_pool=pool)

    def _remembered(self, look: Look) -> None:
        """Slow commands with their arguments, clients' names, channels."""
        asked: dict[str, Callable[[], Any]] = {
            "slow commands": lambda: self._client.slowlog_get(10_000),
            "clients": self._client.client_list,
            "channels": self._client.pubsub_channels,
        }
        for name, ask in asked.items():
            try:
                look.through(name, [repr(ask()).encode()])
            except redis.ResponseError:
                look.note(f"{name} may not be asked for")


def _values(client: Any, name: bytes) -> Iterator[bytes]:
    """What lies under a key, a member a line; nothing for a key that is gone by now."""
    read: dict[bytes, Answer] = {
        b"string": lambda key: [client.get(key) or b""],
        b"list": lambda key: client.lrange(key, 0, -1),
        b"set": client.sscan_iter,
        b"hash": lambda key: _flat(client.hscan_iter(key)),
        b"zset": lambda key: (member for member, _ in client.zscan_iter(key)),
        b"stream": lambda key: _entries(client.xrange(key)),
    }
    answer = read.get(client.type(name))
    # Modules' own types are taken as Redis dumps them.
    for part in answer(name) if answer else [client.dump(name) or b""]:
        yield part
        yield b"\n"


def _flat(pairs: Iterable[tuple[bytes, bytes]]) -> Iterator[bytes]:
    for pair in pairs:
        yield from pair


def _entries(stream: Iterable[tuple[bytes, dict[bytes, bytes] | None]]) -> Iterator[bytes]:
    for name, fields in stream:
        yield name
        yield from _flat((fields or {}).items())


def _batches(names: Iterable[bytes]) -> Iterator[list[bytes]]:
    batch: list[bytes] = []
    for name in names:
        batch.append(name)
        if len(batch) == _BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def _kind(name: str) -> str:
    """The beginning of a key's name, which tells what it is for."""
    return name.split(":", 1)[0][:20]
