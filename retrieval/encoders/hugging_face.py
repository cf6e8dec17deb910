"""Folders of a bundle that the transformers library reads: configurations and tokenizers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from retrieval.encoders.bundle import BundleError


def config_folder(bundle: Path, name: Any) -> Path:
    """The folder ``name`` of a bundle, which holds a ``config.json`` that names no code.

    Raises:
        BundleError: no such folder, or its configuration wants code to be run.
    """
    folder = _inside(bundle, name)
    try:
        config = json.loads((folder / "config.json").read_bytes())
    except (OSError, ValueError) as error:
        raise BundleError("bad-tower", "A text tower's config.json cannot be read.") from error
    config_check(config)
    return folder


def config_check(config: Any) -> None:
    """Nothing, if a transformers configuration can be used without running code of its own.

    Raises:
        BundleError: it is none, or names code.
    """
    if not isinstance(config, Mapping) or not isinstance(config.get("model_type"), str):
        raise BundleError("bad-tower", "A text tower's configuration names no model type.")
    if "auto_map" in config:
        raise BundleError("bad-tower", "A text tower's configuration wants code to be run.")


def tokenizer_folder(bundle: Path, tokenizer: Any) -> Path:
    """The folder of a bundle that holds the tokenizer which the manifest describes.

    Raises:
        BundleError: the manifest names none, no such folder, or it wants code to be run.
    """
    if not isinstance(tokenizer, Mapping):
        raise BundleError("bad-tower", "A text tower's tokenizer is missing from the manifest.")
    folder = _inside(bundle, tokenizer.get("folder"))
    for file in folder.glob("*.json"):
        try:
            settings = json.loads(file.read_bytes())
        except ValueError as error:
            raise BundleError("bad-tower", "A tokenizer's file is not JSON.") from error
        if isinstance(settings, dict) and "auto_map" in settings:
            raise BundleError("bad-tower", "A tokenizer wants code to be run.")
    return folder


def _inside(bundle: Path, name: Any) -> Path:
    if not isinstance(name, str) or not name:
        raise BundleError("bad-tower", "A text tower's folder is missing from the manifest.")
    folder = (bundle / name).resolve()
    if not folder.is_relative_to(bundle.resolve()) or not folder.is_dir():
        raise BundleError("bad-tower", "A text tower's folder is not in the bundle.")
    return folder
