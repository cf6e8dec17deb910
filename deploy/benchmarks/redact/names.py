"""Names and the rest in running text: F2 on presidio-research's sentences, recall of people."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from deploy.benchmarks.figures import Figure
from deploy.benchmarks.redact import names_sentences
from deploy.benchmarks.redact.parts import Miss, Options, Part
from retrieval.redaction.profiles import STANDARD, STRICT
from retrieval.redaction.text import StructuredTextRedactor

if TYPE_CHECKING:
    from retrieval.redaction.base import Profile

# Of the development pack, templates and rows by whose number the recipe of the name model holds
# them out (retrieval/redaction/ner/training/packs.py); everything else in it was trained on.
_HELD_OUT: Final = 3
_EACH: Final = 400
_QUICK: Final = 10
_BETA_SQUARED: Final = 4.0
_TARGET_F2: Final = 0.88
_TARGET_PERSON: Final = 0.93
_TARGET_TWEETS: Final = 0.60
_TARGET_MASKED: Final = 0.08
_TARGET_LANGUAGE: Final = 0.90
_PERSON: Final = "PERSON"


@dataclass
class _Letters:
    """Letters and digits: annotated, taken out, and both; and names of people."""

    wanted: int = 0
    taken: int = 0
    both: int = 0
    people: int = 0
    whole: int = 0
    characters: int = 0
    seconds: float = 0.0

    @property
    def f2(self) -> float:
        """F2 over letters and digits, all sentences together."""
        precision = self.both / max(1, self.taken)
        recall = self.both / max(1, self.wanted)
        below = _BETA_SQUARED * precision + recall
        return (1 + _BETA_SQUARED) * precision * recall / below if below else 0.0


def run(options: Options) -> Part:
    """Figures under strict and standard; those of packs only where a folder is given."""
    part = Part()
    redactor = StructuredTextRedactor()
    redactor.analyse("warm-up: Ann Lee", profile=STRICT)
    for profile in (STRICT, STANDARD):
        _languages(part, redactor, profile, options)
        if options.packs:
            _presidio(part, redactor, profile, options)
            _tweets(part, redactor, profile, options)
            _records(part, redactor, profile, options)
    if not options.packs:
        part.notes.append("no --packs: F2, recall on tweets and on pii-anon records not measured")
    return part


def covered(redactor: StructuredTextRedactor, text: str, profile: Profile) -> set[int]:
    """Positions of letters and digits of ``text`` that are taken out."""
    return {
        at
        for one in redactor.analyse(text, profile=profile)
        for at in range(one.start, one.end)
        if text[at].isalnum()
    }


def _letters(text: str, start: int, end: int) -> set[int]:
    return {at for at in range(start, end) if text[at].isalnum()}


def _languages(
    part: Part, redactor: StructuredTextRedactor, profile: Profile, options: Options
) -> None:
    """Whole names covered in made-up sentences of each language."""
    count = _EACH // _QUICK if options.quick else _EACH
    for language in names_sentences.LANGUAGES:
        missed = 0
        for one in names_sentences.sentences(language, count):
            found = covered(redactor, one.text, profile)
            missed += not _letters(one.text, one.start, one.end) <= found
        part.figures.append(
            Figure(
                f"{profile.name}: names recall {language}",
                1 - missed / count,
                "",
                _TARGET_LANGUAGE,
                f"{count} made-up sentences",
                at_least=True,
            )
        )
        part.misses.append(
            Miss(profile.name, f"names, {language}", missed, count, "made-up sentences")
        )


def _rows(options: Options, pattern: str) -> Iterator[Path]:
    assert options.packs is not None  # noqa: S101 - run asks only then
    yield from sorted(options.packs.glob(pattern))


def _presidio(
    part: Part, redactor: StructuredTextRedactor, profile: Profile, options: Options
) -> None:
    """F2 over letters and digits, and whole names of people, on held-out templates."""
    for path in _rows(options, "presidio*.json"):
        rows = json.loads(path.read_text(encoding="utf-8"))
        held = [row for row in rows if _is_held_out(path, row["template_id"])]
        counts = _Letters()
        for row in held[:: _QUICK if options.quick else 1]:
            _count(counts, redactor, row, profile)
        source = f"{path.name}, {len(held)} sentences of held-out templates"
        name = f"{profile.name}: presidio"
        f2_target = _TARGET_F2 if profile is STRICT else None
        part.figures += [
            Figure(f"{name} F2", counts.f2, "", f2_target, source, at_least=True),
            Figure(f"{name} precision", counts.both / max(1, counts.taken), "", None, source),
            Figure(
                f"{name} PERSON recall",
                counts.whole / max(1, counts.people),
                "",
                _TARGET_PERSON,
                source,
                at_least=True,
            ),
        ]
        part.misses.append(
            Miss(profile.name, "names", counts.people - counts.whole, counts.people, source)
        )
        part.figures.append(
            Figure(
                f"{name} short sentences",
                counts.characters / 1000 / counts.seconds,
                "kB/s",
                None,
                "one by one",
            )
        )


def _is_held_out(path: Path, template: int) -> bool:
    """In the development pack every third template; any other pack was never trained on."""
    return "dev" not in path.name or template % _HELD_OUT == 0


def _count(
    counts: _Letters, redactor: StructuredTextRedactor, row: dict[str, Any], profile: Profile
) -> None:
    text: str = row["full_text"]
    started = time.perf_counter()
    found = covered(redactor, text, profile)
    counts.seconds += time.perf_counter() - started
    counts.characters += len(text)
    wanted: set[int] = set()
    for span in row["spans"]:
        letters = _letters(text, span["start_position"], span["end_position"])
        wanted |= letters
        if span["entity_type"] == _PERSON:
            counts.people += 1
            counts.whole += letters <= found
    counts.wanted += len(wanted)
    counts.taken += len(found)
    counts.both += len(wanted & found)


def _tweets(
    part: Part, redactor: StructuredTextRedactor, profile: Profile, options: Options
) -> None:
    """Whole names of people in noisy text, and the share of other words that go too."""
    for path in _rows(options, "wnut17*.conll"):
        blocks = [b for b in path.read_text(encoding="utf-8").split("\n\n") if b.strip()]
        step = _HELD_OUT if "dev" in path.name else 1
        people = whole = other = masked = 0
        for block in blocks[:: step * (_QUICK if options.quick else 1)]:
            rows = [tuple(line.split("\t")[:: len(line.split("\t")) - 1]) for line in _lines(block)]
            found = covered(redactor, " ".join(word for word, _ in rows), profile)
            for begin, end, tag in _entities(rows):
                text = " ".join(word for word, _ in rows)
                letters = _letters(text, begin, end)
                if tag == "person":
                    people += 1
                    whole += letters <= found
                elif letters:
                    other += 1
                    masked += bool(letters & found)
        source = f"{path.name}, {people} people"
        part.figures += [
            Figure(
                f"{profile.name}: WNUT17 PERSON recall",
                whole / max(1, people),
                "",
                _TARGET_TWEETS,
                source,
                at_least=True,
            ),
            Figure(
                f"{profile.name}: WNUT17 others masked",
                masked / max(1, other),
                "",
                _TARGET_MASKED,
                f"{other} words that are no person's",
            ),
        ]
        part.misses.append(
            Miss(profile.name, "names in noisy text", people - whole, people, source)
        )


def _lines(block: str) -> list[str]:
    return [line for line in block.strip("\n").split("\n") if "\t" in line]


def _entities(rows: list[tuple[str, ...]]) -> Iterator[tuple[int, int, str]]:
    """(start, end, "person") of each person, and (start, end, "") of each other word."""
    at = 0
    person: tuple[int, int] | None = None
    for word, tag in rows:
        if person and tag != "I-person":
            yield (*person, "person")
            person = None
        if tag.endswith("-person"):
            person = (person[0] if person else at, at + len(word))
        else:
            yield at, at + len(word), ""
        at += len(word) + 1
    if person:
        yield (*person, "person")


def _records(
    part: Part, redactor: StructuredTextRedactor, profile: Profile, options: Options
) -> None:
    """Whole names of people in pii-anon's records, by the language they are labelled with."""
    people: dict[str, list[int]] = {}
    for path in _rows(options, "pii_anon*.jsonl"):
        lines = path.read_text(encoding="utf-8").splitlines()
        step = _HELD_OUT * (_QUICK if options.quick else 1)
        for line in lines[::step]:
            row = json.loads(line)
            wanted = [a for a in row["annotations"] if a["entity_type"] == "PERSON_NAME"]
            if not wanted:
                continue
            found = covered(redactor, row["text"], profile)
            counts = people.setdefault(row["language"], [0, 0])
            for one in wanted:
                counts[0] += 1
                counts[1] += _letters(row["text"], one["start"], one["end"]) <= found
    for language, (wanted_count, whole) in sorted(people.items()):
        if wanted_count < 30:  # noqa: PLR2004 - a share of fewer says nothing
            continue
        part.figures.append(
            Figure(
                f"{profile.name}: pii-anon names, {language}",
                whole / wanted_count,
                "",
                None,
                f"{wanted_count} names",
            )
        )
