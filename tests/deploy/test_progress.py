import io
import os
import sys
from pathlib import Path

import pytest

from deploy.setup.progress import Bar, PackageProgress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_without_a_terminal_each_tenth_is_one_line():
    stream = io.StringIO()
    bar = Bar("Doing", 200, stream)
    for done in range(201):
        bar.show(done)
    bar.close()
    lines = stream.getvalue().splitlines()
    assert lines[:2] == ["Doing: 0/200", "Doing: 20/200"]
    assert lines[-2] == "Doing: 200/200"
    assert len(lines) == 12
    assert "\r" not in stream.getvalue()


def test_on_a_terminal_one_line_is_drawn_again():
    stream = Terminal()
    bar = Bar("Doing", 4, stream)
    bar.show(2, "a thing")
    assert stream.getvalue().startswith("\rDoing [###############...............] 2/4 a thing")
    assert "\n" not in stream.getvalue()


def test_more_than_all_and_nothing_at_all_are_drawn_too():
    stream = Terminal()
    Bar("Doing", 0, stream).show(5)
    assert "1/1" in stream.getvalue()


@pytest.mark.parametrize("status", [0, 3])
def test_what_pip_says_is_counted_and_kept(tmp_path: Path, capfd, status: int):
    pip = (
        "import sys, time, pathlib\n"
        "print('Collecting one==1', flush=True)\n"
        "print('Processing /a/folder/two-1.whl', flush=True)\n"
        "time.sleep(1.2)\n"
        "print('Installing collected packages: one, two', flush=True)\n"
        f"site = pathlib.Path({str(tmp_path)!r})\n"
        "[(site / f'{name}-1.dist-info').mkdir() for name in ('one', 'two')]\n"
        "time.sleep(1.2)\n"
        f"sys.exit({status})\n"
    )
    progress = PackageProgress(label="Installing", total=2, site_packages=tmp_path)
    log = tmp_path / "pip.log"
    assert progress.follow([sys.executable, "-c", pip], env=dict(os.environ), log=log) == status
    said = capfd.readouterr().err
    assert "Installing: fetching: 2/2" in said
    assert "Installing: writing: 2/2" in said
    assert "Collecting one==1" in log.read_text()
