import subprocess
import sys
from pathlib import Path

import pytest
from pip._vendor.packaging.requirements import Requirement

from deploy.paths import ROOT
from deploy.setup.environment import Environment, _drop_half_installed, site_packages
from deploy.setup.lock import closure, needed_elsewhere


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    root = tmp_path / "a clone"
    (root / "deploy").mkdir(parents=True)
    (root / "deploy" / "requirements.lock").write_text("# nothing\n")
    (root / "deploy" / "requirements-alone.lock").write_text("# nothing alone\n")
    (root / "deploy" / "requirements-dev.lock").write_text("# nothing either\n")
    return root


def test_an_environment_is_made_once_and_again_when_its_lock_or_place_changes(clone: Path):
    environment = Environment(clone)
    assert not environment.complete()
    environment.ensure()
    assert environment.complete()
    made = environment.python.lstat().st_mtime_ns
    environment.ensure()
    assert environment.python.lstat().st_mtime_ns == made
    (clone / "deploy" / "requirements.lock").write_text("# something else\n")
    assert not environment.complete()
    assert not Environment(clone, with_dev=True).complete()
    moved = Environment(clone.rename(clone.with_name("elsewhere")))
    assert not moved.complete()
    assert not moved.started()


def test_a_package_cut_short_is_forgotten_and_a_whole_one_kept(tmp_path: Path):
    packages = site_packages(tmp_path)
    for name, files in (("whole", ("METADATA", "RECORD", "INSTALLER")), ("cut", ("METADATA",))):
        info = packages / f"{name}-1.0.dist-info"
        info.mkdir(parents=True)
        for file in files:
            (info / file).write_text("")
    _drop_half_installed(tmp_path)
    assert [each.name for each in packages.iterdir()] == ["whole-1.0.dist-info"]


def test_set_up_needs_the_standard_library_only():
    # -I and -S keep site-packages away, as on a machine where nothing is installed yet.
    code = f"import sys; sys.path.insert(0, {str(ROOT)!r}); import deploy.setup.__main__"
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_the_lock_names_exact_versions_of_all_that_is_asked_for():
    pinned = {}
    for name in ("requirements.lock", "requirements-alone.lock", "requirements-dev.lock"):
        for line in (ROOT / "deploy" / name).read_text().splitlines():
            if not line.startswith("#"):
                package, version = line.split("==")
                assert package not in pinned
                assert "+" not in version
                pinned[package] = version
    assert not [name for name in pinned if name.startswith(("nvidia-", "cuda-", "triton"))]
    for name in ("requirements.in", "requirements-dev.in"):
        for line in (ROOT / "deploy" / name).read_text().splitlines():
            wanted = line.partition("#")[0].strip()
            if wanted:
                requirement = Requirement(wanted)
                package = requirement.name.lower().replace("_", "-")
                assert requirement.specifier.contains(pinned[package]), wanted


def test_the_closure_follows_extras_and_markers():
    packages = {
        "a": {
            "version": "1",
            "requires_dist": ['b[fast]; extra == "x"', 'c; python_version < "3"'],
        },
        "b": {"version": "1", "requires_dist": ['d; extra == "fast"']},
        "c": {"version": "1"},
        "d": {"version": "1"},
    }
    assert closure([Requirement("a")], packages) == {"a"}
    assert closure([Requirement("a[x]")], packages) == {"a", "b", "d"}


def test_a_package_that_only_another_python_needs_is_noticed():
    packages = {
        "a": {"version": "1", "requires_dist": ['late; python_full_version < "3.11.3"', "b"]},
        "b": {"version": "1", "requires_dist": ['win; sys_platform == "win32"', 'x; extra == "y"']},
    }
    assert needed_elsewhere(packages) == ["late (for a)"]
    assert needed_elsewhere({**packages, "late": {"version": "1"}}) == []
