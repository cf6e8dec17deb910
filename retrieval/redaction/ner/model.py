"""The name model as the text engine asks it: spans for a batch of texts, from any thread."""

from __future__ import annotations

import os
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Lock
from typing import TYPE_CHECKING, Final

from retrieval.redaction.base import Finding
from retrieval.redaction.ner import bundle, decode
from retrieval.redaction.ner.manifest import BUILTIN, read_manifest
from retrieval.redaction.ner.plain import is_plain, known_names

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from spacy.language import Language

RECOGNIZER: Final = "names"
_PERSON: Final = "PERSON"
_MOST: Final = max(1, min(4, os.cpu_count() or 1))


class NameModel:
    """Implements ``engine.SpanModel`` over a spaCy pipeline; nothing of a text is kept.

    A pipeline's vocabulary forgets a text's words when its memory zone ends, which two threads
    cannot share: each call borrows a pipeline of its own, made when needed, a few at most.
    """

    def __init__(self, folder: Path = BUILTIN) -> None:
        """Check and load the pipeline in ``folder``.

        Raises:
            NamesBundleError: a file is missing or changed.
        """
        self._folder = folder
        self._manifest = read_manifest(folder)
        self._known_names = known_names(folder)
        self._idle: SimpleQueue[Language] = SimpleQueue()
        self._idle.put(bundle.load(folder))
        self._made = 1
        self._lock = Lock()

    @property
    def name(self) -> str:
        """Shown as the recogniser of what it finds."""
        return RECOGNIZER

    @property
    def version(self) -> str:
        """Of the weights."""
        return self._manifest.version

    @property
    def kinds(self) -> frozenset[str]:
        """What it can find."""
        return frozenset(decode.KINDS)

    def spans(self, texts: Sequence[str]) -> list[list[Finding]]:
        """For each text its names at any score, nested where a part is surer than the whole."""
        with self._borrowed() as nlp, nlp.memory_zone():
            return [
                [
                    Finding(
                        kind=span.kind,
                        start=span.start,
                        end=span.end,
                        score=span.score,
                        recognizer=RECOGNIZER,
                    )
                    for span in decode.spans_of(doc)
                    if span.kind != _PERSON
                    or not is_plain(text, span.start, span.end, names=self._known_names)
                ]
                for text, doc in zip(texts, nlp.pipe(texts), strict=True)
            ]

    @contextmanager
    def _borrowed(self) -> Iterator[Language]:
        nlp = self._take()
        try:
            yield nlp
        finally:
            self._idle.put(nlp)

    def _take(self) -> Language:
        try:
            return self._idle.get_nowait()
        except Empty:
            pass
        with self._lock:
            more = self._made < _MOST
            self._made += more
        return bundle.load(self._folder) if more else self._idle.get()


@lru_cache(maxsize=1)
def shared_names() -> NameModel:
    """The name model of this process; loading takes a moment, using it from threads is safe.

    Raises:
        NamesBundleError: the files that ship are missing or changed.
    """
    return NameModel()
