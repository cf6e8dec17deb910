"""A draft written as a bundle: weights, settings, tokenizer, model card, manifest; then tried."""

from __future__ import annotations

import json
import re
import shutil
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from retrieval.encoders.bundle import FORMAT, file_sha256, manifest_read
from retrieval.encoders.contents import contents_check
from retrieval.encoders.convert.draft import Draft, Request
from retrieval.encoders.convert.sources import read_json
from retrieval.encoders.errors import BundleError
from retrieval.encoders.manifest import Manifest
from retrieval.encoders.no_code import settings_check
from retrieval.encoders.probe import probe, probe_item

_CARD = "MODEL_CARD.md"
_LICENCE = re.compile(r"\A---\n(?:.*\n)*?license:\s*['\"]?([A-Za-z0-9][\w .-]{0,60})['\"]?\s*\n")
# Where the person who saved a file kept it: nothing reads it, and it says too much.
_SAID_BY_SAVER = frozenset({"_name_or_path", "name_or_path"})
_LIBRARIES = ("torch", "open_clip_torch", "laion-clap", "transformers", "sentence-transformers")
_NEAR = 0.9999


def bundle_write(request: Request, draft: Draft) -> Manifest:
    """The manifest of the bundle, which lies in ``request.out`` once it has proved itself.

    Raises:
        BundleError: the folder exists, no licence is said, or the bundle does not answer as it
            should.
    """
    if request.out.exists():
        raise BundleError("exists", f"{request.out} exists and is not overwritten.")
    part = request.out.with_name(f".{request.out.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(mode=0o700, parents=True)
    try:
        _fill(part, request, draft)
        manifest = manifest_read(part)
        contents_check(part, manifest)
        probe(part)
        _compare(part, manifest, draft)
        part.rename(request.out)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return manifest


def _fill(part: Path, request: Request, draft: Draft) -> None:
    from safetensors.torch import save_file

    weights = {str(tower["weights"]) for tower in draft.towers.values()}
    for name in weights:
        (part / name).parent.mkdir(parents=True, exist_ok=True)
        save_file(dict(draft.tensors), part / name, metadata={"format": "pt"})
    for name, source in draft.files.items():
        target = part / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if name.endswith("config.json"):
            target.write_text(json.dumps(_bare(read_json(source)), indent=1, ensure_ascii=False))
        else:
            shutil.copyfile(source, target)
    licence = request.licence or _licence(request.source)
    (part / _CARD).write_text(_card(request, draft, licence), encoding="utf-8")
    manifest = {
        "format": FORMAT,
        "name": request.name,
        "version": request.version,
        "space": request.space,
        "dimension": draft.dimension,
        "licence": licence,
        "model_card": _CARD,
        "towers": _bare(draft.towers),
        "files": {
            path.relative_to(part).as_posix(): file_sha256(path)
            for path in sorted(part.rglob("*"))
            if path.is_file()
        },
    }
    (part / "manifest.json").write_text(json.dumps(manifest, indent=1) + "\n")


def _bare(settings: Any) -> Any:
    """Settings without what their saver said of himself; those that lead to code are refused."""
    settings_check(settings)
    if isinstance(settings, dict):
        kept = settings.keys() - _SAID_BY_SAVER
        return {key: _bare(value) for key, value in settings.items() if key in kept}
    if isinstance(settings, list):
        return [_bare(value) for value in settings]
    return settings


def _compare(part: Path, manifest: Manifest, draft: Draft) -> None:
    """Nothing, if the towers answer what the library the weights are from answers."""
    if draft.original is None:
        return
    import torch

    from retrieval.encoders.registry import load_tower

    for spec in manifest.towers.values():
        encoder: Any = load_tower(part, spec, manifest.dimension)
        for _, inputs in encoder.groups([probe_item(spec)]):
            with torch.inference_mode():
                ours, theirs = encoder.module(*inputs), draft.original(encoder, inputs)
            if not float((ours.float() * theirs.float()).sum(dim=-1).min()) > _NEAR:
                raise BundleError(
                    "unlike", f"The {spec.modality} tower does not answer as its library does."
                )


def _licence(source: Path) -> str:
    card = source / "README.md"
    text = card.read_text(encoding="utf-8", errors="replace") if card.is_file() else ""
    found = _LICENCE.match(text)
    if found is None:
        raise BundleError("no-licence", "Say the weights' licence: --licence MIT.")
    return found[1].strip()


def _card(request: Request, draft: Draft, licence: str) -> str:
    towers = ", ".join(sorted(draft.towers))
    own = request.card
    if own is None and request.source.is_dir() and (request.source / "README.md").is_file():
        own = request.source / "README.md"
    lines = [
        f"# {request.name}@{request.version}",
        "",
        f"Towers: {towers}. Dimensions: {draft.dimension}. Space: {request.space}.",
        f"Licence: {licence}.",
        "",
        f"Converted by `manage.py models convert` from `{draft.checkpoint.name}`, SHA-256",
        f"`{file_sha256(draft.checkpoint)}`.",
        *draft.notes,
        f"Libraries: {', '.join(_versions())}.",
        "",
        "The weights are the original ones under the original terms; nothing was trained here.",
        "What they were trained on, how good they are and what they must not be used for stands",
        "below, as far as their makers say it. Measure them on your own data before anybody relies",
        "on them: `manage.py evaluate --model`.",
        "",
    ]
    if own is None:
        lines += ["The makers' model card was not at hand when this bundle was made."]
    else:
        lines += ["## As the makers say", "", own.read_text(encoding="utf-8", errors="replace")]
    return "\n".join(lines).rstrip() + "\n"


def _versions() -> list[str]:
    found = []
    for library in _LIBRARIES:
        try:
            found.append(f"{library} {version(library)}")
        except PackageNotFoundError:
            continue
    return found
