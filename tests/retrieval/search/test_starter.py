"""The starter bundle as it ships: what is meant is found, what means nothing finds nothing.

The text tower runs in a process of its own, so that torch never enters this one.
"""

from __future__ import annotations

import io
import json
import random
import string
import subprocess
import sys

import numpy as np
import pytest

from retrieval import clients, scope
from retrieval.models import Segment
from retrieval.services.models import active_models, model_install
from retrieval.services.search import SearchRequest, search_run
from retrieval.vectors import VectorRow, backend
from tests.factories import make_asset, make_collection, make_reader
from tests.fakes import FakeRedaction
from tests.retrieval.search.conftest import found

pytestmark = [pytest.mark.django_db, pytest.mark.timeout(300)]

NOTES = {
    "A brown dog runs along the beach after a red ball.": "a dog playing at the seaside",
    "The boiler in the cellar was serviced and the pressure valve replaced.": "heating repair",
    "Minutes of the budget meeting: travel costs fell by a tenth.": "how much was spent on trips",
    "To bake the bread, let the dough rest for two hours in a warm place.": "recipe for a loaf",
    "The violin concerto was recorded in the old church last winter.": "classical music recording",
    "Visitors must wear a helmet and a yellow vest on the building site.": "safety gear rules",
    "The patient complained of headaches and was given something for the pain.": "medical record",
    "Trains to the coast leave every hour from platform four.": "railway timetable",
}
_RANDOM = random.Random(7)
GIBBERISH = [
    " ".join(
        "".join(_RANDOM.choices(string.ascii_lowercase, k=_RANDOM.randint(3, 9))) for _ in range(4)
    )
    for _ in range(30)
]
SCRIPT = """
import io, json, sys
import numpy as np
from retrieval.encoders.bundle import BUILTIN, manifest_read
from retrieval.encoders.registry import load_tower
manifest = manifest_read(BUILTIN)
tower = load_tower(BUILTIN, manifest.towers["text"], manifest.dimension)
whole = io.BytesIO()  # numpy cannot write an array straight into a pipe
np.save(whole, tower.encode(json.load(sys.stdin)))
sys.stdout.buffer.write(whole.getvalue())
"""


@pytest.fixture(scope="module")
def vectors():
    """The starter's vector of every text here, by text."""
    texts = [*NOTES, *NOTES.values(), *GIBBERISH]
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        input=json.dumps(texts).encode(),
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()[-2000:]
    return dict(zip(texts, np.load(io.BytesIO(done.stdout)), strict=True))


class Recorded:
    """The model server's answers, worked out beforehand."""

    def __init__(self, vectors):
        self.vectors = vectors

    def encode_text(self, model, texts, *, priority="query"):
        return np.stack([self.vectors[text] for text in texts])


@pytest.fixture
def reader(vectors, db):
    """Whoever reads a collection of the notes; the starter is installed."""
    model_install("builtin")
    collection = make_collection("notes")
    with scope.system():
        [model] = active_models()
        for note in NOTES:
            asset = make_asset(collection, title=note, segments=(note,))
            segment = Segment.objects.get(asset=asset)
            row = VectorRow(
                segment_id=segment.pk,
                asset_id=asset.pk,
                collection_id=collection.pk,
                modality="text",
                vector=vectors[note],
            )
            backend().upsert(table=model.table, rows=[row])
    with clients.override(models=Recorded(vectors), redaction=FakeRedaction()):
        yield make_reader(collection)


def ask(reader, text, **options):
    return search_run(user=reader, request=SearchRequest(text=text, **options))


def test_what_is_meant_comes_first(reader):
    for note, question in NOTES.items():
        answer = ask(reader, question, include_uncertain=True)
        assert answer.hits[0].asset.title == note
        confidences = [hit.confidence for hit in answer.hits]
        assert confidences == sorted(confidences, reverse=True)
        assert 0 <= confidences[-1] <= confidences[0] <= 1


def test_gibberish_is_no_confident_match(reader):
    held = [ask(reader, text) for text in GIBBERISH]
    assert sum(not answer.confident for answer in held) >= 0.95 * len(GIBBERISH)
    assert all(found(answer) == [] for answer in held if not answer.confident)
