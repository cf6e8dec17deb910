"""Promotion is gated, atomic and recorded; rollback goes back at once."""

from __future__ import annotations

import pytest

from audit.models import LedgerPending
from retrieval.encoders.active import active_read
from retrieval.errors import Conflict, Invalid, NotAllowed, NotVisible, Unavailable
from retrieval.evaluation.datasets import dataset_open
from retrieval.models import Calibration, ModelVersion
from retrieval.promotion_models import Promotion
from retrieval.selectors.models import active_models
from retrieval.selectors.versions import version_by_ref
from retrieval.services.evaluation import dataset_evaluate
from retrieval.services.promotion import promote, promotion_review, rollback
from tests.cast import person
from tests.factories import make_asset, make_collection
from tests.retrieval.ingest.conftest import sent

__all__ = ["sent"]
pytestmark = pytest.mark.django_db


@pytest.fixture
def ready(candidate, captions, embedded) -> ModelVersion:
    """Evaluated, as good as the present one, with complete vectors."""
    dataset_evaluate(dataset=dataset_open(captions), ref="fake@2")
    embedded("fake@2")
    return candidate


def refs() -> list[str]:
    return [model.ref for model in active_models()]


def status(ref: str) -> str:
    return version_by_ref(ref).status


def test_one_takes_the_place_of_the_other_and_gives_it_back(
    ready, servers, paths, django_capture_on_commit_callbacks
):
    servers.asked.clear()
    with django_capture_on_commit_callbacks(execute=True):
        done = promote(ref="fake@2", by=None)
    assert refs() == ["fake@2"]
    assert (status("fake@1"), done.replaced_ref, done.forced) == ("retired", "fake@1", False)
    assert done.evaluations
    # It was loaded before the swap.
    assert {("fake@2", "text"), ("fake@2", "image")} <= set(servers.asked)
    assert active_read(paths.models) == {"fake@2"}
    servers.asked.clear()
    with django_capture_on_commit_callbacks(execute=True):
        undone = rollback(ref="fake@2", by=None, reason="It disappoints.")
    assert refs() == ["fake@1"]
    assert status("fake@2") == "retired"
    assert undone.rolled_back_at is not None
    assert active_read(paths.models) == {"fake@1"}
    assert servers.asked == []  # nothing is embedded or loaded on the way back
    events = LedgerPending.objects.values_list("event", flat=True)
    assert {"models:version:promote", "models:version:rollback"} <= set(events)
    with pytest.raises(Conflict, match="nothing to go back to"):
        rollback(ref="fake@2", by=None)


def test_it_can_be_promoted_again_after_a_rollback(ready):
    promote(ref="fake@2", by=None)
    rollback(space="fake", by=None)
    promote(ref="fake@2", by=None)
    assert refs() == ["fake@2"]


def test_without_an_evaluation_it_needs_force_and_a_reason(candidate, embedded):
    embedded("fake@2")
    with pytest.raises(Conflict) as raised:
        promote(ref="fake@2", by=None)
    assert any("not-evaluated" in line for line in raised.value.fields["findings"])
    with pytest.raises(Invalid, match="reason"):
        promote(ref="fake@2", by=None, force=True, reason="  ")
    with pytest.raises(Invalid, match="300"):
        promote(ref="fake@2", by=None, force=True, reason="x" * 301)
    assert refs() == ["fake@1"]
    done = promote(ref="fake@2", by=None, force=True, reason="The old one must go.")
    assert (done.forced, done.reason) == (True, "The old one must go.")
    assert [one["code"] for one in done.findings] == ["not-evaluated"]


def test_a_worse_one_is_refused_until_forced(candidate, captions, embedded, models):
    models.noise["fake@2"] = 1.5
    dataset_evaluate(dataset=dataset_open(captions), ref="fake@2")
    embedded("fake@2")
    with pytest.raises(Conflict) as raised:
        promote(ref="fake@2", by=None)
    assert any(line.startswith("worse text-image") for line in raised.value.fields["findings"])
    promote(ref="fake@2", by=None, force=True, reason="It is quicker.")
    assert refs() == ["fake@2"]


def test_a_bad_run_on_one_dataset_is_not_outdone_by_a_good_one_on_another(ready, captions, models):
    models.noise["fake@2"] = 1.5
    other = captions.rename(captions.with_name("others"))
    dataset_evaluate(dataset=dataset_open(other), ref="fake@2")
    models.noise["fake@2"] = 0.3
    assert "worse" in {one.code for one in promotion_review(ref="fake@2").gating}
    # A newer run on the same data takes its place.
    dataset_evaluate(dataset=dataset_open(other), ref="fake@2")
    assert promotion_review(ref="fake@2").gating == ()


def test_public_data_alone_do_not_do(candidate, captions):
    dataset_evaluate(dataset=dataset_open(captions), ref="fake@2", own_data=False)
    assert [one.code for one in promotion_review(ref="fake@2").gating] == ["not-own-data"]


def test_runs_of_another_bundle_or_calibration_do_not_count(ready):
    ModelVersion.objects.filter(pk=ready.pk).update(manifest_sha256="f" * 64)
    assert [one.code for one in promotion_review(ref="fake@2").gating] == ["not-evaluated"]
    ModelVersion.objects.filter(pk=ready.pk).update(manifest_sha256=ready.manifest_sha256)
    assert promotion_review(ref="fake@2").gating == ()
    calibration = Calibration.objects.filter(model_version=ready).first()
    assert calibration is not None
    calibration.pk = None
    calibration.query_modality = "audio"
    calibration.save()
    assert [one.code for one in promotion_review(ref="fake@2").gating] == ["not-evaluated"]


def test_vectors_that_are_not_complete_cannot_be_forced(ready):
    make_asset(make_collection(), segments=("never embedded",))
    with pytest.raises(Conflict, match="not complete"):
        promote(ref="fake@2", by=None, force=True, reason="Now.")
    assert refs() == ["fake@1"]


def test_a_model_that_cannot_be_loaded_is_not_promoted(ready, models):
    models.down = True
    with pytest.raises(Unavailable):
        promote(ref="fake@2", by=None)
    assert refs() == ["fake@1"]
    assert not Promotion.objects.exists()


def test_what_is_in_use_already_is_a_conflict(present):
    with pytest.raises(Conflict, match="in use already"):
        promote(ref="fake@1", by=None, force=True, reason="Again.")
    with pytest.raises(NotVisible):
        promote(ref="fake@9", by=None)


def test_only_operators_may(ready):
    anybody = person("anna")
    for refused in (promote, rollback):
        with pytest.raises(NotAllowed):
            refused(ref="fake@2", by=anybody)
    operator = person("olga", organisation_roles=["operator"])
    assert promote(ref="fake@2", by=operator).actor is not None


def test_a_modality_that_nothing_would_embed_any_more(present, install, embedded):
    install("fake@2", towers=("text",))
    embedded("fake@2")
    found = promotion_review(ref="fake@2").gating
    assert ("loses", "image") in {(one.code, one.where) for one in found}


def test_a_model_of_a_new_space_comes_beside_or_instead(present, install, embedded):
    install("other@1", space="other")
    embedded("other@1")
    promote(ref="other@1", by=None, force=True, reason="Try it.")
    assert refs() == ["fake@1", "other@1"]
    rollback(ref="other@1", by=None)
    assert refs() == ["fake@1"]
    promote(ref="other@1", by=None, replaces="fake@1", force=True, reason="For good.")
    assert refs() == ["other@1"]
    rollback(ref="other@1", by=None)
    assert refs() == ["fake@1"]


def test_what_was_removed_cannot_come_back(ready, present):
    promote(ref="fake@2", by=None)
    ModelVersion.objects.get(pk=present.pk).delete()
    with pytest.raises(Conflict, match=r"fake@1 has been removed"):
        rollback(ref="fake@2", by=None)
    assert refs() == ["fake@2"]


def test_one_collection_goes_ahead_of_the_others(ready, people):
    collection = people.collection
    with pytest.raises(NotVisible):
        promote(ref="fake@2", collection=collection.pk, by=people.operator)
    people.grant(people.operator, "searcher")
    done = promote(ref="fake@2", collection=collection.pk, by=people.operator)
    assert done.collection_id == collection.pk
    assert refs() == ["fake@1"]
    with pytest.raises(Conflict, match="in use there already"):
        promote(ref="fake@2", collection=collection.pk, by=people.operator)
    entry = LedgerPending.objects.filter(event="models:version:promote").get()
    assert entry.refs["collection"] == str(collection.pk)
    rollback(ref="fake@2", collection=collection.pk, by=people.operator)
    assert done.version.in_sets.count() == 0
