"""The walls are proved by trying: each forbidden thing is done inside, and must fail."""

from __future__ import annotations

import contextlib
import os
import runpy
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from workers.sandbox import DecodeError, Sandbox, SandboxUnavailable
from workers.sandbox.jobs import Job
from workers.sandbox.memory_files import as_input, size_of
from workers.sandbox.reasons import Refusal

MEGABYTE = 1024 * 1024
MISBEHAVING = Path(__file__).with_name("misbehaving.py")
ATTEMPTS = sorted(runpy.run_path(str(MISBEHAVING))["ATTEMPTS"])


def run(
    sandbox,
    operation,
    data=b"x",
    *,
    memory=512 * MEGABYTE,
    cpu=20,
    wall=20.0,
    output=MEGABYTE,
    **more,
):
    with contextlib.ExitStack() as stack:
        fd = as_input(data, stack)
        job = Job(operation, more, size_of(fd), memory, cpu, wall)
        return sandbox._run(job, fd, output)


def code_of(sandbox, operation, **more):
    with pytest.raises(Refusal) as caught:
        run(sandbox, operation, **more)
    return caught.value.code


@pytest.fixture
def alive(hostile_sandbox):
    """Asserts that the zygote is the same before and after, and still works."""
    before = hostile_sandbox.health().pid
    assert before is not None
    yield
    assert hostile_sandbox.sniff_normalise(b"still here", name_hint="a.txt").pages
    assert hostile_sandbox.health().pid == before


@pytest.mark.parametrize("attempt", ATTEMPTS)
def test_a_decoder_cannot(hostile_sandbox, alive, attempt):
    outcome = run(hostile_sandbox, "attempt", attempt=attempt).header["outcome"]
    # resource.setrlimit tells its PermissionError as a ValueError.
    assert outcome in {"PermissionError", "OSError", "ValueError"}, outcome
    assert not Path("/tmp/vitrine-escape").exists()


def test_a_decoder_sees_no_environment_and_only_its_own_files(hostile_sandbox, monkeypatch):
    monkeypatch.setenv("VITRINE_SECRET_KEY", "secret")
    seen = run(hostile_sandbox, "inventory").header
    assert seen["environment"] == {}
    # Standard input and outputs (all /dev/null), the input, the output; no database, no socket.
    assert seen["files"] == [0, 1, 2, 3, 4]
    assert seen["uid"] != 0


def test_a_decoder_may_use_threads(hostile_sandbox):
    assert run(hostile_sandbox, "thread").header["outcome"] == "ran"


def test_four_gigabytes_are_refused(hostile_sandbox, alive):
    assert code_of(hostile_sandbox, "allocate") == "decoder-memory"


def test_growing_without_end_is_refused(hostile_sandbox, alive):
    assert code_of(hostile_sandbox, "grow") == "decoder-memory"


def test_spinning_ends_at_the_processor_limit(hostile_sandbox, alive):
    assert code_of(hostile_sandbox, "spin", cpu=1) == "decoder-timeout"


def test_sleeping_ends_at_the_clock(hostile_sandbox, alive):
    assert code_of(hostile_sandbox, "sleep", wall=0.5) == "decoder-timeout"


def test_output_without_end_is_cut(hostile_sandbox, alive):
    assert code_of(hostile_sandbox, "flood") == "decoder-output"


@pytest.mark.parametrize("operation", ["segfault", "abort", "exit"])
def test_a_crash_is_an_error_and_nothing_else(hostile_sandbox, alive, operation):
    assert code_of(hostile_sandbox, operation) == "decoder-crashed"


def test_a_mistake_of_ours_is_told_without_content(hostile_sandbox, alive):
    assert code_of(hostile_sandbox, "mistake") == "decoder-failed"
    assert code_of(hostile_sandbox, "unreadable") == "damaged"


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"VSB1",
        b"nonsense that is long enough",
        b"VSB1\xff\xff\xff\xff{}",
        b"VSB1\x02\x00\x00\x00{}",
        b"VSB1\x02\x00\x00\x00[]",
        b'VSB1\x0e\x00\x00\x00{"buffers":[9]}',
        b'VSB1\x10\x00\x00\x00{"buffers":[-1]}',
        b'VSB1\x0e\x00\x00\x00{"buffers":[]}trailing',
        b"VSB1\x26\x00\x00\x00" + b'{"code": "private words", "buffers":[]}'[:38],
    ],
)
def test_a_forged_answer_is_a_crash(hostile_sandbox, said):
    with pytest.raises(Refusal) as caught:
        run(hostile_sandbox, "say", data=said or b" ")
    assert caught.value.code in {"decoder-crashed", "private words"}


def test_jobs_run_at_the_same_time_and_a_crash_among_them_hurts_no_other(hostile_sandbox, alive):
    results = []

    def work(number):
        if number % 4 == 3:
            results.append(code_of(hostile_sandbox, "segfault"))
        else:
            text = f"text number {number}"
            pages = hostile_sandbox.sniff_normalise(text.encode(), name_hint="a.txt").pages
            results.append(pages[0].text == text)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(24)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert results.count(True) == 18
    assert results.count("decoder-crashed") == 6


def test_a_killed_zygote_is_started_again():
    with Sandbox() as sandbox:
        first = sandbox.health().pid
        os.kill(first, 9)
        assert sandbox.sniff_normalise(b"words", name_hint="a.txt").pages[0].text == "words"
        health = sandbox.health()
        assert health.pid != first
        assert health.restarts == 1


def test_jobs_lost_with_the_zygote_are_done_again():
    with Sandbox(extra_operations=MISBEHAVING) as sandbox:
        outcome = []
        job = threading.Thread(
            target=lambda: outcome.append(run(sandbox, "sleep", seconds=1).header["outcome"])
        )
        job.start()
        while sandbox.health().jobs_running == 0:
            time.sleep(0.01)
        time.sleep(0.2)
        os.kill(sandbox.health().pid, 9)
        job.join(30)
        assert outcome == ["slept"]


def test_a_closed_sandbox_says_so():
    sandbox = Sandbox().start()
    pid = sandbox.health().pid
    sandbox.close()
    with pytest.raises(SandboxUnavailable):
        sandbox.sniff_normalise(b"words", name_hint="a.txt")
    assert not Path(f"/proc/{pid}").exists()


def test_the_zygote_leaves_with_its_parent():
    script = (
        "from workers.sandbox import Sandbox; import os; "
        "s = Sandbox().start(); print(s.health().pid, flush=True); os.kill(os.getpid(), 9)"
    )
    child = subprocess.run([sys.executable, "-c", script], capture_output=True, check=False)
    pid = int(child.stdout)
    deadline = time.monotonic() + 10
    while Path(f"/proc/{pid}").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not Path(f"/proc/{pid}").exists()


def test_every_wall_was_tried_at_the_start(sandbox):
    walls = sandbox.health().walls
    assert len(walls) > 10
    assert all(wall.held for wall in walls)


def test_no_wall_no_sandbox(tmp_path):
    """Where a wall does not hold, nothing starts, and the reason names the wall."""
    broken = tmp_path / "broken.py"
    broken.write_text(
        "from workers.sandbox import proofs\n"
        "proofs._ATTEMPTS['a wall that is missing'] = lambda: None\n"
        "OPERATIONS = {}\n"
    )
    with pytest.raises(SandboxUnavailable, match="a wall that is missing"):
        Sandbox(extra_operations=broken).start()


def test_no_filter_no_sandbox(tmp_path):
    """Where the kernel or a container refuses seccomp, nothing starts."""
    broken = tmp_path / "broken.py"
    broken.write_text(
        "from workers.sandbox import walls\n"
        "def refuse():\n    raise OSError(22, 'seccomp filter: Invalid argument')\n"
        "walls._install_filter = refuse\n"
        "OPERATIONS = {}\n"
    )
    with pytest.raises(SandboxUnavailable, match="seccomp"):
        Sandbox(extra_operations=broken).start()


def test_it_works_for_an_ordinary_user():
    if os.getuid() != 0:
        pytest.skip("the other tests already run as an ordinary user")
    script = (
        "from workers.sandbox import Sandbox\n"
        "with Sandbox() as s:\n"
        "    print(s.health().uid, s.sniff_normalise(b'words', name_hint='a.txt').pages[0].text)\n"
    )
    try:
        result = subprocess.run(
            [sys.executable, "-c", script],
            capture_output=True,
            text=True,
            check=False,
            user=65534,
            group=65534,
            extra_groups=[],
            cwd=Path(__file__).parents[3],
        )
    except PermissionError:
        pytest.skip("an ordinary user may not read this checkout or run its interpreter")
    assert result.stdout == "65534 words\n", result.stderr


def test_a_file_descriptor_is_taken_as_it_is(sandbox, tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"some words")
    with path.open("rb") as file:
        file.seek(5)
        normalised = sandbox.sniff_normalise(file.fileno(), name_hint="a.txt")
        assert file.tell() == 5
    assert normalised.pages[0].text == "some words"


def test_errors_carry_a_sentence_and_no_content(sandbox):
    with pytest.raises(DecodeError) as caught:
        sandbox.sniff_normalise(b"MZ private words", name_hint="private.jpg")
    assert caught.value.code == "mislabelled"
    assert caught.value.disposition == "rejected"
    assert caught.value.reason.endswith(".")
    assert "private" not in caught.value.reason + str(caught.value)
