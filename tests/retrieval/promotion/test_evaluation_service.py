"""A candidate beside the present model, on the same redacted data; what speaks against it."""

from __future__ import annotations

import json

import pytest
from django.core.management import CommandError, call_command

from audit.models import LedgerPending
from retrieval.errors import Invalid, NotVisible, Unavailable
from retrieval.evaluation.datasets import dataset_open
from retrieval.models import EvaluationRun
from retrieval.services.evaluation import collection_evaluate, dataset_evaluate
from tests.factories import make_asset, make_collection

pytestmark = pytest.mark.django_db


def codes(run: EvaluationRun) -> set[str]:
    return {one["code"] for one in run.result["findings"] if one["gates"]}


def evaluated(captions, **options):
    return dataset_evaluate(dataset=dataset_open(captions), ref="fake@2", **options)


def test_as_good_a_candidate_has_nothing_against_it(candidate, captions):
    made = evaluated(captions)
    assert (made.candidate.against, made.candidate.own_data) == ("fake@1", True)
    assert made.candidate.manifest_sha256 == candidate.manifest_sha256
    assert made.present is not None
    assert made.present.model == "fake@1"
    result = made.candidate.result
    assert result["items"] == 80
    assert result["pairs"]["text-image"]["recall@10"] > 0.9
    assert result["comparison"]["pairs"]["text-image"]["verdict"] in {"same", "better"}
    assert result["calibration"]["ece"] is not None
    assert result["memory_mb"] == 50
    assert codes(made.candidate) == set()
    assert LedgerPending.objects.filter(event="models:version:evaluate").count() == 2


def test_a_worse_one_is_named_with_its_interval(candidate, captions, models):
    models.noise["fake@2"] = 1.5
    made = evaluated(captions)
    assert "worse" in codes(made.candidate)
    pair = made.candidate.result["comparison"]["pairs"]["text-image"]
    assert pair["difference"]["high"] < 0
    assert pair["present"]["value"] > pair["candidate"]["value"] > pair["chance"]


def test_data_it_was_never_made_for_are_noticed(candidate, captions, models):
    models.noise["fake@2"] = 50.0
    assert {"near-chance", "worse"} <= codes(evaluated(captions).candidate)


def test_data_far_from_its_bank_are_noticed(candidate, captions, paths, models):
    import numpy as np
    from safetensors.numpy import save_file

    elsewhere = np.random.default_rng(0).normal(size=(60, 16)) * 0.05 + np.eye(16)[3]
    bank = {"image": elsewhere.astype(np.float32), "text": elsewhere.astype(np.float32)}
    save_file(bank, str(paths.models / "fake@2" / "reference.safetensors"))
    found = evaluated(captions).candidate.result["findings"]
    assert ("far-from-known", "image") in {(one["code"], one["where"]) for one in found}


def test_probabilities_that_do_not_hold_are_noticed(candidate, captions):
    from retrieval.models import Calibration

    sure = {
        "version": 1,
        "weights": {"z": 0.0, "similarity": 0.0, "peak": 0.0},
        "bias": 4.0,
        "threshold": 0.5,
    }
    Calibration.objects.filter(model_version=candidate).update(parameters=sure)
    found = evaluated(captions).candidate
    assert "miscalibrated" in codes(found)


def test_without_calibration_it_says_so(present, install, captions):
    install("fake@2", fit=False)
    run = evaluated(captions).candidate
    assert "uncalibrated" in codes(run)
    assert "calibration" not in run.result


def test_few_queries_say_nothing(candidate, captions):
    table = captions / "captions.tsv"
    table.write_text("\n".join(table.read_text().splitlines()[:6]) + "\n")
    assert "too-few" in codes(evaluated(captions).candidate)


def test_only_redacted_renditions_are_embedded(candidate, captions, servers):
    table = captions / "captions.tsv"
    table.write_text(table.read_text().replace("thing 3\n", "thing 3 of bob@example.org\n"))
    heard: list[str] = []
    before = servers.encode_text
    servers.encode_text = lambda model, texts, **o: (
        heard.extend(texts),
        before(model, texts, **o),
    )[1]
    evaluated(captions)
    assert any("<EMAIL_ADDRESS_1>" in text for text in heard)
    assert not any("bob@" in text for text in heard)


def test_refused_files_are_left_out_and_counted(candidate, captions):
    (captions / "images" / "5.png").write_bytes(b"")
    result = evaluated(captions).candidate.result
    assert (result["items"], result["refused"]) == (79, 1)
    assert result["pairs"]["text-image"]["queries"] == 79


def test_servers_that_do_not_answer_leave_no_run(candidate, captions, models):
    models.down = True
    with pytest.raises(Unavailable):
        evaluated(captions)
    assert not EvaluationRun.objects.exists()


def test_a_model_without_the_tower_is_refused(install, present, captions):
    install("other@1", space="other", towers=("text", "audio"))
    with pytest.raises(Invalid, match="no tower"):
        dataset_evaluate(dataset=dataset_open(captions), ref="other@1")
    with pytest.raises(NotVisible):
        dataset_evaluate(dataset=dataset_open(captions), ref="nobody@1")


@pytest.fixture
def pictures(servers):
    from tests.retrieval.promotion.conftest import picture

    collection = make_collection()
    assets = [
        make_asset(
            collection,
            modality="image",
            media_type="image/webp",
            rendition=picture(number),
            segments=("",),
            title=f"thing {number}",
        )
        for number in range(24)
    ]
    return collection, assets


def test_a_collection_by_its_titles(candidate, pictures):
    collection, _ = pictures
    made = collection_evaluate(collection_id=collection.pk, ref="fake@2")
    run = made.candidate
    assert (run.collection_id, run.own_data, run.result["labels"]) == (
        collection.pk,
        True,
        "titles",
    )
    assert run.result["pairs"]["text-image"]["queries"] == 24
    assert run.result["comparison"]["pairs"]["text-image"]["verdict"] == "same"


def test_a_collection_by_a_stewards_questions(candidate, pictures, tmp_path, capsys):
    collection, assets = pictures
    table = tmp_path / "questions.csv"
    rows = [f"where is thing {n}?,{asset.pk}" for n, asset in enumerate(assets[:20])]
    table.write_text("\n".join(["query,asset", *rows]) + "\n")
    out = tmp_path / "result.json"
    call_command("evaluate", collection=collection.pk, queries=table, model="fake@2", json=out)
    result = json.loads(out.read_text())
    assert result["labels"] == "questions"
    assert result["pairs"]["text-image"] | {"mrr": 0} == result["pairs"]["text-image"] | {"mrr": 0}
    assert (result["pairs"]["text-image"]["queries"], result["items"]) == (20, 24)
    assert json.loads(capsys.readouterr().out)["evaluation"] == result.get("evaluation")
    table.write_text("query;asset\n")
    with pytest.raises(CommandError, match="columns query and asset"):
        call_command("evaluate", collection=collection.pk, queries=table, model="fake@2")


def test_a_collection_that_is_not_there(candidate):
    from uuid import uuid4

    with pytest.raises(NotVisible):
        collection_evaluate(collection_id=uuid4(), ref="fake@2")


def test_a_collection_without_titles_has_nothing_to_ask(candidate):
    with pytest.raises(Invalid, match="No question"):
        collection_evaluate(collection_id=make_collection().pk, ref="fake@2")
