"""Random checkpoints of laion-clap's own architectures, and laion-clap's own way to use them."""

from __future__ import annotations

import ast
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import numpy as np
import torch
from safetensors.torch import save_file

from retrieval.encoders.clap_module import clap_module

RATE = 48_000
TEXT_CFG = {"context_length": 77, "vocab_size": 40, "width": 8, "heads": 2, "layers": 1}
# laion-clap's projection of texts is 768 wide, so that stays.
ROBERTA = {
    "model_type": "roberta",
    "vocab_size": 40,
    "hidden_size": 768,
    "num_hidden_layers": 1,
    "num_attention_heads": 4,
    "intermediate_size": 32,
    "max_position_embeddings": 90,
    "pad_token_id": 1,
    "type_vocab_size": 1,
}
AUDIO = {"mel_bins": 64, "sample_rate": RATE, "window_size": 1024, "hop_size": 480}
AUDIO |= {"fmin": 50, "fmax": 14000, "class_num": 5, "audio_length": 1024}
# HTSAT hears 10 s as CLAP does; the wide PANNs 2 s, which is quicker.
CLIP = {"HTSAT": 480_000, "PANN": 96_000}
WIDTHS = {"tiny": 768, "base": 1024, "Cnn6": 512, "Cnn10": 1024, "Cnn14": 2048}


def model_cfg(network: str) -> dict[str, Any]:
    kind = "PANN" if network.startswith("Cnn") else "HTSAT"
    audio = {**AUDIO, "model_type": kind, "model_name": network, "clip_samples": CLIP[kind]}
    return {"embed_dim": WIDTHS[network], "audio_cfg": audio, "text_cfg": TEXT_CFG}


def clap(network: str, *, fusion: str | None = None) -> Any:
    """laion-clap's ``CLAP`` with random weights; its RoBERTa is small and comes from no hub."""
    torch.manual_seed(5)
    module = clap_module("model")
    from transformers import RobertaConfig

    cfg = model_cfg(network)
    small = module.RobertaModel(RobertaConfig.from_dict(ROBERTA))
    with patch.object(module.RobertaModel, "from_pretrained", lambda _: small):
        model = module.CLAP(
            embed_dim=cfg["embed_dim"],
            audio_cfg=cfg["audio_cfg"],
            text_cfg={**TEXT_CFG, "model_type": "roberta"},
            enable_fusion=fusion is not None,
            fusion_type=fusion or "None",
        )
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim == 1:
                parameter.add_(torch.randn_like(parameter) * 0.05)
    statistics_settle(model.eval(), fused=fusion is not None)
    return model.eval()


def statistics_settle(model: Any, *, fused: bool) -> None:
    """Lets batch normalisation see spectra once, or random networks answer the same to all."""
    norms = [m for m in model.modules() if isinstance(m, torch.nn.modules.batchnorm._BatchNorm)]
    for norm in norms:
        norm.train()
        norm.momentum = 1.0
    cfg = model.audio_cfg
    waves = torch.randn(3, cfg.clip_samples) * torch.linspace(0, 0.2, cfg.clip_samples)
    mels = torch.randn(3, 4, cfg.clip_samples // cfg.hop_size + 1, 64).cumsum(3) - 40
    inputs: Any = {"waveform": waves}
    if fused:
        inputs = {"mel_fusion": mels, "longer": torch.ones(3, 1, dtype=torch.bool)}
    elif cfg.model_name in {"Cnn6", "Cnn10"}:
        inputs = waves
    with torch.no_grad():
        model.audio_branch(inputs, device=waves.device)
    model.eval()


def checkpoint_save(model: Any, path: Path) -> None:
    """As laion-clap's training saves it: every name behind ``module.``, with position ids."""
    state = {f"module.{key}": value.contiguous() for key, value in model.state_dict().items()}
    state["module.text_branch.embeddings.position_ids"] = torch.arange(90)[None]
    save_file(state, str(path))


class Middle:
    """numpy, with the middle wherever laion-clap asks for chance."""

    random = SimpleNamespace(
        choice=lambda values: values[len(values) // 2], randint=lambda _, high: (high - 1) // 2
    )

    def __getattr__(self, name: str) -> Any:
        return getattr(np, name)


def own_features() -> dict[str, Any]:
    """``get_audio_features`` and its kin out of laion-clap's training/data.py.

    The module itself fetches tokenizers at import, so the functions are taken from its source;
    torchaudio, which they use and the appliance has not, is librosa's equivalent that they name.
    """
    source = Path(clap_module("htsat").__file__ or "").parent.parent / "training" / "data.py"
    wanted = {"get_mel", "get_audio_features", "int16_to_float32", "float32_to_int16"}
    tree = ast.parse(source.read_text())
    tree.body = [n for n in tree.body if isinstance(n, ast.FunctionDef) and n.name in wanted]
    import torchvision

    found: dict[str, Any] = {
        "np": Middle(),
        "torch": torch,
        "F": torch.nn.functional,
        "suppress": suppress,
        "torchvision": torchvision,
        "torchaudio": SimpleNamespace(
            transforms=SimpleNamespace(
                MelSpectrogram=MelByLibrosa, AmplitudeToDB=lambda **_: in_decibels
            )
        ),
    }
    exec(compile(tree, str(source), "exec"), found)  # noqa: S102 laion-clap's own functions
    assert wanted <= found.keys()
    return found


class MelByLibrosa:
    """torchaudio's MelSpectrogram: laion-clap's source says how librosa gives the same."""

    def __init__(self, *, norm: None, onesided: bool, power: float, **words: Any) -> None:
        self.words = words

    def to(self, device: Any) -> MelByLibrosa:
        return self

    def __call__(self, wave: torch.Tensor) -> torch.Tensor:
        import librosa

        words = dict(self.words)
        limits = {"fmin": words.pop("f_min"), "fmax": words.pop("f_max")}
        mel = librosa.feature.melspectrogram(
            y=wave.numpy(), sr=words.pop("sample_rate"), norm=None, htk=True, **words, **limits
        )
        return torch.from_numpy(mel)


def in_decibels(power: torch.Tensor) -> torch.Tensor:
    return 10.0 * torch.log10(power.clamp(min=1e-10))


def own_audio_embedding(model: Any, waves: list[Any], *, fused: bool) -> np.ndarray[Any, Any]:
    """``CLAP_Module.get_audio_embedding_from_data`` (hook.py), line by line."""
    own, audio_input = own_features(), []
    for wave in waves:
        heard = own["int16_to_float32"](own["float32_to_int16"](wave))
        audio_input.append(
            own["get_audio_features"](
                {},
                torch.from_numpy(heard).float(),
                model.audio_cfg.clip_samples,
                data_truncating="fusion" if fused else "rand_trunc",
                data_filling="repeatpad",
                audio_cfg=AUDIO,
                require_grad=False,
            )
        )
    with torch.no_grad():
        return model.get_audio_embedding(audio_input).numpy()
