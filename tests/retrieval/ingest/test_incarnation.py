import subprocess
import sys

from retrieval import incarnation


def test_a_process_is_known_while_it_lives_and_gone_after():
    code = "from retrieval import incarnation; print(incarnation.me(), flush=True); input()"
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with process:
        told = process.stdout.readline().strip()
        assert not incarnation.is_gone(told)
        process.kill()
        process.wait()
        assert incarnation.is_gone(told)


def test_another_process_with_the_same_number_is_not_taken_for_it():
    *place, started = incarnation.me().split("/")
    assert not incarnation.is_gone("/".join([*place, started]))
    assert incarnation.is_gone("/".join([*place, str(int(started) - 1)]))


def test_other_machines_are_not_ours_to_judge():
    host, boot, namespace, *rest = incarnation.me().split("/")
    assert not incarnation.is_gone(f"elsewhere/{boot}/{namespace}/999999/1")
    assert incarnation.is_gone("/".join([host, "0000", namespace, *rest]))  # before a reboot
    other_container = "/".join([host, boot, "1", *rest])
    assert not incarnation.is_gone(other_container)
    assert incarnation.is_gone(other_container, node_restarted=True)


def test_malformed_holders_are_never_gone():
    for holder in ("", "a", "a/b/c/d", f"{incarnation.machine()}/x/1"):
        assert not incarnation.is_gone(holder, node_restarted=True)
