"""The development half of the PII pack as labelled texts, split by template.

presidio-research sentences (MIT), pii-anon (CC BY 4.0 / MIT), WNUT17 dev (CC BY 4.0); they do not
ship.
Every third template or row is held out: it is measured on and never trained on.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, Final

from retrieval.redaction.ner.training.sentences import Labelled

_THIRD: Final = 3
_PRESIDIO: Final = {
    "PERSON": "PERSON",
    "GPE": "LOCATION",
    "STREET_ADDRESS": "ADDRESS",
    "ZIP_CODE": "ADDRESS",
    "ORGANIZATION": "ORGANIZATION",
    "NRP": "NRP",
    "AGE": "AGE",
    "TITLE": "TITLE",
    "DATE_TIME": "DATE_TIME",
}
_PII_ANON: Final = {
    "PERSON_NAME": "PERSON",
    "STREET_ADDRESS": "ADDRESS",
    "POSTAL_CODE": "ADDRESS",
    "ORGANIZATION_NAME": "ORGANIZATION",
    "LOCATION_NAME": "LOCATION",
    "TIMESTAMP": "DATE_TIME",
    "DATE_OF_BIRTH": "DATE_TIME",
    "AGE": "AGE",
    "NATIONALITY": "NRP",
    "ETHNICITY": "NRP",
    "RELIGIOUS_BELIEF": "NRP",
    "JOB_TITLE": "",
    "MEDICATION_NAME": "",
    "HEALTH_CONDITION": "",
    "PROCEDURE_NAME": "",
    "GENDER": "",
    "SALARY": "",
    "EDUCATION_LEVEL": "",
    "MARITAL_STATUS": "",
}
_WNUT: Final = {
    "person": "PERSON",
    "location": "LOCATION",
    "corporation": "ORGANIZATION",
    "group": "?",
    "product": "",
    "creative-work": "",
}
# pii-anon does not annotate these where they are no person's: nothing is learnt from them there.
_UNSURE: Final = re.compile(
    r"\b(?:Mrs?|Ms|Dr|Prof|Frau|Herr|Sra?|Mme)\b\.?|\b\d{1,3}(?=[- ]?year)|\b\d{4}-\d\d-\d\d\S*"
    r"|\b\d\d?:\d\d\b|\b(?:19|20)\d\d\b|\b(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day\b"
)


def presidio(folder: Path) -> tuple[list[Labelled], list[Labelled], list[dict[str, Any]]]:
    """Training sentences, held-out sentences, and the held-out rows as they were."""
    rows = json.loads((folder / "presidio_synth_dev.json").read_text(encoding="utf-8"))
    train, held, raw = [], [], []
    for row in rows:
        spans = [
            (s["start_position"], s["end_position"], _PRESIDIO.get(s["entity_type"], "NUMBER"))
            for s in row["spans"]
        ]
        labelled = Labelled(row["full_text"], tuple(sorted(spans)))
        if held_out(row["template_id"]):
            held.append(labelled)
            raw.append(row)
        else:
            train.append(labelled)
    return train, held, raw


def held_out(template: int) -> bool:
    """Whether sentences of a presidio-research template are measured on."""
    return template % _THIRD == 0


def pii_anon(folder: Path) -> tuple[list[Labelled], list[dict[str, Any]]]:
    """Training records, and the held-out rows as they were (every third, in file order)."""
    train: list[Labelled] = []
    held: list[dict[str, Any]] = []
    for path in sorted(folder.glob("pii_anon_*.jsonl")):
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines()):
            row = json.loads(line)
            if number % _THIRD == 0:
                held.append(row)
            else:
                train.append(_record(row))
    return train, held


def _record(row: dict[str, Any]) -> Labelled:
    text: str = row["text"]
    spans = [
        (a["start"], a["end"], _PII_ANON.get(a["entity_type"], "NUMBER"))
        for a in row["annotations"]
        if a["entity_type"] is not None
    ]
    spans = [span for span in spans if span[2]]
    taken = [(start, end) for start, end, _ in spans]
    for match in _UNSURE.finditer(text):
        if not any(start < match.end() and match.start() < end for start, end in taken):
            spans.append((match.start(), match.end(), "?"))
    return Labelled(text, _ordered(spans))


def _ordered(spans: list[tuple[int, int, str]]) -> tuple[tuple[int, int, str], ...]:
    kept: list[tuple[int, int, str]] = []
    for span in sorted(spans, key=lambda s: (s[0], -s[1])):
        if not kept or span[0] >= kept[-1][1]:
            kept.append(span)
    return tuple(kept)


def tweets(folder: Path) -> tuple[list[Labelled], list[list[tuple[str, str]]]]:
    """Training tweets, and the held-out ones as rows of (word, tag)."""
    train: list[Labelled] = []
    held: list[list[tuple[str, str]]] = []
    text = (folder / "wnut17.dev.conll").read_text(encoding="utf-8")
    for number, block in enumerate(block for block in text.split("\n\n") if block.strip()):
        rows = [
            (w, t) for w, _, t in (line.partition("\t") for line in block.strip("\n").split("\n"))
        ]
        if number % _THIRD == 0:
            held.append(rows)
        else:
            train.append(_tweet(rows))
    return train, held


def _tweet(rows: list[tuple[str, str]]) -> Labelled:
    text = ""
    spans: list[tuple[int, int, str]] = []
    for word, tag in rows:
        start = len(text)
        text += word + " "
        label = _WNUT.get(tag[2:], "") if tag != "O" else ""
        if label and tag.startswith("I-") and spans and spans[-1][1] == start - 1:
            spans[-1] = (spans[-1][0], start + len(word), label)
        elif label:
            spans.append((start, start + len(word), label))
    return Labelled(text.rstrip(), tuple(spans))
