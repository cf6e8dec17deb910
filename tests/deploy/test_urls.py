import os
from pathlib import Path

import pytest

from deploy.embedded.urls import use_embedded
from deploy.env import parse_database_url


@pytest.fixture
def data(monkeypatch, tmp_path: Path) -> Path:
    made = tmp_path / "a folder"
    monkeypatch.setenv("VITRINE_DATA", str(made))
    for name in ("DATABASE_URL", "REDIS_URL", "VITRINE_DEMO"):
        monkeypatch.setenv(name, "")  # so that what is set below is undone after the test
        monkeypatch.delenv(name)
    return made


def fill(data: Path) -> None:
    for folder in ("postgres", "redis", "secrets"):
        (data / folder).mkdir(parents=True)
    (data / "postgres" / "PG_VERSION").write_text("18\n")
    (data / "redis" / "redis.conf").write_text("")
    (data / "secrets" / "db_owner_password").write_text("one")
    (data / "secrets" / "redis_password").write_text("two")
    (data / "demo.json").write_text("{}")


def test_a_plain_shell_finds_the_embedded_servers(data):
    fill(data)
    use_embedded()
    login = parse_database_url(os.environ["DATABASE_URL"])
    assert (login.user, login.password, login.name) == ("vitrine_owner", "one", "vitrine")
    assert login.host.endswith("/postgres")
    assert os.environ["REDIS_URL"].startswith("unix://:two@/")
    assert " " not in os.environ["REDIS_URL"]
    assert os.environ["VITRINE_DEMO"] == "1"


def test_what_is_set_stays(data, monkeypatch):
    fill(data)
    monkeypatch.setenv("DATABASE_URL", "postgresql://a:b@c/d")
    monkeypatch.setenv("REDIS_URL", "redis://c")
    use_embedded()
    assert os.environ["DATABASE_URL"] == "postgresql://a:b@c/d"
    assert os.environ["REDIS_URL"] == "redis://c"


def test_without_a_data_folder_nothing_changes(data):
    use_embedded()
    assert "DATABASE_URL" not in os.environ
    assert not data.exists()
