"""What lies in the file or folder that is to be converted."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from retrieval.encoders import strict_json
from retrieval.encoders.convert.checkpoint import as_safetensors
from retrieval.encoders.convert.draft import Request
from retrieval.encoders.errors import BundleError
from retrieval.encoders.safetensors_form import safetensors_check

OPEN_CLIP: Final = "open_clip"
LAION_CLAP: Final = "laion_clap"
SENTENCE: Final = "sentence_transformers"
HF_CLIP: Final = "transformers CLIPModel"
HF_CLAP: Final = "transformers ClapModel"

OPEN_CLIP_CONFIG: Final = "open_clip_config.json"
# The names under which the hub's snapshots keep weights, safetensors first. Some folders hold both
# layouts: open_clip's only counts where its configuration lies beside.
_OPEN_CLIP_CHECKPOINTS: Final = (
    "open_clip_model.safetensors",
    "open_clip_pytorch_model.safetensors",
    "open_clip_pytorch_model.bin",
)
_CHECKPOINTS: Final = ("model.safetensors", "pytorch_model.bin")
TOKENIZER_FILES: Final = (
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.json",
    "vocab.txt",
    "merges.txt",
    "config.json",  # from which transformers takes the tokenizer's class where nothing else says it
)
_VOCABULARIES: Final = (("tokenizer.json",), ("vocab.txt",), ("vocab.json", "merges.txt"))
_WRAPPED: Final = "module."


def kind_of(request: Request, checkpoint: Path) -> str:
    """Which of the kinds above; ``checkpoint`` is the safetensors file of the source.

    Raises:
        BundleError: none of them.
    """
    if request.library in {OPEN_CLIP, LAION_CLAP, SENTENCE}:
        return str(request.library)
    names = {name.removeprefix(_WRAPPED) for name in safetensors_check(checkpoint)}
    if request.source.is_dir():
        if (request.source / OPEN_CLIP_CONFIG).is_file():
            return OPEN_CLIP
        if (request.source / "modules.json").is_file():
            return SENTENCE
        kind = read_json(request.source / "config.json").get("model_type")
        if kind in {"clip", "clap"}:
            return HF_CLIP if kind == "clip" else HF_CLAP
    if any(name.startswith("audio_branch.") for name in names):
        return LAION_CLAP
    if any(name.startswith(("visual.", "image_encoder.")) for name in names):
        return OPEN_CLIP
    if any(name.startswith(("vision_model.", "audio_model.")) for name in names):
        raise BundleError(
            "not-a-folder", "The weights are in transformers' layout; name their folder instead."
        )
    raise BundleError(
        "unknown-source", "That is no OpenCLIP, CLIP, CLAP or sentence-transformers model."
    )


def checkpoint_of(source: Path, into: Path) -> tuple[Path, Path]:
    """The checkpoint of a file or folder as it came, and as safetensors.

    Raises:
        BundleError: there is none, or it cannot be read safely.
    """
    if source.is_file():
        return source, as_safetensors(source, into)
    if not source.is_dir():
        raise BundleError("no-source", "There is no such file or folder.")
    own = _OPEN_CLIP_CHECKPOINTS if (source / OPEN_CLIP_CONFIG).is_file() else ()
    for name in (*own, *_CHECKPOINTS):
        if (source / name).is_file():
            return source / name, as_safetensors(source / name, into)
    raise BundleError(
        "no-checkpoint",
        f"The folder holds no checkpoint under a usual name, such as {_CHECKPOINTS[0]}.",
    )


def read_json(path: Path) -> dict[str, Any]:
    """The object in a JSON file, read within limits.

    Raises:
        BundleError: there is no such file, or it holds something else.
    """
    try:
        found = strict_json.loads(path.read_bytes())
    except OSError:
        raise BundleError("no-config", f"There is no {path.name} to read.") from None
    except strict_json.JsonRefused as error:
        raise BundleError("bad-json", f"{path.name} cannot be used: {error}.") from None
    if not isinstance(found, dict):
        raise BundleError("bad-json", f"{path.name} is not an object.")
    return found


def tokenizer_files(folder: Path, *, under: str) -> dict[str, Path]:
    """A tokenizer's files in a folder, by their names in the bundle, below ``under``.

    Raises:
        BundleError: there is no tokenizer that needs neither code nor SentencePiece's own format.
    """
    found = {name: folder / name for name in TOKENIZER_FILES if (folder / name).is_file()}
    if not any(all(name in found for name in names) for names in _VOCABULARIES):
        raise BundleError(
            "no-tokenizer",
            f"The folder {folder.name} holds no tokenizer: tokenizer.json, vocab.txt, or "
            "vocab.json with merges.txt.",
        )
    return {f"{under}/{name}": path for name, path in found.items()}
