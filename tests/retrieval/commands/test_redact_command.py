"""``manage.py redact`` with a server it starts itself."""

import json
import subprocess

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from retrieval.redaction.profiles import STANDARD

pytestmark = pytest.mark.timeout(240)
CARD = "4111 1111 1111 1111"


@pytest.fixture
def folder(tmp_path, settings, monkeypatch):
    from deploy.paths import Paths

    # No appliance runs there, so the command has to help itself.
    settings.PATHS = Paths(tmp_path / "data")
    source = tmp_path / "in"
    (source / "sub").mkdir(parents=True)
    (source / "note.txt").write_text(f"pay {CARD} now", encoding="utf-8")
    (source / "sub" / "page.html").write_text("<p>mail ann@example.org</p>", encoding="utf-8")
    (source / "empty.txt").write_bytes(b"")
    (source / ".hidden").write_text("x", encoding="utf-8")
    return source


def test_files_are_reported_and_renditions_written(folder, tmp_path):
    out, report = tmp_path / "out", tmp_path / "report.jsonl"
    call_command("redact", folder, out=out, report=report)
    lines = [json.loads(line) for line in report.read_text(encoding="utf-8").splitlines()]
    by_name = {line["file"].rsplit("/", 1)[1]: line for line in lines}
    assert set(by_name) == {"note.txt", "empty.txt", "page.html"}
    note = by_name["note.txt"]
    assert (note["state"], note["modality"], note["reason"]) == ("redacted", "text", "")
    (found,) = note["findings"]
    assert set(found) == {"kind", "start", "end", "score", "recognizer"}
    assert (found["kind"], found["start"], found["end"]) == ("CREDIT_CARD", 4, 23)
    assert note["covers"] == list(STANDARD.covers)
    empty = by_name["empty.txt"]
    assert (empty["state"], empty["findings"]) == ("rejected", [])
    assert empty["reason"].startswith("empty-file: ")
    assert "4111" not in report.read_text(encoding="utf-8")
    assert (out / "note.txt").read_text(encoding="utf-8") == "pay <CREDIT_CARD_1> now"
    assert "<EMAIL_ADDRESS_1>" in (out / "sub" / "page.html.txt").read_text(encoding="utf-8")
    assert not (out / "empty.txt").exists()
    leftover = subprocess.run(
        ["ps", "-eo", "args"], capture_output=True, text=True, check=True
    ).stdout
    assert f"{tmp_path}" not in leftover


def test_a_path_that_is_not_there_is_said(tmp_path):
    with pytest.raises(CommandError, match="not found"):
        call_command("redact", tmp_path / "none")
