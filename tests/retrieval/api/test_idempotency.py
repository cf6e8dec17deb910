from datetime import timedelta

from django.utils import timezone

from retrieval import scope
from retrieval.idempotency_models import IdempotencyKey
from retrieval.models import Collection
from tests.cast import client_of

COLLECTIONS = "/api/v1/collections/"


def post(user, body, key="one", path=COLLECTIONS):
    return client_of(user).post(path, body, HTTP_IDEMPOTENCY_KEY=key)


def made():
    with scope.system():
        return Collection.objects.exclude(name="Photographs").count()


def test_a_repetition_is_answered_alike_and_done_once(people):
    first, again = (post(people.steward, {"name": "Sounds"}) for _ in range(2))
    assert first.status_code == again.status_code == 201
    assert first.json() == again.json()
    assert again["Idempotency-Replayed"] == "true"
    assert made() == 1


def test_the_same_key_for_something_else_is_a_conflict(people):
    post(people.steward, {"name": "Sounds"})
    assert post(people.steward, {"name": "Texts"}).status_code == 409
    assert made() == 1


def test_a_key_belongs_to_one_user_and_one_route(people):
    people.curator.may_create_collections = True
    people.curator.save()
    assert post(people.steward, {"name": "Sounds"}).status_code == 201
    assert post(people.curator, {"name": "Sounds"}).status_code == 201
    grants = f"{COLLECTIONS}{people.collection.pk}/grants/"
    assert (
        post(people.steward, {"user": "otto", "role": "searcher"}, path=grants).status_code == 201
    )
    assert made() == 2


def test_a_refused_request_frees_its_key(people):
    assert post(people.steward, {"name": ""}).status_code == 400
    assert not IdempotencyKey.objects.exists()
    assert post(people.steward, {"name": "Sounds"}).status_code == 201


def test_a_request_in_flight_is_a_conflict_until_it_must_have_died(people):
    row = IdempotencyKey.objects.create(
        user=people.steward, route=COLLECTIONS, key="one", fingerprint=b""
    )
    assert post(people.steward, {"name": "Sounds"}).status_code == 409
    IdempotencyKey.objects.filter(pk=row.pk).update(created_at=timezone.now() - timedelta(hours=1))
    assert post(people.steward, {"name": "Sounds"}).status_code == 201


def test_answers_are_forgotten_after_a_day(people):
    post(people.steward, {"name": "Sounds"})
    IdempotencyKey.objects.update(created_at=timezone.now() - timedelta(hours=25))
    assert post(people.steward, {"name": "Texts"}).status_code == 201


def test_impossible_keys_are_400(people):
    for key in ("", "x" * 201, "\u00e9"):
        assert post(people.steward, {"name": "Sounds"}, key=key).status_code == 400
    assert made() == 0


def test_a_repeated_retention_policy_is_made_once(people):
    path, body = "/api/v1/retention-policies/", {"name": "Short", "rules": []}
    first, again = (post(people.governor, body, path=path) for _ in range(2))
    assert first.status_code == again.status_code == 201, first.content
    assert first.json() == again.json()
    assert again["Idempotency-Replayed"] == "true"
