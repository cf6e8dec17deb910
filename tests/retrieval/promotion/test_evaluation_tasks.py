"""What is good enough is declared first, measured afterwards, and looked at before a promotion."""

from __future__ import annotations

import csv
from datetime import timedelta
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import transaction
from django.db.utils import ProgrammingError

from audit.models import LedgerPending
from retrieval import scope
from retrieval.errors import Conflict, Invalid, NotAllowed, NotVisible
from retrieval.evaluation_models import EvaluationCase, EvaluationTask
from retrieval.models import EvaluationRun
from retrieval.selectors.evaluation_cases import case_views
from retrieval.selectors.evaluation_tasks import task_views, verdicts_of
from retrieval.selectors.promotions import promotion_review
from retrieval.services.assets import asset_delete
from retrieval.services.evaluation import collection_evaluate
from retrieval.services.evaluation_retention import EVALUATION_DAYS, evaluations_purge
from retrieval.services.evaluation_tasks import task_declare, task_withdraw
from retrieval.services.labelled import labelled_import
from tests.cast import client_of
from tests.factories import make_asset
from tests.retrieval.promotion.conftest import picture

pytestmark = pytest.mark.django_db


@pytest.fixture
def assets(people, servers):
    """Pictures of the collection, each with a labelled query that names it."""
    made = [
        make_asset(
            people.collection,
            modality="image",
            media_type="image/webp",
            rendition=picture(number),
            segments=("",),
            title=f"Title {number}",
        )
        for number in range(24)
    ]
    rows = "".join(f"where is thing {n}?,{asset.pk}\n" for n, asset in enumerate(made))
    labelled_import(
        by=people.steward, collection_id=people.collection.pk, file=f"query,asset\n{rows}".encode()
    )
    return made


def declare(people, **changed):
    wanted = {"name": "Photos by words", "pair": "text-image", "figure": "recall@10", "bound": 0.5}
    return task_declare(by=people.steward, collection_id=people.collection.pk, **(wanted | changed))


def measured(people, **options) -> EvaluationRun:
    return collection_evaluate(
        collection_id=people.collection.pk, ref="fake@2", **options
    ).candidate


def standing(people) -> str:
    [view] = task_views(user=people.steward, collection_id=people.collection.pk)
    return view.verdict.verdict if view.verdict else "never"


def test_what_was_measured_before_does_not_count(candidate, people, assets):
    before = measured(people)
    declare(people)
    assert standing(people) == "not_measured"
    assert [v.verdict for v in verdicts_of(before)] == ["not_measured"]
    run = measured(people)
    assert run.result["labels"] == "labelled"
    assert standing(people) == "met"
    # A bound that is moved afterwards needs a new measurement, and the old one stays readable.
    declare(people, bound=0.4, reason="Fewer photos now.")
    assert standing(people) == "not_measured"
    [view] = task_views(user=people.searcher, collection_id=people.collection.pk)
    assert [(one.version, one.bound) for one in (view.task, *view.history)] == [(2, 0.4), (1, 0.5)]
    events = LedgerPending.objects.filter(event="evaluation:task:declare")
    assert [entry.refs["collection"] for entry in events] == [str(people.collection.pk)] * 2


def test_a_promotion_sees_what_is_not_reached(candidate, people, assets, models):
    models.noise["fake@2"] = 1.5
    declare(people, bound=1.0)
    [finding] = [one for one in _gates() if one.code.startswith("task")]
    assert finding.code == "task-not-measured"
    candidate_run = measured(people)
    assert candidate_run.result["pairs"]["text-image"]["recall@10"] < 1.0
    [finding] = [one for one in _gates() if one.code.startswith("task")]
    assert (finding.code, finding.gates) == ("task-not-met", True)
    assert "Photos" not in finding.detail + finding.where
    with scope.system():
        task = EvaluationTask.objects.get()
    task_withdraw(by=people.steward, task_id=task.pk)
    assert not [one for one in _gates() if one.code.startswith("task")]


def _gates():
    return promotion_review(ref="fake@2").gating


def test_a_margin_is_kept_against_the_model_in_use(candidate, people, assets, models):
    models.noise["fake@2"] = 1.2
    declare(people, bound=0.01, margin=0.02)
    run = measured(people)
    present = run.result["comparison"]["present"]["pairs"]["text-image"]["recall@10"]
    assert present > run.result["pairs"]["text-image"]["recall@10"] + 0.02
    assert standing(people) == "not_met"


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": " "},
        {"figure": "recall@3"},
        {"pair": ""},
        {"pair": "Text to image"},
        {"bound": 1.5},
        {"bound": float("nan")},
        {"margin": -0.1},
        {"figure": "calibration_error"},  # of no pair
    ],
)
def test_what_cannot_be_meant_is_refused(people, wrong):
    with pytest.raises(Invalid):
        declare(people, **wrong)


def test_only_stewards_declare(people):
    for person in (people.searcher, people.curator):
        with pytest.raises(NotAllowed):
            task_declare(
                by=person,
                collection_id=people.collection.pk,
                name="x",
                figure="latency_p95_ms",
                bound=50,
            )
    task = declare(people)
    with pytest.raises(Conflict):
        declare(people)
    with pytest.raises(NotVisible):
        task_withdraw(by=people.outsider, task_id=task.pk)
    with pytest.raises(NotVisible):
        task_views(user=people.outsider, collection_id=people.collection.pk)


def test_a_declaration_cannot_be_moved_in_time(people):
    declare(people)
    with (
        scope.system(),
        pytest.raises(ProgrammingError, match="permission denied"),
        transaction.atomic(),
    ):
        EvaluationTask.objects.update(declared_at="2000-01-01T00:00Z")
    with scope.user(people.outsider.pk):
        assert not EvaluationTask.objects.exists()


def test_cases_hold_ids_and_go_with_their_assets(candidate, people, assets, models):
    models.noise["fake@2"] = 1.5
    run = measured(people)
    with scope.system():
        bodies = str(list(EvaluationCase.objects.filter(run=run).values_list("body", flat=True)))
    assert "thing" not in bodies
    assert "Title" not in bodies
    seen = case_views(user=people.searcher, evaluation_id=run.pk, kind="worst")
    assert seen[0].words.startswith("where is thing")
    assert seen[0].found[0][0].title.startswith("Title")
    # An operator knows of the run, and reads nothing.
    bare = case_views(user=people.operator, evaluation_id=run.pk, kind="worst")
    assert len(bare) == len(seen)
    assert not any(one.words or thing.readable for one in bare for thing, _ in one.found)
    with pytest.raises(NotVisible):
        case_views(user=people.outsider, evaluation_id=run.pk)
    gone = seen[0].right[0][0].id
    asset_delete(user=people.steward, asset_id=next(a.pk for a in assets if str(a.pk) == gone))
    with scope.system():
        assert not EvaluationCase.objects.filter(assets__contains=[gone]).exists()


def test_cases_of_data_sets_are_for_operators(candidate, people, captions):
    from retrieval.evaluation.datasets import dataset_open
    from retrieval.services.evaluation import dataset_evaluate

    kept = dataset_evaluate(dataset=dataset_open(captions), ref="fake@2").candidate
    public = dataset_evaluate(
        dataset=dataset_open(captions), ref="fake@2", own_data=False
    ).candidate
    with pytest.raises(NotAllowed):
        case_views(user=people.steward, evaluation_id=kept.pk)
    # Everybody may read the figures, so no file is named in them.
    assert kept.result["failures"]["text-image"]["hubness"]["hubs"]
    assert ".png" not in str(kept.result)
    assert ".png" in str(public.result)
    cases = case_views(user=people.operator, evaluation_id=kept.pk, kind="prompt")
    assert cases
    assert not any(one.words for one in cases)
    assert all(one.asked.id.startswith("images/") for one in cases)
    assert any(one.words for one in case_views(user=people.operator, evaluation_id=public.pk))


def test_by_rest(candidate, people, assets):
    steward, base = client_of(people.steward), f"/api/v1/collections/{people.collection.pk}/tasks/"
    body = {"name": "x", "figure": "recall@10", "pair": "text-image", "bound": 0.5}
    assert client_of(people.searcher).post(base, body).status_code == 403
    made = steward.post(base, body)
    assert (made.status_code, made.json()["version"]) == (201, 1)
    assert steward.post(base, body | {"bound": 7}).json()["errors"]["bound"]
    run = measured(people)
    [listed] = client_of(people.searcher).get(base).json()["results"]
    assert (listed["verdict"]["verdict"], listed["evaluation"]) == ("met", str(run.pk))
    one = steward.get(f"/api/v1/evaluations/{run.pk}/").json()
    assert (one["kind"], [task["verdict"] for task in one["tasks"]]) == ("model", ["met"])
    some = steward.get("/api/v1/evaluations/", {"kind": "live"}).json()
    assert some["count"] == 0
    cases = steward.get(f"/api/v1/evaluations/{run.pk}/cases/", {"kind": "hub"})
    assert cases.status_code == 200
    assert {case["kind"] for case in cases.json()["results"]} <= {"hub"}
    gone = steward.post(f"/api/v1/evaluation-tasks/{made.json()['id']}/withdraw/", {})
    assert gone.json()["active"] is False
    assert steward.get(base).json()["count"] == 0


def test_check_fails_a_build(candidate, people, assets, models, tmp_path: Path, capsys):
    table = tmp_path / "questions.csv"
    with table.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(("query", "asset"))
        rows.writerows((f"where is thing {n}?", asset.pk) for n, asset in enumerate(assets))
    run = {"collection": people.collection.pk, "queries": table, "model": "fake@2", "check": True}
    with pytest.raises(CommandError, match="declared no task"):
        call_command("evaluate", **(run | {"model": None}))
    assert EvaluationRun.objects.get().model == "fake@1"  # the one in use
    declare(people)
    call_command("evaluate", **run)
    assert "task Photos by words: met" in capsys.readouterr().err
    models.noise["fake@2"] = 1.5
    declare(people, bound=1.0)
    with pytest.raises(CommandError, match="1 of 1 declared tasks are not met"):
        call_command("evaluate", **run)


def test_runs_go_when_their_period_is_over(candidate, people, assets):
    run = measured(people)
    long_ago = run.created_at - timedelta(days=EVALUATION_DAYS + 1)
    EvaluationRun.objects.filter(pk=run.pk).update(created_at=long_ago)
    left = EvaluationRun.objects.exclude(pk=run.pk).count()
    assert evaluations_purge(dry_run=True) == 1
    assert evaluations_purge() == 1
    assert EvaluationRun.objects.count() == left
    assert LedgerPending.objects.filter(event="retention:evaluation:purge").count() == 1
