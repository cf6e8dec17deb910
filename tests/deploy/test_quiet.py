"""When something breaks, logs say what kind of thing and where, never what was being worked on."""

import json
import logging
import os
import resource
import subprocess
import sys

import pytest
import structlog

from deploy.embedded.files import empty_temporary, make_data_folders
from deploy.embedded.process import Launch, no_core_dumps, spawn
from deploy.logs import without_messages
from deploy.paths import ROOT, Paths
from deploy.supervisor.bootstrap import Servers
from deploy.supervisor.options import parse_up
from deploy.supervisor.up import environment

CONTENT = "anna.mueller@example.com"

BREAK = f"""
import logging, sys, threading, warnings
{{prepare}}
def fail():
    raise ValueError("invalid literal: {CONTENT}")
class Broken:
    def __del__(self):
        raise ValueError("{CONTENT}")
try:
    fail()
except ValueError as error:
    logging.getLogger("some.library").exception("failed")
thread = threading.Thread(target=fail)
thread.start()
thread.join()
broken = Broken()
del broken
warnings.warn("odd value {CONTENT}")
fail()
"""
SERVER = 'from workers import uds; uds.configure_logging("redaction")'
DJANGO = "import django; django.setup()"


@pytest.mark.parametrize("prepare", [SERVER, DJANGO], ids=["server", "django"])
def test_errors_that_nobody_catches_are_told_without_their_messages(prepare):
    done = subprocess.run(
        [sys.executable, "-c", BREAK.format(prepare=prepare)],
        cwd=ROOT,
        env={**os.environ, "VITRINE_LOGGED": "1", "DJANGO_SETTINGS_MODULE": "deploy.settings"},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    lines = [json.loads(line) for line in done.stderr.splitlines()]
    assert CONTENT not in done.stderr + done.stdout
    assert done.returncode == 1
    assert [line.get("error") for line in lines].count("ValueError") >= 3


def test_a_logged_exception_loses_its_message_and_keeps_its_place():
    try:
        int(CONTENT)
    except ValueError as error:
        told = (type(error), error, error.__traceback__)
        for given in (told, error, True):
            event = without_messages(None, "", {"event": "failed", "exc_info": given})
            assert event["error"] == "ValueError"
            assert event["at"][-1].startswith("test_quiet.py:")
            assert CONTENT not in repr(event)


def test_of_most_libraries_only_the_name_is_told():
    def shown(name):
        record = logging.LogRecord(name, logging.WARNING, "", 1, "about %s", (CONTENT,), None)
        [handler] = [h for h in logging.getLogger().handlers if type(h) is logging.StreamHandler]
        return json.loads(handler.format(record))["event"]

    assert shown("django.security.DisallowedHost") == "django.security.DisallowedHost"
    assert shown("celery.redirected") == "celery.redirected"
    assert shown("celery.worker.consumer") == f"about {CONTENT}"


def test_every_log_line_of_ours_passes_that_processor():
    [handler] = [h for h in logging.getLogger().handlers if h.__class__ is logging.StreamHandler]
    formatter = handler.formatter
    assert isinstance(formatter, structlog.stdlib.ProcessorFormatter)
    assert without_messages in formatter.processors


def test_a_child_of_the_appliance_leaves_no_core(tmp_path):
    before = resource.getrlimit(resource.RLIMIT_CORE)
    code = (
        "import resource, subprocess, sys; from deploy.embedded.process import no_core_dumps; "
        "no_core_dumps(); subprocess.run([sys.executable, '-c', "
        "'import resource; print(resource.getrlimit(resource.RLIMIT_CORE))'])"
    )
    log = tmp_path / "log"
    assert spawn(Launch([sys.executable, "-c", code], log=log, cwd=ROOT)).wait() == 0
    assert log.read_text().strip() == "(1, 1)"
    assert resource.getrlimit(resource.RLIMIT_CORE) == before
    assert callable(no_core_dumps)


def test_temporary_files_of_children_lie_in_a_folder_that_every_start_empties(tmp_path):
    paths = Paths(tmp_path / "data")
    make_data_folders(paths)
    empty_temporary(paths)
    (paths.temporary / "left").write_text(CONTENT)
    empty_temporary(paths)
    assert list(paths.temporary.iterdir()) == []
    assert paths.temporary.stat().st_mode & 0o777 == 0o700
    servers = Servers(own_database=True, own_redis=True, database_url="", redis_url="")
    env = environment(parse_up(["--data", str(paths.data)]), servers, demo=False)
    assert env["TMPDIR"] == str(paths.temporary)
