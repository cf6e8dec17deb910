"""``manage.py models transcriber``."""

from __future__ import annotations

import io

import pytest
from django.core.management import CommandError, call_command

from audit.models import LedgerPending
from tests.retrieval.ingest.conftest import paths
from tests.retrieval.redaction.audio.tiny_whisper import write_tiny_whisper

__all__ = ["paths"]
pytestmark = pytest.mark.django_db


def told(*arguments):
    out = io.StringIO()
    call_command("models", "transcriber", *arguments, stdout=out)
    return out.getvalue()


def test_a_transcriber_is_installed_told_of_and_checked(tmp_path, paths):
    assert "No transcriber" in told()
    source = write_tiny_whisper(tmp_path / "Tiny-Whisper")
    assert "tiny-whisper" in told(str(source))
    assert "every file is as it was" in told()
    (event,) = LedgerPending.objects.filter(event="models:transcriber:install")
    assert event.refs["transcriber"] == "tiny-whisper"
    (paths.models / "whisper" / "tiny-whisper" / "model.bin").write_bytes(b"other")
    with pytest.raises(CommandError, match="not the one installed"):
        told()


def test_a_folder_that_is_no_model_is_refused(tmp_path):
    with pytest.raises(CommandError, match="lacks"):
        told(str(tmp_path), "--name", "x")
    assert not LedgerPending.objects.filter(event="models:transcriber:install").exists()
