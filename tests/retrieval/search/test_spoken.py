"""What is said in a sound is found as words, and what was muted is told."""

from __future__ import annotations

import pytest

from retrieval import scope
from retrieval.models import Segment
from retrieval.vectors import VectorRow, backend
from tests.factories import grant, make_collection, make_user
from tests.retrieval.search.conftest import TABLE, found


@pytest.fixture
def reader(db):
    return make_user()


@pytest.fixture
def collection(reader):
    made = make_collection()
    grant(made, reader, "searcher")
    return made


def say(asset, words, vector, *, start_ms):
    """A stretch of transcript in a sound."""
    with scope.system():
        segment = Segment.objects.create(
            asset=asset,
            collection_id=asset.collection_id,
            modality="text",
            kind="time",
            ordinal=9,
            text=words,
            start_ms=start_ms,
            end_ms=start_ms + 2000,
        )
        row = VectorRow(
            segment_id=segment.pk,
            asset_id=asset.pk,
            collection_id=asset.collection_id,
            modality="text",
            vector=vector,
        )
        backend().upsert(table=TABLE, rows=[row])
    return segment


@pytest.fixture
def interview(world, collection):
    """A sound unlike any query, in which somebody talks of a bear."""
    asset = world.put(
        collection,
        world.vector("nothing of the kind"),
        modality="audio",
        redactions=[{"kind": "VOICE", "count": 2}],
    )
    say(asset, "<PERSON_1> saw a bear", world.vector("bear", near=0.9), start_ms=7000)
    return asset


def test_a_sound_is_found_by_what_is_said_and_where(world, reader, interview):
    (hit,) = world.ask(reader, "bear").hits
    assert (hit.asset.id, hit.asset.modality) == (interview.pk, "audio")
    assert hit.segment.text == "<PERSON_1> saw a bear"
    assert (hit.segment.start_ms, hit.segment.end_ms) == (7000, 9000)
    assert [signal.target_modality for signal in hit.influence.signals] == ["text"]
    assert hit.influence.redactions == ["VOICE"]


def test_the_filter_goes_by_how_something_was_found(world, reader, interview):
    assert found(world.ask(reader, "bear", modalities=["text"])) == [interview.pk]
    assert found(world.ask(reader, "bear", modalities=["audio"])) == []


def test_more_like_this_compares_the_sound_not_its_words(world, collection, reader, interview):
    alike = world.put(collection, world.vector("nothing of the kind"), modality="audio")
    document = world.put(collection, world.vector("bear", near=0.9), modality="text")
    answer = world.ask(reader, None, asset=interview.pk)
    assert found(answer) == [alike.pk]
    assert document.pk not in found(answer)
    assert answer.query.modality == "audio"


def test_a_sound_of_which_only_words_are_known_asks_with_them(world, collection, reader):
    asset = world.put(collection, modality="audio")
    say(asset, "a bear", world.vector("bear"), start_ms=0)
    document = world.put(collection, world.vector("bear", near=0.9), modality="text")
    answer = world.ask(reader, None, asset=asset.pk)
    assert (found(answer), answer.query.modality) == ([document.pk], "text")


def test_voices_taken_out_of_a_querys_sound_are_told(world, collection, reader):
    answer = world.ask(reader, None, file=b"SND1", file_name="call.ogg")
    assert answer.query.redactions == [{"kind": "VOICE", "count": 1}]
    assert answer.query.modality == "audio"
