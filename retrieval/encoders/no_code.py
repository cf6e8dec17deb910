"""What a bundle's settings may not say: where code lies, or files outside the bundle.

Libraries follow some settings to code: transformers' ``auto_map`` names Python files beside the
weights (https://huggingface.co/docs/transformers/custom_models), sentence-transformers imports the
classes that ``modules.json`` and a Dense layer's ``activation_function`` name, transformers fetches
attention kernels by repository name, timm and open_clip follow ``hf-hub:`` and ``local-dir:``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any

from retrieval.encoders.errors import BundleError

_KEYS = frozenset(
    {
        "auto_map",
        "trust_remote_code",
        "custom_pipelines",
        "code_revision",
        "quantization_config",  # names quantisers, whose packages are then imported
        "base_model_name_or_path",  # an adapter, which fetches its base
    }
)
_ATTENTION = frozenset({"attn_implementation", "_attn_implementation"})
_ACTIVATION = re.compile(r"torch\.nn\.modules\.(activation\.[A-Za-z0-9]+|linear\.Identity)")
_ELSEWHERE = re.compile(r"(hf[-_]hub|local[-_]dir|https?|file|s3|gs):", re.IGNORECASE)
_NAMES = frozenset({"_name_or_path", "name_or_path"})  # said by whoever saved it; nothing reads it

_MODULES = frozenset(
    f"sentence_transformers.{path}"
    for name, module in (
        ("Transformer", "base.modules.transformer"),
        ("Dense", "base.modules.dense"),
        ("Normalize", "base.modules.normalize"),
        ("Pooling", "sentence_transformer.modules.pooling"),
    )
    for path in (f"models.{name}", f"models.{name}.{name}", f"{module}.{name}")
)


def settings_check(settings: Any, *, confined: bool = False) -> None:
    """Nothing, if no setting anywhere in ``settings`` (parsed JSON) leads to code.

    ``confined`` settings, those of the manifest, may not name a file outside the bundle either.

    Raises:
        BundleError: one does; the reason says which kind.
    """
    for key, value in _settings(settings):
        if key in _KEYS and type(value) is not int:  # an int is a word's number in a vocabulary
            raise BundleError("code", f"A setting of the bundle, {key}, leads to code.")
        if not isinstance(value, str):
            continue
        if key in _ATTENTION and not value.isidentifier():
            raise BundleError("code", "A setting of the bundle names an attention kernel.")
        if key == "activation_function" and "." in value and not _ACTIVATION.fullmatch(value):
            raise BundleError("code", "An activation function of the bundle is not torch's.")
        if confined and key not in _NAMES and _leaves(value):
            raise BundleError("bad-path", "A setting of the manifest leads outside the bundle.")


def modules_check(modules: Any) -> None:
    """Nothing, if sentence-transformers' ``modules.json`` names modules that are known here.

    Raises:
        BundleError: it has another form, or names another class, which would be imported and run.
    """
    if not isinstance(modules, list) or not all(isinstance(one, dict) for one in modules):
        raise BundleError("bad-modules", "modules.json is not a list of modules.")
    for module in modules:
        if module.get("type") not in _MODULES:
            raise BundleError("code", "modules.json names a module that is not permitted.")
        path = module.get("path", "")
        if not isinstance(path, str) or _leaves(path):
            raise BundleError("bad-path", "modules.json leads outside the bundle.")


def _settings(value: Any, key: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield str(name), inner
            yield from _settings(inner, str(name))
    elif isinstance(value, list):
        for inner in value:
            if not isinstance(inner, (Mapping, list)):
                yield key, inner
            yield from _settings(inner, key)


def _leaves(value: str) -> bool:
    path = PurePosixPath(value)
    return (
        path.is_absolute()
        or ".." in path.parts
        or value.startswith("~")
        or "\0" in value
        or _ELSEWHERE.match(value) is not None
    )
