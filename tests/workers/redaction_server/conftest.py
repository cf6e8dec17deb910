import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from retrieval.redaction.client import RedactionClient
from retrieval.redaction.errors import RedactionUnavailable


@pytest.fixture(scope="session")
def redaction_process(tmp_path_factory):
    """The real server in a process of its own, with a small upload limit; its log in a file."""
    folder = tmp_path_factory.mktemp("redaction")
    path, log = folder / "r.sock", folder / "log"
    command = [sys.executable, "-m", "workers.redaction_server", "--socket", str(path)]
    with log.open("wb") as sink:
        process = subprocess.Popen(
            [*command, "--max-upload-mb", "2"],
            env={**os.environ, "PYTHONPATH": str(Path.cwd())},
            stderr=sink,
            stdout=sink,
        )
    client = RedactionClient(path)
    deadline = time.monotonic() + 120
    while True:
        try:
            client.health()
            break
        except RedactionUnavailable:
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline
            time.sleep(0.1)
    client.close()
    yield process, path, log
    process.terminate()
    assert process.wait(60) == 0
    assert not path.exists()


@pytest.fixture
def client(redaction_process):
    client = RedactionClient(redaction_process[1])
    yield client
    client.close()
