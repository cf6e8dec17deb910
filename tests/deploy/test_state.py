import json
from pathlib import Path

import pytest

from deploy.credentials import credentials_read, credentials_update
from deploy.embedded.files import (
    UnsafeFolderError,
    make_data_folders,
    private_folder,
    secret_file,
    write_private,
)
from deploy.paths import Paths
from deploy.supervisor.show import closing_words
from deploy.supervisor.state import DataLock, Running, forget_running, read_running, write_running


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_only_one_holds_a_data_folder(tmp_path: Path):
    first, second = DataLock(Paths(tmp_path)), DataLock(Paths(tmp_path))
    assert first.take()
    assert not second.take()
    first.release()
    assert second.take()
    second.release()


def test_what_runs_is_written_down_and_forgotten(tmp_path: Path):
    paths = Paths(tmp_path)
    assert read_running(paths) is None
    write_running(paths, Running(7, "http://127.0.0.1:8000", ready=True))
    assert read_running(paths) == Running(7, "http://127.0.0.1:8000", ready=True)
    forget_running(paths)
    assert read_running(paths) is None


def test_every_folder_of_an_appliance_is_private(tmp_path: Path):
    paths = Paths(tmp_path / "data")
    make_data_folders(paths)
    assert {mode(folder) for folder in (paths.data, *paths.data.iterdir())} == {0o700}


def test_a_link_in_place_of_a_folder_is_refused(tmp_path: Path):
    (tmp_path / "theirs").mkdir()
    (tmp_path / "ours").symlink_to(tmp_path / "theirs")
    with pytest.raises(UnsafeFolderError):
        private_folder(tmp_path / "ours")


def test_a_folder_open_to_others_is_closed(tmp_path: Path):
    (tmp_path / "open").mkdir(mode=0o755)
    assert mode(private_folder(tmp_path / "open")) == 0o700


def test_a_secret_is_drawn_once_and_private(tmp_path: Path):
    first = secret_file(tmp_path / "secret")
    assert secret_file(tmp_path / "secret") == first
    assert secret_file(tmp_path / "other") != first
    assert len(first) >= 43
    assert mode(tmp_path / "secret") == 0o600


def test_a_private_file_replaces_an_open_one_and_leaves_nothing_behind(tmp_path: Path):
    (tmp_path / "file").write_text("old")
    (tmp_path / "file").chmod(0o644)
    write_private(tmp_path / "file", "new")
    assert (tmp_path / "file").read_text() == "new"
    assert mode(tmp_path / "file") == 0o600
    assert [each.name for each in tmp_path.iterdir()] == ["file"]


def test_credentials_keep_what_is_not_replaced(tmp_path: Path):
    file = tmp_path / "credentials.json"
    assert credentials_read(file) == {}
    credentials_update(file, admin={"username": "admin", "password": "p", "token": "t"})
    credentials_update(file, url="http://127.0.0.1:8000")
    assert json.loads(file.read_text()) == {
        "admin": {"username": "admin", "password": "p", "token": "t"},
        "url": "http://127.0.0.1:8000",
    }
    assert mode(file) == 0o600


def words(**changes) -> str:
    credentials = {
        "admin": {"username": "admin", "password": "secret-one", "token": "t0"},
        "demo_users": [
            {"username": "nobody", "password": "p1", "token": "t1", "grants": []},
            {
                "username": "ada",
                "password": "p2",
                "token": "t2",
                "grants": [
                    {"collection": "c1", "name": "Photos", "role": "curator"},
                    {"collection": "c1", "name": "Photos", "role": "searcher"},
                    {"collection": "c2", "name": "Notes", "role": "searcher"},
                ],
            },
        ],
    }
    return closing_words(
        url="http://127.0.0.1:8000",
        credentials={**credentials, **changes.pop("credentials", {})},
        credentials_path="/x/credentials.json",
        first=changes.pop("first", True),
    )


def test_the_first_search_is_one_that_may_see_something():
    text = words()
    assert "Authorization: Token t2" in text
    assert "http://127.0.0.1:8000/api/v1/search/" in text
    assert "Photos (curator + searcher), Notes (searcher)" in text
    assert "no grants" in text


def test_outside_the_demo_a_password_is_shown_once():
    assert "secret-one" in words(credentials={"demo_users": []})
    assert "secret-one" not in words(credentials={"demo_users": []}, first=False)
