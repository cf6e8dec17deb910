"""Presidio's recognisers and ours, asked in turn: nothing is downloaded, logged or forgiven."""

from __future__ import annotations

import logging
import re
import time
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, Protocol

from retrieval.redaction import context, no_torch
from retrieval.redaction.errors import RedactionTimeoutError
from retrieval.redaction.ner.choice import name_models
from retrieval.redaction.recognizers import recognizers
from retrieval.redaction.recognizers.frame import PATTERN_LIMIT_SECONDS, Recognizer, Window

with no_torch.blocked():
    import presidio_analyzer
    from presidio_analyzer import pattern_recognizer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from presidio_analyzer import EntityRecognizer, RecognizerResult

    from retrieval.redaction.base import Finding

_NO_ARTIFACTS: Final[Any] = None
# Processor seconds for one recogniser on one window. Patterns have a limit of their own within.
RECOGNIZER_LIMIT_SECONDS: Final = 10.0
_DIGIT: Final = re.compile(r"\d")
_AT: Final = re.compile(r"@|%40|\b(?:at)\b|[\[{(]at", re.IGNORECASE)


class SpanModel(Protocol):
    """Finds what needs a trained model, such as names; safe to call from several threads."""

    @property
    def name(self) -> str:
        """Shown as the recogniser of what it finds."""

    @property
    def version(self) -> str:
        """For provenance."""

    @property
    def kinds(self) -> frozenset[str]:
        """Entity kinds that it can find."""

    def spans(self, texts: Sequence[str]) -> list[list[Finding]]:
        """For each text what was found at any score; offsets are the text's.

        Raises:
            RedactionTimeoutError: a text could not be finished.
        """


class FailClosedHandler(logging.Handler):
    """Turns Presidio's warning that a pattern ran out of time into an error.

    And swallows all its other messages.

    Presidio skips a pattern that takes too long and goes on: what it would have found would pass.
    It also logs matched text when a checksum routine fails. Nothing of that reaches a log from
    here.
    """

    def emit(self, record: logging.LogRecord) -> None:
        """Raise if the record tells of a timeout; the caller of the analyser gets it.

        Raises:
            RedactionTimeoutError: in the thread that analyses.
        """
        if record.exc_info and isinstance(record.exc_info[1], TimeoutError):
            raise RedactionTimeoutError("a pattern ran out of time")


class Engine:
    """Every recogniser of structured kinds, and the models for the others.

    Presidio's ``AnalyzerEngine`` is not used: it asks every recogniser about every text, copies
    what it finds many times over, and compares lemmas that a pipeline without a model lacks.
    """

    def __init__(
        self, extra: Sequence[EntityRecognizer] = (), models: Sequence[SpanModel] = ()
    ) -> None:
        """Build recognisers and silence Presidio's logger.

        ``extra`` are more recognisers of Presidio's kind; ``models`` are asked in batches.
        """
        _silence()
        setattr(pattern_recognizer, "REGEX_TIMEOUT_SECONDS", PATTERN_LIMIT_SECONDS)  # noqa: B010 - untyped
        self._recognizers = [*recognizers(), *extra]
        self.models = tuple(models)

    @property
    def kinds(self) -> frozenset[str]:
        """Every entity kind that some recogniser or model knows."""
        known = {kind for one in self._recognizers for kind in one.supported_entities}
        return frozenset(known.union(*(model.kinds for model in self.models)))

    def analyze(
        self, text: str, kinds: frozenset[str], *, whole: bool = False
    ) -> list[RecognizerResult]:
        """Everything that recognisers find of ``kinds`` at any score; in no order, overlapping.

        ``whole``: those who want all of a text at once, otherwise the others.

        Raises:
            RedactionTimeoutError: a pattern or recogniser ran out of time.
        """
        window = Window(text)
        has = {"": True, "digit": bool(_DIGIT.search(text)), "at": bool(_AT.search(text))}
        words: context.Words | None = None
        found: list[RecognizerResult] = []
        for recognizer in self._recognizers:
            if not has[getattr(recognizer, "needs", "")]:
                continue
            if getattr(recognizer, "whole", False) != whole:
                continue
            hints = getattr(recognizer, "hints", ())
            if hints and not any(hint in window.lowered for hint in hints):
                continue
            wanted = [kind for kind in recognizer.supported_entities if kind in kinds]
            if not wanted:
                continue
            started = time.thread_time()
            # Nobody of these reads what a language pipeline would say.
            results: list[RecognizerResult] = recognizer.analyze(window, wanted, _NO_ARTIFACTS)
            if time.thread_time() - started > RECOGNIZER_LIMIT_SECONDS:
                raise RedactionTimeoutError("a recogniser ran out of time")
            if results:
                words = words or context.words_of(text)
                _weigh(results, recognizer, words)
                found += results
        return found


def _weigh(results: list[RecognizerResult], recognizer: Any, words: context.Words) -> None:
    """Raise and lower scores by the words around."""
    ours = isinstance(recognizer, Recognizer)
    for result in results:
        if result.score >= context.SURE and ours:
            continue
        wanted = recognizer.words(result.entity_type) if ours else tuple(recognizer.context or ())
        around = words.around(result.start, result.end) if wanted else ""
        if wanted and context.pattern(wanted).search(around):
            result.score = context.raised(result.score)
        elif (
            result.score < context.SURE
            and getattr(recognizer, "deniable", False)
            and words.speaks_against(result.start, result.end)
        ):
            result.score = min(result.score, context.DOUBTED)


@lru_cache(maxsize=1)
def shared_engine() -> Engine:
    """The one engine of this process, with its name models (``ner.choice``).

    Building it takes a moment, using it from several threads is safe.

    Raises:
        NamesBundleError: the name model's files are missing or changed.
    """
    return Engine(models=name_models())


def version() -> str:
    """Presidio's version, for provenance."""
    return str(getattr(presidio_analyzer, "__version__", "")) or _distribution_version()


def _distribution_version() -> str:
    from importlib.metadata import version as distribution_version

    return distribution_version("presidio-analyzer")


def _silence() -> None:
    logger = logging.getLogger("presidio-analyzer")
    logger.setLevel(logging.WARNING)
    logger.propagate = False
    logger.disabled = False
    logger.handlers = [FailClosedHandler()]
    decisions = logging.getLogger("decision_process")
    decisions.disabled = True
