"""The whole appliance, started as an operator starts it, in a folder whose name has a space."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
import pytest

from deploy.benchmarks.memory import descendants
from deploy.embedded.__main__ import running
from deploy.embedded.place import remove_outside
from deploy.embedded.process import wait_until
from deploy.paths import ROOT, Paths
from deploy.supervisor.leftovers import started_at
from deploy.supervisor.state import read_running

pytestmark = [pytest.mark.live, pytest.mark.timeout(900), pytest.mark.enable_socket]
SERVICES = {"postgres", "redis", "model", "redaction", "worker", "beat", "chain", "web"}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@dataclass
class Appliance:
    data: Path
    extra: dict[str, str] = field(default_factory=dict)
    port: int = field(default_factory=free_port)

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        # The environment of a shell, without what deploy/test set for the other tests.
        outside = ("VITRINE_", "DATABASE_", "REDIS_", "DJANGO_")
        env = {name: value for name, value in os.environ.items() if not name.startswith(outside)}
        return subprocess.run(
            [sys.executable, "-m", "deploy.supervisor", *arguments, "--data", str(self.data)],
            cwd=ROOT,
            env={**env, **self.extra},
            capture_output=True,
            text=True,
            check=False,
            timeout=600,
        )

    def up(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return self.command("up", "--detach", "--no-demo", "--port", str(self.port), *arguments)

    def get(self, path: str) -> int:
        url = f"http://127.0.0.1:{self.port}{path}"
        with urllib.request.urlopen(url, timeout=30) as answer:
            return answer.status

    def processes(self) -> list[tuple[int, int]]:
        """Every process of the appliance with its start time, the supervisor first."""
        told = read_running(Paths(self.data))
        assert told is not None
        found = [(pid, started_at(pid)) for pid in descendants(told.pid)]
        return [(pid, start) for pid, start in found if start is not None]


@pytest.fixture
def appliance():
    folder = Path(tempfile.mkdtemp(prefix="vitrine live ")).resolve()
    made = Appliance(folder / "data")
    yield made
    made.command("down")
    for each in (made.data, folder / "servers"):
        remove_outside(Paths(each))
    shutil.rmtree(folder)


def test_it_starts_mends_itself_stops_and_leaves_nothing_running(appliance):
    first = appliance.up()
    assert first.returncode == 0, first.stdout + first.stderr
    assert set(re.findall(r"\] (\w+) is ready \(", first.stdout)) == SERVICES
    credentials = json.loads((appliance.data / "credentials.json").read_text())
    assert credentials["url"] == f"http://127.0.0.1:{appliance.port}"
    assert credentials["admin"]["password"] in first.stdout
    assert appliance.get("/healthz") == 200

    again = appliance.up()
    assert again.returncode == 0
    assert f"runs already at http://127.0.0.1:{appliance.port}" in again.stdout

    elsewhere = Appliance(appliance.data.with_name("other data"), port=appliance.port)
    refused = elsewhere.up()
    assert refused.returncode == 1
    assert refused.stderr.count("\n") == 1
    assert "--port" in refused.stderr

    # A child that is killed comes back.
    before = appliance.processes()
    web = next(pid for pid, _ in before if b"granian" in Path(f"/proc/{pid}/cmdline").read_bytes())
    os.kill(web, signal.SIGKILL)
    assert wait_until(lambda: not answers(appliance), seconds=10)
    assert wait_until(lambda: answers(appliance), seconds=120, step_seconds=0.5)

    # Nothing outlives a supervisor that is killed, and the next start finds the data as it was.
    everything = appliance.processes()
    os.kill(everything[0][0], signal.SIGKILL)
    assert wait_until(lambda: not still_there(everything), seconds=60, step_seconds=0.5)
    second = appliance.up()
    assert second.returncode == 0, second.stdout + second.stderr
    assert credentials["admin"]["password"] not in second.stdout
    assert json.loads((appliance.data / "credentials.json").read_text()) == credentials

    everything = appliance.processes()
    assert appliance.command("down").returncode == 0
    assert not still_there(everything)
    logs = "".join(log.read_text() for log in (appliance.data / "log").glob("*.log"))
    assert credentials["admin"]["password"] not in logs
    assert credentials["admin"]["token"] not in logs


def test_real_servers_are_used_where_they_are_named(appliance):
    outside = Paths(appliance.data.with_name("servers"))
    with running(outside) as variables:
        appliance.extra = {name: variables[name] for name in ("DATABASE_URL", "REDIS_URL")}
        done = appliance.up()
        assert done.returncode == 0, done.stdout + done.stderr
        assert appliance.get("/healthz") == 200
        assert not (appliance.data / "postgres").exists()
        assert not any((appliance.data / "redis").iterdir())
        with psycopg.connect(variables["DATABASE_URL"]) as connection:
            count = connection.execute("SELECT count(*) FROM accounts_user").fetchone()
        assert count == (1,)
        assert appliance.command("down").returncode == 0


def answers(appliance: Appliance) -> bool:
    try:
        return appliance.get("/healthz") == 200
    except OSError:
        return False


def still_there(processes: list[tuple[int, int]]) -> list[int]:
    return [pid for pid, start in processes if started_at(pid) == start]
