import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.embedded.process import Launch, spawn, wait_until
from deploy.paths import ROOT, Paths
from deploy.supervisor import leftovers
from deploy.supervisor.errors import StartError, StopRequestedError
from deploy.supervisor.logs import rotate
from deploy.supervisor.services import Service
from deploy.supervisor.watch import Watch, restart_delay


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    made = Paths(tmp_path / "a folder")
    made.log.mkdir(parents=True)
    return made


@pytest.fixture
def watch(paths: Paths):
    said: list[str] = []
    made = Watch(paths=paths, say=said.append)
    made.said = said
    yield made
    made.stop()


def service(paths: Paths, name: str, code: str, **more) -> Service:
    return Service(
        name,
        Launch(argv=[sys.executable, "-S", "-c", code], log=paths.log / f"{name}.log"),
        more.pop("ready", lambda: True),
        **more,
    )


def is_gone(pid: int) -> bool:
    return leftovers.started_at(pid) is None


def test_the_delay_doubles_up_to_a_minute():
    assert [restart_delay(deaths) for deaths in (1, 2, 3, 4)] == [1, 2, 4, 8]
    assert restart_delay(50) == 60


def test_a_dead_child_is_started_again(watch, paths):
    watch.start(service(paths, "mayfly", "import time; time.sleep(600)"))
    first = watch.children[0].process.pid
    os.kill(first, signal.SIGKILL)
    assert wait_until(
        lambda: watch.keep_alive() or watch.children[0].process.pid != first, seconds=10
    )
    assert watch.children[0].process.poll() is None
    assert any("SIGKILL" in line and "again in 1 s" in line for line in watch.said)


def test_children_stop_in_reverse_and_a_deaf_one_is_killed_with_its_own_children(watch, paths):
    grandchild = paths.data / "grandchild"
    deaf = (
        "import signal, subprocess, sys, time; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
        "child = subprocess.Popen([sys.executable, '-S', '-c', 'import time; time.sleep(600)']);"
        f"open({str(grandchild)!r}, 'w').write(str(child.pid)); time.sleep(600)"
    )
    watch.start(service(paths, "first", "import time; time.sleep(600)"))
    watch.start(service(paths, "deaf", deaf, grace_seconds=0.2))
    assert wait_until(lambda: grandchild.exists() and grandchild.read_text() != "", seconds=20)
    pids = [child.process.pid for child in watch.children] + [int(grandchild.read_text())]
    watch.stop()
    assert watch.said[-2:] == ["deaf stopped", "first stopped"]
    assert wait_until(lambda: all(is_gone(pid) for pid in pids), seconds=5)


def test_a_child_that_dies_while_starting_is_named_with_its_log(watch, paths):
    watch.start(service(paths, "broken", "raise SystemExit(3)", ready=lambda: False))
    with pytest.raises(StartError, match=r"broken .*broken\.log"):
        watch.wait_ready(["broken"])


def test_a_signal_while_starting_stops_the_start(watch, paths):
    watch.start(service(paths, "slow", "import time; time.sleep(600)", ready=lambda: False))
    watch.stop_requests = 1
    with pytest.raises(StopRequestedError):
        watch.wait_ready(["slow"])


def test_children_of_a_killed_supervisor_die_with_it(paths):
    note = paths.data / "child"
    code = (
        f"import sys; sys.path.insert(0, {str(ROOT)!r})\n"
        "from pathlib import Path; from deploy.embedded.process import Launch, spawn; import time\n"
        f"log = Path({str(paths.log / 'x.log')!r})\n"
        "child = spawn(Launch(argv=['/bin/sleep', '600'], log=log))\n"
        f"Path({str(note)!r}).write_text(str(child.pid)); time.sleep(600)\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", code])
    try:
        assert wait_until(lambda: note.exists() and note.read_text() != "", seconds=20)
    finally:
        parent.kill()
        parent.wait()
    assert wait_until(lambda: is_gone(int(note.read_text())), seconds=5)


def test_what_a_killed_supervisor_left_is_ended_and_a_reused_pid_is_not(paths, monkeypatch):
    monkeypatch.setattr(leftovers, "_GRACE_SECONDS", 0.1)
    launch = Launch(argv=["/bin/sleep", "600"], log=paths.log / "x.log", orphan_signal=None)
    left, bystander = spawn(launch), spawn(launch)
    try:
        leftovers.note(paths, [left.pid])
        entries = (paths.data / "children.json").read_text()
        start = leftovers.started_at(bystander.pid)
        (paths.data / "children.json").write_text(
            entries.removesuffix("]") + f", [{bystander.pid}, {start - 1}]]"
        )
        leftovers.end(paths)
        assert left.wait(timeout=5) == -signal.SIGKILL
        assert bystander.poll() is None
        assert not (paths.data / "children.json").exists()
    finally:
        bystander.kill()
        bystander.wait()


def test_long_logs_move_on_and_go_on_being_written(paths):
    log = paths.log / "x.log"
    with log.open("ab", buffering=0) as child:
        child.write(b"a" * 100)
        assert rotate(paths.log, max_bytes=50) == [log]
        child.write(b"b")
    assert log.read_bytes() == b"b"
    assert (paths.log / "x.log.1").read_bytes() == b"a" * 100
    assert rotate(paths.log, max_bytes=50) == []


def test_a_child_gets_no_terminal_and_only_its_owner_reads_its_log(watch, paths):
    watch.start(service(paths, "said", "import sys; print('hello'); print(sys.stdin.read() == '')"))
    watch.children[0].process.wait(timeout=20)
    log = paths.log / "said.log"
    assert log.read_text() == "hello\nTrue\n"
    assert log.stat().st_mode & 0o777 == 0o600
