"""The attack through both servers: kept, shown, and no ground for promoting anything."""

from __future__ import annotations

import json
import re

import pytest
from django.core.management import call_command

from retrieval import clients
from retrieval.admin.promoting import shown
from retrieval.errors import Invalid, Unavailable
from retrieval.evaluation import drawn_faces
from retrieval.evaluation.leakage_texts import PEOPLE
from retrieval.models import EvaluationRun
from retrieval.redaction.base import Finding, Profile, RedactedText
from retrieval.redaction.types import RedactionCount
from retrieval.selectors.promotions import latest_runs
from retrieval.services.leakage import leakage_evaluate
from tests.fakes import FakeRedaction
from tests.retrieval.promotion.conftest import KnowingModels, picture, thing

pytestmark = pytest.mark.django_db
NAMES = re.compile("|".join(map(re.escape, PEOPLE)))


class Redaction(FakeRedaction):
    """Takes out the names of the made-up people, and faces where the profile fills them."""

    def __init__(self) -> None:
        super().__init__()
        self.misses = False

    def redact_texts(self, texts, *, profile):
        assert isinstance(profile, Profile)
        assert len(texts) == 1  # numbering must not tell two texts apart
        if self.misses:
            return [RedactedText(text=text) for text in texts]
        found = (Finding(kind="PERSON", start=0, end=1, score=1.0, recognizer="fake"),)
        return [RedactedText(text=NAMES.sub("<PERSON_1>", t), findings=found) for t in texts]

    def prepare(self, stream, *, name, title, profile):
        data = b"".join(stream)
        made = super().prepare([data], name="", title="a picture", profile=profile.name)
        if profile.image.faces == "keep":
            return made
        filled = [RedactionCount(kind="FACE", count=1)]
        return type(made)(
            **{f: getattr(made, f) for f in made.__dataclass_fields__}
            | {"rendition": b"IMG---------", "redactions": tuple(filled)}
        )


class Models(KnowingModels):
    """Knows people by their names."""

    def _one(self, model, item):
        named = NAMES.search(item.decode(errors="replace"))
        own = super()._one(model, re.sub(rb"\d", b"", item) if named else item)
        return 3 * thing(PEOPLE.index(named.group())) + own if named else own


@pytest.fixture
def models():
    return Models()


@pytest.fixture
def redaction(present, models, monkeypatch):
    monkeypatch.setattr(drawn_faces, "picture", lambda person, _number: picture(person))
    fake = Redaction()
    with clients.override(redaction=fake, models=models):
        yield fake


def test_what_redaction_takes_out_vectors_do_not_tell(redaction, present, people):
    steps = []
    run = leakage_evaluate(ref="fake@1", progress=lambda done, of: steps.append((done, of)))
    assert steps[-1] == (len(steps), len(steps))
    text, image = run.result["leakage"]["text"], run.result["leakage"]["image"]
    assert text["before"]["value"] > 0.9
    assert image["before"]["value"] > 0.9
    for one in (text, image):
        assert one["after"]["low"] <= one["chance"] <= one["after"]["high"] + 1e-9
        assert one["redacted"] == 1.0
    assert (text["chance"], image["chance"]) == (0.05, 0.125)
    assert run.result["findings"] == []
    # It is shown with the model, and says nothing for putting it in use.
    [card] = shown(present, user=people.operator).runs
    assert len(card.leakage) == 2
    assert latest_runs(version=present, present=None, collection=None) == []


def test_what_redaction_misses_is_a_note(redaction):
    redaction.misses = True
    run = leakage_evaluate(ref="fake@1", profile="strict")
    [note] = run.result["findings"]
    assert (note["code"], note["where"], note["gates"]) == ("leakage", "text", False)
    assert run.result["leakage"]["text"]["redacted"] == 0.0
    assert run.result["profile"].startswith("strict@")


def test_the_command_measures_the_model_in_use(redaction, capsys, tmp_path):
    target = tmp_path / "result.json"
    call_command("evaluate", "--leakage", "--json", str(target))
    told = capsys.readouterr()
    assert "The person named, one of 20: guessed for " in told.err
    result = json.loads(target.read_text())
    assert result["evaluation"] == str(EvaluationRun.objects.get().pk)
    assert set(result["leakage"]) == {"text", "image"}


def test_bad_requests_are_refused(redaction, models):
    with pytest.raises(Invalid):
        leakage_evaluate(ref="fake@1", profile="no-such")
    models.down = True
    with pytest.raises(Unavailable):
        leakage_evaluate(ref="fake@1")
    assert not EvaluationRun.objects.exists()
