"""Calibrations for a bundle that brings none: fitted on some files, held against others."""

from __future__ import annotations

import numpy as np
import pytest

from audit.models import LedgerPending
from retrieval.calibration import PairCalibration, asked_of
from retrieval.encoders.bundle import load_reference, reference_stamp
from retrieval.errors import Invalid
from retrieval.evaluation.datasets import dataset_open
from retrieval.evaluation.fitting import parts_of
from retrieval.models import Calibration
from retrieval.services.model_fit import model_fit
from tests.retrieval.promotion.conftest import picture

pytestmark = pytest.mark.django_db


@pytest.fixture
def many(tmp_path):
    """160 pictures with two captions each."""
    folder = tmp_path / "many"
    (folder / "images").mkdir(parents=True)
    lines = ["file\tcaption"]
    for number in range(160):
        (folder / "images" / f"{number}.png").write_bytes(picture(number))
        lines += [f"{number}.png\tthing {number}", f"{number}.png\tabout {number}"]
    (folder / "captions.tsv").write_text("\n".join(lines) + "\n")
    return folder


def pairs() -> dict[tuple[str, str], Calibration]:
    rows = Calibration.objects.filter(model_version__version="2")
    return {(row.query_modality, row.target_modality): row for row in rows}


def test_parts_share_no_file_and_do_not_move():
    names = [f"{n}.jpg" for n in range(400)]
    parts = parts_of(names)
    every = np.concatenate([parts.bank, parts.fitted, parts.held])
    assert sorted(every) == list(range(400))
    assert len(parts.fitted) > len(parts.bank) > 60
    again = parts_of(names[::-1])
    assert {names[::-1][i] for i in again.bank} == {names[i] for i in parts.bank}


def test_a_bundle_without_any_becomes_sure_of_what_is_right(present, install, many, paths, models):
    version = install("fake@2", fit=False)
    folder = paths.models / "fake@2"
    made = model_fit(ref="fake@2", dataset=dataset_open(many))
    assert {("text", "image"), ("image", "text"), ("text", "text")} == set(pairs())
    assert all(pair.held_out < 0.1 for pair in made.pairs)
    assert all(pair.held_queries > 20 for pair in made.pairs)
    bank = load_reference(folder)
    assert {name: len(rows) for name, rows in bank.items()} == made.bank
    # The bundle's own folder is as it was.
    assert [path.name for path in folder.iterdir()] == ["manifest.json"]
    row = pairs()["text", "image"]
    assert row.model_version_id == version.pk
    assert row.fitted_on.startswith("many: ")
    fitted = PairCalibration.from_json(row.parameters)
    asked = models.encode_text("fake@2", ["about 700"])[0]
    found = models._rows("fake@2", [picture(700), picture(701)])
    known = asked_of(asked, bank, ("text", "image"), words=2)
    sure, unsure = fitted.probability(found @ asked, known)
    assert sure > 0.8
    assert unsure < 0.2
    assert LedgerPending.objects.filter(event="models:version:calibrate").count() == 1


def test_a_second_fit_keeps_the_bank_unless_it_is_wanted_anew(present, install, many, paths):
    install("fake@2", fit=False)
    folder = paths.models / "fake@2"
    model_fit(ref="fake@2", dataset=dataset_open(many))
    before = load_reference(folder)["image"]
    table = many / "captions.tsv"
    table.write_text("\n".join(table.read_text().splitlines()[:241]) + "\n")
    model_fit(ref="fake@2", dataset=dataset_open(many))
    assert np.array_equal(load_reference(folder)["image"], before)
    stamp = reference_stamp(folder)
    model_fit(ref="fake@2", dataset=dataset_open(many), anew=True)
    assert len(load_reference(folder)["image"]) < len(before)
    assert reference_stamp(folder) != stamp


def test_a_bundles_own_bank_is_used_and_not_copied(candidate, many, paths):
    own = load_reference(paths.models / "fake@2")
    made = model_fit(ref="fake@2", dataset=dataset_open(many))
    assert made.bank == {}
    assert not (paths.models / "fake@2.fitted").exists()
    assert np.array_equal(load_reference(paths.models / "fake@2")["image"], own["image"])


def test_too_small_a_dataset_teaches_nothing(present, install, captions, paths):
    install("fake@2", fit=False)
    table = captions / "captions.tsv"
    table.write_text("\n".join(table.read_text().splitlines()[:41]) + "\n")
    with pytest.raises(Invalid, match="too small"):
        model_fit(ref="fake@2", dataset=dataset_open(captions))
    assert not Calibration.objects.filter(model_version__version="2").exists()
    assert not (paths.models / "fake@2.fitted").exists()
