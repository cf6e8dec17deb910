"""Whose bundles are taken: trusted signatures, reasons where there is none, and a real trial."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
import torch
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.core.management import CommandError, call_command
from safetensors.torch import save_file

from audit.models import LedgerPending
from retrieval.encoders.errors import BundleError
from retrieval.encoders.probe import probe, probe_in_child
from retrieval.encoders.signatures import fingerprint, public_pem, sign
from retrieval.encoders.tensors import SeriesTower
from retrieval.errors import Invalid, NotVisible
from retrieval.services.models import model_install, model_verify
from retrieval.services.signers import signer_distrust, signer_trust, signers_trusted
from tests.retrieval.encoders.tensors_small import IMU, IMU_NETWORK, tower
from tests.retrieval.test_models_service import bundle, install, paths, unprobed

__all__ = ["bundle", "install", "paths"]
pytestmark = pytest.mark.django_db


@pytest.fixture
def key() -> Ed25519PrivateKey:
    return Ed25519PrivateKey.generate()


def trust(key: Ed25519PrivateKey) -> str:
    return signer_trust(pem=public_pem(key.public_key()))


def events() -> list[str]:
    return list(LedgerPending.objects.order_by("pk").values_list("event", flat=True))


def test_a_trusted_signature_needs_no_reason(bundle, install, paths, key):
    name = trust(key)
    assert trust(key) == name == fingerprint(key.public_key())
    folder = bundle()
    sign(folder, key)
    version = install(folder, unsigned_reason="")
    assert (version.signed, version.signer, version.unsigned_reason) == (True, name, "")
    assert (paths.models / "tiny@1" / "manifest.sig").is_file()
    assert model_verify(ref="tiny@1") == name
    assert events() == ["models:signer:trust", "models:bundle:install"]
    refs = LedgerPending.objects.get(event="models:bundle:install").refs
    assert refs["key"] == name


def test_an_unknown_signer_is_as_good_as_none(bundle, install, key):
    folder = bundle()
    sign(folder, key)
    with pytest.raises(Invalid, match="not trusted here"):
        model_install(folder, probe=unprobed)
    version = install(folder, unsigned_reason="Made in the next room.")
    assert (version.signed, version.signer) == (False, "")
    assert version.unsigned_reason == "Made in the next room."


def test_a_signature_that_does_not_fit_is_refused_whatever_the_reason(bundle, key):
    trust(key)
    folder = bundle()
    sign(folder, key)
    manifest = json.loads((folder / "manifest.json").read_bytes())
    (folder / "manifest.json").write_text(json.dumps({**manifest, "licence": "another"}))
    with pytest.raises(Invalid, match="one of them was changed"):
        model_install(folder, unsigned_reason="Why not.", probe=unprobed)


def test_whose_key_is_distrusted_later_is_named(bundle, install, key):
    name = trust(key)
    folder = bundle()
    sign(folder, key)
    install(folder)
    with pytest.raises(Invalid, match="at least 8"):
        signer_distrust(key=name[:4])
    assert signer_distrust(key=name[:12]) == name
    assert signers_trusted() == []
    with pytest.raises(NotVisible):
        signer_distrust(key=name)
    with pytest.raises(Invalid, match="not trusted any more"):
        model_verify(ref="tiny@1")
    assert events()[-1] == "models:signer:distrust"


def test_an_installed_bundle_can_be_signed_later(bundle, install, paths, key):
    folder = bundle()
    assert not install(folder).signed
    trust(key)
    sign(folder, key)
    version = model_install(folder, probe=unprobed)
    assert version.signed
    assert model_verify(ref="tiny@1") == fingerprint(key.public_key())
    assert events()[-1] == "models:bundle:sign"


def test_the_commands_go_together(bundle, tmp_path, paths, capsys):
    folder, pem = bundle(), str(tmp_path / "team.pem")
    call_command("models", "trusted")
    call_command("models", "keygen", pem)
    call_command("models", "sign", str(folder), "--key", pem)
    call_command("models", "trust", f"{pem}.pub")
    call_command("models", "trusted")
    [name] = signers_trusted()
    assert capsys.readouterr().out.count(name) >= 3
    call_command("models", "distrust", name[:10])
    with pytest.raises(CommandError, match="not overwritten"):
        call_command("models", "keygen", pem)
    with pytest.raises(CommandError, match="no public key"):
        call_command("models", "trust", pem)
    (folder / "text.safetensors").write_bytes(b"changed")
    with pytest.raises(CommandError, match="not what the manifest says"):
        call_command("models", "sign", str(folder), "--key", pem)


def series_bundle(folder: Path, *, declared: int) -> Path:
    """A real tower of 24 dimensions that a manifest declares to have ``declared``."""
    folder.mkdir()
    network = SeriesTower(channels=6, rows=100, dimension=24, patch=10, width=16, layers=2, heads=2)
    save_file(network.state_dict(), str(folder / "imu.safetensors"))
    digest = hashlib.sha256((folder / "imu.safetensors").read_bytes()).hexdigest()
    words: dict[str, Any] = {"name": "imu", "version": "1", "space": "imu", "licence": "none"}
    manifest = {
        "format": 1,
        **words,
        "dimension": declared,
        "towers": {"imu": tower("imu.safetensors", IMU_NETWORK, IMU)},
        "files": {"imu.safetensors": digest},
    }
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return folder


def test_every_tower_is_tried_before_it_is_installed(tmp_path, paths, install):
    torch.manual_seed(1)
    probe_in_child(series_bundle(tmp_path / "honest", declared=24))
    lying = series_bundle(tmp_path / "lying", declared=25)
    with pytest.raises(BundleError, match=r"dimension|fit"):
        probe(lying)
    with pytest.raises(Invalid, match="cannot be used"):
        model_install(lying, unsigned_reason="Why not.")
    assert [path for path in paths.models.iterdir() if path.name != ".lock"] == []
    version = install(tmp_path / "honest", unsigned_reason="A test.", probe=probe)
    assert (version.status, version.modalities) == ("active", ["imu"])
