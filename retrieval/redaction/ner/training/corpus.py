"""An endless, seeded stream of training documents: synthetic sentences and the packs, mixed."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING, Final

from retrieval.redaction.ner.training import names, packs, sentences
from retrieval.redaction.ner.training.augment import augment, blanked, joined, planted
from retrieval.redaction.ner.training.ordinary import Ordinary
from retrieval.redaction.ner.training.values import Filler

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from retrieval.redaction.ner.training.sentences import Labelled

# Shares of synthetic sentences, by template file; longer files get more.
FILES: Final = {
    "service": 0.22,
    "news": 0.18,
    "chat": 0.15,
    "records": 0.18,
    "places": 0.08,
    "dates": 0.03,
    "nothing": 0.07,
    "numbers": 0.09,
}
# Shares of the stream: the packs are small and are seen often enough without being learnt by heart.
_PRESIDIO: Final = 0.12
_PII_ANON: Final = 0.05
_TWEETS: Final = 0.07
_FOREIGN: Final = 0.13
_ORDINARY: Final = 0.13
# Documents of which something has been taken out already: the second look sees such.
_BLANKED: Final = 0.12
_PLANTED: Final = 0.06
_PLANTED_ORDINARY: Final = 0.4
_LONGEST: Final = 1_200
LANGUAGES: Final = {
    "de": ("de_DE", "de_AT", "de_CH"),
    "fr": ("fr_FR", "fr_CH", "fr_CA", "fr_BE"),
    "es": ("es_ES", "es_MX", "es_CO", "es_AR"),
    "it": ("it_IT",),
    "nl": ("nl_NL", "nl_BE"),
}


@dataclass(frozen=True)
class Sources:
    """Everything that is drawn from."""

    presidio: list[Labelled]
    pii_anon: list[Labelled]
    tweets: list[Labelled]
    ordinary: Ordinary

    @classmethod
    def of(cls, folder: Path, captions: Path | None) -> Sources:
        """The training part of the packs in ``folder``, and ordinary English."""
        return cls(
            packs.presidio(folder)[0],
            packs.pii_anon(folder)[0],
            packs.tweets(folder)[0],
            Ordinary(captions),
        )


class Corpus:
    """Draws documents; the same seed gives the same stream."""

    def __init__(self, sources: Sources, *, seed: int) -> None:
        """Read templates and draw pools of values."""
        self._random = Random(seed)
        self._sources = sources
        self._filler = Filler(seed)
        self._templates = {name: sentences.templates(name) for name in FILES}
        self._foreign = {
            language: (sentences.templates(language), Filler(seed, locales=locales))
            for language, locales in LANGUAGES.items()
        }

    def stream(self) -> Iterator[Labelled]:
        """Documents without end."""
        random = self._random
        while True:
            count = 1 if random.random() < 0.5 else random.randint(2, 5)
            item = joined([augment(self._planted(), random) for _ in range(count)], random)
            yield blanked(item, random) if random.random() < _BLANKED else item

    def _planted(self) -> Labelled:
        """One item; at times a name stands where nothing announces it."""
        random = self._random
        item = self._one()
        if random.random() < (_PLANTED if item.spans else _PLANTED_ORDINARY):
            name = names.person(random, names.locale(random))
            item = planted(item, name.lower() if random.random() < 0.1 else name, random)
        return item

    def _one(self) -> Labelled:
        random, sources = self._random, self._sources
        drawn = random.random()
        if drawn < _PRESIDIO:
            return random.choice(sources.presidio)
        if drawn < _PRESIDIO + _PII_ANON:
            return _short(random.choice(sources.pii_anon))
        if drawn < _PRESIDIO + _PII_ANON + _TWEETS:
            return random.choice(sources.tweets)
        if drawn < _PRESIDIO + _PII_ANON + _TWEETS + _FOREIGN:
            choices, filler = self._foreign[random.choice(tuple(LANGUAGES))]
            return sentences.fill(random.choice(choices), filler.document(random), random)
        if drawn < _PRESIDIO + _PII_ANON + _TWEETS + _FOREIGN + _ORDINARY:
            return sources.ordinary.one(random)
        name = random.choices(tuple(FILES), tuple(FILES.values()))[0]
        return sentences.fill(
            random.choice(self._templates[name]), self._filler.document(random), random
        )


def _short(item: Labelled) -> Labelled:
    """The beginning of a long record, cut where no span is."""
    if len(item.text) <= _LONGEST:
        return item
    end = _LONGEST
    for start, stop, _ in item.spans:
        if start < end < stop:
            end = start
    return type(item)(item.text[:end], tuple(s for s in item.spans if s[1] <= end))
