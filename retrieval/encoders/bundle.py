"""Encoder bundles on disk: what the manifest says, and whether the files are what it says.

A bundle is a directory with ``manifest.json``, safetensors, configs and tokenizer files; no code.
Nothing here imports torch, so web and workers read manifests too.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import numpy.typing as npt

from retrieval.redaction.types import TensorSpec

BUILTIN = Path(__file__).parent / "starter"
FORMAT = 1
# What a bundle may hold. Nothing that can be executed or unpickled.
SUFFIXES = frozenset({".safetensors", ".json", ".txt", ".md"})
_SHA256_DIGITS = 64
_REQUIRED = ("format", "name", "version", "space", "dimension", "licence", "towers", "files")


class BundleError(Exception):
    """A bundle that must not be used; ``reason`` is a plain sentence, ``code`` is for programs."""

    permanent = True

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(f"{code}: {reason}")
        self.code = code
        self.reason = reason


@dataclass(frozen=True)
class TowerSpec:
    """One tower: the library that loads it, its files, its own settings and its input.

    ``package`` names an installed Python package whose files it uses, with their hashes in
    ``package_files``; otherwise ``weights`` is a file of the bundle.
    """

    modality: str
    library: str
    weights: str | None
    package: str | None
    package_files: Mapping[str, str]
    config: Mapping[str, Any]
    input: Mapping[str, Any]


@dataclass(frozen=True)
class Manifest:
    """``manifest.json``, parsed and checked in form. ``files`` maps paths to SHA-256 in hex."""

    name: str
    version: str
    space: str
    dimension: int
    licence: str
    towers: Mapping[str, TowerSpec]
    files: Mapping[str, str]

    @property
    def ref(self) -> str:
        """``name@version``."""
        return f"{self.name}@{self.version}"


def manifest_parse(data: Any) -> Manifest:
    """The manifest in ``data``, the parsed JSON.

    Raises:
        BundleError: a part is missing or of the wrong kind, or the format is another one.
    """
    if not isinstance(data, dict) or any(key not in data for key in _REQUIRED):
        raise BundleError("bad-manifest", "The manifest lacks a required part.")
    if data["format"] != FORMAT:
        raise BundleError("bad-format", f"The bundle's format is not {FORMAT}.")
    words = ("name", "version", "space", "licence")
    if not all(isinstance(data[key], str) and data[key] for key in words):
        raise BundleError("bad-manifest", "Name, version, space and licence are words.")
    if not all(
        part.replace("-", "").replace(".", "").replace("_", "").isalnum()
        and not part.startswith(".")
        for part in (data["name"], data["version"])
    ):
        raise BundleError("bad-manifest", "Name and version are letters, digits, dots and dashes.")
    dimension = data["dimension"]
    if not isinstance(dimension, int) or isinstance(dimension, bool) or dimension < 1:
        raise BundleError("bad-manifest", "The dimension is not a positive number.")
    if not isinstance(data["towers"], dict) or not data["towers"]:
        raise BundleError("bad-manifest", "The manifest names no tower.")
    if not isinstance(data["files"], dict):
        raise BundleError("bad-manifest", "The list of files is not an object.")
    for path, digest in data["files"].items():
        path_check(path)
        _digest_check(digest)
    towers = {modality: _tower(modality, tower) for modality, tower in data["towers"].items()}
    return Manifest(
        name=data["name"],
        version=data["version"],
        space=data["space"],
        dimension=dimension,
        licence=data["licence"],
        towers=towers,
        files=dict(data["files"]),
    )


def path_check(path: str) -> None:
    """Nothing, if ``path`` stays inside the bundle and is of a permitted kind.

    Raises:
        BundleError: it is absolute, climbs, is hidden, or its suffix is not permitted.
    """
    parts = PurePosixPath(path)
    climbs = parts.is_absolute() or any(p in {"", ".", ".."} or p[0] == "." for p in parts.parts)
    if climbs or "\\" in path or "\0" in path or str(parts) != path:
        raise BundleError("bad-path", "A file of the manifest would lie outside the bundle.")
    if parts.suffix not in SUFFIXES:
        raise BundleError("bad-kind", "A file of the manifest is of a kind that is not permitted.")


def manifest_read(folder: Path) -> Manifest:
    """The manifest of a bundle; its files are not looked at.

    Raises:
        BundleError: there is none, or it is not in the expected form.
    """
    path = folder / "manifest.json"
    try:
        data = json.loads(path.read_bytes())
    except OSError as error:
        raise BundleError("no-manifest", "There is no manifest.json.") from error
    except ValueError as error:
        raise BundleError("bad-manifest", "manifest.json is not JSON.") from error
    return manifest_parse(data)


def verify_bundle(folder: Path) -> Manifest:
    """The manifest, once every file is there, unchanged, listed, and of a permitted kind.

    Reads every file, those of referenced Python packages included.

    Raises:
        BundleError: anything is missing, changed, unlisted, a link, or not permitted.
    """
    manifest = manifest_read(folder)
    found: set[str] = set()
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_symlink():
            raise BundleError("link", "The bundle holds a link.")
        if path.is_dir() or name == "manifest.json":
            continue
        if name not in manifest.files:
            raise BundleError(
                "unlisted", "The bundle holds a file that the manifest does not list."
            )
        found.add(name)
    if found != set(manifest.files):
        raise BundleError("missing", "A file of the manifest is not in the bundle.")
    for name, digest in manifest.files.items():
        if file_sha256(folder / name) != digest:
            raise BundleError("changed", "A file of the bundle is not what the manifest says.")
    for tower in manifest.towers.values():
        if tower.package is not None:
            package_verify(tower)
    return manifest


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
    """Where the bundle ``name@version`` lies: the built-in one, or a folder of ``models_dir``.

    Raises:
        BundleError: ``ref`` could leave ``models_dir``, or there is no such bundle.
    """
    if ref == manifest_read(BUILTIN).ref:
        return BUILTIN
    if "/" in ref or "\\" in ref or "\0" in ref or ref.startswith(".") or "@" not in ref:
        raise BundleError("bad-ref", "That is not the name of a model.")
    folder = models_dir / ref
    if not (folder / "manifest.json").is_file():
        raise BundleError("unknown", "No such model is installed.")
    return folder


def load_reference(folder: Path) -> dict[str, npt.NDArray[np.float32]]:
    """Reference vectors by modality: float32 (m, d), L2-normalised; fixed with the bundle.

    Raises:
        BundleError: the bundle has none.
    """
    from safetensors.numpy import load_file

    path = folder / "reference.safetensors"
    if not path.is_file():
        raise BundleError("no-reference", "The bundle has no reference vectors.")
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
    return TensorSpec(
        longest_side=int(wanted.get("longest_side", usual.longest_side)),
        sample_rate=int(wanted.get("sample_rate", usual.sample_rate)),
        windows_ms=tuple(windows_ms),
    )


def _tower(modality: str, data: Any) -> TowerSpec:
    if not isinstance(data, dict) or not isinstance(data.get("library"), str):
        raise BundleError("bad-manifest", "A tower of the manifest names no library.")
    if not modality.isidentifier():
        raise BundleError("bad-manifest", "A modality is not a word.")
    weights, package = data.get("weights"), data.get("package")
    if isinstance(weights, str) == isinstance(package, str):
        raise BundleError("bad-manifest", "A tower has either weights or a package.")
    if isinstance(package, str) and not package.isidentifier():
        raise BundleError("bad-manifest", "A package is not a plain name.")
    files = data.get("package_files", {})
    if not isinstance(files, dict) or (isinstance(package, str) and not files):
        raise BundleError("bad-manifest", "The files of a package have no hashes.")
    for path, digest in files.items():
        path_check(path)
        _digest_check(digest)
    return TowerSpec(
        modality=modality,
        library=data["library"],
        weights=weights,
        package=package,
        package_files=dict(files),
        config=dict(data.get("config", {})),
        input=dict(data.get("input", {})),
    )


def _digest_check(digest: Any) -> None:
    hexadecimal = isinstance(digest, str) and len(digest) == _SHA256_DIGITS
    if not hexadecimal or set(digest) - set("0123456789abcdef"):
        raise BundleError("bad-manifest", "A hash of the manifest is not SHA-256 in hex.")
