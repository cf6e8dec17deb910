"""``manage.py canary``: tokens in, places out, never a token."""

from __future__ import annotations

import io
import json
import os
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from audit.canary.registry import appliance_stores
from deploy.canary import places
from deploy.canary.files import Folder
from deploy.canary.places import Absent
from deploy.management.commands import canary
from deploy.paths import Paths

TOKENS = ["first.token@example.com", "4111 1111 1111 1111"]


class Permitted(Folder):
    permitted = True


@pytest.fixture
def folders(tmp_path, monkeypatch):
    for name in ("open", "sealed"):
        (tmp_path / name).mkdir()
    every = [
        Folder("open", tmp_path / "open"),
        Permitted("sealed", tmp_path / "sealed"),
        Absent("elsewhere", "it is not here"),
    ]
    monkeypatch.setattr(canary, "stores", lambda *_, **__: every)
    return tmp_path


def asked(monkeypatch, capsys, *options: str, given: bytes | None = None) -> tuple[int, str]:
    text = "\n".join(["", *TOKENS, TOKENS[0], ""]).encode() if given is None else given
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text)))
    try:
        call_command("canary", *options)
        status = 0
    except SystemExit as ended:
        status = int(ended.code or 0)
    told = capsys.readouterr()
    assert not any(token in told.out + told.err for token in TOKENS)
    return status, told.out


def test_nothing_found_is_clean_and_says_what_was_not_searched(folders, monkeypatch, capsys):
    status, out = asked(monkeypatch, capsys)
    assert status == 0
    assert "2 tokens" in out
    assert "18 of 18 controls found" in out
    assert "elsewhere: not searched, it is not here" in out
    assert "Out of reach: " in out
    assert "None was found" in out


def test_a_find_is_told_by_place_form_and_line(folders, monkeypatch, capsys):
    (folders / "open" / "notes").write_text(TOKENS[1].replace(" ", ""))
    status, out = asked(monkeypatch, capsys)
    assert status == 1
    assert "notes: plain; tokens of lines 3" in out
    status, out = asked(monkeypatch, capsys, "--json")
    report = json.loads(out)
    assert (status, report["clean"]) == (1, False)
    [hit] = report["stores"][0]["hits"]
    assert hit == {"line": 3, "where": "notes", "form": "plain"}


def test_originals_may_hold_tokens_until_they_are_asked_for(folders, monkeypatch, capsys):
    (folders / "sealed" / "raw").write_text(TOKENS[0])
    status, out = asked(monkeypatch, capsys)
    assert (status, "1 tokens, which may be here" in out) == (0, True)
    assert asked(monkeypatch, capsys, "--originals")[0] == 1


def test_a_control_that_is_not_found_fails(folders, monkeypatch, capsys):
    monkeypatch.setattr(Folder, "look_at", lambda *_: None)
    status, out = asked(monkeypatch, capsys)
    assert status == 1
    assert "BLIND open" in out


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (b"", "1 to"),
        (b"\n \n", "1 to"),
        (b"long enough\nshort\n", "Line 2"),
        (b"x" * 600, "Line 1"),
        (b"\xff\xfe", "UTF-8"),
    ],
)
def test_bad_tokens_are_refused(folders, monkeypatch, capsys, given, says):
    with pytest.raises(CommandError, match=says):
        asked(monkeypatch, capsys, given=given)


def test_every_folder_of_the_data_is_searched(tmp_path):
    paths = Paths(tmp_path / "data")
    kept = [paths.run, paths.log, paths.media, paths.keys, paths.secrets, paths.models, paths.redis]
    for folder in [*kept, paths.data / "import", paths.data / "later"]:
        folder.mkdir(parents=True)
    roots = {folder.root for folder in places._folders(paths)}
    assert roots >= {*kept, paths.data, Path("/dev/shm")}
    [rest] = [folder for folder in places._folders(paths) if folder.root == paths.data]
    left_out = {entry.name for entry in os.scandir(paths.data) if rest._left_out(entry)}
    assert left_out == {folder.name for folder in kept}


def test_rooms_below_come_by_the_stores(tmp_path):
    with ExitStack() as stack:
        names = {store.name for store in appliance_stores(stack)}
    assert names >= {"database tables", "write-ahead log", "Redis", "renditions, opened"}
