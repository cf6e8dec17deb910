"""Asked for by one person, approved by another; looked at before, reviewed, refused."""

import pytest
from django.db import connection

from audit.erasure_models import ErasureCandidate, ErasureItem, ErasureRequest
from audit.second_person import SecondPersonNeeded
from audit.subject_models import DataSubject
from retrieval import scope
from retrieval.errors import Conflict, Invalid, NotAllowed, NotVisible
from retrieval.selectors.erasures import erasure_get, erasures_visible
from retrieval.services.erasures import (
    candidate_decide,
    erasure_approve,
    erasure_refuse,
    erasure_request,
)
from tests.factories import make_asset, make_collection, make_reader, make_user
from tests.retrieval.erasure.scenery import held_identifier, link, make_subject

pytestmark = pytest.mark.django_db


@pytest.fixture
def linked(collection, subject):
    return link(make_asset(collection), subject)


@pytest.fixture
def steward(collection):
    return make_reader(collection, "steward")


def state_of(request):
    with scope.system():
        return ErasureRequest.objects.get(pk=request.pk).state


def test_a_subject_waits_for_a_second_person_and_is_then_queued(
    governor, second, subject, linked, sent, django_capture_on_commit_callbacks
):
    request = erasure_request(by=governor, subject_id=subject.id)
    assert request.state == "awaiting_approval"
    with pytest.raises(SecondPersonNeeded):
        erasure_approve(by=governor, request_id=request.id)
    with django_capture_on_commit_callbacks(execute=True):
        erasure_approve(by=second, request_id=request.id)
    assert state_of(request) == "queued"
    assert ("erase", str(request.id)) in sent


def test_where_one_person_suffices_it_is_queued_at_once_but_may_be_made_to_wait(
    settings, governor, subject, linked, sent, django_capture_on_commit_callbacks
):
    settings.VITRINE_SECOND_PERSON = ()
    with django_capture_on_commit_callbacks(execute=True):
        assert erasure_request(by=governor, asset_id=linked.id).state == "queued"
        waits = erasure_request(by=governor, subject_id=subject.id, wait=True)
    assert waits.state == "awaiting_approval"
    erasure_approve(by=governor, request_id=waits.id)


def test_the_list_shows_holds_and_how_many_other_people_an_asset_is_about(
    governor, subject, linked
):
    from audit.holds import Held, hold_place

    link(linked, make_subject("ben@example.org"))
    request = erasure_request(by=governor, subject_id=subject.id)
    with scope.system():
        hold = hold_place(actor=None, on=Held(asset=linked.id), reason="case 7")
    (row,) = erasure_get(user=governor, request_id=request.id).plan.assets
    assert (row.asset, row.via, row.others, row.holds) == (linked.id, "linked", 1, (hold.id,))


def test_an_approval_of_another_list_than_is_there_now_is_refused(
    governor, second, subject, linked, collection
):
    request = erasure_request(by=governor, subject_id=subject.id)
    seen = erasure_get(user=second, request_id=request.id).plan.digest
    link(make_asset(collection), subject)
    with pytest.raises(Conflict):
        erasure_approve(by=second, request_id=request.id, plan=seen)
    seen = erasure_get(user=second, request_id=request.id).plan.digest
    erasure_approve(by=second, request_id=request.id, plan=seen)
    with scope.system():
        assert ErasureItem.objects.filter(request=request).count() == 2


def test_asked_for_twice_is_one_request(governor, second, subject, linked):
    first = erasure_request(by=governor, subject_id=subject.id)
    assert erasure_request(by=second, subject_id=subject.id).id == first.id


def test_a_refused_request_erases_nothing_and_may_be_made_again(governor, second, subject, linked):
    request = erasure_request(by=governor, subject_id=subject.id)
    erasure_refuse(by=second, request_id=request.id)
    with scope.system():
        row = ErasureRequest.objects.get(pk=request.pk)
    assert (row.state, row.reason) == ("failed", "refused")
    with pytest.raises(Conflict):
        erasure_approve(by=second, request_id=request.id)
    assert erasure_request(by=governor, subject_id=subject.id).id != request.id


def test_what_is_erased_cannot_be_asked_for_again(governor, subject, collection):
    with scope.system():
        DataSubject.objects.filter(pk=subject.pk).update(state="erased")
    with pytest.raises(Conflict):
        erasure_request(by=governor, subject_id=subject.id)
    with pytest.raises(Conflict):
        erasure_request(by=governor, asset_id=make_asset(collection, state="erased").id)


def test_who_may_ask_for_what(steward, subject, linked, collection):
    assert erasure_request(by=steward, asset_id=linked.id).asset == linked.id
    with pytest.raises(NotAllowed):
        erasure_request(by=steward, subject_id=subject.id)
    with pytest.raises(NotAllowed):
        erasure_request(by=make_reader(collection, "curator"), asset_id=linked.id)
    with pytest.raises(NotVisible):
        erasure_request(by=make_user(), asset_id=linked.id)
    with pytest.raises(Invalid):
        erasure_request(by=steward, asset_id=linked.id, subject_id=subject.id)


def test_who_sees_which_requests(governor, steward, subject, linked, collection):
    of_subject = erasure_request(by=governor, subject_id=subject.id)
    of_asset = erasure_request(by=governor, asset_id=linked.id)
    elsewhere = erasure_request(by=governor, asset_id=make_asset(make_collection()).id)
    with scope.system():
        assert {one.id for one in erasures_visible(user=steward)} == {of_asset.id}
        assert len(erasures_visible(user=governor)) == 3
        with pytest.raises(NotAllowed):
            erasures_visible(user=make_reader(collection, "curator"))
    for hidden in (of_subject, elsewhere):
        with pytest.raises(NotVisible):
            erasure_get(user=steward, request_id=hidden.id)
        with pytest.raises(NotVisible):
            erasure_approve(by=steward, request_id=hidden.id)


def test_assets_that_nobody_linked_are_found_and_reviewed(
    governor, second, subject, linked, collection
):
    found = [held_identifier(make_asset(collection)) for _ in range(3)]
    held_identifier(linked)
    held_identifier(make_asset(collection), "ben@example.org")
    request = erasure_request(by=governor, subject_id=subject.id)
    detail = erasure_get(user=governor, request_id=request.id)
    by_asset = {one.asset: one for one in detail.candidates}
    assert by_asset.keys() == {one.id for one in found}
    include, exclude, _ = (by_asset[one.id] for one in found)
    candidate_decide(by=second, request_id=request.id, candidate_id=include.id, decision="include")
    with pytest.raises(Invalid):
        candidate_decide(
            by=second, request_id=request.id, candidate_id=exclude.id, decision="exclude"
        )
    candidate_decide(
        by=second, request_id=request.id, candidate_id=exclude.id, decision="exclude",
        reason="another one of this name",
    )  # fmt: skip
    plan = erasure_get(user=governor, request_id=request.id).plan
    assert {one.asset: one.via for one in plan.assets} == {
        linked.id: "linked",
        include.asset: "reviewed",
    }


def test_no_request_made_for_a_person_reads_the_tables(governor, subject, linked):
    erasure_request(by=governor, subject_id=subject.id)
    with scope.user(governor.pk):
        assert not ErasureRequest.objects.exists()
        assert not ErasureItem.objects.exists()
        assert not ErasureCandidate.objects.exists()
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM audit_erasurereceipt")
        assert cursor.fetchone() == (0,)
