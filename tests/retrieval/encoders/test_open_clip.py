"""Our towers of open_clip checkpoints answer bit by bit what open_clip itself answers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from retrieval.encoders.base import Encoder
from retrieval.encoders.bundle import BundleError, TowerSpec
from retrieval.encoders.registry import load_tower
from retrieval.encoders.torchvision_compat import declare_missing_operators
from tests.retrieval.encoders.conformance import EncoderConformance
from tests.retrieval.encoders.open_clip_small import ARCHITECTURES, DIMENSION, checkpoint

RNG = np.random.default_rng(3)
TEXTS = ["a dog in the snow", "", "Two people ride a bicycle!", "tax return " * 40, "the bear"]
IMAGES = [
    RNG.integers(0, 256, (*size, 3), dtype=np.uint8) for size in [(64, 64), (40, 90), (300, 200)]
]
# A third-party deprecation inside transformers', timm's or torch's own modules is not ours to mend.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")


class Made:
    """A checkpoint on disk, open_clip's own reading of it, and its description for our loader."""

    def __init__(self, folder: Path, name: str) -> None:
        declare_missing_operators()
        import open_clip

        self.folder = folder
        self.config = checkpoint(folder, name)
        self.dimension: int = self.config["model_cfg"]["embed_dim"]
        source = f"local-dir:{folder}"
        self.model, self.preprocess = open_clip.create_model_from_pretrained(source)
        self.model.eval()
        self.tokenizer = open_clip.get_tokenizer(source)

    def tower(self, modality: str, **changes: Any) -> Encoder:
        config = {**self.config, "tokenizer": {"folder": "tokenizer"}, "text_folder": "text"}
        return load_tower(self.folder, spec(modality, {**config, **changes}), self.dimension)


def spec(modality: str, config: dict[str, Any], **given: Any) -> TowerSpec:
    return TowerSpec(
        modality=modality,
        library="open_clip",
        weights="model.safetensors",
        package=None,
        package_files={},
        config=config,
        input=given,
    )


@pytest.fixture(scope="module", params=sorted(ARCHITECTURES))
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Made:
    return Made(tmp_path_factory.mktemp("open_clip") / request.param, request.param)


@pytest.fixture(scope="module")
def vit(tmp_path_factory: pytest.TempPathFactory) -> Made:
    return Made(tmp_path_factory.mktemp("vit") / "vit", "vit")


def test_pictures_are_what_open_clip_makes_of_them(made: Made) -> None:
    with torch.inference_mode():
        batch = torch.stack([made.preprocess(Image.fromarray(image)) for image in IMAGES])
        expected = made.model.encode_image(batch, normalize=True).numpy()
    vectors = made.tower("image").encode(IMAGES)
    assert np.abs(vectors[0] - vectors[1]).max() > 1e-3
    np.testing.assert_array_equal(vectors, expected)


def test_texts_are_what_open_clip_makes_of_them(made: Made) -> None:
    with torch.inference_mode():
        expected = made.model.encode_text(made.tokenizer(TEXTS), normalize=True).numpy()
    vectors = made.tower("text").encode(TEXTS)
    assert np.abs(vectors[0] - vectors[2]).max() > 1e-3
    np.testing.assert_array_equal(vectors, expected)


def test_where_texts_may_be_cut_the_cut_changes_nothing(made: Made) -> None:
    tower: Any = made.tower("text")
    ((_, (ids,)),) = tower.groups(TEXTS[:3])
    name = made.folder.name
    assert tower.module.cuttable == (name not in {"coca", "siglip"})
    if tower.module.cuttable:
        longest = int((ids != ids[1, -1]).sum(1).max())  # the empty text ends in padding
        assert longest < ids.shape[1]
        with torch.inference_mode():
            short = tower.module(ids[:, :longest])
            torch.testing.assert_close(short, tower.module(ids), atol=1e-6, rtol=0)


def test_each_tower_holds_its_own_half_only(made: Made) -> None:
    image: Any = made.tower("image")
    text: Any = made.tower("text")
    held = [sum(p.numel() for p in tower.module.parameters()) for tower in (image, text)]
    whole = sum(p.numel() for p in made.model.parameters())
    assert sum(held) <= whole
    assert {n.split(".")[0] for n, _ in image.module.named_parameters()} == {"visual"}


class TestImage(EncoderConformance):
    bad_items = ("text", np.zeros((4, 4, 3), np.float32), np.zeros((4, 4), np.uint8))

    @pytest.fixture
    def encoder(self, vit: Made) -> Encoder:
        return vit.tower("image")

    @pytest.fixture
    def items(self) -> list[Any]:
        return [*IMAGES, np.zeros((1, 1, 3), np.uint8)]


class TestText(EncoderConformance):
    @pytest.fixture
    def encoder(self, vit: Made) -> Encoder:
        return vit.tower("text")

    @pytest.fixture
    def items(self) -> Sequence[Any]:
        return TEXTS


def test_an_image_tower_alone_needs_no_text_half(tmp_path: Path) -> None:
    declare_missing_operators()
    import timm
    from safetensors.torch import save_file

    trunk = timm.create_model("mobilenetv4_conv_small", num_classes=DIMENSION, global_pool="avg")
    trunk.eval()
    state = {f"visual.trunk.{name}": value for name, value in trunk.state_dict().items()}
    save_file(state, str(tmp_path / "model.safetensors"))
    vision = {"timm_model_name": "mobilenetv4_conv_small", "timm_pool": "avg", "timm_proj": ""}
    config = {
        "model_cfg": {"embed_dim": DIMENSION, "vision_cfg": {**vision, "image_size": 64}},
        "preprocess_cfg": {"resize_mode": "squash", "interpolation": "bilinear"},
    }
    plain: Any = load_tower(tmp_path, spec("image", config), DIMENSION)
    mirrored = load_tower(tmp_path, spec("image", config, mirror=True), DIMENSION)
    with torch.inference_mode():
        pixels = plain.preprocess(Image.fromarray(IMAGES[0]))[None]
        one, other = (torch.nn.functional.normalize(trunk(p)) for p in (pixels, pixels.flip(3)))
        mean = torch.nn.functional.normalize(one + other).numpy()
    np.testing.assert_array_equal(plain.encode(IMAGES[:1]), one.numpy())
    np.testing.assert_array_equal(mirrored.encode(IMAGES[:1]), mean)
    np.testing.assert_allclose(
        mirrored.encode([np.ascontiguousarray(IMAGES[0][:, ::-1])]), mean, atol=1e-5
    )


def test_positions_are_resized_as_open_clip_resizes_them(vit: Made, tmp_path: Path) -> None:
    import json
    import shutil

    import open_clip

    folder = tmp_path / "larger"
    shutil.copytree(vit.folder, folder)
    config = json.loads((folder / "open_clip_config.json").read_text())
    config["model_cfg"]["vision_cfg"]["image_size"] = 64
    config["model_cfg"]["text_cfg"]["context_length"] = 20
    (folder / "open_clip_config.json").write_text(json.dumps(config))
    model, preprocess = open_clip.create_model_from_pretrained(f"local-dir:{folder}")
    model.eval()
    with torch.inference_mode():
        batch = torch.stack([preprocess(Image.fromarray(image)) for image in IMAGES])
        pictures = model.encode_image(batch, normalize=True).numpy()
        ids = open_clip.get_tokenizer(f"local-dir:{folder}")(TEXTS)
        texts = model.encode_text(ids, normalize=True).numpy()
    ours = [load_tower(folder, spec(word, config), DIMENSION) for word in ("image", "text")]
    np.testing.assert_array_equal(ours[0].encode(IMAGES), pictures)
    np.testing.assert_array_equal(ours[1].encode(TEXTS), texts)


def refusal(vit: Made, modality: str, **changes: Any) -> str:
    with pytest.raises(BundleError) as refused:
        vit.tower(modality, **changes)
    return refused.value.code


def test_what_does_not_fit_is_refused(vit: Made) -> None:
    cfg = vit.config["model_cfg"]
    wider = {**cfg, "vision_cfg": {**cfg["vision_cfg"], "width": 96}}
    assert refusal(vit, "image", model_cfg=wider) == "bad-weights"
    assert refusal(vit, "image", model_cfg={**cfg, "embed_dim": 25}) == "bad-dimension"
    assert refusal(vit, "image", model_cfg={"embed_dim": DIMENSION}) == "bad-tower"
    assert refusal(vit, "image", model_cfg={**cfg, "vision_cfg": {"layer": 3}}) == "bad-tower"
    assert refusal(vit, "depth") == "bad-tower"
    deeper = {**cfg, "text_cfg": {**cfg["text_cfg"], "layers": 3}}
    assert refusal(vit, "text", model_cfg=deeper) == "bad-weights"


@pytest.mark.parametrize("name", ["hf-hub:timm/vit", "local-dir:/etc", "../x", "a/b"])
def test_no_name_leads_out_of_the_bundle(vit: Made, name: str) -> None:
    cfg = vit.config["model_cfg"]
    vision = {**cfg, "vision_cfg": {"timm_model_name": name, "image_size": 32}}
    assert refusal(vit, "image", model_cfg=vision) == "bad-tower"
    text = {**cfg, "text_cfg": {"hf_model_name": "bert-base-uncased"}}
    assert refusal(vit, "text", model_cfg=text) == "bad-tower"
    assert refusal(vit, "text", model_cfg=text, tokenizer={"folder": name}) == "bad-tower"
    assert refusal(vit, "text", model_cfg=text, text_folder=name) == "bad-tower"


def test_code_named_by_a_configuration_is_refused(tmp_path: Path) -> None:
    made = Made(tmp_path / "code", "hugging-face-mean")
    config = made.folder / "text" / "config.json"
    config.write_text(config.read_text().replace("{", '{"auto_map": {"AutoModel": "x.Y"}, ', 1))
    assert refusal(made, "text") == "bad-tower"
    code = {**made.config["model_cfg"]["text_cfg"], "tokenizer_kwargs": {"trust_remote_code": True}}
    cfg = {**made.config["model_cfg"], "text_cfg": code}
    assert refusal(made, "text", model_cfg=cfg) == "bad-tower"
