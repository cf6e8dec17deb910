"""Presidio's analyser set up so that it downloads, logs and forgives nothing."""

from __future__ import annotations

import logging
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from retrieval.redaction import no_torch
from retrieval.redaction.context import WordContextEnhancer
from retrieval.redaction.errors import RedactionTimeoutError
from retrieval.redaction.recognizers import LANGUAGE, recognizers

with no_torch.blocked():
    import presidio_analyzer
    from presidio_analyzer import AnalyzerEngine, RecognizerRegistry, pattern_recognizer
    from presidio_analyzer.nlp_engine import NoOpNlpEngine
    from presidio_analyzer.predefined_recognizers.generic import iban_recognizer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from presidio_analyzer import EntityRecognizer, RecognizerResult

# Seconds of processor time for one pattern on one window of a few thousand characters; usual is
# under a millisecond.
PATTERN_LIMIT_SECONDS: Final = 5


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
    """Presidio's analyser with our recognisers, without a language model."""

    def __init__(self, extra: Sequence[EntityRecognizer] = ()) -> None:
        """Build recognisers and silence Presidio's logger.

        ``extra`` is for tests and later detectors.
        """
        _silence()
        for module in (pattern_recognizer, iban_recognizer):
            setattr(module, "REGEX_TIMEOUT_SECONDS", PATTERN_LIMIT_SECONDS)  # noqa: B010 - untyped
        self._analyzer = AnalyzerEngine(
            registry=RecognizerRegistry(
                recognizers=[*recognizers(), *extra], supported_languages=[LANGUAGE]
            ),
            # Words and lemmas are not needed: the enhancer reads the text. The engine of issue 4's
            # names goes here.
            nlp_engine=NoOpNlpEngine(models=[{"lang_code": LANGUAGE, "model_name": ""}]),
            context_aware_enhancer=WordContextEnhancer(),
            supported_languages=[LANGUAGE],
            log_decision_process=False,
        )

    @property
    def kinds(self) -> frozenset[str]:
        """Every entity kind that some recogniser knows."""
        return frozenset(self._analyzer.get_supported_entities(LANGUAGE))

    def analyze(self, text: str, kinds: list[str]) -> list[RecognizerResult]:
        """Everything found of ``kinds`` at any score, in no order, overlapping.

        Raises:
            RedactionTimeoutError: a pattern ran out of time.
        """
        found: list[RecognizerResult] = self._analyzer.analyze(
            text, language=LANGUAGE, entities=kinds, score_threshold=0.0
        )
        return found


@lru_cache(maxsize=1)
def shared_engine() -> Engine:
    """The one engine of this process.

    Building it takes a moment, using it from several threads is safe.
    """
    return Engine()


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
