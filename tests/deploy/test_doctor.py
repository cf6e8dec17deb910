"""What the doctor finds well, what not, and that the exit code says so."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from django.core.management import call_command

from audit.keystore import KeyStore
from audit.masterkey import MasterKeySource
from deploy.doctor import database, machine, models, servers
from deploy.doctor.finding import Finding, looked
from deploy.management.commands import doctor
from deploy.paths import Paths
from retrieval import clients
from retrieval.models import Calibration, ModelVersion, ReembedJob, Space, VectorTable
from retrieval.vectors import ddl
from tests.fakes import FakeModels, FakeRedaction


def test_a_look_that_fails_is_a_finding_with_a_mend():
    def broken():
        yield Finding("first")
        raise OSError("no such thing: a secret")

    found = list(looked("part", broken, mend="Mend it."))
    assert found == [
        Finding("first"),
        Finding("part", "could not be looked at (OSError)", "Mend it."),
    ]


def test_versions_of_a_lock_file():
    lines = ["# a comment", "", "a==1.0", "b==2  # why", "c==3; python_version < '3.12'", "-r more"]
    assert machine.locked(lines) == {"a": "1.0", "b": "2", "c": "3"}


def test_a_folder_others_may_read_needs_a_mend(tmp_path):
    paths = Paths(tmp_path)
    paths.keys.mkdir(mode=0o700)
    paths.media.mkdir(mode=0o700)
    paths.media.chmod(0o755)
    found = {f.what: f for f in machine.look(paths)}
    assert found["folder keys"].well
    assert "chmod 0700" in found["folder media"].mend


def test_a_disk_nearly_full_needs_a_mend(tmp_path, monkeypatch):
    monkeypatch.setattr(machine, "ROOM_BYTES", 1 << 62)
    found = {f.what: f for f in machine.look(Paths(tmp_path))}
    assert not found["disk"].well


def test_a_server_that_logs_statements_needs_a_mend():
    quiet = {"log_statement": "none", "log_error_verbosity": "terse"}
    assert database.server_log(quiet).well
    loud = database.server_log(quiet | {"log_min_error_statement": "error"})
    assert "log_min_error_statement = fatal" in loud.mend


def test_the_database_as_migrations_leave_it_is_well(db):
    found = list(database.look())
    assert [f for f in found if not f.well] == []
    assert {f.what for f in found} >= {"database role", "row-level security", "ledger tables"}


@pytest.fixture
def orphan(django_db_setup, django_db_blocker):
    with django_db_blocker.unblock():
        ddl.create_table(table="vectors_orphan", dimension=4)
        yield "vectors_orphan"
        ddl.drop_table(table="vectors_orphan")


def test_tables_and_catalogue_must_agree(orphan, db):
    version = ModelVersion.objects.create(
        name="m", version="1", space=Space.objects.create(name="s", dimension=4)
    )
    VectorTable.objects.create(model_version=version, table="vectors_gone", dimension=4, shards=32)
    found = {f.what: f for f in models.tables()}
    assert "DROP TABLE" in found[f"table {orphan}"].mend
    assert found["table vectors_gone"].detail == "missing"
    VectorTable.objects.update(table=orphan)
    assert {f.what: f for f in models.tables()}[f"table {orphan}"].well
    VectorTable.objects.update(dimension=5)
    assert not {f.what: f for f in models.tables()}[f"table {orphan}"].well


def test_what_is_in_use_is_calibrated_and_goes_on(db):
    space = Space.objects.create(name="s", dimension=4)
    old, new = (
        ModelVersion.objects.create(name="m", version=number, space=space, status=status)
        for number, status in (("1", "retired"), ("2", "active"))
    )
    found = {f.what: f for f in models.in_use()}
    assert "models fit m@2" in found["model m@2"].mend
    assert found["model m@1"].well
    assert "models remove m@1" in found["model m@1"].detail
    Calibration.objects.create(
        model_version=new, query_modality="text", target_modality="text", parameters={}
    )
    job = ReembedJob.objects.create(model_version=old)
    assert [f.what for f in models.in_use()] == ["model m@1"]
    ReembedJob.objects.update(heartbeat_at=job.started_at - timedelta(hours=1))
    assert any("stood still" in f.detail and not f.well for f in models.in_use())
    ReembedJob.objects.update(state="failed", reason="no-memory")
    assert any("failed (no-memory)" in f.detail and not f.well for f in models.in_use())


def test_without_an_active_model_nothing_can_be_searched(db):
    [found] = models.bundles()
    assert "models install --builtin" in found.mend


def test_servers_that_do_not_answer_need_a_mend():
    redaction, model = FakeRedaction(), FakeModels()
    redaction.down = model.down = True
    with clients.override(redaction=redaction, models=model):
        found = [*servers.redaction_server(), *servers.model_server()]
    assert [f.well for f in found] == [False, False]


def test_a_wall_that_does_not_hold_is_named():
    walls = [{"name": "sockets", "held": False}, {"name": "files", "held": True}]

    class Leaky(FakeRedaction):
        def health(self, *, timeout_seconds=5.0):
            return {"profiles": ["open@1"], "sandbox": {"running": True, "walls": walls}}

    with clients.override(redaction=Leaky()):
        found = list(servers.redaction_server())
    assert found[0].well
    assert "sockets" in found[1].mend
    assert "files" not in found[1].mend


def test_a_key_store_needs_the_key_that_made_it(tmp_path, settings):
    settings.PATHS = Paths(tmp_path)
    assert [f.detail for f in servers.key_store()] == ["not made yet"]
    KeyStore.initialise(tmp_path / "keys")
    assert [f.well for f in servers.key_store()] == [True]
    other = tmp_path / "other"
    KeyStore.initialise(other, MasterKeySource())
    settings.VITRINE_MASTER_KEY_FILE = other / "master.key"
    assert [f.well for f in servers.key_store()] == [False]


@pytest.mark.parametrize(("mend", "code"), [("", 0), ("Mend it.", 1)])
def test_the_exit_code_says_whether_all_is_well(monkeypatch, capsys, mend, code):
    monkeypatch.setattr(doctor, "examine", lambda: iter([Finding("part", "so", mend)]))
    for options in ({}, {"json": True}):
        if code:
            with pytest.raises(SystemExit) as ended:
                call_command("doctor", skip_checks=True, **options)
            assert ended.value.code == code
        else:
            call_command("doctor", skip_checks=True, **options)
    assert json.loads(capsys.readouterr().out.splitlines()[-1])[0]["well"] is (code == 0)
