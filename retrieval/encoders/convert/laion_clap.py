"""Checkpoints of laion-clap, as it saves them: ``630k-audioset-best.pt`` and its kin."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from torch import Tensor

from retrieval.encoders.convert.draft import Draft, Request
from retrieval.encoders.convert.sources import read_json, tokenizer_files
from retrieval.encoders.errors import BundleError

_WRAPPED = "module."
# What the towers read. The rest belongs to training: transforms, scales, a classifier's mask.
_READ = ("audio_branch.", "audio_projection.", "text_branch.", "text_projection.")
_POSITIONS = ".position_ids"
_CONTEXT_LENGTH = 77  # laion_clap/hook.py
# Width of the first layer -> laion-clap's name for it (clap_module/htsat.py, create_htsat_model).
_HTSAT = {96: "HTSAT-tiny", 128: "HTSAT-base", 256: "HTSAT-large"}
_PATCHES = "audio_branch.patch_embed.proj.weight"
_FUSION = "audio_branch.patch_embed.fusion_model."
_KINDS = ("roberta", "bert", "bart")
_TRANSFORMERS_OWN = frozenset({"_name_or_path", "transformers_version", "architectures"})


def draft(request: Request, *, checkpoint: Path, weights: Path) -> Draft:
    """The bundle of a laion-clap checkpoint; ``weights`` is it as safetensors.

    Raises:
        BundleError: its audio network is not known, or the text branch's files are missing.
    """
    from safetensors.torch import load_file

    return built(request, read_tensors(load_file(weights)), checkpoint=checkpoint)


def built(
    request: Request,
    state: Mapping[str, Tensor],
    *,
    checkpoint: Path,
    audio_cfg: Mapping[str, Any] | None = None,
) -> Draft:
    """The bundle of tensors under laion-clap's names; ``audio_cfg`` where the source says it.

    Raises:
        BundleError: as ``draft``.
    """
    if "audio_projection.0.weight" not in state:
        raise BundleError("bad-weights", "The checkpoint lacks CLAP's audio projection.")
    dimension, width = state["audio_projection.0.weight"].shape
    config = _config(request, state, audio_cfg, width=int(width), dimension=int(dimension))
    rate = int(config["model_cfg"]["audio_cfg"]["sample_rate"])
    tower = {"library": "laion_clap", "weights": "model.safetensors"}
    towers = {"audio": {**tower, "config": config, "input": {"sample_rate": rate}}}
    files: dict[str, Path] = {}
    if any(name.startswith("text_branch.") for name in state):
        text, files = _text(request)
        towers["text"] = {**tower, "config": {**config, **text}, "input": {}}
    return Draft(
        dimension=int(dimension),
        towers=towers,
        tensors=state,
        checkpoint=checkpoint,
        files=files,
        notes=(
            f"Audio network: {config['model_cfg']['audio_cfg']['model_name']}.",
            f"Long sounds: {config.get('fusion_type', 'not fused')}.",
        ),
    )


def read_tensors(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """What the towers read of a checkpoint, without the names that training wrapped round it."""
    bare = {name.removeprefix(_WRAPPED): value for name, value in state.items()}
    return {
        name: value.clone().contiguous()
        for name, value in bare.items()
        if name.startswith(_READ) and not name.endswith(_POSITIONS)
    }


def architecture(name: str) -> dict[str, Any]:
    """laion-clap's own settings of an audio network it names, from its package's JSON.

    Raises:
        BundleError: it names none so.
    """
    spec = find_spec("laion_clap")
    if spec is None or spec.origin is None:
        raise BundleError("no-package", "The Python package laion_clap is not installed.")
    folder = Path(spec.origin).parent / "clap_module" / "model_configs"
    known = {path.stem for path in folder.glob("*.json") if path.stem.startswith(("HTSAT", "PANN"))}
    if name not in known:
        raise BundleError(
            "no-architecture", f"laion-clap has no audio network of that name, but {sorted(known)}."
        )
    return read_json(folder / f"{name}.json")


def _config(
    request: Request,
    state: Mapping[str, Tensor],
    audio_cfg: Mapping[str, Any] | None,
    *,
    width: int,
    dimension: int,
) -> dict[str, Any]:
    if request.config is not None:
        audio_cfg = read_json(request.config).get("audio_cfg")
    if audio_cfg is None:
        known = architecture(request.architecture or _architecture(state))
        audio_cfg = known["audio_cfg"]
    if not isinstance(audio_cfg, Mapping):
        raise BundleError("no-architecture", "The configuration lacks its audio_cfg.")
    fusion = _fusion(state)
    classes = state.get("audio_branch.tscam_conv.bias", state.get("audio_branch.fc_audioset.bias"))
    return {
        "model_cfg": {
            "embed_dim": width,
            "audio_cfg": {
                **audio_cfg,
                **({} if classes is None else {"class_num": len(classes)}),
            },
            "joint_embed_shape": dimension,
            "mlp_act": "relu",
        },
        "enable_fusion": fusion is not None,
        **({} if fusion is None else {"fusion_type": fusion}),
    }


def _architecture(state: Mapping[str, Tensor]) -> str:
    """The audio network by the shapes of its weights."""
    patches = state.get(_PATCHES)
    name = None if patches is None else _HTSAT.get(int(patches.shape[0]))
    if name is None:
        raise BundleError(
            "no-architecture",
            "The audio network is none that its shapes tell; name it: --architecture PANN-14.",
        )
    return name


def _fusion(state: Mapping[str, Tensor]) -> str | None:
    """laion-clap's name for how the checkpoint fuses long sounds; None where it does not."""
    if "audio_branch.patch_embed.mel_conv2d.weight" not in state:
        if any(".mel_conv1d." in name or ".fusion_model." in name for name in state):
            raise BundleError("fusion", "The checkpoint fuses in a way that is not known here.")
        return None
    parts = {name.removeprefix(_FUSION).split(".")[0] for name in state if _FUSION in name}
    if not parts:
        return "daf_2d"
    return "iaff_2d" if "local_att2" in parts else "aff_2d"


def _text(request: Request) -> tuple[dict[str, Any], dict[str, Path]]:
    folder = request.text or (request.source if request.source.is_dir() else None)
    if folder is None:
        raise BundleError(
            "no-tokenizer",
            "Name the folder with RoBERTa's config.json and tokenizer: --roberta FOLDER.",
        )
    config = read_json(folder / "config.json")
    if config.get("model_type") == "clap":
        config = {**config.get("text_config", {}), "model_type": "roberta"}
    kind = config.get("model_type")
    if kind not in _KINDS:
        raise BundleError("bad-config", "The text branch is none that laion-clap has.")
    kept = {key: value for key, value in config.items() if key not in _TRANSFORMERS_OWN}
    return (
        {
            "text_model": kind,
            "text_config": kept,
            "tokenizer": {"folder": "tokenizer", "context_length": _CONTEXT_LENGTH},
        },
        tokenizer_files(folder, under="tokenizer"),
    )
