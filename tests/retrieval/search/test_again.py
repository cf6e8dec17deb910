"""A recorded search run again: the same, or what has changed; and why something was not found."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from audit.models import LedgerPending, SearchRecord
from audit.searches import kept_query, record_digest
from retrieval import scope
from retrieval.errors import Gone, NotAllowed, NotVisible
from retrieval.models import Asset, Calibration, Grant, ModelVersion
from retrieval.services.replay import search_replay
from retrieval.services.search import SearchFilters
from retrieval.services.search.kept import kept_query_of
from retrieval.services.why_not import why_not
from retrieval.states import State
from retrieval.vectors import VectorRow, backend
from tests.factories import grant, make_collection, make_user
from tests.retrieval.search.conftest import TABLE, nothing_hidden

pytestmark = pytest.mark.django_db


def replay(answer):
    return search_replay(search_id=answer.search_id)


def codes(found):
    return [change.code for change in found.changes]


def test_the_query_is_kept_with_its_vectors_and_nothing_of_it_in_plain(world, holdings):
    answer = world.ask(
        holdings.reader, filters=SearchFilters(source="camera 7", metadata={"by": "Anna"})
    )
    record = SearchRecord.objects.get(id=answer.search_id)
    kept = kept_query_of(record)
    np.testing.assert_array_equal(kept.vectors["fake@1"], world.models.vector(b"bear"))
    assert kept.filters == SearchFilters(source="camera 7", metadata={"by": "Anna"})
    assert (kept.text, kept.components) == ("bear", ("text",))
    plain = json.dumps(
        {f.name: str(getattr(record, f.name)) for f in SearchRecord._meta.fields}
    ) + str(bytes(record.kept_query))
    assert b"camera 7" in kept_query(record)
    for secret in ("bear", "camera 7", "Anna", world.models.vector(b"bear").tobytes().hex()[:16]):
        assert secret not in plain
    vouched = record_digest(SearchRecord.objects.get(id=answer.search_id)).hex()
    entry = LedgerPending.objects.filter(event="search:query:run").get()
    assert json.loads(entry.payload)["digest"] == vouched


def test_a_composed_query_keeps_its_parts(world, holdings):
    answer = world.ask(holdings.reader, "brown", asset=holdings.picture.id)
    kept = kept_query_of(SearchRecord.objects.get(id=answer.search_id))
    assert kept.components == ("text", "image")
    words, _ = kept.parts["fake@1"]
    np.testing.assert_array_equal(words, world.models.vector(b"brown"))
    assert replay(answer).same


def test_the_same_index_gives_the_same_answers(world, holdings):
    rng = np.random.default_rng(4)
    for number in range(40):
        near = world.vector("bear", near=float(rng.uniform(0, 1)))
        world.put(holdings.mine, near, modality=("image", "audio", "text")[number % 3])
    asked = [
        world.ask(
            holdings.reader, ("bear", "wolf")[n % 2], include_uncertain=n % 3 > 0, top_k=n + 1
        )
        for n in range(12)
    ] + [
        world.ask(holdings.reader, fusion="rrf"),
        world.ask(holdings.reader, weights={"fake": 0.5}, modalities=["image", "text"]),
        world.ask(holdings.reader, None, asset=holdings.picture.id),
        world.ask(holdings.outsider),
    ]
    assert all(replay(answer).same for answer in asked)
    assert world.models.calls.count("text") <= len(asked)  # replaying asks no model


def test_the_command_says_so_and_exits_with_it(world, holdings):
    answer = world.ask(holdings.reader)
    told = io.StringIO()
    call_command("search", "replay", str(answer.search_id), stdout=told)
    assert told.getvalue() == "The same 3 hits in the same order.\n"
    world.put(holdings.mine, world.vector("bear", near=0.95))
    told = io.StringIO()
    with pytest.raises(SystemExit) as left:
        call_command("search", "replay", str(answer.search_id), json=True, stdout=told)
    found = json.loads(told.getvalue())
    assert left.value.code == 1
    assert [change["code"] for change in found["changes"]] == ["segments-added"]
    assert [hit["now"] for hit in found["hits"]] == [2, 3, 4]
    for wrong in ("nonsense", str(holdings.mine.id)):
        with pytest.raises(CommandError):
            call_command("search", "replay", wrong)
    assert LedgerPending.objects.filter(event="search:query:replay").count() == 2


def test_what_is_gone_leaves_tombstones(world, holdings):
    answer = world.ask(holdings.reader)
    with scope.system():
        Asset.objects.filter(id=holdings.picture.id).delete()
        Asset.objects.filter(id=holdings.sound.id).update(state=State.WITHHELD)
    found = replay(answer)
    assert not found.same
    assert [(hit.rank, hit.code, hit.now) for hit in found.hits] == [
        (1, "erased", None), (2, "withheld", None), (3, "moved", 1),
    ]  # fmt: skip
    assert [hit.asset for hit in found.hits] == [None, None, holdings.text.id]
    assert codes(found) == ["hits-lost"]


def test_it_names_grants_models_and_calibrations_that_changed(world, holdings):
    answer = world.ask(holdings.reader)
    Calibration.objects.filter(target_modality="text").first().delete()
    assert "calibration-changed" in codes(replay(answer))
    ModelVersion.objects.update(manifest_sha256="1" * 64)
    assert "model-replaced" in codes(replay(answer))
    Grant.objects.all().delete()
    found = replay(answer)
    assert "grants-changed" in codes(found)
    assert {hit.code for hit in found.hits} == {"not-readable"}
    assert {hit.asset for hit in found.hits} == {None}


def test_without_the_query_it_cannot_be_run(world, holdings):
    answer = world.ask(holdings.reader)
    SearchRecord.objects.update(kept_until=timezone.now() - timedelta(seconds=1))
    found = replay(answer)
    assert (found.same, found.ran, codes(found)) == (False, False, ["query-not-kept"])
    SearchRecord.objects.update(user_id=None)
    assert codes(replay(answer)) == ["searcher-gone"]


def test_only_ones_own_search_can_be_replayed_on_a_page(world, holdings):
    answer = world.ask(holdings.reader)
    assert search_replay(search_id=answer.search_id, user=holdings.reader).same
    for other in (holdings.outsider, make_user(is_governor=True)):
        with pytest.raises(NotVisible):
            search_replay(search_id=answer.search_id, user=other)


def ask_why(answer, user, asset):
    return why_not(user=user, search_id=answer.search_id, asset_id=asset.id)


def test_why_not_names_the_stage(world, holdings):
    old = world.put(
        holdings.mine, world.vector("bear"), captured_at=datetime(2020, 1, 1, tzinfo=UTC)
    )
    elsewhere = world.put(other := make_readable(holdings), world.vector("bear"))
    bare = world.put(holdings.mine)
    written = world.put(holdings.mine, world.vector("bear", near=0.4), modality="text")
    answer = world.ask(
        holdings.reader,
        collections=[holdings.mine.id],
        modalities=["image", "audio"],
        filters=SearchFilters(captured_after=datetime(2021, 1, 1, tzinfo=UTC)),
    )
    curator = holdings.reader
    grant(holdings.mine, curator, "curator")
    hidden = world.put(holdings.mine, world.vector("bear"), state=State.QUARANTINED)
    later = world.put(holdings.mine, world.vector("bear"))
    for asset, stage, code in (
        (hidden, "state", "not-searchable"),
        (later, "state", "searchable-later"),
        (elsewhere, "collection", "collection-not-searched"),
        (written, "modality", "modality-not-searched"),
        (bare, "modality", "modality-not-searched"),
        (old, "filter", "filter-captured_after"),
        (holdings.far, "filter", "filter-captured_after"),
    ):
        found = ask_why(answer, curator, asset)
        assert (found.stage, found.code) == (stage, code)
        assert found.detail.endswith(".")
        assert found.compared is None
    assert other.pk


def make_readable(holdings):
    made = make_collection("other")
    grant(made, holdings.reader)
    return made


def test_why_not_says_how_far_it_was(world, holdings):
    answer = world.ask(holdings.reader, top_k=2)
    assert ask_why(answer, holdings.reader, holdings.picture).code == "was-a-hit"
    found = ask_why(answer, holdings.reader, holdings.text)
    assert (found.stage, found.code) == ("rank", "ranked-lower")
    compared = found.compared
    assert (compared.similarity, compared.rank) == (0.7, "1-10")
    assert compared.last == pytest.approx(0.8, abs=0.01)
    assert compared.behind == pytest.approx(0.1, abs=0.01)
    far = ask_why(answer, holdings.reader, holdings.far)
    assert (far.stage, far.compared.similarity, far.compared.threshold) == ("threshold", 0.1, 0.5)
    assert nothing_hidden(answer, holdings)
    more = world.ask(holdings.reader, None, asset=holdings.picture.id)
    assert ask_why(more, holdings.reader, holdings.picture).code == "is-the-query"


def test_why_not_says_what_redaction_took_and_what_is_found_by_now(world, holdings):
    with scope.system():
        Asset.objects.filter(id=holdings.far.id).update(redactions=[{"kind": "FACE", "count": 1}])
    answer = world.ask(holdings.reader, "bear of anna@example.org")
    found = ask_why(answer, holdings.reader, holdings.far)
    assert [note.split(": ")[1] for note in found.notes] == ["EMAIL_ADDRESS.", "FACE."]
    answer = world.ask(holdings.reader)
    with scope.system():
        segment = holdings.far.segments.get()
        row = VectorRow(
            segment_id=segment.pk,
            asset_id=holdings.far.pk,
            collection_id=holdings.mine.pk,
            modality="image",
            vector=world.vector("bear", near=0.99),
        )
        backend().upsert(table=TABLE, rows=[row])
    assert ask_why(answer, holdings.reader, holdings.far).code == "found-now"


def test_what_one_may_not_read_is_not_there(world, holdings):
    answer = world.ask(holdings.reader)
    errors = []
    for asset in (holdings.secret[0], holdings.outsider):
        with pytest.raises(NotVisible) as error:
            ask_why(answer, holdings.reader, asset)
        errors.append(error.value.detail)
    assert len(set(errors)) == 1
    with pytest.raises(NotVisible):
        ask_why(answer, holdings.outsider, holdings.far)


def test_somebody_elses_query_tells_a_governor_nothing(world, holdings):
    answer = world.ask(holdings.reader)
    governor = make_user(is_governor=True)
    grant(holdings.mine, governor)
    assert ask_why(answer, governor, holdings.picture).code == "was-a-hit"
    with pytest.raises(NotAllowed):
        ask_why(answer, governor, holdings.far)
    grant(holdings.mine, holdings.outsider, "steward")
    with pytest.raises(NotVisible):
        ask_why(answer, holdings.outsider, holdings.far)


def test_without_the_query_only_what_needs_none_is_said(world, holdings):
    answer = world.ask(holdings.reader, modalities=["image"])
    SearchRecord.objects.update(kept_until=timezone.now() - timedelta(seconds=1))
    assert ask_why(answer, holdings.reader, holdings.sound).stage == "modality"
    with pytest.raises(Gone):
        ask_why(answer, holdings.reader, holdings.far)
