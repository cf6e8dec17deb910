"""Installed name models as the text engine asks them; ours still finds what they do not know."""

from __future__ import annotations

import json
from functools import cached_property
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from retrieval.redaction import no_torch
from retrieval.redaction.base import Finding
from retrieval.redaction.ner import installed
from retrieval.redaction.ner.manifest import NamesBundleError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from retrieval.redaction.engine import SpanModel
    from retrieval.redaction.ner.installed import Installed

# What models call things (OntoNotes, CoNLL 2003, WikiNER, common PII sets), and our kinds.
_KINDS: Final = {
    **dict.fromkeys(("PERSON", "PER", "NAME", "FIRSTNAME", "LASTNAME", "SURNAME"), "PERSON"),
    **dict.fromkeys(("LOC", "LOCATION", "GPE", "FAC", "CITY", "STATE", "COUNTRY"), "LOCATION"),
    **dict.fromkeys(("ORG", "ORGANIZATION", "COMPANY"), "ORGANIZATION"),
    **dict.fromkeys(("NORP", "NRP"), "NRP"),
    **dict.fromkeys(("ADDRESS", "STREET", "STREET_ADDRESS"), "ADDRESS"),
    **dict.fromkeys(("DATE", "TIME", "DATE_TIME"), "DATE_TIME"),
    "AGE": "AGE",
    "TITLE": "TITLE",
}  # fmt: skip
# spaCy's transition-based recognisers give no probability; this is Presidio's own default
# (NerModelConfiguration.default_score).
_UNSCORED: Final = 0.85
_WORDS_AT_ONCE: Final = 256


class SpacyNames:
    """The entities of an installed spaCy pipeline."""

    def __init__(self, model: Installed) -> None:
        """Load it.

        Raises:
            NamesBundleError: it cannot be loaded without torch or missing packages, or it
                recognises nothing.
        """
        self._model = model
        self._lock = Lock()
        try:
            with no_torch.blocked():
                import spacy

                self._nlp = spacy.load(model.folder)
            labels = [label for name in self._nlp.pipe_names for label in _labels(self._nlp, name)]
        except Exception as error:
            raise NamesBundleError(
                f"the pipeline cannot be loaded here ({type(error).__name__})"
            ) from error
        self._kinds = frozenset(_KINDS[label] for label in labels if label in _KINDS)
        if not self._kinds:
            raise NamesBundleError("the pipeline recognises no kind of name that is known here")

    @property
    def name(self) -> str:
        """Shown as the recogniser of what it finds."""
        return self._model.name

    @property
    def version(self) -> str:
        """Of the files."""
        return self._model.digest

    @property
    def kinds(self) -> frozenset[str]:
        """What it can find."""
        return self._kinds

    def spans(self, texts: Sequence[str]) -> list[list[Finding]]:
        """For each text its entities of known kinds."""
        # A memory zone, which forgets the words of a text, belongs to one thread at a time.
        with self._lock, self._nlp.memory_zone():
            return [
                [
                    Finding(
                        kind=_KINDS[entity.label_],
                        start=entity.start_char,
                        end=entity.end_char,
                        score=_UNSCORED,
                        recognizer=self.name,
                    )
                    for entity in doc.ents
                    if entity.label_ in _KINDS
                ]
                for doc in self._nlp.pipe(texts)
            ]


class OnnxNames:
    """An exported token classifier (B-/I- tags), run by onnxruntime on one core."""

    def __init__(self, model: Installed) -> None:
        """Load it.

        Raises:
            NamesBundleError: the files do not make a token classifier of known kinds.
        """
        import onnxruntime
        from tokenizers import Tokenizer

        self._model = model
        try:
            config = json.loads((model.folder / "config.json").read_text(encoding="utf-8"))
            tags = {int(i): str(tag) for i, tag in config["id2label"].items()}
            self._tags = [tags[i].upper() for i in range(len(tags))]
            self._tokenizer = Tokenizer.from_file(str(model.folder / "tokenizer.json"))
            options = onnxruntime.SessionOptions()
            options.intra_op_num_threads = 1
            self._session = onnxruntime.InferenceSession(
                str(model.folder / "model.onnx"), options, providers=["CPUExecutionProvider"]
            )
            self._inputs = {one.name for one in self._session.get_inputs()}
        except Exception as error:
            raise NamesBundleError(
                f"the token classifier cannot be loaded ({type(error).__name__})"
            ) from error
        if not self.kinds:
            raise NamesBundleError("the classifier recognises no kind of name that is known here")

    @property
    def name(self) -> str:
        """Shown as the recogniser of what it finds."""
        return self._model.name

    @property
    def version(self) -> str:
        """Of the files."""
        return self._model.digest

    @cached_property
    def kinds(self) -> frozenset[str]:
        """What it can find."""
        return frozenset(filter(None, map(_kind, self._tags)))

    def spans(self, texts: Sequence[str]) -> list[list[Finding]]:
        """For each text its entities; the score is the least probability among the words."""
        return [self._one(text) for text in texts]

    def _one(self, text: str) -> list[Finding]:
        encoding = self._tokenizer.encode(text, add_special_tokens=False)
        found: list[Finding] = []
        for begin in range(0, len(encoding.ids), _WORDS_AT_ONCE):
            ids = encoding.ids[begin : begin + _WORDS_AT_ONCE]
            offsets = encoding.offsets[begin : begin + _WORDS_AT_ONCE]
            for (start, end), row in zip(offsets, self._probabilities(ids), strict=True):
                kind = _kind(self._tags[int(row.argmax())])
                if not kind or end <= start:
                    continue
                score = round(float(row.max()), 2)
                last = found[-1] if found else None
                if last and last.kind == kind and not text[last.end : start].strip():
                    found[-1] = self._finding(kind, last.start, end, min(score, last.score))
                else:
                    found.append(self._finding(kind, start, end, score))
        return found

    def _finding(self, kind: str, start: int, end: int, score: float) -> Finding:
        return Finding(kind=kind, start=start, end=end, score=score, recognizer=self.name)

    def _probabilities(self, ids: list[int]) -> Any:
        rows = np.array([ids], dtype=np.int64)
        given = {
            "input_ids": rows,
            "attention_mask": np.ones_like(rows),
            "token_type_ids": np.zeros_like(rows),
        }
        used = {name: value for name, value in given.items() if name in self._inputs}
        scores = np.asarray(self._session.run(None, used)[0][0], dtype=np.float64)
        shifted = np.exp(scores - scores.max(axis=1, keepdims=True))
        return shifted / shifted.sum(axis=1, keepdims=True)


class Without:
    """A model without some of its kinds, which another one finds."""

    def __init__(self, model: SpanModel, kinds: frozenset[str]) -> None:
        """``kinds`` are the other's."""
        self._model = model
        self._not = kinds

    @property
    def name(self) -> str:
        """The model's."""
        return self._model.name

    @property
    def version(self) -> str:
        """The model's."""
        return self._model.version

    @property
    def kinds(self) -> frozenset[str]:
        """What is left."""
        return self._model.kinds - self._not

    def spans(self, texts: Sequence[str]) -> list[list[Finding]]:
        """The model's, of the kinds that are left."""
        return [
            [one for one in found if one.kind not in self._not]
            for found in self._model.spans(texts)
        ]


def span_models(ours: SpanModel, models: Path | None, name: str = "") -> tuple[SpanModel, ...]:
    """The models to ask: the installed one, and ours for the kinds that it does not know.

    Raises:
        NamesBundleError: one is installed but cannot be used; redaction must not go on as if it
            were not there.
    """
    folder = installed.find(models, name) if models else None
    if folder is None:
        return (ours,)
    model = installed.check(folder)
    theirs = SpacyNames(model) if model.form == installed.SPACY else OnnxNames(model)
    return (theirs, Without(ours, theirs.kinds))


def _labels(nlp: Any, name: str) -> tuple[str, ...]:
    return tuple(getattr(nlp.get_pipe(name), "labels", ()))


def _kind(tag: str) -> str:
    return _KINDS.get(tag.removeprefix("B-").removeprefix("I-"), "")
