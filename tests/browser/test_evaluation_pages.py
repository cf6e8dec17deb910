"""An operator reads what was measured, a steward what failed, and declares what is good enough."""

from __future__ import annotations

from datetime import timedelta

import pytest

from accounts.models import User
from retrieval import scope
from retrieval.evaluation.failures import CaseRecord
from retrieval.evaluation_models import EvaluationTask
from retrieval.models import Collection, EvaluationRun
from retrieval.services.evaluation_cases import cases_store
from tests.browser.conftest import log_in, screenshot
from tests.factories import grant, make_collection, make_user

pytestmark = pytest.mark.django_db


def bins(off: float) -> list[list[float]]:
    middles = [(n + 0.5) / 15 for n in range(15)]
    return [[m - 0.03, m + 0.03, m, min(1.0, m * off), 40] for m in middles]


def result(recall: float, *, live: bool = False) -> dict[str, object]:
    pair = "fused" if live else "text-image"
    figures = {
        "queries": 60, "targets": 300, "recall@1": recall / 2, "recall@5": recall * 0.8,
        "recall@10": recall, "map@10": recall / 2, "mrr": recall / 2, "ndcg@10": recall * 0.6,
        "median_rank": 3.0,
    }  # fmt: skip
    parts = [
        {"part": name, "queries": 20, "figure": "recall@10", "value": v, "low": v - 0.1,
         "high": min(v + 0.1, 1.0)}
        for name, v in (("1-3", recall), ("4-6", recall * 0.9), ("7-9", recall * 0.7))
    ]  # fmt: skip
    return {
        "labels": "labelled",
        "items": 300,
        "pairs": {pair: figures},
        "calibration": {
            "ece": 0.03, "pairs": 600, "bins": bins(0.9),
            "by_pair": {pair: {"ece": 0.03, "pairs": 600, "bins": bins(0.9)},
                        "image-text": {"ece": 0.05, "pairs": 600, "bins": bins(1.1)}},
        },
        "abstention": {
            "answerable_kept": 0.9, "unanswerable_held": 0.96, "auroc_absent": 0.91,
            "curve": [
                {"bar": b / 2, "kept": 1 - max(b, 0) / 12, "held": min(1.0, 0.6 + b / 10),
                 "absent_held": min(1.0, 0.5 + b / 12), "near_misses_held": 0.2,
                 "risk": 0.3 - b / 40}
                for b in range(-4, 5)
            ],
            "risk_coverage": [{"coverage": c / 10, "risk": c / 30} for c in range(1, 11)],
            "note": "Labels are incomplete.",
        },
        "latency_ms": {"p50": 12.0, "p95": 30.0, "p99": 44.0},
        "memory_mb": 512,
        "failures": {
            pair: {
                "hubness": {"k": 10, "skew": 1.4, "never_found": 0.2,
                            "hubs": [{"id": "x", "times": 9, "share": 0.15, "answers": 1}]},
                "by_length": parts,
                "long_tail": parts,
                "by_label": [{**parts[0], "part": "a label with a long name"}],
                "confusions": [{"asked": "dog", "found": "wolf", "hits": 9, "share": 0.4}],
            }
        },
        "prompts": {pair: {"typo": {"prompts": 40, "recall@10": 0.3, "before": 0.5,
                                    "fall": {"value": 0.2, "low": 0.1, "high": 0.3}}}},
        "findings": [],
    }  # fmt: skip


@pytest.fixture
def measured(reader):
    """Three runs on a collection over a month, the last with cases, and one on a data set."""
    with scope.system():
        mine = Collection.objects.get(name="Town photos")
        asset = mine.assets.order_by("title").first()
    runs = [
        EvaluationRun.objects.create(
            model=model, dataset="collection labelled", collection=mine, own_data=True,
            result=result(recall),
        )
        for model, recall in (("starter@1", 0.42), ("starter@2", 0.55), ("starter@2", 0.61))
    ]  # fmt: skip
    for run, days in zip(runs, (30, 12, 0), strict=True):
        EvaluationRun.objects.filter(pk=run.pk).update(
            created_at=run.created_at - timedelta(days=days)
        )
    body = {
        "asked": f"title:{asset.pk}",
        "rank": 4,
        "right": [{"id": str(asset.pk), "rank": 4, "similarity": 0.3}],
        "found": [{"id": str(asset.pk), "right": True, "similarity": 0.3}],
    }
    cases_store(runs[2], [CaseRecord("worst", "text-image", body, (str(asset.pk),))])
    data = EvaluationRun.objects.create(
        model="starter@2", dataset="photos", own_data=True, result=result(0.7)
    )
    return mine, runs, data


def test_figures_plots_and_what_failed(visit, measured, reader):
    mine, runs, data = measured
    User.objects.filter(pk=reader.pk).update(is_staff=True)
    grant(mine, reader, "steward")
    log_in(visit)
    visit.goto("/console/retrieval/evaluationrun/")
    visit.get_by_role("link", name="collection labelled of Town photos").wait_for()
    # A data set's runs are known to all, its files are not.
    screenshot(visit, "evaluations")
    visit.goto(f"/console/retrieval/evaluationrun/{runs[2].pk}/change/")
    for title in ("Reliability, all pairs", "Kept and held", "Risk and coverage"):
        visit.get_by_role("img", name=title).wait_for()
    assert visit.get_by_text("Words in the query").count() >= 1
    visit.locator("details summary").first.click()
    assert visit.get_by_role("table").count() >= 2
    screenshot(visit, "evaluation")
    visit.get_by_role("link", name="What failed").click()
    visit.get_by_text("First right answer at rank 4").wait_for()
    assert visit.locator("img[src*=thumbnail]").count() == 2
    assert visit.get_by_text("A bear in the grass").count() >= 1
    screenshot(visit, "evaluation-cases")
    visit.goto(
        f"/console/retrieval/evaluationrun/over-time/?dataset=collection%20labelled&collection={mine.pk}"
    )
    visit.get_by_role("img", name="text to image recall@10").wait_for()
    assert visit.get_by_text("starter@1").count() >= 1
    screenshot(visit, "evaluation-over-time")
    # The asset of this test has no rendition, so its small picture is not there; no other error.
    assert all("404" in error or "410" in error for error in visit.errors)
    refused = visit.request.get(f"/console/retrieval/evaluationrun/{data.pk}/cases/")
    assert refused.status == 403


def test_a_steward_declares_and_sees_it_stand(visit, measured, reader):
    mine, runs, _ = measured
    User.objects.filter(pk=reader.pk).update(is_staff=True)
    grant(mine, reader, "steward")
    log_in(visit)
    visit.goto(f"/console/retrieval/evaluationtask/of/{mine.pk}/")
    visit.get_by_label("Name").fill("Photos by words")
    visit.get_by_label("Bound").fill("7")
    visit.get_by_role("button", name="Declare").click()
    visit.get_by_text("Between 0 and 1.").wait_for()
    visit.get_by_label("Bound").fill("0.6")
    visit.get_by_role("button", name="Declare").click()
    visit.get_by_text("Runs made before now do not count").wait_for()
    visit.get_by_text("Measured before it was declared").wait_for()
    EvaluationRun.objects.filter(pk=runs[2].pk).update(
        created_at=runs[2].created_at + timedelta(hours=1)
    )
    visit.reload()
    visit.get_by_text("recall@10 0.610, at least 0.6.").wait_for()
    screenshot(visit, "tasks")
    visit.get_by_role("button", name="Withdraw Photos by words").click()
    visit.get_by_text("Photos by words is withdrawn.").wait_for()
    with scope.system():
        assert EvaluationTask.objects.count() == 2


def test_others_see_neither(visit, measured):
    mine, runs, _ = measured
    steward = make_user("ada2", password="a-long-enough-passphrase-7", is_staff=True)
    grant(make_collection("Elsewhere"), steward, "steward")
    log_in(visit, "ada2")
    for place in (
        f"evaluationrun/{runs[2].pk}/change",
        f"evaluationrun/{runs[2].pk}/cases",
        f"evaluationtask/of/{mine.pk}",
    ):
        assert visit.request.get(f"/console/retrieval/{place}/").status == 404
    visit.goto("/console/retrieval/evaluationrun/")
    assert visit.get_by_text("Town photos").count() == 0
