"""Lets torchvision be imported beside a CPU-only torch.

torchvision 0.28 from PyPI is built for CUDA. Beside a CPU torch its compiled operators do not
load, and its Python code then fails at import, because it registers meta kernels for
``torchvision::nms`` and ``torchvision::qnms``, whose schemas nobody declared. Call
``declare_missing_operators`` before importing torchvision, timm, transformers or open_clip.
"""

from __future__ import annotations

import torch

_BOXES = "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"
_SCHEMAS = {"nms": _BOXES, "qnms": _BOXES}
_kept: list[torch.library.Library] = []


def _declared(name: str) -> bool:
    return hasattr(torch.ops.torchvision, name)


def _real_operators_load() -> bool:
    from importlib.util import find_spec

    spec = find_spec("torchvision")
    if spec is None or not spec.submodule_search_locations:
        return True  # nothing to mend
    from pathlib import Path

    for folder in spec.submodule_search_locations:
        for file in Path(folder).glob("_C*.so"):
            try:
                torch.ops.load_library(str(file))  # type: ignore[no-untyped-call]  # torch
            except OSError:
                return False
            return True
    return False


def declare_missing_operators() -> bool:
    """True if schemas had to be declared; False where the real operators are there."""
    if all(_declared(name) for name in _SCHEMAS) or _real_operators_load():
        return False
    library = torch.library.Library("torchvision", "FRAGMENT")  # type: ignore[no-untyped-call]  # torch
    for name, schema in _SCHEMAS.items():
        if not _declared(name):
            library.define(name + schema)  # type: ignore[no-untyped-call]  # torch
    _kept.append(library)  # a Library that is collected takes its schemas with it
    return True
