"""Models of the real architectures go all the way: convert, sign, install, promote, search, back.

The checkpoints are random, so what is found means nothing; which model found it does.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from django.core.cache import cache
from django.core.management import call_command
from django.db import connection
from safetensors.torch import load_file

from audit import actors
from audit.keystore import default_keystore
from audit.models import LedgerPending
from deploy.paths import Paths
from retrieval import clients
from retrieval.encoders.bundle import bundle_folder
from retrieval.encoders.convert.draft import Request
from retrieval.encoders.convert.run import convert
from retrieval.encoders.probe import probe
from retrieval.encoders.registry import LoadedBundle, load_bundle
from retrieval.encoders.torchvision_compat import declare_missing_operators
from retrieval.errors import Conflict
from retrieval.models import ModelVersion
from retrieval.selectors.models import active_models
from retrieval.services.models import model_install, model_verify
from retrieval.services.promotion import promote, rollback
from retrieval.services.reembed import reembed_status
from retrieval.services.search import SearchRequest, search_run
from retrieval.vectors import ddl
from tests.factories import grant, make_collection, make_user
from tests.fakes import FakeRedaction
from tests.retrieval.encoders.laion_clap_small import ROBERTA, checkpoint_save, clap
from tests.retrieval.encoders.open_clip_small import checkpoint, tokenizer_save
from tests.retrieval.reembed.conftest import put_media, put_text, reembed, sent

__all__ = ["sent"]
# A third-party deprecation inside transformers' or torch's own modules is not ours to mend.
pytestmark = [
    pytest.mark.django_db,
    pytest.mark.filterwarnings(
        "ignore::DeprecationWarning", "ignore::FutureWarning", "ignore:torch.meshgrid:UserWarning"
    ),
    pytest.mark.timeout(600),
]


class TowersHere:
    """The model server's answers, from the installed bundles themselves, in this process."""

    def __init__(self, paths: Paths) -> None:
        self.paths = paths
        self.loaded: dict[str, LoadedBundle] = {}

    def encode_text(
        self, model: str, texts: Sequence[str], *, priority: str = "query"
    ) -> np.ndarray:
        return self._tower(model, "text").encode(list(texts))

    def encode_arrays(
        self, model: str, modality: str, arrays: Sequence[np.ndarray], *, priority: str = "ingest"
    ) -> np.ndarray:
        return self._tower(model, modality).encode(list(arrays))

    def health(self, *, timeout_seconds: float = 5.0) -> dict[str, Any]:
        return {"status": "ok"}

    def _tower(self, model: str, modality: str):
        if model not in self.loaded:
            folder = bundle_folder(model, models_dir=self.paths.models)
            self.loaded[model] = load_bundle(folder)
        return self.loaded[model].towers[modality]


@pytest.fixture(autouse=True)
def paths(tmp_path, settings):
    declare_missing_operators()
    settings.PATHS = Paths(tmp_path / "data")
    for memory in (default_keystore.cache_clear, actors._known.clear, cache.clear):
        memory()
    yield settings.PATHS
    default_keystore.cache_clear()
    actors._known.clear()


@pytest.fixture
def servers(paths, sent):
    with clients.override(models=TowersHere(paths), redaction=FakeRedaction()):
        yield


@pytest.fixture
def install(django_db_setup, django_db_blocker):
    """Installs bundles, and drops their tables when the test's transaction has ended."""
    refs = []

    def do(source: Path, **options) -> ModelVersion:
        version = model_install(source, **options)
        refs.append(version.ref)
        return version

    yield do
    connection.close()  # with it go the locks of the test's transaction
    for ref in refs:
        ddl.drop_table(table=ddl.table_name(ref))


def asked(source: Path, out: Path, name: str, version: str, **more: Path) -> Request:
    return Request(
        source=source, out=out, name=name, version=version, space=name, licence="none", **more
    )


def clip_bundle(folder: Path, version: str, architecture: str) -> Path:
    """A bundle of a random CLIP of one of open_clip's architectures, from its snapshot folder."""
    checkpoint(folder / f"clip-{version}", architecture)
    out = folder / f"clip-bundle-{version}"
    convert(asked(folder / f"clip-{version}", out, "clip", version))
    return out


def clap_bundle(folder: Path) -> Path:
    """A bundle of a random CLAP with laion-clap's HTSAT-tiny."""
    tokenizer_save(folder / "roberta")
    (folder / "roberta" / "config.json").write_text(json.dumps(ROBERTA))
    checkpoint_save(clap("tiny"), folder / "clap.safetensors")
    out = folder / "clap-bundle"
    convert(asked(folder / "clap.safetensors", out, "clap", "3", text=folder / "roberta"))
    return out


def used(user) -> set[tuple[str, str, str]]:
    """Space, model and modality of every signal behind the answer to a question."""
    request = SearchRequest(text="a dog in the snow", include_uncertain=True)
    answer = search_run(user=user, request=request)
    assert answer.hits
    return {
        (signal.space, signal.model, signal.target_modality)
        for hit in answer.hits
        for signal in hit.influence.signals
        if signal.model is not None
    }


def test_clip_and_clap_go_all_the_way_and_back(tmp_path, paths, servers, install):
    collection, reader = make_collection(), make_user("reader")
    grant(collection, reader)
    put_text(collection, "a dog in the snow", "a bear")
    put_media(collection, "image", b"IMG-a-picture")
    put_media(collection, "audio", b"SND-a-sound")

    # The first model of an appliance is in use at once; its vectors are made from what is stored.
    first = install(clip_bundle(tmp_path, "1", "vit"), unsigned_reason="A test.", probe=probe)
    assert (first.ref, first.status, first.signed) == ("clip@1", "active", False)
    reembed("clip@1")
    assert used(reader) == {("clip", "clip@1", "text"), ("clip", "clip@1", "image")}

    # A second CLIP, from someone whose signature is trusted here, takes its place.
    second = clip_bundle(tmp_path, "2", "custom-blocks")
    call_command("models", "keygen", str(tmp_path / "team.pem"))
    call_command("models", "sign", str(second), "--key", str(tmp_path / "team.pem"))
    call_command("models", "trust", str(tmp_path / "team.pem.pub"))
    version = install(second, probe=probe)
    assert (version.status, version.signed) == ("installed", True)
    assert model_verify(ref="clip@2") == version.signer
    with pytest.raises(Conflict):
        promote(ref="clip@2", by=None, force=True, reason="Its vectors are not there yet.")
    reembed("clip@2")
    assert reembed_status(ref="clip@2").complete
    assert ("clip", "clip@2", "image") not in used(reader)
    promote(ref="clip@2", by=None, force=True, reason="Random weights have no figures.")
    assert used(reader) == {("clip", "clip@2", "text"), ("clip", "clip@2", "image")}

    # CLAP is a space of its own beside it: now sounds are found as well.
    third = install(clap_bundle(tmp_path), unsigned_reason="A test.", probe=probe)
    assert (third.ref, third.status) == ("clap@3", "installed")
    reembed("clap@3")
    promote(ref="clap@3", by=None, force=True, reason="Random weights have no figures.")
    assert ("clap", "clap@3", "audio") in used(reader)
    assert [model.ref for model in active_models()] == ["clap@3", "clip@2"]

    # And back, one space at a time, at once.
    rollback(ref="clip@2", by=None, reason="It disappoints.")
    after = used(reader)
    assert {("clip", "clip@1", "image"), ("clap", "clap@3", "audio")} <= after
    assert "clip@2" not in {model for _, model, _ in after}
    rollback(ref="clap@3", by=None, reason="It disappoints.")
    assert used(reader) == {("clip", "clip@1", "text"), ("clip", "clip@1", "image")}
    events = list(LedgerPending.objects.values_list("event", flat=True))
    assert events.count("models:bundle:install") == 3
    assert {"models:signer:trust", "models:version:promote", "models:version:rollback"} <= {*events}


def test_the_commands_make_a_bundle_of_a_training_checkpoint(tmp_path, install, capsys):
    config = checkpoint(tmp_path / "clip", "vit")
    state = load_file(tmp_path / "clip" / "model.safetensors")
    wrapped = {f"module.{name}": value for name, value in state.items()}
    scores = {"recall": np.float64(0.3)}
    torch.save({"epoch": 32, "state_dict": wrapped, "scores": scores}, tmp_path / "epoch_32.pt")
    (tmp_path / "vit.json").write_text(json.dumps(config["model_cfg"]))
    words = ["models", "convert", str(tmp_path / "epoch_32.pt"), "--out", str(tmp_path / "bundle")]
    words += ["--name", "clip", "--version", "1", "--licence", "MIT"]
    call_command(*words, "--config", str(tmp_path / "vit.json"))
    # The towers are tried in a process of their own, as an operator's installation has it.
    install(tmp_path / "bundle", unsigned_reason="Made here.")
    call_command("models", "list")
    call_command("models", "verify")
    printed = capsys.readouterr().out
    for part in ("clip@1", "24 dimensions", "image, text", "licence: MIT", "not signed: Made here"):
        assert part in printed
