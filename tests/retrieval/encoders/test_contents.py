"""What a bundle's files hold is looked at, whatever their names say; each fault has its reason."""

from __future__ import annotations

import io
import json
import pickle
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import save

from retrieval.encoders import strict_json
from retrieval.encoders.contents import file_check
from retrieval.encoders.errors import BundleError
from retrieval.encoders.no_code import modules_check, settings_check
from retrieval.encoders.safetensors_form import safetensors_check

WEIGHTS = save({"a": np.zeros((2, 3), np.float32), "b": np.ones(4, np.float16)})


class Payload:
    def __reduce__(self) -> tuple[Any, ...]:
        return (print, ("never",))


def pickled(protocol: int) -> bytes:
    return pickle.dumps(Payload(), protocol=protocol)


def zipped() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("data.pkl", pickled(2))
    return buffer.getvalue()


def headed(header: dict[str, Any], data: bytes) -> bytes:
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + data


def tensor(**changes: Any) -> dict[str, Any]:
    return {"dtype": "F32", "shape": [2], "data_offsets": [0, 8], **changes}


@pytest.mark.parametrize(
    ("name", "data", "code"),
    [
        *[(f"{p}.json", pickled(p), "pickle") for p in range(6)],
        *[(f"{p}.txt", pickled(p), "pickle") for p in range(6)],
        *[(f"{p}.safetensors", pickled(p), None) for p in range(6)],
        ("model.safetensors", zipped(), "disguised"),
        ("card.md", zipped(), "disguised"),
        ("model.safetensors", WEIGHTS + zipped(), "disguised"),
        ("card.md", b"#!/bin/sh\nreboot\n", "disguised"),
        ("card.md", b"\x7fELF\x02\x01\x01", "disguised"),
        ("vocab.txt", b"\x1f\x8b\x08\x00", "disguised"),
        ("vocab.txt", b"a\0b", "bad-text"),
        ("vocab.txt", b"\xff\xfe", "bad-text"),
        ("config.json", b"{", "bad-json"),
        ("config.json", b'{"a": 1, "a": 2}', "bad-json"),
        ("config.json", b'{"a": NaN}', "bad-json"),
        ("config.json", b"[" * 5000 + b"]" * 5000, "bad-json"),
        ("config.json", b"[" + b"[]," * 4_200_000 + b"[]]", "bad-json"),
        ("config.json", b'{"auto_map": {"AutoModel": "m.M"}}', "code"),
        ("config.json", b'{"a": [{"trust_remote_code": false}]}', "code"),
        ("config.json", b'{"activation_function": "os.system"}', "code"),
        ("config.json", b'{"_attn_implementation": "someone/kernel"}', "code"),
        ("modules.json", b'[{"type": "builtins.exec", "path": ""}]', "code"),
    ],
)
def test_what_is_not_what_it_says_is_refused(
    tmp_path: Path, name: str, data: bytes, code: str | None
) -> None:
    (tmp_path / name).write_bytes(data)
    with pytest.raises(BundleError) as refused:
        file_check(tmp_path / name)
    assert code is None or refused.value.code == code
    assert refused.value.reason.endswith(".")


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("model.safetensors", WEIGHTS),
        ("MODEL_CARD.md", "# Größe 🐻\n\tcos θ\n".encode()),
        ("vocab.txt", b"[PAD]\n.\ncat\n##s\n"),
        ("vocab.json", b'{"auto_map": 7, "</w>": 8}'),
        ("tokenizer.json", b'{"model": {"vocab": {"auto_map": 7, "a\\"[[[": 8}}}'),
        ("config.json", b'{"activation_function": "torch.nn.modules.activation.Tanh"}'),
        ("config.json", b'{"hidden_act": "gelu", "_name_or_path": "/home/x"}'),
    ],
)
def test_honest_files_pass(tmp_path: Path, name: str, data: bytes) -> None:
    (tmp_path / name).write_bytes(data)
    file_check(tmp_path / name)


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (WEIGHTS[:-1], "truncated"),
        (WEIGHTS[:5], "truncated"),
        (b"", "truncated"),
        (WEIGHTS + b"\0", "bad-safetensors"),
        ((1 << 40).to_bytes(8, "little") + b"{}", "truncated"),
        (headed({"a": tensor(data_offsets=[8, 16])}, bytes(16)), "bad-safetensors"),
        (headed({"a": tensor(), "b": tensor()}, bytes(8)), "bad-safetensors"),
        (headed({"a": tensor(shape=[3])}, bytes(8)), "bad-safetensors"),
        (headed({"a": tensor(shape=[-2])}, bytes(8)), "bad-safetensors"),
        (headed({"a": tensor(shape=[True, 2])}, bytes(8)), "bad-safetensors"),
        (headed({"a": tensor(dtype="OBJ")}, bytes(8)), "bad-safetensors"),
        (headed({"a": tensor(file="x")}, bytes(8)), "bad-safetensors"),
        (headed({"a": 1}, bytes(8)), "bad-safetensors"),
        (headed({"__metadata__": {"a": 1}}, b""), "bad-safetensors"),
    ],
)
def test_safetensors_cover_their_file_exactly(tmp_path: Path, data: bytes, code: str) -> None:
    (tmp_path / "x.safetensors").write_bytes(data)
    with pytest.raises(BundleError) as refused:
        safetensors_check(tmp_path / "x.safetensors")
    assert refused.value.code == code


def test_shapes_are_read_without_the_tensors(tmp_path: Path) -> None:
    (tmp_path / "x.safetensors").write_bytes(WEIGHTS)
    assert safetensors_check(tmp_path / "x.safetensors") == {"a": (2, 3), "b": (4,)}


@pytest.mark.parametrize(
    "value",
    [
        "/etc/passwd",
        "../x",
        "a/../../b",
        "~/x",
        "hf-hub:a/b",
        "hf_hub:a",
        "local-dir:/x",
        "https://x",
    ],
)
def test_the_manifest_stays_in_its_bundle(value: str) -> None:
    with pytest.raises(BundleError) as refused:
        settings_check({"config": {"deep": [{"folder": value}]}}, confined=True)
    assert refused.value.code == "bad-path"
    settings_check({"config": {"_name_or_path": value}}, confined=True)


def test_sentence_transformers_modules_are_named_one_by_one() -> None:
    modules_check(
        [
            {"idx": 0, "path": "", "type": "sentence_transformers.models.Transformer"},
            {"idx": 1, "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
        ]
    )
    for bad in (
        [{"type": "sentence_transformers.models.CLIPModel"}],
        [{"type": "sentence_transformers.models.Dense", "path": "../x"}],
        [{"path": "x"}],
        {"type": "sentence_transformers.models.Dense"},
    ):
        with pytest.raises(BundleError):
            modules_check(bad)


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(VALUES)
def test_json_is_read_as_it_was_written(value: Any) -> None:
    assert strict_json.loads(json.dumps(value).encode()) == value


@given(st.binary(max_size=60))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    try:
        expected = strict_json.loads(data)
    except strict_json.JsonRefused:
        return
    assert json.loads(data) == expected
