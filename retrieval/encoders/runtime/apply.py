"""Puts what was chosen in the place of a tower's module."""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import structlog
import torch
from torch import Tensor, nn

from retrieval.encoders.open_clip import ImageEncoder
from retrieval.encoders.registry import LoadedBundle
from retrieval.encoders.runtime.candidates import candidate_of
from retrieval.encoders.runtime.candidates.candidate import Unavailable
from retrieval.encoders.runtime.choice import Choice, record_path, record_read
from retrieval.encoders.runtime.fingerprint import fingerprint
from retrieval.encoders.runtime.pictures import FastImageEncoder, leanable_preprocess
from retrieval.encoders.runtime.spectra import FastFrontend, leanable_frontend
from retrieval.encoders.torch_encoder import TorchEncoder

log = structlog.get_logger()


class Threads(nn.Module):
    """A module computed with a number of threads of its own."""

    def __init__(self, module: Any, threads: int) -> None:
        """``threads`` is at least 1."""
        super().__init__()
        self.module, self.threads = module, threads

    def forward(self, *inputs: Tensor) -> Tensor:
        """What the module answers."""
        before = torch.get_num_threads()
        torch.set_num_threads(self.threads)
        try:
            answer: Tensor = self.module(*inputs)
        finally:
            torch.set_num_threads(before)
        return answer


def apply(bundle: LoadedBundle, choices: Mapping[str, Choice], *, beside: Path) -> LoadedBundle:
    """The bundle with its towers computing as chosen; their weights as loaded are let go.

    ``beside`` is the folder compiled packages lie in. A choice that cannot be had leaves its
    tower as it was loaded, which is always right, and is logged.
    """
    towers = dict(bundle.towers)
    for modality, choice in choices.items():
        tower = towers.get(modality)
        if not isinstance(tower, TorchEncoder) or choice.engine == "torch":
            continue
        try:
            towers[modality] = applied(tower, choice, beside)
        except (Unavailable, RuntimeError, AttributeError, OSError) as error:
            log.warning("runtime-not-applied", modality=modality, error=type(error).__name__)
    return LoadedBundle(manifest=bundle.manifest, towers=towers)


def applied(tower: TorchEncoder, choice: Choice, beside: Path) -> TorchEncoder:
    """A twin of ``tower`` that computes as chosen.

    Raises:
        Unavailable: it cannot be had on this machine, or its package is missing or not the one
            that was measured.
    """
    candidate = candidate_of(choice)
    if candidate is None or candidate.refusal():
        raise Unavailable("it cannot be had here")
    if candidate.reuse is None:
        with torch.inference_mode():
            module = candidate.make(tower.module, (), beside)
    else:
        module = candidate.reuse(tower.module, _package(beside, choice))
    return twin(tower, module, choice.threads)


def twin(tower: TorchEncoder, module: Any, threads: int = 0) -> TorchEncoder:
    """An encoder like ``tower`` around another module, its own preprocessing the fast way."""
    module = Threads(module, threads) if threads else module
    if type(tower) is ImageEncoder and leanable_preprocess(tower.preprocess):
        return FastImageEncoder(tower, module)
    other = copy.copy(tower)
    other.module = module
    frontend = getattr(other, "frontend", None)
    if frontend is not None and leanable_frontend(frontend):
        vars(other)["frontend"] = FastFrontend(frontend).eval()
    return other


def tuned(bundle: LoadedBundle, *, folder: Path, models: Path) -> LoadedBundle:
    """The bundle as this machine's record says, or as loaded where no record holds for it.

    ``folder`` is the bundle's. Nothing is measured here. A record of another machine, of other
    libraries or of other files says nothing; ``manage.py models tune`` makes a new one.
    """
    ref = bundle.manifest.ref
    record = record_read(record_path(models, ref))
    if record is None:
        return bundle
    if dict(record.machine) != fingerprint() or record.manifest_sha256 != manifest_hash(folder):
        log.warning("runtime-stale", model=ref)
        return bundle
    engines = {modality: choice.name for modality, choice in record.choices.items()}
    log.info("runtime-applied", model=ref, engines=engines)
    return apply(bundle, record.choices, beside=models)


def manifest_hash(folder: Path) -> str:
    """SHA-256 of a bundle's manifest, which holds those of all its files."""
    return hashlib.sha256((folder / "manifest.json").read_bytes()).hexdigest()


def _package(beside: Path, choice: Choice) -> Path:
    package = beside / choice.package
    if not choice.package or not package.is_file():
        raise Unavailable("its package is missing")
    if hashlib.sha256(package.read_bytes()).hexdigest() != choice.package_sha256:
        raise Unavailable("its package is not the one that was measured")
    return package
