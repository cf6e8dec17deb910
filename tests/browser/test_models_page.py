"""An operator looks at two versions side by side, is asked once more, and goes back."""

from __future__ import annotations

import pytest

from retrieval.models import Calibration, EvaluationRun, ModelVersion, Space
from retrieval.promotion_models import Promotion
from tests.browser.conftest import log_in, screenshot
from tests.factories import make_user

pytestmark = pytest.mark.django_db


def interval(value: float, wide: float) -> dict[str, float]:
    return {"value": value, "low": round(value - wide, 4), "high": round(value + wide, 4)}


def pair(candidate: float, present: float, verdict: str) -> dict[str, object]:
    return {
        "figure": "recall@10",
        "queries": 5000,
        "chance": 0.01,
        "candidate": interval(candidate, 0.012),
        "present": interval(present, 0.012),
        "difference": interval(round(candidate - present, 4), 0.015),
        "verdict": verdict,
    }


@pytest.fixture
def versions(world):
    space = Space.objects.create(name="starter", dimension=8)
    made = [
        ModelVersion.objects.create(
            name="starter",
            version=number,
            space=space,
            status=status,
            modalities=["audio", "image", "text"],
            manifest={"towers": {}},
            manifest_sha256=number * 64,
        )
        for number, status in (("1", "active"), ("2", "installed"))
    ]
    figures = {"queries": 5000, "recall@1": 0.1, "recall@10": 0.42, "map@10": 0.2}
    EvaluationRun.objects.create(
        model="starter@2",
        manifest_sha256="2" * 64,
        against="starter@1",
        dataset="town-photos",
        own_data=True,
        result={
            "items": 1000,
            "pairs": {"text-image": figures, "image-text": figures},
            "comparison": {
                "against": "starter@1",
                "pairs": {
                    "text-image": pair(0.421, 0.352, "better"),
                    "image-text": pair(0.401, 0.452, "worse"),
                },
            },
            "calibration": {
                "ece": 0.031,
                "pairs": 9000,
                "by_pair": {
                    "text-image": {"ece": 0.04, "bins": [[0.1, 0.3, 0.2, 0.25, 60]]},
                },
            },
            "latency_ms": {"p50": 12.1, "p95": 20.0},
            "findings": [
                {
                    "code": "worse",
                    "where": "image-text",
                    "detail": "recall@10 0.401 against 0.452, -0.051 (-0.066 to -0.036).",
                    "gates": True,
                }
            ],
        },
    )
    for target in ("audio", "image", "text"):
        Calibration.objects.create(
            model_version=made[1], query_modality="text", target_modality=target, parameters={}
        )
    EvaluationRun.objects.update(created_at=made[1].installed_at.replace(year=2099))
    return made


def test_side_by_side_then_once_more(visit, versions):
    make_user("ada", password="a-long-enough-passphrase-7", is_operator=True, is_staff=True)
    log_in(visit)
    visit.goto("/console/retrieval/modelversion/")
    visit.get_by_role("link", name="starter@2").wait_for()
    assert visit.get_by_text("worse").count() == 1
    screenshot(visit, "models")
    visit.goto(f"/console/retrieval/modelversion/{versions[1].pk}/change/")
    visit.get_by_text("starter@1 answers searches").wait_for()
    assert visit.get_by_text("0.421").count() == 1
    screenshot(visit, "model")
    visit.get_by_role("link", name="Promote").click()
    visit.get_by_label("Reason").wait_for()
    visit.get_by_role("button", name="Promote starter@2").click()
    visit.get_by_text("1 finding speaks against it").wait_for()
    screenshot(visit, "model-promote")
    assert ModelVersion.objects.get(pk=versions[0].pk).status == "active"


def test_back_again_with_a_reason(visit, versions, paths):
    old, new = versions
    folder = paths.models / "starter@1"
    folder.mkdir(parents=True)
    (folder / "manifest.json").write_text("{}")
    ModelVersion.objects.filter(pk=old.pk).update(status="retired")
    ModelVersion.objects.filter(pk=new.pk).update(status="active")
    Promotion.objects.create(version=new, replaced=old, replaced_ref="starter@1")
    make_user("ada", password="a-long-enough-passphrase-7", is_operator=True, is_staff=True)
    log_in(visit)
    visit.goto(f"/console/retrieval/modelversion/{new.pk}/change/")
    visit.get_by_role("link", name="Roll back to starter@1").click()
    visit.get_by_label("Reason").fill("It disappoints.")
    screenshot(visit, "model-rollback")
    visit.get_by_role("button", name="Roll back").click()
    visit.get_by_text("rollback done").wait_for()
    assert ModelVersion.objects.get(pk=old.pk).status == "active"


def test_a_calibration_shows_what_it_is_worth(visit, versions):
    make_user("ada", password="a-long-enough-passphrase-7", is_operator=True, is_staff=True)
    log_in(visit)
    found = Calibration.objects.get(model_version=versions[1], target_modality="image")
    visit.goto(f"/console/retrieval/calibration/{found.pk}/change/")
    visit.get_by_role("img", name="Reliability, text to image on town-photos").wait_for()


def test_a_steward_sees_no_models(visit, versions):
    from tests.factories import grant, make_collection

    user = make_user("ada", password="a-long-enough-passphrase-7", is_staff=True)
    grant(make_collection(), user, "steward")
    log_in(visit)
    for place in ("change", "promote", "rollback"):
        answer = visit.request.get(f"/console/retrieval/modelversion/{versions[1].pk}/{place}/")
        assert answer.status == 403
