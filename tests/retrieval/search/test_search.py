"""What a search answers, and what it never shows."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from audit.models import Influence, LedgerPending, SearchRecord
from retrieval import scope
from retrieval.errors import Conflict, Invalid, NotAllowed, NotVisible, Unavailable, Unprocessable
from retrieval.models import Asset, Calibration, Collection, Grant, ModelVersion
from retrieval.redaction.errors import RedactionRefused
from retrieval.redaction.types import QueryMedia
from retrieval.services.search import SearchFilters, SearchRequest, candidates, search_run
from retrieval.services.search.certainty import certainty
from retrieval.states import State
from tests.factories import grant, make_asset, make_collection, make_policy, make_team, make_user
from tests.retrieval.search.conftest import CosineIsCertainty, found, nothing_hidden

pytestmark = pytest.mark.django_db


def test_the_best_of_all_modalities_in_one_list(world, holdings):
    answer = world.ask(holdings.reader)
    assert found(answer) == holdings.visible
    assert answer.confident
    assert [hit.rank for hit in answer.hits] == [1, 2, 3]
    assert [hit.verdict for hit in answer.hits] == ["match"] * 3
    assert nothing_hidden(answer, holdings)


def test_the_body_has_the_shape_of_the_contract(world, holdings):
    body = world.ask(holdings.reader, modalities=["image"]).as_json()
    hit = body["hits"][0]
    asset = holdings.picture
    assert hit == {
        "rank": 1,
        "confidence": pytest.approx(0.9, abs=2e-3),
        "verdict": "match",
        "asset": {
            "id": str(asset.id),
            "title": "A bear",
            "modality": "image",
            "collection": str(holdings.mine.id),
        },
        "segment": {"kind": "whole", "text": None, "page": None, "start_ms": None, "end_ms": None},
        "more_segments": 0,
        "influence": {
            "signals": [
                {
                    "space": "fake",
                    "model": "fake@1",
                    "query_modality": "text",
                    "target_modality": "image",
                    "similarity": 0.9,
                    "calibrated": pytest.approx(0.9, abs=2e-3),
                    "weight": 1.0,
                }
            ],
            "redactions": [],
            "consent": "not required",
        },
        "links": {
            "content": f"/api/v1/assets/{asset.id}/content/",
            "thumbnail": f"/api/v1/assets/{asset.id}/thumbnail/",
        },
    }
    assert set(body) == {"search_id", "query", "confident", "hits", "searched", "timing_ms"}
    assert body["query"] == {"modality": "text", "redactions": []}
    assert body["searched"] == {"collections": 1, "modalities": ["image"]}
    assert set(body["timing_ms"]) == {"total"}


def test_uncertain_hits_come_only_when_asked_for(world, holdings):
    assert holdings.far.id not in found(world.ask(holdings.reader))
    answer = world.ask(holdings.reader, include_uncertain=True)
    assert found(answer) == [*holdings.visible, holdings.far.id]
    assert answer.hits[-1].verdict == "uncertain"
    assert nothing_hidden(answer, holdings)


def test_a_hit_far_less_probable_than_the_best_of_its_kind_is_no_match(
    world, holdings, monkeypatch
):
    monkeypatch.setattr(CosineIsCertainty, "threshold", 0.01)
    near = world.put(holdings.mine, world.vector("bear", near=0.35))
    below = world.put(holdings.mine, world.vector("bear", near=0.25))
    assert found(world.ask(holdings.reader, modalities=["image"])) == [holdings.picture.id, near.id]
    answer = world.ask(holdings.reader, modalities=["image"], include_uncertain=True)
    verdicts = {hit.asset.id: hit.verdict for hit in answer.hits}
    assert verdicts[below.id] == "uncertain"


def test_a_match_is_not_pushed_off_by_likelier_things_that_are_none(world, holdings, monkeypatch):
    def strict_with_texts(model, reach, query, target, near):
        sure = certainty(model, reach, query, target, near)
        return replace(sure, thresholds=np.ones(len(near))) if target == "text" else sure

    monkeypatch.setattr(candidates, "certainty", strict_with_texts)
    for _ in range(8):
        world.put(holdings.mine, world.vector("bear", near=0.95), modality="text")
    answer = world.ask(holdings.reader, top_k=2)
    assert found(answer) == [holdings.picture.id, holdings.sound.id]


def test_nothing_likely_is_no_confident_match(world, holdings):
    answer = world.ask(holdings.reader, "zebra crossing")
    assert (answer.confident, answer.hits) == (False, [])
    assert SearchRecord.objects.get(id=answer.search_id).confident is False


def test_an_outsider_finds_nothing_and_is_told_of_nothing(world, holdings):
    answer = world.ask(holdings.outsider, include_uncertain=True)
    assert (found(answer), answer.searched.collections) == ([], 0)
    assert nothing_hidden(answer, holdings)


@pytest.mark.parametrize("which", ["hidden", "unknown"])
def test_naming_a_collection_one_may_not_read_is_not_found(world, holdings, which):
    wanted = holdings.hidden.id if which == "hidden" else holdings.reader.id
    with pytest.raises(NotVisible):
        world.ask(holdings.reader, collections=[holdings.mine.id, wanted])
    assert not SearchRecord.objects.exists()


def test_a_steward_governs_without_reading(world, holdings):
    steward = make_user()
    grant(holdings.mine, steward, "steward")
    assert found(world.ask(steward, include_uncertain=True)) == []
    with pytest.raises(NotVisible):
        world.ask(steward, collections=[holdings.mine.id])
    with pytest.raises(NotAllowed):
        world.ask(steward, None, asset=holdings.picture.id)


def test_another_tenants_rows_change_nothing(world, holdings):
    asked = {"include_uncertain": True, "top_k": 4}
    before = world.ask(holdings.reader, **asked).as_json()
    for _ in range(20):
        world.put(holdings.hidden, world.vector("bear"), modality="text")
    after = world.ask(holdings.reader, **asked).as_json()
    for body in (before, after):
        body.pop("search_id")
        body.pop("timing_ms")
    assert before == after


@pytest.mark.parametrize(
    "state", [s for s in State if s is not State.SEARCHABLE], ids=lambda s: s.value
)
def test_only_searchable_assets_are_shown_even_if_their_vectors_still_lie_there(
    world, holdings, state
):
    with scope.system():
        Asset.objects.filter(id=holdings.picture.id).update(state=state)
    answer = world.ask(holdings.reader)
    assert found(answer) == [holdings.sound.id, holdings.text.id]


def test_segments_of_an_asset_are_one_hit_with_its_best_place(world, holdings):
    near = world.vector
    long = world.put(
        holdings.mine,
        near("fox", near=0.6),
        near("fox", near=0.95),
        near("fox", near=0.2),
        modality="text",
    )
    answer = world.ask(holdings.reader, "fox", collections=[holdings.mine.id])
    hit = next(hit for hit in answer.hits if hit.asset.id == long.id)
    assert (hit.segment.text, hit.more_segments) == ("line 1", 1)
    assert found(answer).count(long.id) == 1


def test_one_long_asset_does_not_crowd_out_the_others(world, holdings):
    near = world.vector
    world.put(holdings.mine, *[near("owl", near=0.9)] * 200, modality="text")
    short = [world.put(holdings.mine, near("owl", near=0.8), modality="text") for _ in range(9)]
    answer = world.ask(holdings.reader, "owl", modalities=["text"])
    assert {asset.id for asset in short} <= set(found(answer))
    assert len(answer.hits) == 10


def test_top_k_bounds_the_list(world, holdings):
    assert found(world.ask(holdings.reader, top_k=1)) == holdings.visible[:1]


def test_modalities_bound_what_is_searched(world, holdings):
    answer = world.ask(holdings.reader, modalities=["audio"])
    assert found(answer) == [holdings.sound.id]
    assert answer.searched.modalities == ["audio"]
    assert (answer.hits[0].segment.start_ms, answer.hits[0].segment.end_ms) == (0, 10_000)


def test_filters_bound_what_is_found(world, holdings):
    day = datetime(2024, 6, 1, tzinfo=UTC)
    dated = world.put(
        holdings.mine,
        world.vector("bear"),
        captured_at=day,
        source="trap 7",
        metadata={"k": {"n": 1}},
    )
    for filters, expected in (
        (SearchFilters(captured_after=day), [dated.id]),
        (SearchFilters(captured_before=day), []),
        (SearchFilters(source="trap 7"), [dated.id]),
        (SearchFilters(metadata={"k": {"n": 1}}), [dated.id]),
        (SearchFilters(metadata={"k": {"n": 2}}), []),
    ):
        assert found(world.ask(holdings.reader, filters=filters)) == expected


def test_similarities_are_rounded_and_vectors_never_leave(world, holdings):
    world.put(holdings.mine, world.vector("bear", near=0.87654))
    body = world.ask(holdings.reader).as_json()
    similarities = [s["similarity"] for hit in body["hits"] for s in hit["influence"]["signals"]]
    assert all(round(one, 2) == one for one in similarities)
    assert "vec" not in str(body)


def test_rank_fusion_interleaves_the_modalities(world, holdings):
    world.put(holdings.mine, world.vector("bear", near=0.89))
    answer = world.ask(holdings.reader, fusion="rrf", top_k=3)
    assert {hit.asset.modality for hit in answer.hits} == {"image", "audio", "text"}


def test_more_like_an_asset(world, holdings):
    twin = world.put(holdings.mine, world.vector("bear", near=0.9))
    answer = world.ask(holdings.reader, None, asset=holdings.picture.id)
    assert found(answer)[0] == twin.id
    assert holdings.picture.id not in found(answer)
    assert answer.query.modality == "image"
    assert world.models.calls == []  # its stored vectors were used
    assert nothing_hidden(answer, holdings)


def test_an_asset_of_several_segments_asks_with_their_mean(world, holdings):
    near = world.vector
    sound = world.put(holdings.mine, near("a"), near("b"), modality="audio")
    mean = near("a") + near("b")
    between = world.put(holdings.mine, (mean / np.linalg.norm(mean)).astype(np.float32))
    assert found(world.ask(holdings.reader, None, asset=sound.id))[0] == between.id


def test_asking_with_an_asset_one_may_not_read_is_as_if_it_were_not_there(world, holdings):
    for asset in (holdings.secret[0].id, holdings.reader.id):
        with pytest.raises(NotVisible, match="no such asset"):
            world.ask(holdings.reader, None, asset=asset)


def test_asking_with_an_asset_that_is_not_searchable(world, holdings):
    kept = make_asset(holdings.mine, state=State.WITHHELD)
    with pytest.raises(NotVisible):
        world.ask(holdings.reader, None, asset=kept.id)
    curator = make_user()
    grant(holdings.mine, curator, "curator")
    with pytest.raises(Conflict):
        world.ask(curator, None, asset=kept.id)


def test_a_picture_as_the_query(world, holdings):
    pixels = np.frombuffer(b"IMG12345".ljust(12, b"\0")[:12], np.uint8).reshape(2, 2, 3)
    twin = world.put(holdings.mine, world.models.vector(pixels.tobytes()))
    answer = world.ask(holdings.reader, None, file=b"IMG12345")
    assert (found(answer)[0], answer.query.modality) == (twin.id, "image")


def test_a_sound_as_the_query(world, holdings):
    answer = world.ask(holdings.reader, None, file=b"SND12345", include_uncertain=True)
    assert answer.query.modality == "audio"
    assert world.models.calls == ["audio"]


def test_words_with_a_picture_find_what_is_near_both(world, holdings):
    pixels = np.frombuffer(b"IMG12345".ljust(12, b"\0")[:12], np.uint8)
    both = world.models.vector(pixels.tobytes()) + world.models.vector(b"at night")
    near_both = world.put(holdings.mine, (both / np.linalg.norm(both)).astype(np.float32))
    answer = world.ask(holdings.reader, "at night", file=b"IMG12345")
    assert (found(answer)[0], answer.query.modality) == (near_both.id, "text+image")


def test_the_query_is_redacted_before_it_is_embedded(world, holdings):
    twin = world.put(holdings.mine, world.vector("mail <EMAIL_ADDRESS_1>"))
    answer = world.ask(holdings.reader, "mail anna@example.org")
    assert answer.query.redactions == [{"kind": "EMAIL_ADDRESS", "count": 1}]
    assert found(answer)[0] == twin.id
    assert "anna" not in str(SearchRecord.objects.filter(id=answer.search_id).values())


@pytest.mark.parametrize("server", ["redaction", "models"])
def test_nothing_is_searched_while_a_server_is_away(world, holdings, server):
    getattr(world, server).down = True
    with pytest.raises(Unavailable):
        world.ask(holdings.reader)
    assert not SearchRecord.objects.exists()


def test_no_transaction_is_open_while_models_run(world, holdings):
    before = len(connection.atomic_blocks)  # the test's own
    seen = []
    encode = world.models.encode_text

    def noted(*args, **options):
        seen.append(len(connection.atomic_blocks))
        return encode(*args, **options)

    world.models.encode_text = noted
    world.redaction.before = lambda _: seen.append(len(connection.atomic_blocks))
    world.ask(holdings.reader)
    assert seen == [before, before]


def test_without_a_model_nothing_can_be_searched(world, holdings):
    ModelVersion.objects.update(status=ModelVersion.Status.RETIRED)
    with pytest.raises(Unavailable):
        world.ask(holdings.reader)


def test_a_query_no_model_takes_is_refused(world, holdings):
    ModelVersion.objects.update(modalities=["text", "image"])
    with pytest.raises(Unprocessable, match="audio"):
        world.ask(holdings.reader, None, file=b"SND12345")


def test_a_pair_that_was_never_fitted_is_sure_of_nothing(world, holdings):
    Calibration.objects.filter(target_modality="image").delete()
    assert holdings.picture.id not in found(world.ask(holdings.reader))
    answer = world.ask(holdings.reader, include_uncertain=True)
    hit = next(hit for hit in answer.hits if hit.asset.id == holdings.picture.id)
    assert (hit.verdict, hit.confidence) == ("uncertain", 0)


def test_a_collection_that_needs_consent_asks_for_a_purpose_and_shows_nothing_without_consent(
    world, holdings
):
    strict = make_collection(
        purposes={"search": {"consent": "required"}, "training": {"consent": "not_required"}}
    )
    grant(strict, holdings.reader)
    world.put(strict, world.vector("bear"))  # as if nobody had come to withhold it
    with pytest.raises(Invalid) as raised:
        world.ask(holdings.reader, collections=[strict.pk])
    assert "purpose" in raised.value.fields
    with pytest.raises(Invalid):
        world.ask(holdings.reader, purpose="entertainment")
    unsaid = world.ask(holdings.reader)
    assert (found(unsaid), unsaid.searched.collections) == (holdings.visible, 1)
    for purpose in ("search", "training"):
        answer = world.ask(holdings.reader, purpose=purpose)
        assert (found(answer), answer.searched.collections) == (holdings.visible, 2)
        assert not world.ask(holdings.reader, purpose=purpose, collections=[strict.pk]).hits


def test_the_shortest_period_of_the_searched_collections_says_how_long_a_query_is_kept(
    world, holdings
):
    record = SearchRecord.objects.get(id=world.ask(holdings.reader).search_id)
    assert record.kept_query is not None
    at_once = make_collection(retention_policy=make_policy({"what": "query", "after_days": 0}))
    grant(at_once, holdings.reader)
    record = SearchRecord.objects.get(id=world.ask(holdings.reader).search_id)
    assert record.kept_query is None


def test_every_answer_has_its_record_its_influences_and_its_ledger_entry(world, holdings):
    answer = world.ask(holdings.reader)
    record = SearchRecord.objects.get(id=answer.search_id)
    assert (record.user_id, record.hit_count, record.confident) == (holdings.reader.id, 3, True)
    assert record.collections == [holdings.mine.id]
    assert record.models_used == ["fake@1"]
    kept = Influence.objects.filter(record=record).order_by("rank")
    assert [i.asset_id for i in kept] == found(answer)
    assert [i.confidence for i in kept] == [hit.confidence for hit in answer.hits]
    entry = LedgerPending.objects.get(event="search:query:run")
    assert entry.refs["search"] == str(record.id)
    assert "bear" not in str(entry.payload) + str(entry.refs)


def test_no_record_no_results(world, holdings, monkeypatch):
    def broken(**_):
        raise RuntimeError("the audit room burns")

    monkeypatch.setattr("retrieval.services.search.run.record_search", broken)
    with pytest.raises(RuntimeError):
        world.ask(holdings.reader)


def test_statements_do_not_grow_with_collections(world, holdings):
    world.ask(holdings.reader)  # what is asked once a process
    counts = []
    for more in (0, 199):
        with scope.system():
            made = Collection.objects.bulk_create(Collection(name=str(n)) for n in range(more))
            Grant.objects.bulk_create(
                Grant(collection=one, user=holdings.reader, role="searcher") for one in made
            )
        with CaptureQueriesContext(connection) as captured:
            answer = world.ask(holdings.reader)
        counts.append(len(captured))
        assert answer.searched.collections == 1 + more
    assert counts[0] == counts[1], counts


def test_access_lost_while_the_model_runs_hides_everything(world, holdings):
    world.redaction.before = lambda _: Grant.objects.all().delete()
    answer = search_run(user=holdings.reader, request=SearchRequest(text="bear"))
    assert answer.hits == []


def test_row_level_security_alone_hides_what_a_forgotten_check_would_show(
    world, holdings, monkeypatch
):
    everything = [holdings.mine.id, holdings.hidden.id]
    monkeypatch.setattr("retrieval.access.collections_with", lambda **_: everything)
    answer = world.ask(holdings.reader, include_uncertain=True, top_k=100)
    assert found(answer) == [*holdings.visible, holdings.far.id]
    assert nothing_hidden(answer, holdings)


def test_a_teams_grant_counts_and_an_expired_one_does_not(world, holdings):
    member, late = make_user(), make_user()
    grant(holdings.mine, make_team(member))
    grant(holdings.mine, late, expired=True)
    assert found(world.ask(member)) == holdings.visible
    assert found(world.ask(late, include_uncertain=True)) == []
    with pytest.raises(NotVisible):
        world.ask(late, collections=[holdings.mine.id])


def test_a_file_that_cannot_be_decoded_is_no_query(world, holdings):
    def refused(data, **_):
        raise RedactionRefused(
            code="truncated", reason="The file ends too early.", disposition="rejected"
        )

    world.redaction.query_file = refused
    with pytest.raises(Unprocessable, match="ends too early"):
        world.ask(holdings.reader, None, file=b"IMG")


@pytest.mark.parametrize(("words", "named"), [("bear", True), (" \n", False)])
def test_a_file_of_words_asks_as_words_do(world, holdings, words, named):
    world.redaction.query_file = lambda *_, **__: QueryMedia(
        modality="text", media_type="text/plain", rendition=b"", text=words, redactions=()
    )
    if not named:
        with pytest.raises(Unprocessable, match="no words"):
            world.ask(holdings.reader, None, file=b"x")
        return
    answer = world.ask(holdings.reader, None, file=b"x")
    assert (found(answer), answer.query.modality) == (holdings.visible, "text")


def test_confidence_tells_no_more_than_the_rounded_similarity(world, holdings):
    for near in (0.8512, 0.8534):
        world.put(holdings.mine, world.vector("bear", near=near), modality="audio")
    answer = world.ask(holdings.reader, modalities=["audio"])
    for hit in answer.hits:
        assert hit.confidence == hit.influence.signals[0].similarity
    assert [hit.confidence for hit in answer.hits] == [0.85, 0.85, 0.8]


def test_vectors_of_another_size_than_declared_are_not_compared(world, holdings):
    world.models.dimension = 5
    with pytest.raises(Unavailable):
        world.ask(holdings.reader)


def test_vectors_that_are_not_numbers_are_not_compared(world, holdings):
    world.models.encode_text = lambda *_, **__: np.full((1, 8), np.nan, np.float32)
    with pytest.raises(Unavailable):
        world.ask(holdings.reader)
