from dataclasses import replace
from pathlib import Path

import pytest

from deploy.setup.preflight import GIB, Machine, look, refusals

GOOD = Machine(
    system="Linux",
    architecture="x86_64",
    python=(3, 12),
    implementation="cpython",
    glibc=(2, 36),
    missing_modules=(),
    has_account_name=True,
    memory=8 * GIB,
    environment_disk_free=50 * GIB,
    data_disk_free=50 * GIB,
)


def refused(machine: Machine) -> list[str]:
    return refusals(machine, environment_bytes=6 * GIB, first_start=True)


def test_a_good_machine_is_not_refused():
    assert refused(GOOD) == []


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"system": "Darwin", "glibc": None}, "x86-64 Linux"),
        ({"architecture": "aarch64"}, "aarch64"),
        ({"python": (3, 13)}, "3.13"),
        ({"python": (3, 10)}, "3.11 or 3.12"),
        ({"implementation": "pypy"}, "pypy"),
        ({"glibc": None}, "glibc 2.28"),
        ({"glibc": (2, 17)}, "glibc 2.28"),
        ({"missing_modules": ("ensurepip",)}, "python3-venv"),
        ({"missing_modules": ("lzma",)}, "lzma"),
        ({"has_account_name": False}, "/etc/passwd"),
        ({"memory": 2 * GIB}, "3.0 GB of memory"),
        ({"environment_disk_free": 5 * GIB}, "6.0 GB of disk"),
        ({"data_disk_free": GIB}, "--data"),
    ],
)
def test_each_shortcoming_is_one_sentence_that_names_it(change, says):
    found = refused(replace(GOOD, **change))
    assert len(found) == 1
    assert says in found[0]
    assert found[0].endswith(".")
    assert "\n" not in found[0]


def test_a_complete_environment_and_an_old_data_folder_need_no_room():
    full = replace(GOOD, environment_disk_free=0, data_disk_free=0)
    assert refusals(full, environment_bytes=0, first_start=False) == []


def test_this_machine_is_looked_at(tmp_path: Path):
    machine = look(root=tmp_path, data=tmp_path / "not" / "there" / "yet")
    assert machine.system == "Linux"
    assert machine.memory > GIB // 4
    assert machine.data_disk_free > 0
    assert machine.missing_modules == ()
