"""Bundles made of OpenCLIP and CLIP checkpoints answer what the original libraries answer."""

from __future__ import annotations

import json
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

from retrieval.encoders.bundle import manifest_read
from retrieval.encoders.convert import open_clip as conversion
from retrieval.encoders.convert.draft import Request
from retrieval.encoders.convert.run import convert
from retrieval.encoders.errors import BundleError
from retrieval.encoders.registry import load_bundle
from retrieval.encoders.torchvision_compat import declare_missing_operators
from tests.retrieval.encoders.open_clip_small import checkpoint, tokenizer_save

TEXTS = ["a dog in the snow", "Two people ride a bicycle!", "tax return " * 40]
IMAGES = [
    np.random.default_rng(3).integers(0, 256, (*size, 3), dtype=np.uint8)
    for size in [(64, 64), (40, 90)]
]
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")


def asked(source: Path, out: Path, **more: Any) -> Request:
    words = {"name": "small", "version": "1", "space": "small", "licence": "MIT", **more}
    return Request(source=source, out=out, **words)


def original(folder: Path) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """What open_clip makes of the texts and pictures, from its own kind of folder."""
    import open_clip

    source = f"local-dir:{folder}"
    model, preprocess = open_clip.create_model_from_pretrained(source)
    tokenizer = open_clip.get_tokenizer(source)
    with torch.inference_mode():
        batch = torch.stack([preprocess(Image.fromarray(image)) for image in IMAGES])
        return (
            model.eval().encode_text(tokenizer(TEXTS), normalize=True).numpy(),
            model.encode_image(batch, normalize=True).numpy(),
        )


@pytest.mark.parametrize("name", ["vit-quick-gelu", "coca", "siglip", "hugging-face-mean"])
def test_a_snapshot_folder_of_open_clip(tmp_path: Path, name: str) -> None:
    declare_missing_operators()
    source = tmp_path / "snapshot"
    checkpoint(source, name)
    more: dict[str, Any] = {}
    if name == "hugging-face-mean":
        tokenizer_save(source / "text")
        more["text"] = source / "text"
    convert(asked(source, tmp_path / "bundle", **more))
    text, image = original(source)
    towers = load_bundle(tmp_path / "bundle").towers
    np.testing.assert_array_equal(towers["text"].encode(TEXTS), text)
    np.testing.assert_array_equal(towers["image"].encode(IMAGES), image)


def test_a_training_checkpoint_keeps_its_sixteen_bits_and_loses_its_wrapping(
    tmp_path: Path,
) -> None:
    declare_missing_operators()
    source = tmp_path / "snapshot"
    config = checkpoint(source, "vit")
    state = {name: value.half() for name, value in load_file(source / "model.safetensors").items()}
    wrapped = OrderedDict((f"module.{name}", value) for name, value in state.items())
    file = tmp_path / "epoch_32.pt"
    torch.save({"epoch": 32, "name": "run", "state_dict": wrapped, "optimizer": {"lr": 0.1}}, file)
    (tmp_path / "vit.json").write_text(json.dumps(config["model_cfg"]))
    manifest = convert(asked(file, tmp_path / "bundle", config=tmp_path / "vit.json"))
    assert manifest.dimension == config["model_cfg"]["embed_dim"]
    assert set(manifest.towers) == {"text", "image"}
    kept = load_file(tmp_path / "bundle" / "model.safetensors")
    assert {value.dtype for value in kept.values()} == {torch.float16}
    from safetensors.torch import save_file

    save_file({name: value.float() for name, value in state.items()}, source / "model.safetensors")
    text, image = original(source)
    towers = load_bundle(tmp_path / "bundle").towers
    np.testing.assert_array_equal(towers["text"].encode(TEXTS), text)
    np.testing.assert_array_equal(towers["image"].encode(IMAGES), image)
    card = (tmp_path / "bundle" / "MODEL_CARD.md").read_text()
    assert "epoch_32.pt" in card
    assert "MIT" in card


def test_the_name_of_the_weights_says_how_pictures_are_prepared(tmp_path: Path) -> None:
    request = asked(tmp_path, tmp_path / "out", architecture="ViT-B-16-SigLIP", tag="webli")
    model_cfg, preprocess_cfg = conversion._config(request)
    assert model_cfg["vision_cfg"]["timm_model_name"] == "vit_base_patch16_siglip_224"
    assert preprocess_cfg["mean"] == [0.5, 0.5, 0.5]
    assert preprocess_cfg["resize_mode"] == "squash"
    with pytest.raises(BundleError, match="other GELU"):
        conversion._config(asked(tmp_path, tmp_path, architecture="ViT-B-32", tag="openai"))
    with pytest.raises(BundleError, match="no architecture"):
        conversion._config(asked(tmp_path, tmp_path, architecture="ViT-B-33"))
    with pytest.raises(BundleError, match="Name the architecture"):
        conversion._config(asked(tmp_path, tmp_path))


def test_a_folder_of_transformers_clip(tmp_path: Path) -> None:
    declare_missing_operators()
    from transformers import CLIPConfig, CLIPModel

    half = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2}
    heads = {"num_attention_heads": 2}
    config = CLIPConfig(
        text_config={**half, **heads, "max_position_embeddings": 77},
        vision_config={**half, **heads, "image_size": 32, "patch_size": 16},
        projection_dim=24,
    )
    torch.manual_seed(2)
    model = CLIPModel(config).eval()
    source = tmp_path / "clip"
    model.save_pretrained(source)
    (source / "README.md").write_text(
        "---\ntags: [x]\nlicense: mit\n---\n# CLIP\nTrained on pairs.\n"
    )
    convert(asked(source, tmp_path / "bundle", licence=""))
    assert manifest_read(tmp_path / "bundle").licence == "mit"
    assert "Trained on pairs." in (tmp_path / "bundle" / "MODEL_CARD.md").read_text()
    towers: dict[str, Any] = load_bundle(tmp_path / "bundle").towers
    for modality, items in (("image", IMAGES), ("text", TEXTS)):
        [(_, (inputs,))] = towers[modality].groups(items)
        with torch.inference_mode():
            if modality == "image":
                theirs = model.get_image_features(pixel_values=inputs)
            else:
                theirs = model.get_text_features(input_ids=inputs)
        pooled = getattr(theirs, "pooler_output", theirs)
        expected = torch.nn.functional.normalize(pooled, dim=-1).numpy()
        np.testing.assert_allclose(towers[modality].encode(items), expected, atol=2e-6)
