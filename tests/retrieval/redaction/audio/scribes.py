"""A transcriber for tests, and what every transcriber must do."""

from __future__ import annotations

from retrieval.redaction.audio.words import Transcriber, Word
from tests.retrieval.redaction.audio.conftest import RATE, pink


class Scribe:
    """Writes down the words it was made with, whatever it hears; nothing in a second look."""

    name, version = "scribe", "1"

    def __init__(self, *words):
        self.said = [Word(*word) for word in words]

    def words(self, pieces, *, again=False):
        heard = sum(len(piece) for piece in pieces)
        return [] if again or not heard else self.said


def conforms(transcriber: Transcriber) -> None:
    """Raises AssertionError where ``transcriber`` does not keep the protocol's promises."""
    assert transcriber.name
    assert transcriber.version
    assert transcriber.words([]) == []
    sound = pink(3)
    for again in (False, True):
        pieces = (sound[start : start + 10_000] for start in range(0, len(sound), 10_000))
        found = transcriber.words(pieces, again=again)
        assert found == transcriber.words([sound], again=again)
        assert all(isinstance(word, Word) and word.text.strip() for word in found)
        assert all(0 <= word.start_ms < word.end_ms for word in found)
        assert all(word.end_ms <= 1000 * len(sound) // RATE + 100 for word in found)
        assert all(0 <= word.probability <= 1 for word in found)
        starts = [word.start_ms for word in found]
        assert starts == sorted(starts)
