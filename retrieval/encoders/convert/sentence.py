"""Text towers in sentence-transformers' format, file by file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from retrieval.encoders import strict_json
from retrieval.encoders.convert.draft import Draft, Request
from retrieval.encoders.convert.sources import TOKENIZER_FILES, read_json
from retrieval.encoders.errors import BundleError
from retrieval.encoders.no_code import modules_check

_FOLDER = "model"
_SETTINGS = (
    *TOKENIZER_FILES,
    "modules.json",
    "sentence_bert_config.json",
    "config_sentence_transformers.json",
)


def draft(request: Request, *, checkpoint: Path, weights: Path) -> Draft:
    """The bundle of a sentence-transformers folder; ``weights`` is its checkpoint as safetensors.

    Raises:
        BundleError: it names modules that are not permitted, or says no dimension.
    """
    from safetensors.torch import load_file

    source = request.source
    modules = _modules(source)
    files = {name: source / name for name in _SETTINGS if (source / name).is_file()}
    dimension = 0
    for module in modules:
        path = str(module.get("path", ""))
        kind = str(module["type"]).rpartition(".")[2]
        if kind in {"Pooling", "Dense"}:
            settings = read_json(source / path / "config.json")
            dimension = _dimension(settings, dimension)
            files[f"{path}/config.json"] = source / path / "config.json"
        if kind == "Dense":
            dense = source / path / "model.safetensors"
            if not dense.is_file():
                raise BundleError("pickle", "A Dense layer is not kept as safetensors.")
            files[f"{path}/model.safetensors"] = dense
    if not dimension:
        raise BundleError("bad-modules", "No module says how many dimensions come out.")
    tower: dict[str, Any] = {
        "library": "sentence_transformers",
        "weights": f"{_FOLDER}/model.safetensors",
        "config": {"folder": _FOLDER},
        "input": {},
    }
    return Draft(
        dimension=dimension,
        towers={"text": tower},
        tensors={name: value.clone() for name, value in load_file(weights).items()},
        checkpoint=checkpoint,
        files={f"{_FOLDER}/{name}": path for name, path in files.items()},
    )


def _modules(source: Path) -> list[dict[str, Any]]:
    try:
        modules = strict_json.loads((source / "modules.json").read_bytes())
    except OSError:
        raise BundleError("bad-modules", "There is no modules.json.") from None
    except strict_json.JsonRefused as error:
        raise BundleError("bad-json", f"modules.json cannot be used: {error}.") from None
    modules_check(modules)
    return list(modules)


def _dimension(settings: dict[str, Any], before: int) -> int:
    for key in ("out_features", "word_embedding_dimension", "embedding_dimension"):
        if isinstance(settings.get(key), int):
            return int(settings[key])
    return before
