"""The parts of training, on data small enough to reason about."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from retrieval.alignment.anchors import Anchors, label_words
from retrieval.alignment.audio_train import said_by_teacher
from retrieval.alignment.calibration_fit import Judged, calibration_fit, folds
from retrieval.alignment.calibration_sounds import sound_photo_answers
from retrieval.alignment.calibration_texts import content_words, short_query
from retrieval.alignment.crops import crop_box, jobs_list
from retrieval.alignment.curve_fit import rising_steps
from retrieval.alignment.hopeless_texts import hopeless_texts
from retrieval.alignment.image_train import average_update, rate_at, size_at
from retrieval.alignment.objectives import contrast, imitation
from retrieval.alignment.photos import Photo, PhotoSource, is_held_out, photos_list
from retrieval.alignment.recipe import RecipeError, recipe_run
from retrieval.alignment.sound_texts import label_prompts
from retrieval.alignment.sounds import clips_list, variant_wave
from retrieval.alignment.teacher_head import head_fit
from retrieval.alignment.teachers import ImageTeacher, TeacherUnavailableError
from retrieval.alignment.things import Things, right_answers
from retrieval.calibration import Asked

RECIPES = Path(__file__).parents[3] / "retrieval/alignment/recipes"


def unit(rows: torch.Tensor) -> torch.Tensor:
    return torch.nn.functional.normalize(rows, dim=1)


def test_every_photo_is_either_for_training_or_held_out(tmp_path: Path) -> None:
    (tmp_path / "set/images").mkdir(parents=True)
    for number in range(60):
        (tmp_path / f"set/images/{number}.jpg").touch()
    source = PhotoSource("set", crops=1, held_out=0.25)
    kept = {p.path.name for p in photos_list(data=tmp_path, source=source, held_out=True)}
    used = {p.path.name for p in photos_list(data=tmp_path, source=source)}
    assert not kept & used
    assert len(kept | used) == 60
    assert kept == {name for name in kept | used if is_held_out(name, 0.25)}
    assert 5 <= len(kept) <= 25
    with pytest.raises(FileNotFoundError):
        photos_list(data=tmp_path, source=PhotoSource("none", crops=1))


def test_what_the_demo_shows_is_in_no_training() -> None:
    recipe = tomllib.loads((RECIPES / "image.toml").read_text())
    shares = {s["name"]: s.get("held_out", 0.0) for s in recipe["source"]}
    # The demo takes files whose hash begins below 26 from these two sources, and COCO photos.
    for name in ("clothing-cc0", "flowers-cc-by"):
        assert round(shares[name] * 256) == 26
    assert not {"coco-cc", "flickr8k-dev"} & set(shares)
    sounds = tomllib.loads((RECIPES / "audio.toml").read_text())
    assert set(sounds["folds"]) == {1, 2, 3}


def test_clips_of_another_fold_are_never_listed(tmp_path: Path) -> None:
    (tmp_path / "audio").mkdir()
    rows = [f"{i}.ogg\tDog\t{i % 5}" for i in range(40)]
    (tmp_path / "meta.tsv").write_text("file\tlabel\tfold\n" + "\n".join(rows) + "\n")
    train = clips_list(folder=tmp_path, folds=frozenset({1, 2, 3}), held_out=0.3)
    kept = clips_list(folder=tmp_path, folds=frozenset({1, 2, 3}), held_out=0.3, kept=True)
    assert {int(c.path.stem) % 5 for c in (*train, *kept)} == {1, 2, 3}
    assert not {c.path for c in train} & {c.path for c in kept}
    assert len(train) + len(kept) == 24


def test_jobs_begin_with_whole_photos_and_follow_the_weights() -> None:
    photos = [Photo("a", Path("1")), Photo("a", Path("2")), Photo("b", Path("3"))]
    jobs = jobs_list(photos, {"a": 3, "b": 1}, seed=1)
    assert [job.round for job in jobs] == [0, 0, 0, 1, 1, 2, 2]
    assert {job.photo for job in jobs[:3]} == {0, 1, 2}
    assert {job.photo for job in jobs[3:]} == {0, 1}


def test_crops_stay_inside_the_photo() -> None:
    rng = np.random.default_rng(0)
    for _ in range(200):
        left, top, right, bottom = crop_box((300, 100), rng)
        assert 0 <= left < right <= 300.001
        assert 0 <= top < bottom <= 100.001
        assert (right - left) * (bottom - top) >= 0.24 * 300 * 100


def test_contrast_prefers_the_right_text_and_forgives_the_same_group() -> None:
    texts = unit(torch.eye(4))
    groups = torch.tensor([0, 1, 2, 2])
    right = contrast(texts, groups, texts, groups, temperature=0.1)
    wrong = contrast(texts.roll(1, 0), groups, texts, groups, temperature=0.1)
    assert float(right) < float(wrong)
    nothing = contrast(texts, torch.full((4,), -1), texts, groups, temperature=0.1)
    assert float(nothing) == 0


def test_imitation_is_zero_for_the_same_answers_only() -> None:
    torch.manual_seed(0)
    bank, mine, theirs = (unit(torch.randn(n, 8)) for n in (20, 5, 5))
    assert float(imitation(mine, mine, bank, temperature=0.1)) == pytest.approx(0, abs=1e-5)
    assert float(imitation(mine, theirs, bank, temperature=0.1)) > 0.1


def test_the_head_learns_what_belongs_together() -> None:
    rng = np.random.default_rng(0)
    texts = np.eye(8, dtype=np.float32)
    photo = np.arange(160) % 8
    features = rng.standard_normal((8, 32)).astype(np.float32)[photo]
    features += 0.1 * rng.standard_normal(features.shape).astype(np.float32)
    anchors = Anchors(texts, np.arange(8), np.arange(8))
    head = head_fit(torch.from_numpy(features), torch.from_numpy(photo), anchors, seed=1, steps=200)
    found = (head(torch.from_numpy(features)) @ torch.from_numpy(texts).T).argmax(1)
    assert float((found == torch.from_numpy(photo)).float().mean()) > 0.95


def test_schedules() -> None:
    stages = [{"until": 0.3, "size": 96}, {"until": 1.0, "size": 128}]
    assert [size_at(p, stages) for p in (0, 0.29, 0.3, 1.0, 1.2)] == [96, 96, 128, 128, 128]
    rates = [rate_at(p, 1.0, 0.1) for p in (0, 0.1, 0.5, 1.0, 1.5)]
    assert rates[1] == pytest.approx(1.0)
    assert (
        rates[0] < rates[1] > rates[2] > rates[3] == pytest.approx(rates[4]) == pytest.approx(0.01)
    )


def test_the_average_moves_towards_the_model() -> None:
    average, model = torch.nn.BatchNorm1d(2), torch.nn.BatchNorm1d(2)
    with torch.no_grad():
        average.weight.zero_()
        model.num_batches_tracked.fill_(5)
    average_update(average, model, 0.75)
    assert average.weight.tolist() == pytest.approx([0.25, 0.25])
    assert int(average.num_batches_tracked) == 5


def test_the_teacher_speaks_in_class_names() -> None:
    classes = torch.eye(3)
    said = said_by_teacher(torch.tensor([[0.9, 0.1, 0.0]]), classes)
    assert float(said.norm()) == pytest.approx(1)
    assert float(said[0, 0]) > 0.99


def test_mixed_waves_say_how_much_of_each() -> None:
    rng = np.random.default_rng(3)
    waves = [rng.standard_normal(160_000).astype(np.float32) for _ in range(3)]
    plain, own, share = variant_wave(waves, 1, rng, plain=True)
    assert (own, share) == (1, 1.0)
    assert np.array_equal(plain, waves[1])
    for _ in range(20):
        wave, other, share = variant_wave(waves, 1, rng, plain=False)
        assert wave.shape == (160_000,)
        assert 0.5 <= share <= 1.0
        assert (share == 1.0) <= (other == 1)


def test_label_texts() -> None:
    assert label_words("water_lilly") == "water lilly"
    assert label_words("Faces_easy") == "face of a person"
    prompts = label_prompts("Door - wood creaks")
    assert prompts[0] == "Door - wood creaks"
    assert "the sound of door, wood creaks" in prompts


def test_queries_of_a_few_words_use_words_of_the_text() -> None:
    rng = np.random.default_rng(0)
    words = set(content_words("A brown dog is running through the snow with a red ball"))
    assert {"brown", "dog", "snow", "ball"} <= words
    assert not {"the", "with", "is"} & words
    for _ in range(20):
        asked, keys = short_query("A brown dog is running through the snow", rng)
        assert keys <= words
        assert 1 <= len(keys) <= 4
        assert all(key in asked for key in keys)


def things(topic: list[str], words: list[str], keys: tuple[frozenset[str], ...] = ()) -> Things:
    rows = np.eye(len(topic), 8, dtype=np.float32)
    return Things(rows, topic, words, keys)


def test_right_answers_by_topic_and_by_words() -> None:
    gallery = things(["a", "b", "c"], ["a red dog", "blue sky", "a dog in red boots"])
    asked = things(["a", "z"], ["", ""], keys=(frozenset(), frozenset({"red", "dog"})))
    assert right_answers(asked, gallery).tolist() == [[True, False, False], [True, False, True]]


def test_sounds_and_photos_meet_by_the_committed_words() -> None:
    sounds = things(["sound Dog", "sound Snoring"], ["", ""])
    photos = things(["1", "2"], ["Two DOGS play", "a cat on a roof"])
    assert sound_photo_answers(sounds, photos).tolist() == [[True, False], [False, False]]


def judged_queries(rng: np.random.Generator, count: int) -> list[Judged]:
    """Every second query has an answer that stands out, the others are hopeless and unfamiliar."""
    judged = []
    for turn in range(count):
        answerable = turn % 4 < 2
        asked = Asked(
            rng.normal(0.1, 0.05, 64), own=rng.normal(0.4 if answerable else 0.1, 0.1, 32), words=5
        )
        hits = np.sort(rng.normal(0.15, 0.05, 10))[::-1]
        right = np.zeros(10, dtype=bool)
        if answerable:
            hits[0], right[0] = rng.normal(0.55, 0.08), True
        judged.append(Judged(hits, right, asked, hopeless=not answerable))
    return judged


def test_a_fit_tells_right_hits_from_wrong_ones() -> None:
    rng = np.random.default_rng(0)
    fit = calibration_fit(judged_queries(rng, 400))
    assert (fit.queries, fit.unanswerable, fit.right_hits) == (400, 200, 200)
    assert fit.ece < 0.03
    assert fit.answerable_kept > 0.9
    assert fit.hopeless_held > 0.95
    asked = Asked(rng.normal(0.1, 0.05, 64), own=rng.normal(0.4, 0.1, 32), words=5)
    low, high = fit.calibration.probability(np.array([0.15, 0.6]), asked)
    assert low < 0.1
    assert high > 0.9
    assert high >= fit.calibration.least(asked) > low


def test_steps_are_taken_where_a_line_does_not_fit() -> None:
    rng = np.random.default_rng(1)
    judged = []
    for _ in range(1500):
        # Right with probability 0.15 or 0.7 on either side of a similarity, and nothing between.
        hits = np.sort(rng.uniform(0.1, 0.5, 10))[::-1]
        right = rng.random(10) < np.where(hits > 0.35, 0.7, 0.15)
        judged.append(Judged(hits, right, Asked(rng.normal(0.1, 0.05, 32))))
    fit = calibration_fit(judged)
    assert fit.form == "isotonic"
    assert fit.log_loss["isotonic"] < fit.log_loss["platt"]
    assert fit.ece < 0.03


def test_queries_of_one_group_are_in_one_part_of_a_cross_fit() -> None:
    rng = np.random.default_rng(2)
    judged = [replace(one, group=i // 5) for i, one in enumerate(judged_queries(rng, 100))]
    parts = [{one.group for one in part} for part in folds(judged)]
    assert sum(len(part) for part in parts) == len(set().union(*parts)) == 20


@given(
    st.lists(st.tuples(st.floats(-5, 5), st.booleans()), min_size=1, max_size=200),
)
def test_isotonic_regression_rises_and_keeps_the_mean(pairs: list[tuple[float, bool]]) -> None:
    scores, right = np.array([s for s, _ in pairs]), np.array([float(r) for _, r in pairs])
    knots = np.array(rising_steps(scores, right, np.ones(len(scores))))
    assert (np.diff(knots[:, 0]) > 0).all()
    assert (np.diff(knots[:, 1]) >= 0).all()
    assert ((knots[:, 1] > 0) & (knots[:, 1] < 1)).all()


def test_isotonic_regression_on_a_known_case() -> None:
    scores = np.repeat(np.arange(4.0), 250)
    right = np.concatenate([np.arange(250) < 250 * p for p in (0.1, 0.5, 0.3, 0.9)]).astype(float)
    knots = dict(rising_steps(scores, right, np.ones(1000)))
    found = np.interp(np.arange(4.0), list(knots), list(knots.values()))
    assert found == pytest.approx([0.1, 0.4, 0.4, 0.9], abs=0.02)


def test_what_means_nothing_is_of_many_kinds_and_always_the_same() -> None:
    texts = hopeless_texts(5, seed=1, words=["anchor", "velvet"])
    assert texts == hopeless_texts(5, seed=1, words=["anchor", "velvet"])
    assert len(texts) == 5 * 8 + 10
    assert all(texts)


def test_unknown_recipes_and_missing_teachers_are_said(tmp_path: Path) -> None:
    with pytest.raises(RecipeError):
        recipe_run({"kind": "smell", "train": {"seconds": 1}}, tmp_path, tmp_path)
    with pytest.raises(TeacherUnavailableError):
        ImageTeacher(tmp_path / "none.tflite")


def test_crops_of_a_photo_keep_their_size(tmp_path: Path) -> None:
    image = Image.new("RGB", (50, 80), (1, 2, 3))
    box = crop_box(image.size, np.random.default_rng(0))
    assert image.resize((16, 16), Image.Resampling.BILINEAR, box=box).size == (16, 16)
