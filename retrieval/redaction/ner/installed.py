"""A name model that the operator installed: ``<data>/models/ner/<name>/``, used instead of ours.

Two forms: ``spacy``, a pipeline folder such as ``en_core_web_lg``'s (what ``nlp.to_disk`` writes),
and ``onnx``, a token-classification model exported from transformers (``model.onnx``,
``tokenizer.json``, ``config.json`` with ``id2label``). Every file is hashed when installed and
checked when loaded; nothing is downloaded, and no pickle is taken. Pipelines that need torch and
GLiNER's span models do not run: torch is kept out of the redaction server.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from retrieval.redaction.ner.manifest import NamesBundleError
from retrieval.redaction.shelf import Shelf, sha256_of

FOLDER: Final = "ner"
MANIFEST: Final = "vitrine-manifest.json"
NAME: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,47}")
SHELF: Final = Shelf(FOLDER, MANIFEST, NAME, "name model", NamesBundleError)
SPACY: Final = "spacy"
ONNX: Final = "onnx"
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
    SHELF.check_name(name)
    form = _form(source)
    files = sorted(path for path in source.rglob("*") if not path.is_dir())
    if form == ONNX:
        files = [source / needed for needed in _NEEDED[ONNX]]
    if len(files) > _MOST_FILES or sum(path.stat().st_size for path in files) > _MOST_BYTES:
        raise NamesBundleError("the model has more than 200 files or 2 GB")
    for path in files:
        _harmless(path)
    placed = {path.relative_to(source).as_posix(): path for path in files}
    return SHELF.put(placed, models=models, name=name, about={"form": form})


def find(models: Path, name: str = "") -> Path | None:
    """The folder of the model called ``name``, or of the only one; None where none is installed.

    Raises:
        NamesBundleError: there are several and none is named, or the named one is not there.
    """
    return SHELF.find(models, name)


def check(folder: Path) -> Installed:
    """The model in ``folder``, every file compared with its hash.

    Raises:
        NamesBundleError: a file is missing, added or changed, or the manifest is of another form.
    """
    sheet = SHELF.sheet(folder)
    hashes, form = sheet.hashes, str(sheet.about.get("form"))
    if form not in _NEEDED or not set(_NEEDED[form]) <= set(hashes):
        raise SHELF.misfit()
    there = {
        path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir()
    } - {MANIFEST}
    if there != set(hashes):
        raise NamesBundleError("the name model's files are not those that were installed")
    for name, expected in hashes.items():
        _harmless(folder / name)
        if sha256_of(folder / name) != expected:
            raise NamesBundleError("a file of the name model is not the one installed")
    return Installed(folder.name, form, folder, sheet.digest)


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
