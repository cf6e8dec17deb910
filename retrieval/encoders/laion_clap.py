"""Text and audio towers of laion-clap, from a local bundle: HTSAT and PANN, fused or not.

The networks are laion-clap's own; what stands here is what ``CLAP.get_audio_embedding`` and
``get_text_embedding`` (laion-clap 1.1.7, clap_module/model.py) do around them. The text branch is
built from the bundle's configuration, where laion-clap would fetch RoBERTa from a hub first.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final

import torch
from torch import Tensor, nn
from torch.nn import functional

from retrieval.encoders.base import Encoder, text_checked, wave_checked
from retrieval.encoders.bundle import BundleError, TowerSpec
from retrieval.encoders.clap_features import FusionFrontend, WaveFrontend, fitted, quantised
from retrieval.encoders.clap_module import audio_branch, audio_config
from retrieval.encoders.hugging_face import config_check, tokenizer_folder
from retrieval.encoders.torch_encoder import TorchEncoder
from retrieval.encoders.torchvision_compat import declare_missing_operators
from retrieval.encoders.weights import weights_load, weights_read

_CONTEXT_LENGTH: Final = 77  # hook.py
_JOINT: Final = 512  # joint_embed_shape's default in clap_module/model.py
_NONLINEAR: Final = {"relu": nn.ReLU, "gelu": nn.GELU}
# Frozen functions of audio_cfg, and a classifier that embeddings do not pass: files may lack them.
_FREE: Final = ("spectrogram_extractor.", "logmel_extractor.", "fc_audioset.")
# Only Cnn14 and HTSAT were moved to inputs by name, and to fusion (pann_model.py).
_BARE: Final = frozenset({"Cnn6", "Cnn10"})
_MELS_OF_LONG: Final = 4


class AudioTower(nn.Module):
    """Log-mel spectrograms (n, 1 or 4, frames, bands) to (n, d).

    Four mels a sound are fused; all sounds of one call have the same number.
    """

    def __init__(self, branch: Any, projection: nn.Module, *, config: SimpleNamespace) -> None:
        """``branch`` has lost its first two layers to a frontend."""
        super().__init__()
        self.branch = branch
        self.projection = projection
        self.fused = bool(branch.enable_fusion)
        self.bare = config.model_name in _BARE
        # Alone in a batch, a short sound counts as a long one for PANN, not for HTSAT; a sound's
        # embedding must not depend on its neighbours, so it does so always.
        self.always_long = config.model_type == "PANN"
        self.four = self.always_long or branch.fusion_type == "channel_map"

    def forward(self, mels: Tensor) -> Tensor:
        """Embeddings (n, d), L2-normalised."""
        inputs: Any = mels if self.bare else {"waveform": mels}
        if self.fused:
            long = self.always_long or mels.shape[1] == _MELS_OF_LONG
            if self.four and mels.shape[1] != _MELS_OF_LONG:
                mels = mels.expand(-1, _MELS_OF_LONG, -1, -1)
            longer = torch.full((len(mels), 1), long, dtype=torch.bool, device=mels.device)
            inputs = {"mel_fusion": mels, "longer": longer}
        heard = self.branch(inputs, device=mels.device)["embedding"]
        return functional.normalize(self.projection(heard), dim=-1)


class AudioEncoder(TorchEncoder):
    """Sounds of any length at the tower's sample rate; see ``clap_features`` for long ones."""

    def __init__(
        self, tower: AudioTower, *, dimension: int, frontend: nn.Module, clip_samples: int
    ) -> None:
        """``frontend`` makes spectrograms, in float32 on the CPU."""
        super().__init__(tower, modality="audio", dimension=dimension)
        self.frontend = frontend.eval()
        self.clip_samples = clip_samples

    def groups(self, items: Sequence[Any]) -> Iterator[tuple[list[int], tuple[Tensor, ...]]]:
        """Log-mels of all sounds together; of long ones apart where they are fused."""
        waves = [quantised(wave_checked(item)) for item in items]
        if not waves:
            return
        with torch.inference_mode():
            if isinstance(self.frontend, WaveFrontend):
                batch = torch.stack([fitted(wave, self.clip_samples) for wave in waves])
                yield list(range(len(waves))), (self.frontend(batch),)
                return
            mels = [self.frontend(wave) for wave in waves]
            for count in sorted({len(mel) for mel in mels}):
                rows = [row for row, mel in enumerate(mels) if len(mel) == count]
                yield rows, (torch.stack([mels[row] for row in rows]),)


class TextTower(nn.Module):
    """Token ids and attention mask, int64 (n, length), to (n, d); padding may be cut off."""

    def __init__(self, branch: Any, projection: nn.Module, *, kind: str) -> None:
        """``branch`` is a transformers model; ``kind`` is laion-clap's word for it."""
        super().__init__()
        self.branch = branch
        self.projection = projection
        self.kind = kind
        self.cuttable = kind != "bart"  # whose mean counts the padding

    def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
        """Embeddings (n, d), L2-normalised."""
        read = self.branch(input_ids=ids, attention_mask=mask)
        if self.kind == "bart":
            pooled = read["encoder_last_hidden_state"].mean(dim=1)
        else:
            pooled = read["pooler_output"]
        return functional.normalize(self.projection(pooled), dim=-1)


class TextEncoder(TorchEncoder):
    """Texts; what lies behind the context length is not read."""

    def __init__(self, tower: TextTower, *, dimension: int, tokenizer: Any, length: int) -> None:
        """``tokenizer`` is of transformers; texts are padded to ``length`` tokens."""
        super().__init__(tower, modality="text", dimension=dimension)
        self.tokenizer = tokenizer
        self.length = length

    def groups(self, items: Sequence[Any]) -> Iterator[tuple[list[int], tuple[Tensor, ...]]]:
        """All texts together: ids and attention mask, int64 (n, length)."""
        texts = [text_checked(item) for item in items]
        if texts:
            read = self.tokenizer(
                texts,
                padding="max_length",
                truncation=True,
                max_length=self.length,
                return_tensors="pt",
            )
            yield list(range(len(texts))), (read["input_ids"], read["attention_mask"])


def load(folder: Path, spec: TowerSpec, dimension: int) -> Encoder:
    """The text or audio tower that ``spec`` describes; only that half is read from the checkpoint.

    Raises:
        BundleError: the description names something that is not in the bundle or not known, the
            weights do not fit, or the modality is another one.
    """
    declare_missing_operators()
    model_cfg = spec.config.get("model_cfg")
    if not isinstance(model_cfg, Mapping) or spec.weights is None:
        raise BundleError("bad-tower", "A laion-clap tower lacks its model_cfg or its weights.")
    if model_cfg.get("joint_embed_shape", _JOINT) != dimension:
        raise BundleError("bad-dimension", "A laion-clap tower's dimension is another one.")
    if spec.modality == "audio":
        return _audio(folder / spec.weights, spec.config, model_cfg, dimension)
    if spec.modality == "text":
        return _text(folder, spec, model_cfg, dimension)
    raise BundleError("bad-tower", "A laion-clap tower embeds texts or sounds.")


def _audio(
    path: Path, config: Mapping[str, Any], model_cfg: Mapping[str, Any], dimension: int
) -> AudioEncoder:
    cfg = audio_config(model_cfg.get("audio_cfg", {}))
    fused = bool(config.get("enable_fusion", False))
    if fused and cfg.model_name in _BARE:
        raise BundleError("bad-tower", "laion-clap fuses sounds in HTSAT and Cnn14 only.")
    fusion = str(config.get("fusion_type", "aff_2d")) if fused else "None"
    branch = audio_branch(cfg, enable_fusion=fused, fusion_type=fusion)
    projection = _projection(int(model_cfg["embed_dim"]), model_cfg, dimension)
    _half_load(path, {"audio_branch.": branch, "audio_projection.": projection})
    frontend = FusionFrontend(cfg) if fused else WaveFrontend(branch)
    if fused:  # the fused networks get their mels from outside
        branch.spectrogram_extractor, branch.logmel_extractor = nn.Identity(), nn.Identity()
    return AudioEncoder(
        AudioTower(branch, projection, config=cfg),
        dimension=dimension,
        frontend=frontend,
        clip_samples=cfg.clip_samples,
    )


def _text(
    folder: Path, spec: TowerSpec, model_cfg: Mapping[str, Any], dimension: int
) -> TextEncoder:
    from transformers import (
        AutoTokenizer,
        BartConfig,
        BartModel,
        BertConfig,
        BertModel,
        RobertaConfig,
        RobertaModel,
    )

    kinds: dict[str, tuple[Any, Any]] = {
        "roberta": (RobertaConfig, RobertaModel),
        "bert": (BertConfig, BertModel),
        "bart": (BartConfig, BartModel),
    }
    kind = str(spec.config.get("text_model", "roberta"))
    given = spec.config.get("text_config")
    config_check(given)
    if kind not in kinds or not isinstance(given, Mapping) or given["model_type"] != kind:
        raise BundleError("bad-tower", "A laion-clap text tower is roberta, bert or bart.")
    tokenizer = spec.config.get("tokenizer")
    place = tokenizer_folder(folder, tokenizer)
    make_config, make_model = kinds[kind]
    branch = make_model(make_config.from_dict(dict(given)))
    projection = _projection(branch.config.hidden_size, model_cfg, dimension)
    path = folder / str(spec.weights)
    _half_load(path, {"text_branch.": branch, "text_projection.": projection})
    length = tokenizer.get("context_length", _CONTEXT_LENGTH) if tokenizer else _CONTEXT_LENGTH
    return TextEncoder(
        TextTower(branch, projection, kind=kind),
        dimension=dimension,
        tokenizer=AutoTokenizer.from_pretrained(
            place, local_files_only=True, trust_remote_code=False
        ),
        length=int(length),
    )


def _projection(width: int, model_cfg: Mapping[str, Any], dimension: int) -> nn.Module:
    act = _NONLINEAR.get(str(model_cfg.get("mlp_act", "relu")))
    if act is None:
        raise BundleError("bad-tower", "A laion-clap tower's mlp_act is relu or gelu.")
    return nn.Sequential(nn.Linear(width, dimension), act(), nn.Linear(dimension, dimension))


def _behind(prefix: str, name: str) -> str | None:
    return name.removeprefix(prefix) if name.startswith(prefix) else None


def _half_load(path: Path, parts: Mapping[str, nn.Module]) -> None:
    """Loads every part from the names under its prefix; ``_FREE`` ones keep what they were made."""
    for prefix, part in parts.items():
        state = weights_read(path, partial(_behind, prefix))
        for name, value in part.state_dict().items():
            if name.startswith(_FREE):
                state.setdefault(name, value)
        weights_load(part, state)
