"""Transcribers: what each must do, and which files are taken for one."""

from __future__ import annotations

import hashlib
import json
import logging

import numpy as np
import pytest

from retrieval.redaction.audio.whisper import WhisperTranscriber
from retrieval.redaction.audio.whisper_bundle import (
    WhisperBundleError,
    bundle_folder,
    bundle_install,
    bundle_read,
)
from retrieval.redaction.errors import RedactionError, RedactionTimeoutError
from tests.retrieval.redaction.audio.conftest import RATE, pink
from tests.retrieval.redaction.audio.scribes import Scribe, conforms
from tests.retrieval.redaction.audio.tiny_whisper import write_tiny_whisper


@pytest.fixture(scope="module")
def converted(tmp_path_factory):
    return write_tiny_whisper(tmp_path_factory.mktemp("converted"))


@pytest.fixture
def models(tmp_path):
    return tmp_path / "models"


@pytest.fixture
def bundle(converted, models):
    return bundle_install(converted, models=models, name="tiny")


def test_every_transcriber_keeps_the_protocol(bundle):
    conforms(Scribe(("hello", 0, 400), ("world", 400, 900, 0.5)))
    conforms(WhisperTranscriber(bundle, threads=1))


def test_whisper_writes_down_words_of_a_long_sound_with_their_times(bundle, caplog):
    caplog.set_level(logging.DEBUG)
    scribe = WhisperTranscriber(bundle, threads=1)
    found = scribe.words([pink(70)])
    assert found[-1].end_ms > 60_000
    assert not [record for record in caplog.records if record.name == "faster_whisper"]
    assert scribe.version.startswith("1+")
    assert ":tiny:" in scribe.version


def test_a_transcriber_that_takes_too_long_or_fails_lets_nothing_through(bundle, monkeypatch):
    scribe = WhisperTranscriber(bundle, threads=1)
    monkeypatch.setattr("retrieval.redaction.audio.whisper._BUDGET", -100.0)
    with pytest.raises(RedactionTimeoutError):
        scribe.words([pink(3)])
    monkeypatch.undo()

    class Broken:
        def transcribe(self, *_, **__):
            raise ValueError("what was said")

    scribe._model = Broken()
    with pytest.raises(RedactionError, match="ValueError") as failed:
        scribe.words([np.zeros(RATE, np.float32)])
    assert "said" not in str(failed.value)


def test_a_bundle_lists_the_hash_of_each_file_and_nothing_else_is_taken(converted, models):
    (converted / "code.py").write_text("print()", encoding="utf-8")
    folder = bundle_install(converted, models=models, name="tiny")
    names = {file.name for file in folder.iterdir()}
    assert names == {
        *("model.bin", "config.json", "tokenizer.json", "vocabulary.json", "manifest.json"),
    }
    listed = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))["files"]
    content = (folder / "model.bin").read_bytes()
    assert listed["model.bin"] == hashlib.sha256(content).hexdigest()
    assert bundle_read(folder).files["model.bin"] == content


@pytest.mark.parametrize("name", ["model.bin", "tokenizer.json"])
def test_a_changed_file_is_refused(bundle, name):
    (bundle / name).write_bytes(b"other")
    with pytest.raises(WhisperBundleError, match="not the one installed"):
        WhisperTranscriber(bundle)


def test_files_exchanged_while_the_server_runs_are_refused(bundle, converted, models):
    scribe = WhisperTranscriber(bundle, threads=1)
    manifest = json.loads((bundle / "manifest.json").read_text(encoding="utf-8"))
    (bundle / "config.json").write_bytes(b"{}")
    manifest["files"]["config.json"] = hashlib.sha256(b"{}").hexdigest()
    (bundle / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    with pytest.raises(RedactionError, match="have changed"):
        scribe.words([pink(1)])


@pytest.mark.parametrize(
    "manifest",
    [
        "no json",
        "[]",
        '{"format": 2, "name": "tiny", "files": {}}',
        '{"format": 1, "name": "other", "files": {"model.bin": "", "config.json": ""}}',
        '{"format": 1, "name": "tiny", "files": {"../../x": "", "model.bin": ""}}',
    ],
)
def test_a_manifest_of_another_form_is_refused(bundle, manifest):
    (bundle / "manifest.json").write_text(manifest, encoding="utf-8")
    with pytest.raises(WhisperBundleError):
        bundle_read(bundle)


@pytest.mark.parametrize("name", ["", "..", "A", "a/b", "x" * 60])
def test_names_that_could_lead_elsewhere_are_refused(converted, models, name):
    with pytest.raises(WhisperBundleError, match="name"):
        bundle_install(converted, models=models, name=name)


def test_a_folder_that_is_no_model_is_refused(tmp_path, models):
    with pytest.raises(WhisperBundleError, match=r"lacks model\.bin"):
        bundle_install(tmp_path, models=models, name="tiny")
    assert bundle_folder(models) is None


def test_the_only_one_is_used_and_of_several_the_one_that_is_named(converted, models, bundle):
    assert bundle_folder(models) == bundle
    other = bundle_install(converted, models=models, name="other")
    with pytest.raises(WhisperBundleError, match="none is named"):
        bundle_folder(models)
    assert bundle_folder(models, "other") == other
    with pytest.raises(WhisperBundleError, match="not installed"):
        bundle_folder(models, "third")
