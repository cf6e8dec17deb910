"""A purge that is killed (SIGKILL) within a batch: the next one goes on and counts once."""

import os
import signal
import subprocess
import sys

import pytest
from django.db import connection

from audit.hold_models import PurgeRun
from deploy.paths import ROOT
from retrieval import scope
from retrieval.models import Asset
from retrieval.services.purge import Purged, purge

KILLED = """
import os, sys
import django
django.setup()
from pathlib import Path
from django.conf import settings
from deploy.paths import Paths
settings.PATHS = Paths(Path(sys.argv[1]))
from retrieval.services import purge as purging, purge_parts
batches = []

def dies(assets):
    batches.append(assets)
    done = purge_parts.rendition_purge(assets)
    if len(batches) == 2:  # files are gone, and nothing of this batch is committed
        print("destroyed", flush=True)
        sys.stdin.readline()
    return done

purging.PURGES["rendition"] = dies
purging.purge(batch=2)
"""


@pytest.mark.django_db(transaction=True)
def test_a_killed_purge_is_gone_on_with(paths, governed, aged, left):
    collection = governed({"what": "rendition", "after_days": 30})
    assets = [aged(collection, days=31, raw=b"o", rendition=b"r") for _ in range(5)]
    login = connection.settings_dict
    url = "postgresql://{USER}:{PASSWORD}@/{NAME}?host={HOST}&port={PORT}".format(**login)
    child = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(paths.data)],
        cwd=ROOT,
        env={**os.environ, "DATABASE_APP_URL": url, "DJANGO_SETTINGS_MODULE": "deploy.settings"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert child.stdout.readline() == "destroyed\n"
    child.send_signal(signal.SIGKILL)
    child.communicate()
    with scope.system():
        assert PurgeRun.objects.get().state == "running"
        assert Asset.objects.filter(state="purged").count() == 2
    assert purge(batch=2) == Purged(rendition=3)
    assert {left(one)[0] for one in assets} == {"purged"}
    with scope.system():
        run = PurgeRun.objects.get()
        assert (run.state, run.resumed, run.tallies.get().purged) == ("done", 1, 5)
