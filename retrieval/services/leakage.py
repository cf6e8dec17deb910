"""What a model's vectors tell about people, before and after redaction; the result is kept."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from django.db import transaction

from accounts.models import User
from retrieval import clients
from retrieval.encoders.base import Vectors
from retrieval.encoders.client import ModelRefused, ModelUnavailable
from retrieval.errors import Invalid, Unavailable
from retrieval.evaluation import leakage_texts
from retrieval.evaluation.leakage import Leakage, Sides, leakage
from retrieval.evaluation.served import Served
from retrieval.models import EvaluationRun, ModelVersion
from retrieval.redaction.base import ImagePolicy, Profile
from retrieval.redaction.errors import (
    RedactionRefused,
    RedactionUnavailable,
    UnknownProfileError,
)
from retrieval.redaction.registry import get_profile
from retrieval.selectors.profiles import profile_named
from retrieval.selectors.versions import version_by_ref
from retrieval.services.evaluation_data import connection_rest, served
from retrieval.services.evaluation_keep import run_store

DATASET = "leakage (people made up)"
FACES = 8  # persons
PICTURES_KNOWN, PICTURES_GUESSED = 4, 4
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class _Redacted:
    """Vectors of some things, as they were and redacted; how many something was taken out of."""

    raw: Vectors
    redacted: Vectors
    changed: int


def leakage_evaluate(
    *,
    ref: str,
    profile: str = "standard",
    by: User | None = None,
    progress: Progress = lambda _done, _of: None,
) -> EvaluationRun:
    """The kept run of the attack on the vectors of ``ref``, under a redaction profile.

    Asks both servers for some 500 texts and 130 pictures: a few minutes.

    Raises:
        NotVisible: no such model. Invalid: no such profile, or the model reads no text.
        Unavailable: a server does not answer.
    """
    version = version_by_ref(ref)
    if "text" not in version.modalities:
        raise Invalid(f"{ref} has no tower for text.")
    try:
        rules = profile_named(profile)
    except UnknownProfileError:
        raise Invalid("There is no such redaction profile.") from None
    model = served(version)
    connection_rest()
    count = _Counted(progress, _work(version))
    try:
        found = {"text": _texts(model, rules, count)}
        if "image" in version.modalities:
            found["image"] = _faces(model, rules, count)
    except ModelRefused as error:
        raise Invalid(f"The model cannot be used: {error.reason}") from error
    except RedactionRefused as error:
        raise Invalid(f"Redaction refused what was to be embedded: {error.reason}") from None
    except (ModelUnavailable, RedactionUnavailable):
        raise Unavailable("The model or the redaction server does not answer.") from None
    return _kept(version, rules, found, by)


def _kept(
    version: ModelVersion, rules: Profile, found: dict[str, Leakage], by: User | None
) -> EvaluationRun:
    findings = [one.finding(where) for where, one in found.items()]
    result: dict[str, Any] = {
        "dataset": DATASET,
        "model": version.ref,
        "profile": rules.ref,
        "leakage": {where: one.to_json() for where, one in found.items()},
        "findings": [one.to_json() for one in findings if one is not None],
    }
    with transaction.atomic():
        return run_store(
            version,
            result,
            "",
            by,
            kind=EvaluationRun.Kind.LEAKAGE,
            dataset=DATASET,
            collection_id=None,
            own_data=False,
        )


class _Counted:
    """How far it is, told after each thing."""

    def __init__(self, progress: Progress, of: int) -> None:
        self._progress, self._of, self._done = progress, of, 0

    def one(self) -> None:
        self._done += 1
        self._progress(self._done, self._of)


def _work(version: ModelVersion) -> int:
    texts = len(leakage_texts.examples()) + len(leakage_texts.targets())
    pictures = FACES * (PICTURES_KNOWN + PICTURES_GUESSED)
    return texts + (pictures if "image" in version.modalities else 0)


def _texts(model: Served, rules: Profile, count: _Counted) -> Leakage:
    known, guessed = leakage_texts.examples(), leakage_texts.targets()
    examples = _said(model, [one.text for one in known], rules, count)
    targets = _said(model, [one.text for one in guessed], rules, count)
    return _leakage(
        "the person named",
        examples,
        targets,
        [one.person for one in known],
        [one.person for one in guessed],
    )


def _said(model: Served, texts: Sequence[str], rules: Profile, count: _Counted) -> _Redacted:
    """Each text is redacted alone, as one asset is: numbering must not tell two of them apart."""
    left = []
    for text in texts:
        [answer] = clients.redaction().redact_texts([text], profile=rules)
        left.append(answer.text)
        count.one()
    changed = sum(after != before for before, after in zip(texts, left, strict=True))
    return _Redacted(model.texts(texts), model.texts(left), changed)


def _faces(model: Served, rules: Profile, count: _Counted) -> Leakage:
    known = [(p, n) for p in range(FACES) for n in range(PICTURES_KNOWN)]
    guessed = [(p, PICTURES_KNOWN + n) for p in range(FACES) for n in range(PICTURES_GUESSED)]
    return _leakage(
        "the face shown",
        _shown(model, known, rules, count),
        _shown(model, guessed, rules, count),
        [person for person, _ in known],
        [person for person, _ in guessed],
    )


def _shown(
    model: Served, pictures: Sequence[tuple[int, int]], rules: Profile, count: _Counted
) -> _Redacted:
    from retrieval.evaluation.drawn_faces import picture

    kept = replace(get_profile("open"), image=ImagePolicy(text="keep", faces="keep", codes="keep"))
    raw, redacted, changed = [], [], 0
    for person, number in pictures:
        drawn = picture(person, number)
        raw.append(_picture(model, drawn, kept)[0])
        vector, faces = _picture(model, drawn, rules)
        redacted.append(vector)
        changed += faces > 0
        count.one()
    return _Redacted(np.stack(raw), np.stack(redacted), changed)


def _picture(model: Served, drawn: bytes, rules: Profile) -> tuple[Any, int]:
    """The vector (d,) of a picture as ``rules`` leave it, and how many faces they took out."""
    made = clients.redaction().prepare([drawn], name="picture.png", title="", profile=rules)
    vectors = model.rendition(
        made.rendition, modality="image", media_type=made.media_type, windows=()
    )
    return vectors[0], sum(one.count for one in made.redactions if one.kind == "FACE")


def _leakage(
    attribute: str,
    examples: _Redacted,
    targets: _Redacted,
    known: Sequence[int],
    guessed: Sequence[int],
) -> Leakage:
    return leakage(
        attribute=attribute,
        before=Sides(examples.raw, known, targets.raw, guessed),
        after_known=examples.redacted,
        after_targets=targets.redacted,
        redacted=targets.changed / len(guessed),
    )
