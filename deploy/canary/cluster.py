"""The embedded Postgres's files as they lie on the disk: rows dead and alive, indexes, the log."""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

from audit.canary.base import Controls, Look
from audit.canary.pglz import pglz_compressed
from audit.canary.scanner import gathered
from audit.canary.toast import PAGE_BYTES, Chunks, inline_values, without_page_headers
from deploy.canary.files import CONTROL, Folder, read
from deploy.canary.scratch import Scratch

_OVERLAP_BYTES = 2 * PAGE_BYTES


class ClusterFiles(Folder):
    """Every file of the cluster but its write-ahead log, free space in pages included."""

    def __init__(self, pgdata: Path, scratch: Scratch | None) -> None:
        super().__init__("database files", pgdata, left_out=lambda entry: entry.name == "pg_wal")
        self._scratch = scratch
        self._relations: dict[str, str] = {}

    def plant(self, controls: Controls) -> None:
        """Rows in a table of our own; with the server stopped, a file that looks like its pages."""
        if self._scratch is None:
            plant_page(self, controls)
            return
        scratch = self._scratch
        scratch.make()
        table, index, toast, gone, statistics = scratch.paths()
        row = controls.new("plain", where=table)
        controls.also(row, "plain", where=index)
        scratch.insert(plain=row)
        scratch.insert_deleted(controls.new("plain", where=gone))
        scratch.insert_packed(controls.new("toast", where=table), out_of_line=False)
        scratch.insert_packed(controls.new("toast", where=toast), out_of_line=True)
        scratch.insert_common(controls.new("plain", where=statistics))

    def search(self, look: Look) -> None:
        """Everything is written out first, so that the files hold what the server holds."""
        if self._scratch is not None:
            self._scratch.checkpoint()
            self._relations = self._scratch.relations()
        super().search(look)

    def clean(self) -> None:
        """The table is dropped; planted files are gone."""
        super().clean()
        if self._scratch is not None:
            self._scratch.drop()

    def look_at(self, path: Path, place: str, look: Look) -> None:
        """Searches one file, named after its table where that is known."""
        chunks = Chunks()

        def inner(window: bytes) -> Iterator[tuple[str, bytes]]:
            return chain(inline_values(window), chunks.feed(window))

        relation = self._relations.get(re.sub(r"[._].*", "", place))
        shown = f"{place} ({relation})" if relation else place
        look.through(shown, read(path), inner=inner, rest=chunks.rest)


class WriteAheadLog(Folder):
    """The write-ahead log's segments, records put together across their pages."""

    def __init__(self, pgdata: Path, scratch: Scratch | None) -> None:
        super().__init__("write-ahead log", pgdata / "pg_wal")
        self._scratch = scratch
        self._before = b""

    def plant(self, controls: Controls) -> None:
        """A committed row, and a compressed one out of line."""
        if self._scratch is None:
            plant_page(self, controls)
            return
        self._scratch.make()
        self._scratch.insert(plain=controls.new("plain"))
        self._scratch.insert_packed(controls.new("toast"), out_of_line=False)
        self._scratch.insert_packed(controls.new("toast"), out_of_line=True)

    def clean(self) -> None:
        """As ``ClusterFiles``; the log keeps the random controls until it is recycled."""
        super().clean()
        if self._scratch is not None:
            self._scratch.drop()

    def look_at(self, path: Path, place: str, look: Look) -> None:
        """Searches one segment after the end of the one before."""
        chunks = Chunks()

        def pieces() -> Iterator[bytes]:
            yield self._before
            # Pieces of whole pages, so that each begins with a page's header.
            for piece in gathered(read(path)):
                records = without_page_headers(piece)
                self._before = records[-_OVERLAP_BYTES:]
                yield records

        def inner(window: bytes) -> Iterator[tuple[str, bytes]]:
            return chain(inline_values(window), chunks.feed(window))

        look.through(place, pieces(), inner=inner, rest=chunks.rest)


def plant_page(folder: Folder, controls: Controls) -> None:
    """Two pages with a row's text, and one that is compressed as pglz does it."""
    name = f"{CONTROL}{secrets.token_hex(4)}"
    plain = controls.new("plain", where=name).encode()
    packed = controls.new("toast", where=name).encode()
    stored, raw_size = pglz_compressed([packed[i : i + 8] for i in range(0, len(packed), 8)])
    body = raw_size.to_bytes(4, "little") + stored
    value = (((len(body) + 4) << 2) | 2).to_bytes(4, "little") + body
    page = bytes(64) + plain + bytes(64) + value
    folder.write(name, page.ljust(PAGE_BYTES, b"\0") + bytes(PAGE_BYTES))


def pgdata_of(paths_postgres: Path) -> Path | None:
    """Where the embedded cluster lies, if there is one and this user may enter it."""
    pgdata = paths_postgres.resolve()
    return pgdata if os.access(pgdata, os.R_OK | os.X_OK) and pgdata.is_dir() else None
