"""What redaction costs: kB/s of text, pictures and sounds a second, memory of the one server.

Through a redaction server of the benchmark's own, as ingestion asks it: every file is prepared and
verified, two at a time.
"""

from __future__ import annotations

import io
import random
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final, TypeVar

from PIL import Image, ImageDraw, ImageFont

from deploy.benchmarks.figures import Figure
from deploy.benchmarks.memory import pss_of_tree
from deploy.benchmarks.redact.parts import Options, Part
from deploy.paths import ROOT
from retrieval.redaction.client import RedactionClient
from retrieval.redaction.local_server import own_redaction_server

Item = TypeVar("Item")
_AT_ONCE: Final = 2
_MEGABYTE: Final = 1024 * 1024
_ITEMS: Final = ROOT / "deploy" / "demo" / "items"
_PROFILE: Final = "standard"
_TEXT_BYTES: Final = 40_000
_WORDS_A_PAGE: Final = 160
_TARGETS: Final = {"text": 40.0, "picture": 1.5, "page": 0.15, "sound": 20.0, "memory": 900.0}


def run(options: Options) -> Part:
    """Throughput with two requests at a time, then the server's memory after all of that."""
    share = 10 if options.quick else 1
    notes = sorted((_ITEMS / "notes").glob("*.txt"))
    photos = sorted((_ITEMS / "photos").glob("*.jpg"))[: max(4, 40 // share)]
    sounds = sorted((_ITEMS / "sounds").glob("*.ogg"))[: max(4, 40 // share)]
    texts = [_prose(notes, number) for number in range(max(2, 10 // share))]
    pages = [_page(notes, number) for number in range(max(2, 10 // share))]
    with own_redaction_server() as (client, pid):
        for name, data in (("a.txt", texts[0][:2000]), ("a.png", pages[0])):
            _through(client, data, name)  # models are loaded on first use
        before = pss_of_tree(pid)
        text = _rate(client, texts, "a.txt")
        picture = _rate(client, [photo.read_bytes() for photo in photos], "a.jpg")
        page = _rate(client, pages, "a.png")
        seconds, sound = _sounds(client, sounds)
        after = pss_of_tree(pid)
    return Part(
        figures=[
            _at_least("text", text * len(texts[0]) / 1000, "kB/s", "text"),
            _at_least("pictures without text", picture, "1/s", "picture"),
            _at_least("pages of text as pictures", page, "1/s", "page"),
            _at_least("sound, times real time", seconds * sound, "x", "sound"),
            Figure("redaction server PSS, warm", before / _MEGABYTE, "MB"),
            Figure("redaction server PSS, after all", after / _MEGABYTE, "MB", _TARGETS["memory"]),
        ],
        notes=[f"profile {_PROFILE}, prepared and verified, {_AT_ONCE} at a time"],
    )


def _at_least(name: str, value: float, unit: str, target: str) -> Figure:
    return Figure(name, value, unit, target=_TARGETS[target], at_least=True)


def _rate(client: RedactionClient, files: Sequence[bytes], name: str) -> float:
    """Files a second."""
    return _timed(lambda data: _through(client, data, name), files)


def _sounds(client: RedactionClient, files: Sequence[Path]) -> tuple[float, float]:
    """Mean seconds of sound a file, and files a second."""
    lengths: list[float] = []

    def one(path: Path) -> None:
        lengths.append(_through(client, path.read_bytes(), "a.ogg") / 1000)

    rate = _timed(one, files)
    return sum(lengths) / len(lengths), rate


def _timed(work: Callable[[Item], object], items: Sequence[Item]) -> float:
    began = time.perf_counter()
    with ThreadPoolExecutor(_AT_ONCE) as threads:
        list(threads.map(work, items))
    return len(items) / (time.perf_counter() - began)


def _through(client: RedactionClient, data: bytes, name: str) -> int:
    """Milliseconds the file lasts, once it is redacted and verified."""
    prepared = client.prepare(iter([data]), name=name, title="", profile=_PROFILE)
    client.verify(prepared.rendition, media_type=prepared.media_type, profile=_PROFILE)
    return prepared.duration_ms or 0


def _prose(notes: Sequence[Path], seed: int) -> bytes:
    """Some 40 kB of the demo's notes in a random order, with something to take out."""
    rng = random.Random(seed)  # noqa: S311 - no secret
    pieces: list[str] = []
    while sum(map(len, pieces)) < _TEXT_BYTES:
        pieces.append(rng.choice(notes).read_text(encoding="utf-8"))
        pieces.append(f"\n\nMail to user{rng.randrange(10**6)}@example.org, Anna Berger.\n\n")
    return "".join(pieces).encode()[:_TEXT_BYTES]


def _page(notes: Sequence[Path], seed: int) -> bytes:
    """A PNG with a page of the demo's prose, 160 words, and an address to take out."""
    rng = random.Random(seed)  # noqa: S311 - no secret
    words = rng.choice(notes).read_text(encoding="utf-8").split()[:_WORDS_A_PAGE]
    words.insert(len(words) // 2, f"user{rng.randrange(10**6)}@example.org")
    lines = [" ".join(words[start : start + 9]) for start in range(0, len(words), 9)]
    picture = Image.new("RGB", (1240, 1000), "white")
    font = ImageFont.load_default(24)
    ImageDraw.Draw(picture).multiline_text((60, 60), "\n".join(lines), "black", font, spacing=14)
    stream = io.BytesIO()
    picture.save(stream, "PNG")
    return stream.getvalue()
