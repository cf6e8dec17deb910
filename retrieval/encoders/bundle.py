"""Encoder bundles on disk: whether the files are what the manifest says, and where they lie.

A bundle is a directory with ``manifest.json``, safetensors, configs and tokenizer files; no code.
Nothing here imports torch, so web and workers read manifests too.
"""

from __future__ import annotations

import hashlib
import importlib.util
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from retrieval.encoders import strict_json
from retrieval.encoders.errors import BundleError
from retrieval.encoders.manifest import (
    FORMAT,
    SUFFIXES,
    Manifest,
    TowerSpec,
    manifest_parse,
    path_check,
)
from retrieval.redaction.types import TensorSpec

__all__ = [
    "BUILTIN",
    "FORMAT",
    "REFERENCE",
    "SUFFIXES",
    "BundleError",
    "Manifest",
    "TowerSpec",
    "bundle_folder",
    "file_sha256",
    "fitted_folder",
    "load_reference",
    "manifest_parse",
    "manifest_read",
    "own_reference",
    "package_verify",
    "path_check",
    "reference_stamp",
    "tensor_spec",
    "verify_bundle",
]

BUILTIN = Path(__file__).parent / "starter"
SIGNATURE = "manifest.sig"
REFERENCE = "reference.safetensors"
_UNLISTED = frozenset({"manifest.json", SIGNATURE})
_MOST_MANIFEST_BYTES = 4 * 1024 * 1024


def manifest_read(folder: Path) -> Manifest:
    """The manifest of a bundle; its files are not looked at.

    Raises:
        BundleError: there is none, or it is not in the expected form.
    """
    try:
        with (folder / "manifest.json").open("rb") as file:
            data = file.read(_MOST_MANIFEST_BYTES + 1)
    except OSError as error:
        raise BundleError("no-manifest", "There is no manifest.json.") from error
    try:
        parsed = strict_json.loads(data, most_bytes=_MOST_MANIFEST_BYTES)
    except strict_json.JsonRefused as error:
        raise BundleError("bad-manifest", f"manifest.json cannot be used: {error}.") from error
    return manifest_parse(parsed)


def verify_bundle(folder: Path) -> Manifest:
    """The manifest, once every file is there, unchanged, listed, and of a permitted kind.

    Reads every file, those of referenced Python packages included.

    Raises:
        BundleError: anything is missing, changed, unlisted, a link, or not permitted.
    """
    manifest = manifest_read(folder)
    if _listed(folder, manifest) != set(manifest.files):
        raise BundleError("missing", "A file of the manifest is not in the bundle.")
    for name, digest in manifest.files.items():
        if file_sha256(folder / name) != digest:
            raise BundleError("changed", "A file of the bundle is not what the manifest says.")
    for tower in manifest.towers.values():
        if tower.package is not None:
            package_verify(tower)
    return manifest


def _listed(folder: Path, manifest: Manifest) -> set[str]:
    """Names of the files in the folder, all of which the manifest lists."""
    found: set[str] = set()
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_symlink():
            raise BundleError("link", "The bundle holds a link.")
        if path.is_dir() or name in _UNLISTED:
            continue
        if not path.is_file():
            raise BundleError("bad-kind", "The bundle holds something that is no file.")
        if name not in manifest.files:
            raise BundleError(
                "unlisted", "The bundle holds a file that the manifest does not list."
            )
        found.add(name)
    return found


def package_verify(tower: TowerSpec) -> Path:
    """Folder of the installed package a tower takes its files from, verified.

    Raises:
        BundleError: the package is not installed, or a file in it is another one.
    """
    spec = importlib.util.find_spec(tower.package or "")
    if spec is None or spec.origin is None:
        raise BundleError("no-package", f"The Python package {tower.package} is not installed.")
    folder = Path(spec.origin).parent
    for name, digest in tower.package_files.items():
        path = folder / name
        if not path.is_file() or file_sha256(path) != digest:
            raise BundleError(
                "changed", f"A file of {tower.package} is not what the manifest says."
            )
    return folder


def file_sha256(path: Path) -> str:
    """SHA-256 of a file in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def bundle_folder(ref: str, *, models_dir: Path) -> Path:
    """Where the bundle ``name@version`` lies: a folder of ``models_dir``, or the one that ships.

    An installed copy comes first, so a release with another starter serves the old one on, and a
    starter that cannot be read is nobody else's trouble.

    Raises:
        BundleError: ``ref`` could leave ``models_dir``, or there is no such bundle.
    """
    if "/" in ref or "\\" in ref or "\0" in ref or ref.startswith(".") or "@" not in ref:
        raise BundleError("bad-ref", "That is not the name of a model.")
    folder = models_dir / ref
    if (folder / "manifest.json").is_file():
        return folder
    if _is_builtin(ref):
        return BUILTIN
    raise BundleError("unknown", "No such model is installed.")


def _is_builtin(ref: str) -> bool:
    try:
        return ref == manifest_read(BUILTIN).ref
    except BundleError:
        return False


def fitted_folder(folder: Path) -> Path:
    """Where what was fitted for the bundle in ``folder`` after its installation lies, if it was."""
    return folder.with_name(f"{folder.name}.fitted")


def own_reference(folder: Path) -> dict[str, npt.NDArray[np.float32]]:
    """The reference vectors that come with the bundle, by modality; none where it brings none."""
    return _reference(folder / REFERENCE)


def load_reference(folder: Path) -> dict[str, npt.NDArray[np.float32]]:
    """Reference vectors by modality: float32 (m, d), L2-normalised.

    Those of the bundle; for a modality that it has none for, those that were fitted here.

    Raises:
        BundleError: there are none at all.
    """
    bank = {**_reference(fitted_folder(folder) / REFERENCE), **own_reference(folder)}
    if not bank:
        raise BundleError("no-reference", "The bundle has no reference vectors.")
    return bank


def reference_stamp(folder: Path) -> tuple[int, ...]:
    """Changes whenever ``load_reference`` of ``folder`` would answer otherwise."""
    paths = (folder / REFERENCE, fitted_folder(folder) / REFERENCE)
    return tuple(path.stat().st_mtime_ns if path.is_file() else 0 for path in paths)


def _reference(path: Path) -> dict[str, npt.NDArray[np.float32]]:
    from safetensors.numpy import load_file

    if not path.is_file():
        return {}
    bank = {name: rows.astype(np.float32) for name, rows in load_file(path).items()}
    return {name: rows / np.linalg.norm(rows, axis=1, keepdims=True) for name, rows in bank.items()}


def tensor_spec(
    manifest: Mapping[str, Any], modality: str, windows_ms: tuple[tuple[int, int], ...] = ()
) -> TensorSpec:
    """What the sandbox should decode a rendition into, for one tower of a manifest (parsed JSON).

    Raises:
        BundleError: the manifest has no such tower.
    """
    tower = manifest["towers"].get(modality)
    if tower is None:
        raise BundleError("no-tower", "The model has no tower for that modality.")
    wanted = tower.get("input", {})
    usual = TensorSpec()
    rate = wanted.get("sample_rate", wanted.get("rate_hz", usual.sample_rate))
    return TensorSpec(
        longest_side=int(wanted.get("longest_side", usual.longest_side)),
        sample_rate=int(rate),
        windows_ms=tuple(windows_ms),
    )
