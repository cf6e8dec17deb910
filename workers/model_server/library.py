"""Encoder bundles for the model server: the built-in one and those in the models folder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import structlog

from retrieval.encoders import bundle
from retrieval.encoders.active import active_read
from retrieval.encoders.bundle import BundleError, Manifest
from retrieval.encoders.runtime.choice import record_path
from workers.model_server import memory
from workers.model_server.types import Description, ModelRefusal, Opened

if TYPE_CHECKING:
    from retrieval.encoders.registry import LoadedBundle

_PROBE_SIDE: Final = 224
_UNKNOWN: Final = frozenset({"unknown", "bad-ref", "no-manifest"})

log = structlog.get_logger()


class BundleLibrary:
    """Bundles found by ``name@version``; verified, hash by hash, each time one is opened."""

    def __init__(self, models: Path | None) -> None:
        """``models`` is the folder of installed bundles."""
        # A folder that is not there finds nothing, which is what having none means.
        self._models = models or Path("/nonexistent")

    @property
    def builtin_ref(self) -> str | None:
        """The starter's ref; None where it cannot be read, which ``open`` then explains."""
        try:
            return bundle.manifest_read(bundle.BUILTIN).ref
        except BundleError as error:
            log.warning("no-builtin-bundle", code=error.code)
            return None

    def found(self) -> list[Description]:
        """Every bundle whose manifest can be read, sorted by ref; files are verified on opening."""
        manifests = {m.ref: m for m in map(_manifest, [bundle.BUILTIN]) if m is not None}
        for folder in sorted(self._models.glob("*@*/")):
            # What was fitted for a bundle lies beside it, in a folder that is none.
            if (folder / "manifest.json").is_file():
                manifest = _manifest(folder)
                if manifest is not None and manifest.ref == folder.name:
                    manifests[manifest.ref] = manifest
        return [_description(manifests[ref]) for ref in sorted(manifests)]

    def open(self, ref: str) -> Opened:
        """The bundle verified and loaded; torch is imported by the first call.

        Raises:
            ModelRefusal: unknown, or not what its manifest says.
        """
        try:
            folder = bundle.bundle_folder(ref, models_dir=self._models)
            loaded = self._load(folder)
        except BundleError as error:
            status = 404 if error.code in _UNKNOWN else 422
            raise ModelRefusal(f"bundle-{error.code}", error.reason, status) from error
        if loaded.manifest.ref != ref:
            raise ModelRefusal("bundle-misnamed", "The bundle's manifest names another model.")
        towers = dict(loaded.towers)
        return Opened(_description(loaded.manifest), towers, memory.weight_bytes(towers))

    def stamp(self, ref: str) -> str | None:
        """Which manifest it is, when it was written, and when the bundle was tuned."""
        try:
            found = (bundle.bundle_folder(ref, models_dir=self._models) / "manifest.json").stat()
        except (BundleError, OSError):
            return None
        return f"{found.st_dev}:{found.st_ino}:{found.st_mtime_ns}:{self._tuned_at(ref)}"

    def _tuned_at(self, ref: str) -> int:
        """When ``models tune`` last wrote what is fastest for the bundle; 0 if it never did."""
        try:
            return record_path(self._models, ref).stat().st_mtime_ns
        except OSError:
            return 0

    def active(self) -> frozenset[str]:
        """What ``active.json`` names; before anybody wrote it, the built-in bundle."""
        named = active_read(self._models)
        if named is not None:
            return named
        return frozenset(filter(None, [self.builtin_ref]))

    def probe(self, description: Description, modality: str) -> Any | None:
        """One harmless input of that modality, None for one that is not known here."""
        if modality == "text":
            return "a picture of a bear in the grass"
        if modality == "image":
            return np.full((_PROBE_SIDE, _PROBE_SIDE, 3), 128, dtype=np.uint8)
        if modality == "audio":
            rate = int(description.input.get("audio", {}).get("sample_rate", 48_000))
            return np.zeros(rate, dtype=np.float32)
        return None

    def _load(self, folder: Path) -> LoadedBundle:
        from retrieval.encoders.registry import load_bundle
        from retrieval.encoders.runtime.apply import tuned

        loaded = tuned(load_bundle(folder), folder=folder, models=self._models)
        memory.given_back()  # weights as loaded, where others took their place
        return loaded


def _manifest(folder: Path) -> Manifest | None:
    try:
        return bundle.manifest_read(folder)
    except BundleError as error:
        log.warning("bundle-unreadable", code=error.code)
        return None


def _description(manifest: Manifest) -> Description:
    return Description(
        ref=manifest.ref,
        space=manifest.space,
        dimension=manifest.dimension,
        modalities=tuple(sorted(manifest.towers)),
        input={modality: dict(tower.input) for modality, tower in manifest.towers.items()},
    )
