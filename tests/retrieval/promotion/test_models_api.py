"""The addresses of models: what who sees, promotion and rollback over the wire."""

from __future__ import annotations

import pytest

from audit.models import LedgerPending
from retrieval.evaluation.datasets import dataset_open
from retrieval.models import EvaluationRun, ModelVersion
from retrieval.promotion_models import Promotion
from retrieval.services.evaluation import dataset_evaluate
from tests.cast import client_of
from tests.factories import make_collection
from tests.retrieval.ingest.conftest import sent

__all__ = ["sent"]
pytestmark = pytest.mark.django_db
MODELS = "/api/v1/models/"
EVALUATIONS = "/api/v1/evaluations/"


@pytest.fixture
def ready(candidate, captions, embedded) -> ModelVersion:
    dataset_evaluate(dataset=dataset_open(captions), ref="fake@2")
    embedded("fake@2")
    return candidate


def test_an_operator_promotes_and_rolls_back(people, ready):
    client = client_of(people.operator)
    listed = {one["ref"]: one for one in client.get(MODELS).json()["results"]}
    assert listed["fake@1"]["status"] == "active"
    mine = listed["fake@2"]
    assert (mine["status"], mine["modalities"]) == ("installed", ["image", "text"])
    assert mine["reembedding"]["state"] == "running"
    [run] = mine["evaluations"]
    assert (run["against"], run["own_data"], run["findings"]) == ("fake@1", True, [])
    assert run["outcome"] in {"same", "better"}

    answer = client.post(f"{MODELS}{ready.pk}/promote/", {}, headers={"Idempotency-Key": "k1"})
    assert answer.status_code == 200, answer.json()
    done = answer.json()
    assert (done["model"], done["replaced"], done["forced"]) == ("fake@2", "fake@1", False)
    assert done["evaluations"] == [run["id"]]
    again = client.post(f"{MODELS}{ready.pk}/promote/", {}, headers={"Idempotency-Key": "k1"})
    assert (again.status_code, again.json()) == (200, done)
    assert Promotion.objects.count() == 1
    assert client.post(f"{MODELS}{ready.pk}/promote/", {}).status_code == 409

    undone = client.post(f"{MODELS}{ready.pk}/rollback/", {"reason": "Slow."})
    assert undone.status_code == 200
    assert undone.json()["rolled_back_at"] is not None
    assert client.post(f"{MODELS}{ready.pk}/rollback/", {}).status_code == 409
    statuses = {one["ref"]: one["status"] for one in client.get(MODELS).json()["results"]}
    assert statuses == {"fake@1": "active", "fake@2": "retired"}


def test_what_speaks_against_it_is_told_and_can_be_forced(people, candidate, embedded):
    embedded("fake@2")
    client = client_of(people.operator)
    refused = client.post(f"{MODELS}{candidate.pk}/promote/", {})
    assert refused.status_code == 409
    assert refused["Content-Type"] == "application/problem+json"
    assert any("not-evaluated" in str(one) for one in refused.json()["errors"]["findings"])
    assert client.post(f"{MODELS}{candidate.pk}/promote/", {"force": True}).status_code == 400
    wanted = {"force": True, "reason": "A trial."}
    assert client.post(f"{MODELS}{candidate.pk}/promote/", wanted).json()["forced"] is True


def test_others_are_refused_and_nothing_happens(people, ready):
    before = LedgerPending.objects.count()
    for user in (people.governor, people.steward, people.searcher, people.outsider):
        for verb in ("promote", "rollback"):
            answer = client_of(user).post(f"{MODELS}{ready.pk}/{verb}/", {})
            assert answer.status_code == 403, (user, verb)
    assert LedgerPending.objects.count() == before
    assert ModelVersion.objects.get(pk=ready.pk).status == "installed"


def test_what_is_not_there_is_404(people, ready):
    client = client_of(people.operator)
    nobody = "00000000-0000-0000-0000-000000000000"
    assert client.post(f"{MODELS}{nobody}/promote/", {}).status_code == 404
    # A collection that the operator holds nothing in is none.
    for collection in (nobody, str(people.collection.pk)):
        for verb in ("promote", "rollback"):
            body = {"collection": collection}
            assert client.post(f"{MODELS}{ready.pk}/{verb}/", body).status_code == 404
    assert client.get(f"{EVALUATIONS}{nobody}/").status_code == 404


def test_evaluations_on_a_collection_are_for_those_who_may_know_of_it(people, ready):
    own = EvaluationRun.objects.create(
        model="fake@2",
        manifest_sha256=ready.manifest_sha256,
        dataset="collection titles",
        collection=people.collection,
        result={"pairs": {}, "findings": []},
    )
    others = EvaluationRun.objects.create(
        model="fake@2",
        manifest_sha256=ready.manifest_sha256,
        dataset="collection titles",
        collection=make_collection(),
        result={"pairs": {}, "findings": []},
    )

    def seen(user) -> set[str]:
        client = client_of(user)
        ids = {one["id"] for one in client.get(EVALUATIONS).json()["results"]}
        assert client.get(EVALUATIONS).json()["count"] == len(ids)
        for run in (own, others):
            expected = 200 if str(run.pk) in ids else 404
            assert client.get(f"{EVALUATIONS}{run.pk}/").status_code == expected
        models = client.get(MODELS).json()["results"]
        shown = {run["id"] for model in models for run in model["evaluations"]}
        assert shown <= ids
        return ids & {str(own.pk), str(others.pk)}

    assert seen(people.operator) == seen(people.governor) == {str(own.pk), str(others.pk)}
    assert seen(people.steward) == seen(people.searcher) == {str(own.pk)}
    assert seen(people.outsider) == set()


def test_one_evaluation_has_all_its_figures(people, ready):
    run = EvaluationRun.objects.get(model="fake@2")
    shown = client_of(people.outsider).get(f"{EVALUATIONS}{run.pk}/").json()
    assert shown["result"]["pairs"]["text-image"]["queries"] == 80
    assert shown["result"]["comparison"]["against"] == "fake@1"
