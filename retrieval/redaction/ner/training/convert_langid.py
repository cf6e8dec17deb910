"""Rewrite py3langid's model (BSD) without pickle: ``python -m …convert_langid OUT``.

The automaton of the original counts byte n-grams; here they are listed, so that nothing but a
table is needed. Run once; what ships is the table.
"""

from __future__ import annotations

import io
import json
import lzma
import pickle
import sys
from array import _array_reconstructor, array  # type: ignore[attr-defined] # pickle names it
from collections import deque
from pathlib import Path
from typing import Any, Final

import numpy as np
import py3langid
from safetensors.numpy import save_file

_ALLOWED: Final = {
    ("array", "_array_reconstructor"): _array_reconstructor,
    ("array", "array"): array,
}


class _ArraysOnly(pickle.Unpickler):
    """Reads lists, numbers, strings and arrays, and refuses anything else."""

    def find_class(self, module: str, name: str) -> Any:
        """Only what makes an array.

        Raises:
            pickle.UnpicklingError: another class or function is named.
        """
        if (module, name) not in _ALLOWED:
            raise pickle.UnpicklingError("not an array")
        return _ALLOWED[module, name]


def convert(out: Path) -> None:
    """Write ``langid.safetensors`` (weights, priors) and ``langid.json`` (languages, n-grams)."""
    path = Path(py3langid.__file__).parent / "data" / "model.plzma"
    weights, priors, languages, moves, outputs = _ArraysOnly(
        io.BytesIO(lzma.decompress(path.read_bytes()))
    ).load()
    names = _state_names(np.array(moves).reshape(-1, 256))
    grams: dict[int, bytes] = {}
    for state, features in outputs.items():
        for feature in features:
            grams[feature] = min(grams.get(feature, names[state]), names[state], key=len)
    table = np.array(weights, dtype=np.float64).reshape(len(grams), len(priors))
    # Only differences between languages matter: a row's mean goes, so that half precision is enough.
    table -= table.mean(axis=1, keepdims=True)
    save_file(
        {"weights": table.astype(np.float16), "priors": np.array(priors, dtype=np.float32)},
        out / "langid.safetensors",
    )
    listed = [grams[feature].hex() for feature in range(len(grams))]
    (out / "langid.json").write_text(json.dumps({"languages": languages, "grams": listed}) + "\n")


def _state_names(moves: Any) -> dict[int, bytes]:
    """The shortest bytes that lead to each state: the trie's strings."""
    names = {0: b""}
    waiting = deque([0])
    while waiting:
        state = waiting.popleft()
        for byte, target in enumerate(moves[state].tolist()):
            if target not in names:
                names[target] = names[state] + bytes([byte])
                waiting.append(target)
    return names


if __name__ == "__main__":
    convert(Path(sys.argv[1]))
