"""Tries every candidate on this machine and keeps, for each tower, the one that is fastest."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any, Final

import numpy as np
import torch

from retrieval.encoders.base import Vectors
from retrieval.encoders.bundle import manifest_read
from retrieval.encoders.registry import load_tower
from retrieval.encoders.runtime.apply import manifest_hash, twin
from retrieval.encoders.runtime.candidates import candidate_of, candidates
from retrieval.encoders.runtime.candidates.candidate import EXACT, Candidate, Unavailable
from retrieval.encoders.runtime.choice import SAFE, Choice, Record, Trial
from retrieval.encoders.runtime.fingerprint import fingerprint
from retrieval.encoders.runtime.inputs import inputs_of
from retrieval.encoders.runtime.trees import weight_bytes
from retrieval.encoders.torch_encoder import TorchEncoder

BATCH: Final = {"text": 16, "image": 8, "audio": 4}  # about what the model server gives
_USUAL_BATCH: Final = 4
_ROUNDS, _LEAST_ROUNDS = 7, 2
_GAIN: Final = 1.05  # less is noise, and not worth another path
_INEXACT_GAIN: Final = 1.15  # over the best exact one
_LOSS: Final = 0.9  # what the other of both times may lose
_HOPELESS: Final = 0.33
_OVERTIME: Final = 1.25


def choose(
    folder: Path,
    *,
    beside: Path,
    seconds: float = 60.0,
    samples: Path | None = None,
    slow: bool = False,
) -> Record:
    """What is fastest for each tower of the verified bundle in ``folder``, measured now.

    ``beside`` is where compiled packages go, ``samples`` a folder of real media to compare on.
    ``seconds`` is what measuring should take, loading aside: when it is over, no other candidate
    is begun. Those that take long to make are tried if ``slow``.

    Raises:
        BundleError: a tower cannot be loaded.
    """
    began = time.monotonic()
    manifest = manifest_read(folder)
    choices: dict[str, Choice] = {}
    trials: dict[str, tuple[Trial, ...]] = {}
    for modality, spec in manifest.towers.items():
        tower = load_tower(folder, spec, manifest.dimension)
        if not isinstance(tower, TorchEncoder):
            choices[modality], trials[modality] = SAFE, ()
            continue
        found = trials_of(
            tower,
            inputs_of(spec, samples=samples),
            seconds=seconds / len(manifest.towers),
            place=beside / f"{manifest.ref}.runtime.{modality}.pt2",
            slow=slow,
        )
        best = best_of(found, modality)
        choices[modality], trials[modality] = best.choice, tuple(found)
        for trial in found:  # packages of those that did not win
            if trial.choice.package and trial.choice.package != best.choice.package:
                (beside / trial.choice.package).unlink(missing_ok=True)
    return Record(
        machine=fingerprint(),
        manifest_sha256=manifest_hash(folder),
        choices=choices,
        trials=trials,
        seconds=time.monotonic() - began,
    )


def trials_of(
    tower: TorchEncoder,
    items: Sequence[Any],
    *,
    seconds: float,
    place: Path,
    slow: bool = False,
    among: Sequence[Candidate] | None = None,
) -> list[Trial]:
    """A trial of every candidate, the tower as loaded first, each measured in turn with it."""
    batch = [items[i % len(items)] for i in range(BATCH.get(tower.modality, _USUAL_BATCH))]
    wanted = tower.encode(items)  # also its warm-up
    one, each = _time(tower, batch[:1]), _time(tower, batch) / len(batch)
    size = weight_bytes(tower.module)
    found = [Trial(SAFE, one, each, 1.0, 1.0, 1.0, size)]
    tried = [c for c in (among or candidates()) if c.choice != SAFE]
    share = seconds / max(1, sum(not c.refusal() for c in tried))
    until = time.monotonic() + _OVERTIME * seconds
    for candidate in tried:
        refused = candidate.refusal()
        if not refused and candidate.slow and not slow:
            refused = "Not tried: it takes minutes to make; ask for it with --slow."
        if not refused and time.monotonic() > until:
            refused = "Not tried: the time was over; the machine may be busy."
        if refused:
            found.append(Trial(candidate.choice, refused=refused))
            continue
        found.append(_trial(tower, candidate, items, batch, wanted, share, place))
    return found


def best_of(trials: Sequence[Trial], modality: str) -> Trial:
    """The trial to take: texts are judged alone, as queries come, others in batches.

    An inexact one has to beat the best exact one by 15 in a hundred, any one the tower as loaded
    by five; and none may lose a tenth where it is not judged.
    """
    base = trials[0]
    by_one = modality == "text"

    def gain(trial: Trial) -> float:
        return trial.one_times if by_one else trial.each_times

    def other(trial: Trial) -> float:
        return trial.each_times if by_one else trial.one_times

    good = [t for t in trials[1:] if t.ok and gain(t) >= _GAIN and other(t) >= _LOSS]
    exact = max((t for t in good if _exact(t.choice)), key=gain, default=base)
    bar = gain(exact) * _INEXACT_GAIN
    return max((t for t in good if gain(t) >= bar), key=gain, default=exact)


def _exact(choice: Choice) -> bool:
    candidate = candidate_of(choice)
    return candidate is not None and candidate.cosine >= EXACT


def _trial(
    tower: TorchEncoder,
    candidate: Candidate,
    items: Sequence[Any],
    batch: Sequence[Any],
    wanted: Vectors,
    seconds: float,
    place: Path,
) -> Trial:
    choice = candidate.choice
    inputs = next(iter(tower.groups(batch)))[1]
    own = place.with_name(f"{place.stem}.{choice.dtype}{place.suffix}")
    try:
        with torch.inference_mode():
            module = candidate.make(tower.module, inputs, own)
        other = twin(tower, module)
        answers = other.encode(items)
    except Unavailable as unavailable:
        return Trial(choice, refused=str(unavailable))
    except Exception as error:  # noqa: BLE001 a candidate that fails is no candidate
        return Trial(choice, refused=f"It failed: {type(error).__name__}.")
    if candidate.reuse is not None:
        choice = replace(choice, package=own.name, package_sha256=_hash(own))
    cosine = float((answers * wanted).sum(1).min()) if np.isfinite(answers).all() else -1.0
    size = weight_bytes(module)
    if cosine < candidate.cosine:
        reason = f"Its answers differ: cosine {cosine:.5f}, wanted {candidate.cosine}."
        return Trial(choice, cosine=cosine, weight_bytes=size, refused=reason)
    ones = list(_pairs(tower, other, batch[:1], seconds / 4))
    each = list(_pairs(tower, other, batch, 3 * seconds / 4))
    return Trial(
        choice,
        one_ms=median(b for _, b in ones),
        each_ms=median(b for _, b in each) / len(batch),
        one_times=median(a / b for a, b in ones),
        each_times=median(a / b for a, b in each),
        cosine=min(cosine, 1.0),
        weight_bytes=size,
    )


def _pairs(
    first: TorchEncoder, second: TorchEncoder, items: Sequence[Any], seconds: float
) -> Iterator[tuple[float, float]]:
    """Milliseconds of both, in turn, as often as there is time for."""
    began = time.monotonic()
    _time(second, items)  # a warm-up
    for done in range(_ROUNDS):
        pair = _time(first, items), _time(second, items)
        yield pair
        if pair[0] < _HOPELESS * pair[1]:
            return
        if done + 1 >= _LEAST_ROUNDS and time.monotonic() - began > seconds:
            return


def _time(encoder: TorchEncoder, items: Sequence[Any]) -> float:
    began = time.perf_counter()
    encoder.encode(items)
    return 1000 * (time.perf_counter() - began)


def _hash(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
