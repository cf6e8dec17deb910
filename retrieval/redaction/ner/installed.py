"""A name model that the operator installed: ``<data>/models/ner/<name>/``, used instead of ours.

Two forms: ``spacy``, a pipeline folder such as ``en_core_web_lg``'s (what ``nlp.to_disk`` writes),
and ``onnx``, a token-classification model exported from transformers (``model.onnx``,
``tokenizer.json``, ``config.json`` with ``id2label``). Every file is hashed when installed and
checked when loaded; nothing is downloaded, and no pickle is taken. Pipelines that need torch and
GLiNER's span models do not run: torch is kept out of the redaction server.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from retrieval.redaction.ner.manifest import NamesBundleError

FOLDER: Final = "ner"
MANIFEST: Final = "vitrine-manifest.json"
NAME: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,47}")
SPACY: Final = "spacy"
ONNX: Final = "onnx"
_FORMAT: Final = 1
_NEEDED: Final = {
    SPACY: ("config.cfg", "meta.json"),
    ONNX: ("model.onnx", "tokenizer.json", "config.json"),
}
_MOST_BYTES: Final = 2 * 1024**3
_MOST_FILES: Final = 200
# Pickle protocols 2 to 5 begin so (Lib/pickle.py), and torch's archives are zip files.
_REFUSED: Final = (b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05", b"PK\x03\x04")


@dataclass(frozen=True, slots=True)
class Installed:
    """A model whose files are those that were installed."""

    name: str
    form: str
    folder: Path
    digest: str
    """The first twelve hexadecimal digits of the manifest's SHA-256."""


def install(source: Path, *, models: Path, name: str) -> Path:
    """The folder of a model copied from ``source``; an older one of that name is replaced.

    Raises:
        NamesBundleError: it is of no known form, too large, or holds a pickle or a link.
    """
    if not NAME.fullmatch(name):
        raise NamesBundleError("a name model's name is small letters, digits, dots and dashes")
    form = _form(source)
    files = sorted(path for path in source.rglob("*") if not path.is_dir())
    if form == ONNX:
        files = [source / needed for needed in _NEEDED[ONNX]]
    if len(files) > _MOST_FILES or sum(path.stat().st_size for path in files) > _MOST_BYTES:
        raise NamesBundleError("the model has more than 200 files or 2 GB")
    folder = models / FOLDER / name
    part = folder.with_name(f".{name}.part")
    shutil.rmtree(part, ignore_errors=True)
    hashes = {}
    for path in files:
        _harmless(path)
        target = part / path.relative_to(source)
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        shutil.copyfile(path, target)
        hashes[path.relative_to(source).as_posix()] = _sha256(target)
    manifest = {"format": _FORMAT, "name": name, "form": form, "files": hashes}
    (part / MANIFEST).write_text(json.dumps(manifest, indent=1), encoding="utf-8")
    shutil.rmtree(folder, ignore_errors=True)
    part.rename(folder)
    return folder


def find(models: Path, name: str = "") -> Path | None:
    """The folder of the model called ``name``, or of the only one; None where none is installed.

    Raises:
        NamesBundleError: there are several and none is named, or the named one is not there.
    """
    folders = [file.parent for file in sorted((models / FOLDER).glob(f"*/{MANIFEST}"))]
    folders = [folder for folder in folders if NAME.fullmatch(folder.name)]
    if name:
        folders = [folder for folder in folders if folder.name == name]
        if not folders:
            raise NamesBundleError("the name model that is asked for is not installed")
    if len(folders) > 1:
        raise NamesBundleError("several name models are installed, and none is named")
    return folders[0] if folders else None


def check(folder: Path) -> Installed:
    """The model in ``folder``, every file compared with its hash.

    Raises:
        NamesBundleError: a file is missing, added or changed, or the manifest is of another form.
    """
    try:
        text = (folder / MANIFEST).read_bytes()
        manifest = json.loads(text)
        hashes = {str(name): str(value) for name, value in manifest["files"].items()}
        form = str(manifest["form"])
        known = manifest["format"] == _FORMAT and manifest["name"] == folder.name
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        raise NamesBundleError("the name model's manifest cannot be read") from None
    if not known or form not in _NEEDED or not set(_NEEDED[form]) <= set(hashes):
        raise NamesBundleError("the name model's manifest is of another form than expected")
    there = {
        path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir()
    } - {MANIFEST}
    if there != set(hashes):
        raise NamesBundleError("the name model's files are not those that were installed")
    for name, expected in hashes.items():
        _harmless(folder / name)
        if _sha256(folder / name) != expected:
            raise NamesBundleError("a file of the name model is not the one installed")
    return Installed(folder.name, form, folder, hashlib.sha256(text).hexdigest()[:12])


def _form(source: Path) -> str:
    for form, needed in _NEEDED.items():
        if all((source / name).is_file() for name in needed):
            return form
    raise NamesBundleError(
        "the folder holds neither a spaCy pipeline (config.cfg, meta.json) nor an exported "
        "token classifier (model.onnx, tokenizer.json, config.json)"
    )


def _harmless(path: Path) -> None:
    """Nothing, for a plain file that is no pickle.

    Raises:
        NamesBundleError: it is something else.
    """
    if path.is_symlink() or not path.is_file():
        raise NamesBundleError("the model holds a link or something that is no file")
    with path.open("rb") as file:
        head = file.read(4)
    if head.startswith(_REFUSED) or path.suffix in {".pkl", ".pickle", ".pt", ".py"}:
        raise NamesBundleError("the model holds a pickle, an archive or code")


def _sha256(path: Path) -> str:
    with path.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()
