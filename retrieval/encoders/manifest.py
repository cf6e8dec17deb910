"""``manifest.json`` of a bundle: its form, and what it may name."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from retrieval.encoders.errors import BundleError
from retrieval.encoders.no_code import settings_check

FORMAT = 1
# What a bundle may hold. Nothing that can be executed or unpickled.
SUFFIXES = frozenset({".safetensors", ".json", ".txt", ".md"})
# More dimensions do not fit in a row of a vector table; see retrieval.vectors.ddl.
MOST_DIMENSIONS = 4000
_REQUIRED = ("format", "name", "version", "space", "dimension", "licence", "towers", "files")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,31}")
_MODALITY = re.compile(r"[a-z][a-z0-9_]{0,15}")
_DIGEST = re.compile(r"[0-9a-f]{64}")
_MOST_FILES = 1000
_KINDS = {
    ".py": "Python code",
    ".pyc": "Python code",
    ".so": "a program library",
    ".dll": "a program library",
    ".sh": "a script",
    ".onnx": "an ONNX graph, which may name files and operators of its own",
    ".pt": "a pickle, which is a program; make a bundle of it with: manage.py models convert",
}
_KINDS |= dict.fromkeys((".pth", ".bin", ".ckpt", ".pkl", ".pickle", ".npy"), _KINDS[".pt"])


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
        BundleError: a part is missing or of the wrong kind, names something outside the bundle or
            code, or the format is another one.
    """
    if not isinstance(data, dict) or any(key not in data for key in _REQUIRED):
        raise BundleError("bad-manifest", "The manifest lacks a required part.")
    if data["format"] != FORMAT:
        raise BundleError("bad-format", f"The bundle's format is not {FORMAT}.")
    words = ("name", "version", "space", "licence")
    if not all(isinstance(data[key], str) and data[key] for key in words):
        raise BundleError("bad-manifest", "Name, version, space and licence are words.")
    if not (_NAME.fullmatch(data["name"]) and _VERSION.fullmatch(data["version"])):
        raise BundleError(
            "bad-manifest",
            "A name is up to 64 letters, digits and dashes, a version up to 32, with dots.",
        )
    if not _NAME.fullmatch(data["space"]):
        raise BundleError("bad-manifest", "A space is up to 64 letters, digits and dashes.")
    _dimension_check(data["dimension"])
    files = _files(data["files"])
    if not isinstance(data["towers"], dict) or not data["towers"]:
        raise BundleError("bad-manifest", "The manifest names no tower.")
    towers = {modality: _tower(modality, tower) for modality, tower in data["towers"].items()}
    for tower in towers.values():
        if tower.weights is not None and tower.weights not in files:
            raise BundleError("bad-manifest", "A tower's weights are not a file of the bundle.")
    return Manifest(
        name=data["name"],
        version=data["version"],
        space=data["space"],
        dimension=data["dimension"],
        licence=data["licence"],
        towers=towers,
        files=files,
    )


def path_check(path: str) -> None:
    """Nothing, if ``path`` stays inside the bundle and is of a permitted kind.

    Raises:
        BundleError: it is absolute, climbs, is hidden, or its suffix is not permitted.
    """
    parts = PurePosixPath(path)
    climbs = parts.is_absolute() or any(part in {"", ".", ".."} for part in parts.parts)
    if climbs or "\\" in path or "\0" in path or str(parts) != path or path == ".":
        raise BundleError("bad-path", "A file of the bundle would lie outside it.")
    if any(part.startswith(".") for part in parts.parts):
        raise BundleError("bad-path", "A file of the bundle is hidden: its name begins with a dot.")
    if parts.suffix not in SUFFIXES:
        kind = _KINDS.get(parts.suffix.lower(), "of a kind that is not permitted")
        raise BundleError("bad-kind", f"A file of the bundle is {kind}.")


def _dimension_check(dimension: Any) -> None:
    if not isinstance(dimension, int) or isinstance(dimension, bool) or dimension < 1:
        raise BundleError("bad-manifest", "The dimension is not a positive number.")
    if dimension > MOST_DIMENSIONS:
        raise BundleError("bad-manifest", f"The dimension is above {MOST_DIMENSIONS}.")


def _files(data: Any) -> dict[str, str]:
    if not isinstance(data, dict):
        raise BundleError("bad-manifest", "The list of files is not an object.")
    if len(data) > _MOST_FILES:
        raise BundleError("bad-manifest", f"The bundle has more than {_MOST_FILES} files.")
    for path, digest in data.items():
        path_check(path)
        _digest_check(digest)
    if "manifest.json" in data:
        raise BundleError("bad-manifest", "The manifest lists itself.")
    return dict(data)


def _tower(modality: str, data: Any) -> TowerSpec:
    if not isinstance(data, dict) or not isinstance(data.get("library"), str):
        raise BundleError("bad-manifest", "A tower of the manifest names no library.")
    if not _MODALITY.fullmatch(modality):
        raise BundleError("bad-manifest", "A modality is a word of up to 16 small letters.")
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
    config, wanted = data.get("config", {}), data.get("input", {})
    if not isinstance(config, dict) or not isinstance(wanted, dict):
        raise BundleError("bad-manifest", "A tower's config and input are objects.")
    settings_check({"config": config, "input": wanted}, confined=True)
    return TowerSpec(
        modality=modality,
        library=data["library"],
        weights=weights,
        package=package,
        package_files=dict(files),
        config=dict(config),
        input=dict(wanted),
    )


def _digest_check(digest: Any) -> None:
    if not isinstance(digest, str) or not _DIGEST.fullmatch(digest):
        raise BundleError("bad-manifest", "A hash of the manifest is not SHA-256 in hex.")
