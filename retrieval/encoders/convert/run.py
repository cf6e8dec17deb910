"""Conversions run in a process of their own, which may be as large as the model."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from retrieval.encoders.convert import sources
from retrieval.encoders.convert.draft import Draft, Request
from retrieval.encoders.convert.sources import checkpoint_of, kind_of
from retrieval.encoders.errors import BundleError
from retrieval.encoders.manifest import Manifest

_ROOT = Path(__file__).resolve().parents[3]
_PATHS = ("source", "out", "card", "config", "text")
_ENVIRONMENT = {
    "HOME": "/nonexistent",
    "HF_HUB_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "TOKENIZERS_PARALLELISM": "false",
    "LANG": "C.UTF-8",
    "PYTHONDONTWRITEBYTECODE": "1",
}


def convert(request: Request) -> Manifest:
    """The manifest of the bundle made of ``request.source``, which lies in ``request.out``.

    Raises:
        BundleError: it cannot be converted; the reason says why.
    """
    from retrieval.encoders.convert.write import bundle_write

    with tempfile.TemporaryDirectory(
        prefix=".vitrine-convert-", dir=_existing(request.out)
    ) as folder:
        work = Path(folder)
        checkpoint, weights = checkpoint_of(request.source, work / "checkpoint.safetensors")
        kind = kind_of(request, weights)
        return bundle_write(request, _draft(kind, request, checkpoint, weights, work))


def _draft(kind: str, request: Request, checkpoint: Path, weights: Path, work: Path) -> Draft:
    if kind == sources.OPEN_CLIP:
        from retrieval.encoders.convert import open_clip

        return open_clip.draft(request, checkpoint=checkpoint, weights=weights)
    if kind == sources.HF_CLIP:
        from retrieval.encoders.convert import hf_clip

        return hf_clip.draft(request, checkpoint=checkpoint, weights=weights, work=work)
    if kind == sources.LAION_CLAP:
        from retrieval.encoders.convert import laion_clap

        return laion_clap.draft(request, checkpoint=checkpoint, weights=weights)
    if kind == sources.HF_CLAP:
        from retrieval.encoders.convert import hf_clap

        return hf_clap.draft(request, checkpoint=checkpoint, weights=weights)
    from retrieval.encoders.convert import sentence

    return sentence.draft(request, checkpoint=checkpoint, weights=weights)


def convert_in_child(request: Request) -> None:
    """``convert`` in a process of its own, without this one's environment.

    Raises:
        BundleError: it cannot be converted; the reason says why.
    """
    asked = {key: _plain(getattr(request, key)) for key in request.__dataclass_fields__}
    done = subprocess.run(
        [sys.executable, "-m", "retrieval.encoders.convert"],
        cwd=_ROOT,
        env=_ENVIRONMENT,
        input=json.dumps(asked).encode(),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,  # libraries print what they read
        check=False,
    )
    try:
        answer = json.loads(done.stdout)
        code, reason = str(answer["code"]), str(answer["reason"])
    except (ValueError, KeyError, TypeError):
        raise BundleError(
            "crashed", "The conversion ended before its time; memory may be short."
        ) from None
    if code:
        raise BundleError(code, reason)


def request_from(asked: dict[str, Any]) -> Request:
    """The request that ``convert_in_child`` wrote down."""
    paths = {key: Path(asked[key]) for key in _PATHS if asked[key] is not None}
    return Request(**{**asked, **paths})


def _plain(value: Any) -> Any:
    return str(value.resolve()) if isinstance(value, Path) else value


def _existing(out: Path) -> Path:
    """The folder the bundle will lie in: its disk must have room, so the work is done there."""
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BundleError("bad-out", f"{out.parent} cannot be made: {error.strerror}.") from None
    return out.parent
