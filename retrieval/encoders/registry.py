"""Which module loads which library's towers, and whole bundles."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from retrieval.encoders.base import Encoder
from retrieval.encoders.bundle import BundleError, Manifest, TowerSpec, verify_bundle

# Library name in manifests -> module with ``load(folder, spec, dimension) -> Encoder``; imported
# when a bundle first names it, so that an unused library costs nothing.
LIBRARIES = {
    "open_clip": "retrieval.encoders.open_clip",
    "laion_clap": "retrieval.encoders.laion_clap",
    "tensors": "retrieval.encoders.tensors",
    "timm": "retrieval.encoders.timm",
    "sentence_transformers": "retrieval.encoders.sentence_transformers",
}


class Loader(Protocol):
    """What a library module offers."""

    def load(self, folder: Path, spec: TowerSpec, dimension: int) -> Encoder:
        """The tower, its weights in memory."""


@dataclass(frozen=True)
class LoadedBundle:
    """A verified bundle with its towers in memory, by modality."""

    manifest: Manifest
    towers: dict[str, Encoder]


def load_tower(folder: Path, spec: TowerSpec, dimension: int) -> Encoder:
    """One tower of a bundle that was verified before.

    Raises:
        BundleError: no module loads this library, or its weights do not fit.
    """
    module = LIBRARIES.get(spec.library)
    if module is None:
        raise BundleError("unknown-library", "No encoder of this appliance loads that library.")
    loader: Loader = importlib.import_module(module)
    return loader.load(folder, spec, dimension)


def load_bundle(folder: Path) -> LoadedBundle:
    """The bundle in ``folder``: every hash verified first, then every tower loaded.

    Raises:
        BundleError: it does not verify, or a tower does not fit its manifest.
    """
    manifest = verify_bundle(folder)
    towers = {
        modality: load_tower(folder, spec, manifest.dimension)
        for modality, spec in manifest.towers.items()
    }
    for tower in towers.values():
        if tower.dimension != manifest.dimension:
            raise BundleError("bad-dimension", "A tower's dimension is not the manifest's.")
    return LoadedBundle(manifest=manifest, towers=towers)
