"""From safetensors files into modules: only the part that a tower needs, strictly."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from retrieval.encoders.bundle import BundleError

_POSITIONS = "embeddings.position_ids"
_WRAPPED = "module."  # what DistributedDataParallel puts before every name


def weights_read(path: Path, keep: Callable[[str], str | None]) -> dict[str, Tensor]:
    """Tensors of a safetensors file under the names that ``keep`` gives; None leaves one out.

    A leading ``module.`` goes first, and position-id buffers that older transformers saved are
    left out. What is not kept is not read, so towers of one checkpoint do not hold each other.

    Raises:
        BundleError: the file is not a safetensors file.
    """
    from safetensors import SafetensorError, safe_open

    state: dict[str, Tensor] = {}
    try:
        with safe_open(path, framework="pt") as file:
            for stored in file.keys():  # noqa: SIM118 safe_open is no mapping
                name = keep(stored.removeprefix(_WRAPPED))
                if name is not None and not name.endswith(_POSITIONS):
                    state[name] = file.get_tensor(stored)
    except (OSError, SafetensorError) as error:
        raise BundleError("bad-weights", "A tower's weights cannot be read.") from error
    return state


def weights_names(path: Path) -> list[str]:
    """Names of the tensors in a safetensors file, without a leading ``module.``.

    Raises:
        BundleError: the file is not a safetensors file.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="pt") as file:
            return [name.removeprefix(_WRAPPED) for name in file.keys()]  # noqa: SIM118 as above
    except (OSError, SafetensorError) as error:
        raise BundleError("bad-weights", "A tower's weights cannot be read.") from error


def weights_load(module: nn.Module, state: Mapping[str, Tensor]) -> None:
    """Copies ``state`` into the module, which keeps its own dtype (float32).

    Raises:
        BundleError: a tensor is missing, unknown or of another shape.
    """
    try:
        with torch.no_grad():
            module.load_state_dict(state)
    except RuntimeError as error:
        raise BundleError(
            "bad-weights", "A tower's weights do not fit its architecture."
        ) from error
