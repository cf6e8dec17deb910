"""Measure the name model's recall by language and write it into its manifest.

``python -m deploy.benchmarks.redact.names_table`` after a training: the table decides which
languages the profiles strict and standard let through (retrieval/redaction/language.py).
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Final

from deploy.benchmarks.redact import names_sentences
from retrieval.redaction.ner.manifest import BUILTIN, Recall, read_manifest, write_manifest
from retrieval.redaction.ner.model import NameModel
from retrieval.redaction.profiles import STANDARD

_EACH: Final = 1_000
_PERSON: Final = "PERSON"


def table(model: NameModel) -> dict[str, Recall]:
    """For each language the share of names that are found whole, as a person's, under standard."""
    threshold = STANDARD.entities[_PERSON].threshold
    found: dict[str, Recall] = {}
    for language in names_sentences.LANGUAGES:
        wanted = list(names_sentences.sentences(language, _EACH))
        whole = 0
        for one, spans in zip(wanted, model.spans([w.text for w in wanted]), strict=True):
            covered = {
                at
                for span in spans
                if span.kind == _PERSON and span.score >= threshold
                for at in range(span.start, span.end)
            }
            name = {at for at in range(one.start, one.end) if one.text[at].isalnum()}
            whole += name <= covered
        found[language] = Recall(recall=round(whole / _EACH, 3), names=_EACH)
    return found


def write(folder: Path = BUILTIN) -> dict[str, Recall]:
    """Measure the model in ``folder``; its manifest gets the table and fresh hashes."""
    measured = table(NameModel(folder))
    write_manifest(folder, replace(read_manifest(folder), languages=measured))
    return measured


if __name__ == "__main__":
    for code, recall in write().items():
        print(f"{code} {recall.recall:.3f} of {recall.names}")
