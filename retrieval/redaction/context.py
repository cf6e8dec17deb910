"""Words beside a match: some make it surer, others say that it is something else."""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_left
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from retrieval.redaction.wordlist import words

# Presidio's own figures (LemmaContextAwareEnhancer), so that its recognisers' scores mean what
# their authors meant.
SIMILARITY_FACTOR: Final = 0.35
MINIMUM_SCORE: Final = 0.4
# A match at or above this needs no word's help, and no word speaks against it.
SURE: Final = 0.65
# What is left of a score where a word says that a bare number counts or names a thing.
DOUBTED: Final = 0.15
_BEFORE_WORDS: Final = 6
_AFTER_WORDS: Final = 3
_BEFORE_CHARS: Final = 100
_AFTER_CHARS: Final = 50
_AGAINST_BEFORE: Final = 3
_WORD: Final = re.compile(r"[^\W_]+")
_CAMEL: Final = re.compile(r"(?<=[a-z])(?=[A-Z][a-z])|(?<=[a-z]{2})(?=[A-Z])")
_OPEN_ENDED_CHARS: Final = 5
_MONEY_BEFORE: Final = re.compile(r"[$€£¥₹]\s?$")
_MONEY_AFTER: Final = re.compile(r"\s?[%€£$¥₹°]")

# What numbers in ordinary prose are numbers of: things, editions, amounts.
_THINGS: Final = words(
    "isbn issn ean upc gtin asin doi pmid pmcid arxiv rfc cve sku item items article art"
    " artikel article"
    " product produkt produit producto prodotto part parts partnumber teil teilenummer"
    " piece pieza pezzo"
    " model modell modele modelo modello type typ version build release revision rev"
    " commit firmware"
    " serial serie serien seriennummer batch lot lotto charge order orders bestellung bestellnummer"
    " auftrag auftragsnummer commande pedido ordine invoice rechnung rechnungsnummer"
    " facture factura fattura"
    " receipt quittung ticket issue bug pr tracking shipment parcel sendung paket colis"
    " envio spedizione"
    " catalog catalogue katalog population einwohner habitants habitantes abitanti size"
    " bytes offset port"
    " total sum summe somme suma somma count anzahl menge quantity qty nombre cantidad quantita"
    " usd eur gbp chf dollar dollars euro euros pounds price preis prix precio prezzo"
    " revenue umsatz timestamp epoch"
    " checksum crc hash line row zeile page seite pages seiten pixel pixels frame frames"
    " sample samples"
)
_UNITS: Final = words(
    "bytes byte kb mb gb tb kib mib gib bits ms ns us s sec seconds sekunden secondes"
    " segundos secondi min minutes minuten"
    " hours stunden km m cm mm nm miles meter metres meters kg g mg t tons tonnen tonnes"
    " l litres liter ml hz khz mhz ghz"
    " usd eur gbp chf dollar dollars euro euros pounds pfund yen people persons personen"
    " einwohner inhabitants habitants habitantes"
    " abitanti times mal fois veces volte units stück stueck pieces items records rows"
    " rpm kwh mwh watts w v volts percent prozent"
    " records entries users downloads views pixels tokens parameters copies shares"
    " million millionen billion"
)
_AGAINST: Final = frozenset(_THINGS)
_AMOUNTS: Final = frozenset(_UNITS)


@dataclass(frozen=True, slots=True)
class Words:
    """The words of one text, folded, with where each begins and ends."""

    text: str
    words: list[str]
    starts: list[int]
    ends: list[int]

    def around(self, start: int, end: int) -> str:
        """Words before, within and after a span, one blank between; folded."""
        first = bisect_left(self.starts, start)
        last = bisect_left(self.starts, end)
        low = max(0, first - _BEFORE_WORDS)
        while low < first and self.ends[low] < start - _BEFORE_CHARS:
            low += 1
        high = min(len(self.words), last + _AFTER_WORDS)
        while high > last and self.starts[high - 1] > end + _AFTER_CHARS:
            high -= 1
        return " ".join(self.words[low:high])

    def speaks_against(self, start: int, end: int) -> bool:
        """Whether the words next to a bare number say that it numbers or measures a thing."""
        first = bisect_left(self.starts, start)
        before = self.words[max(0, first - _AGAINST_BEFORE) : first]
        if not _AGAINST.isdisjoint(before) and self.ends[first - 1] >= start - _AFTER_CHARS:
            return True
        last = bisect_left(self.starts, end)
        near = last < len(self.words) and self.starts[last] <= end + 2
        if near and self.words[last] in _AMOUNTS:
            return True
        money = _MONEY_BEFORE.search(self.text, max(0, start - 2), start)
        return bool(money or _MONEY_AFTER.match(self.text, end))


def words_of(text: str) -> Words:
    """Every word of ``text``; camelCase, underscores and figures part words."""
    words: list[str] = []
    starts: list[int] = []
    ends: list[int] = []
    for match in _WORD.finditer(text):
        word, start = match[0], match.start()
        if word.islower() or word.isupper() or word.isdigit():
            words.append(fold(word))
            starts.append(start)
            ends.append(match.end())
            continue
        for piece in _CAMEL.split(word):
            words.append(fold(piece))
            starts.append(start)
            start += len(piece)
            ends.append(start)
    return Words(text, words, starts, ends)


def fold(word: str) -> str:
    """``word`` without case and accents."""
    if word.isascii():
        return word.lower()
    apart = unicodedata.normalize("NFKD", word.casefold())
    return "".join(char for char in apart if not unicodedata.combining(char))


@lru_cache(maxsize=1024)
def pattern(wanted: tuple[str, ...]) -> re.Pattern[str]:
    """Finds one of ``wanted`` in folded words.

    A context word counts where it stands as a whole word or several, or, if it has five letters or
    more, where a word begins with it ("passports", "telefonnummer").
    """
    choices = []
    for phrase in wanted:
        words = [fold(word) for word in _WORD.findall(phrase)]
        if words:
            end = "" if len(words[-1]) >= _OPEN_ENDED_CHARS else r"\b"
            choices.append(" ".join(map(re.escape, words)) + end)
    return re.compile(r"\b(?:" + "|".join(choices) + ")") if choices else re.compile(r"(?!)")


def raised(score: float) -> float:
    """The score of a match beside one of its words."""
    return min(max(score + SIMILARITY_FACTOR, MINIMUM_SCORE), 1.0)
