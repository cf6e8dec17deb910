"""The server is killed in the middle of requests and started again; everybody is answered."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from retrieval.encoders.client import ModelClient
from tests.workers import model_process

pytestmark = pytest.mark.timeout(120)


class Restarter:
    """Starts the server again whenever it ends, as the supervisor does."""

    def __init__(self, folder):
        self.socket, self.notes = folder / "m.sock", folder / "notes"
        self.stopped = False
        self.starts = 0
        self.started = threading.Event()
        self.process = None
        self.thread = threading.Thread(target=self._keep)
        self.thread.start()
        assert self.started.wait(30)

    def _keep(self):
        while not self.stopped and self.starts < 5:
            self.process = subprocess.Popen(
                [sys.executable, model_process.__file__, str(self.socket), str(self.notes)],
                env={**os.environ, "PYTHONPATH": str(Path.cwd())},
            )
            self.starts += 1
            self.started.set()
            self.process.wait()

    def batches(self):
        return self.notes.read_text().split() if self.notes.exists() else []

    def kill_in_the_middle_of_a_batch(self):
        pid = str(self.process.pid)
        before = self.batches().count(pid)
        while self.batches().count(pid) <= before:
            time.sleep(0.002)
        starts = self.starts
        os.kill(int(pid), signal.SIGKILL)
        while self.starts == starts:
            time.sleep(0.002)

    def stop(self):
        self.stopped = True
        self.process.kill()
        self.thread.join()


@pytest.fixture
def restarter(tmp_path):
    restarter = Restarter(tmp_path)
    yield restarter
    restarter.stop()


def test_every_request_in_flight_at_a_kill_is_answered(restarter, monkeypatch):
    monkeypatch.setattr("retrieval.encoders.client.QUERY_TIMEOUT_SECONDS", 60.0)
    client = ModelClient(restarter.socket)
    client.encode_text("toy@1", ["first"])  # waits until the server is there
    asked = {
        f"{lane} {n}": [f"{lane} {n} item {i}" for i in range(count)]
        for lane, count in (("ingest", 40), ("query", 1))
        for n in range(6)
    }
    answers = {}

    def ask(name, texts):
        # One after the other, so that some are under way whenever the server is killed.
        for turn in range(4):
            rows = client.encode_text("toy@1", texts, priority=name.split()[0])
            answers[name, turn] = rows

    threads = [threading.Thread(target=ask, args=item) for item in asked.items()]
    for thread in threads:
        thread.start()
    for _ in range(2):
        restarter.kill_in_the_middle_of_a_batch()
    for thread in threads:
        thread.join(100)
    client.close()
    assert restarter.starts >= 3
    assert len(answers) == 4 * len(asked)
    for (name, _), rows in answers.items():
        np.testing.assert_array_equal(rows, [model_process.vector(text) for text in asked[name]])
