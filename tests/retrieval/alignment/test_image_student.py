"""The image student is the tower that open_clip builds, and nothing else ships of it."""

from __future__ import annotations

import numpy as np
import torch
from PIL import Image
from safetensors.torch import save_file

from retrieval.alignment.image_student import MEAN, STD, ImageStudent
from retrieval.encoders.bundle import TowerSpec
from retrieval.encoders.registry import load_tower

CFG = {
    "timm_model_name": "mobilenetv4_conv_small",
    "timm_pool": "avg",
    "timm_proj": "",
    "image_size": 64,
}


def test_maps_pool_and_head_are_the_whole_tower() -> None:
    torch.manual_seed(0)
    student = ImageStudent(CFG, dimension=8).eval()
    pixels = torch.rand(2, 3, 64, 64)
    with torch.no_grad():
        maps = student.features(pixels)
        steps = student.head(student.pooled(maps[-1]))
        assert torch.allclose(steps, student(pixels), atol=1e-5)
    assert [m.shape[2] for m in maps] == [8, 4, 2]
    assert student.channels() == [m.shape[1] for m in maps]
    assert not {"mean", "std"} & set(student.state_dict())


def test_what_ships_loads_as_an_open_clip_tower(tmp_path) -> None:
    torch.manual_seed(0)
    student = ImageStudent(CFG, dimension=8).eval()
    save_file(student.state_dict(), tmp_path / "image.safetensors")
    spec = TowerSpec(
        modality="image",
        library="open_clip",
        weights="image.safetensors",
        package=None,
        package_files={},
        config={
            "model_cfg": {"embed_dim": 8, "vision_cfg": CFG},
            "preprocess_cfg": {
                "mean": list(MEAN),
                "std": list(STD),
                "interpolation": "bilinear",
                "resize_mode": "squash",
            },
        },
        input={"longest_side": 320, "mirror": True},
    )
    image = np.random.default_rng(0).integers(0, 256, (90, 120, 3), dtype=np.uint8)
    small = Image.fromarray(image).resize((64, 64), Image.Resampling.BILINEAR)
    pixels = torch.from_numpy(np.array(small)).permute(2, 0, 1)[None].float() / 255
    with torch.no_grad():
        one, other = (
            torch.nn.functional.normalize(student(p), dim=1) for p in (pixels, pixels.flip(3))
        )
    wanted = torch.nn.functional.normalize(one + other, dim=1).numpy()
    found = load_tower(tmp_path, spec, 8).encode([image])
    assert np.allclose(found, wanted, atol=1e-5)
