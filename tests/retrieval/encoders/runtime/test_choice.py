"""Choices are kept by machine and bundle; a record that does not hold leaves towers as loaded."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from retrieval.encoders.registry import LoadedBundle
from retrieval.encoders.runtime import apply as applying
from retrieval.encoders.runtime.candidates import candidate_of, candidates
from retrieval.encoders.runtime.candidates.candidate import CLOSE, EXACT, Candidate, Unavailable
from retrieval.encoders.runtime.choice import (
    SAFE,
    Choice,
    Record,
    Trial,
    record_path,
    record_read,
    record_write,
)
from retrieval.encoders.runtime.choose import best_of, trials_of
from retrieval.encoders.runtime.fingerprint import fingerprint
from retrieval.encoders.runtime.lean import OneByOne
from retrieval.encoders.torch_encoder import TorchEncoder

LEAN, HALF, INT8 = (Choice(engine=name) for name in ("lean", "half", "int8"))  # type: ignore[arg-type]


class Numbers(TorchEncoder):
    """Rows of numbers, through one linear layer."""

    def __init__(self) -> None:
        torch.manual_seed(0)
        layers = nn.Sequential(nn.Linear(64, 64), nn.Linear(64, 64))
        super().__init__(layers, modality="numbers", dimension=64)

    def groups(self, items: Any) -> Any:
        yield list(range(len(items))), (torch.from_numpy(np.stack(items)),)

    def encode(self, items: Any) -> Any:
        rows = super().encode(items)
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)


ITEMS = list(np.random.default_rng(1).standard_normal((5, 64)).astype(np.float32))


def bundle_of(tower: Any, folder: Path) -> LoadedBundle:
    folder.mkdir()
    (folder / "manifest.json").write_text("{}")
    manifest: Any = type("Named", (), {"ref": "small@1"})()
    return LoadedBundle(manifest=manifest, towers={"numbers": tower})


def record_for(folder: Path, choice: Choice) -> Record:
    sha256 = applying.manifest_hash(folder)
    return Record(machine=fingerprint(), manifest_sha256=sha256, choices={"numbers": choice})


def test_a_record_is_read_as_it_was_written(tmp_path: Path) -> None:
    trial = Trial(INT8, 1.5, 2.5, 3.0, 4.0, 0.9995, 77)
    record = Record(
        machine=fingerprint(),
        manifest_sha256="ab",
        choices={"text": INT8, "image": Choice(device="cuda", dtype="float16", engine="lean")},
        trials={"text": (trial, Trial(LEAN, refused="no"))},
        seconds=3.5,
    )
    path = record_path(tmp_path, "clip@1")
    assert record_read(path) is None
    record_write(path, record)
    assert record_read(path) == record
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    "change",
    [
        {"engine": "other"},
        {"threads": -1},
        {"threads": "all"},
        {"package": "../elsewhere.pt2"},
        {"package": "/tmp/x.pt2"},
        {"unknown": 1},
    ],
)
def test_a_record_that_says_something_else_is_none(tmp_path: Path, change: dict[str, Any]) -> None:
    path = tmp_path / "r.json"
    record_write(path, Record(machine={}, manifest_sha256="", choices={"text": INT8}))
    body = json.loads(path.read_text())
    body["choices"]["text"] |= change
    path.write_text(json.dumps(body))
    assert record_read(path) is None
    path.write_text("[1, 2")
    assert record_read(path) is None


def test_a_record_is_applied_where_it_was_made_for(tmp_path: Path) -> None:
    tower = Numbers()
    bundle = bundle_of(tower, tmp_path / "bundle")
    record_write(record_path(tmp_path, "small@1"), record_for(tmp_path / "bundle", INT8))
    served = applying.tuned(bundle, folder=tmp_path / "bundle", models=tmp_path)
    other: Any = served.towers["numbers"]
    assert isinstance(other.module, OneByOne)
    assert (other.encode(ITEMS) * tower.encode(ITEMS)).sum(1).min() > CLOSE


@pytest.mark.parametrize("stale", ["machine", "bundle", "no record"])
def test_a_stale_record_leaves_the_tower_as_loaded(tmp_path: Path, stale: str) -> None:
    bundle = bundle_of(Numbers(), tmp_path / "bundle")
    record = record_for(tmp_path / "bundle", INT8)
    if stale == "machine":
        record = replace(record, machine={**record.machine, "torch": "1.0"})
    if stale == "bundle":
        record = replace(record, manifest_sha256="0" * 64)
    if stale != "no record":
        record_write(record_path(tmp_path, "small@1"), record)
    served = applying.tuned(bundle, folder=tmp_path / "bundle", models=tmp_path)
    assert served.towers["numbers"] is bundle.towers["numbers"]


def test_a_choice_that_cannot_be_had_leaves_the_tower_as_loaded(tmp_path: Path) -> None:
    bundle = bundle_of(Numbers(), tmp_path / "bundle")
    package = tmp_path / "p.pt2"
    package.write_bytes(b"not what was measured")
    for choice in (
        Choice(engine="compiled", package="p.pt2", package_sha256="0" * 64),
        Choice(engine="compiled", package="gone.pt2", package_sha256="0" * 64),
        Choice(engine="int8", dtype="float16"),
    ):
        served = applying.apply(bundle, {"numbers": choice}, beside=tmp_path)
        assert served.towers["numbers"] is bundle.towers["numbers"]


def test_threads_are_given_back(tmp_path: Path) -> None:
    before = torch.get_num_threads()
    seen: list[int] = []

    class Watched(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            seen.append(torch.get_num_threads())
            return x

    applying.Threads(Watched(), before + 1)(torch.zeros(1))
    assert (seen, torch.get_num_threads()) == ([before + 1], before)


def test_candidates_that_differ_or_fail_may_not_win(tmp_path: Path) -> None:
    def candidate(engine: Any, make: Any) -> Candidate:
        return Candidate(choice=Choice(engine=engine), cosine=EXACT, make=make, refusal=lambda: "")

    def unavailable(*_: Any) -> Any:
        raise Unavailable("It is not there.")

    def broken(*_: Any) -> Any:
        raise KeyError("anything")

    def turned(module: Any, *_: Any) -> Any:
        return nn.Sequential(module, nn.Linear(64, 64))

    among = [
        candidate("lean", turned),
        candidate("half", unavailable),
        candidate("int8", broken),
        candidate("compiled", lambda module, *_: module),
    ]
    found = trials_of(Numbers(), ITEMS, seconds=0.1, place=tmp_path / "x.pt2", among=among)
    assert [trial.ok for trial in found] == [True, False, False, False, True]
    assert [trial.refused for trial in found[2:4]] == ["It is not there.", "It failed: KeyError."]
    assert found[1].cosine < EXACT
    assert found[4].cosine == pytest.approx(1.0, abs=1e-5)
    assert all(trial.one_ms > 0 for trial in found if trial.ok)


def test_every_candidate_is_found_again_by_its_choice() -> None:
    assert candidate_of(SAFE) is candidates()[0]
    for candidate in candidates():
        assert candidate_of(candidate.choice) is candidate
        assert candidate_of(replace(candidate.choice, threads=3)) is candidate


@pytest.mark.parametrize(
    ("lean", "half", "int8", "winner"),
    [
        ((1.0, 1.0), (1.0, 1.0), (1.0, 1.0), "torch"),
        ((1.5, 1.5), (1.4, 1.4), (1.6, 1.6), "lean"),  # int8 is not a tenth faster
        ((1.5, 1.5), (1.6, 1.6), (1.9, 1.9), "int8"),
        ((1.5, 1.5), (1.6, 1.6), (2.0, 0.5), "half"),  # int8 loses where it is not judged
        ((1.04, 1.0), (1.0, 1.0), (1.02, 1.0), "torch"),  # noise
    ],
)
@pytest.mark.parametrize("modality", ["text", "image"])
def test_the_fastest_wins_but_not_by_a_hair(
    lean: Any, half: Any, int8: Any, winner: str, modality: str
) -> None:
    rows = {LEAN: lean, HALF: half, INT8: int8}
    trials = [Trial(SAFE, 1, 1, 1.0, 1.0, 1.0)]
    for choice, (judged, other) in rows.items():
        one, each = (judged, other) if modality == "text" else (other, judged)
        trials.append(Trial(choice, 1, 1, one, each, 1.0))
    trials.append(Trial(Choice(engine="compiled"), 1, 1, 9.0, 9.0, 0.5, refused="differs"))
    assert best_of(trials, modality).choice.engine == winner
