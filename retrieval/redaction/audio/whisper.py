"""Whisper by faster-whisper and CTranslate2, from files that are here and were checked."""

from __future__ import annotations

import importlib.metadata
import logging
import os
import threading
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from retrieval.redaction.audio.silero import RATE, Samples
from retrieval.redaction.audio.whisper_bundle import WhisperBundle, bundle_read
from retrieval.redaction.audio.words import Word, stretches
from retrieval.redaction.errors import RedactionError, RedactionTimeoutError

_BEAM: Final = 5
_SECONDS: Final = {False: 60, True: 47}
"""Stretches of another length in the second look are cut at other places."""
_BUDGET: Final = 10.0
"""Seconds of work a second of sound may take: "large" takes about three on two cores."""
_LEAST_MS: Final = 10


class WhisperTranscriber:
    """Loads its model at the first use: it takes hundreds of megabytes, and few need it."""

    name = "faster-whisper"

    def __init__(self, folder: Path, *, threads: int = 2) -> None:
        """``folder`` is a bundle's; see ``whisper_bundle``.

        Raises:
            WhisperBundleError: its files are not those of its manifest.
        """
        self._folder = folder
        self._threads = threads
        self._lock = threading.Lock()
        self._model: Any = None
        self._digest = bundle_read(folder).digest

    @property
    def version(self) -> str:
        """The library's version, the bundle's name and its digest."""
        library = importlib.metadata.version("faster-whisper")
        return f"1+{library}:{self._folder.name}:{self._digest}"

    def words(self, pieces: Iterable[Samples], *, again: bool = False) -> list[Word]:
        """Words in order of time; the second look searches less widely, over other stretches.

        Raises:
            RedactionTimeoutError: it took far longer than the sound lasts.
            WhisperBundleError: the files have changed since.
            RedactionError: the library failed.
        """
        found: list[Word] = []
        for begin, samples in stretches(pieces, seconds=_SECONDS[again]):
            deadline = time.monotonic() + 30 + _BUDGET * len(samples) / RATE
            # One at a time: a second model would take the memory of everything else.
            with self._lock:
                found += self._stretch(samples, begin, deadline, beam=1 if again else _BEAM)
        return found

    def _stretch(self, samples: Samples, begin: int, deadline: float, *, beam: int) -> list[Word]:
        found: list[Word] = []
        offset = begin * 1000 // RATE
        try:
            segments, _ = self._loaded().transcribe(
                samples,
                beam_size=beam,
                temperature=0.0,
                word_timestamps=True,
                condition_on_previous_text=False,
                vad_filter=False,
            )
            for segment in segments:
                found += [_word(word, offset) for word in segment.words or ()]
                _in_time(deadline)
        except RedactionError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever it was, nothing may pass
            # The library's words may hold what was said.
            raise RedactionError(f"the transcriber failed: {type(error).__name__}") from None
        return [word for word in found if word.text.strip()]

    def _loaded(self) -> Any:
        if self._model is None:
            bundle = bundle_read(self._folder)
            if bundle.digest != self._digest:
                raise RedactionError("the transcriber's files have changed")
            self._model = _model_of(bundle, self._threads)
        return self._model


def _in_time(deadline: float) -> None:
    if time.monotonic() > deadline:
        raise RedactionTimeoutError("the transcriber took too long")


def _word(word: Any, offset_ms: int) -> Word:
    start = offset_ms + int(word.start * 1000)
    end = max(start + _LEAST_MS, offset_ms + int(word.end * 1000))
    return Word(str(word.word), start, end, float(word.probability))


def _model_of(bundle: WhisperBundle, threads: int) -> Any:
    os.environ["HF_HUB_OFFLINE"] = "1"
    from faster_whisper import WhisperModel

    logging.getLogger("faster_whisper").setLevel(logging.ERROR)  # it tells what it hears at DEBUG
    return WhisperModel(
        bundle.name,
        device="cpu",
        compute_type="int8",
        cpu_threads=threads,
        local_files_only=True,
        files=dict(bundle.files),
    )
