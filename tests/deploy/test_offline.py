"""Bundles for machines without a network: made, checked, refused, and installed from alone."""

import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from deploy.paths import ROOT
from deploy.setup import bundle
from deploy.setup.environment import Environment, SetupError
from deploy.setup.offline import (
    ABOUT,
    SUMS,
    BundleRefusal,
    about_here,
    check,
    models_in,
    sums_write,
)


@pytest.fixture
def lock(tmp_path: Path) -> Path:
    path = tmp_path / "clone" / "deploy" / "requirements.lock"
    path.parent.mkdir(parents=True)
    path.write_text("vitrine-proof==1.0\n")
    return path


@pytest.fixture
def carried(tmp_path: Path, lock: Path) -> Path:
    folder = tmp_path / "carried"
    (folder / "wheels").mkdir(parents=True)
    _wheel(folder / "wheels" / "vitrine_proof-1.0-py3-none-any.whl")
    about_here(lock, commit="0" * 40).write(folder)
    sums_write(folder)
    return folder


def _wheel(path: Path) -> None:
    info = "vitrine_proof-1.0.dist-info"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("vitrine_proof.py", "CARRIED = True\n")
        file.writestr(
            f"{info}/METADATA", "Metadata-Version: 2.1\nName: vitrine-proof\nVersion: 1.0\n"
        )
        file.writestr(
            f"{info}/WHEEL",
            "Wheel-Version: 1.0\nGenerator: t\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        )
        names = ("vitrine_proof.py", f"{info}/METADATA", f"{info}/WHEEL", f"{info}/RECORD")
        file.writestr(f"{info}/RECORD", "".join(f"{name},,\n" for name in names))


def test_a_whole_bundle_passes_and_coreutils_agree(carried: Path, lock: Path):
    assert check(carried, lock=lock).commit == "0" * 40
    assert models_in(carried) == []
    done = subprocess.run(
        [shutil.which("sha256sum") or "sha256sum", "--check", "--strict", SUMS],
        cwd=carried,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def _change(folder: Path) -> None:
    wheel = next((folder / "wheels").iterdir())
    wheel.write_bytes(wheel.read_bytes() + b"\0")


def _add(folder: Path) -> None:
    (folder / "wheels" / "extra-1.0-py3-none-any.whl").write_bytes(b"")


def _drop(folder: Path) -> None:
    next((folder / "wheels").iterdir()).unlink()


def _link(folder: Path) -> None:
    (folder / "wheels" / "elsewhere").symlink_to("/etc")


def _climb(folder: Path) -> None:
    with (folder / SUMS).open("a") as sums:
        sums.write(f"{'0' * 64}  ../outside\n")


def _other_python(folder: Path) -> None:
    about = json.loads((folder / ABOUT).read_text())
    (folder / ABOUT).write_text(json.dumps({**about, "python": "3.9"}))
    sums_write(folder)


def _other_form(folder: Path) -> None:
    (folder / ABOUT).write_text('{"python": "3.11"}')


def _no_sums(folder: Path) -> None:
    (folder / SUMS).unlink()


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (_change, "is not what SHA256SUMS says"),
        (_add, "was added"),
        (_drop, "is missing"),
        (_link, "is a link"),
        (_climb, "malformed"),
        (_other_python, "for Python 3.9"),
        (_other_form, "cannot be read"),
        (_no_sums, "is no bundle"),
    ],
)
def test_a_spoilt_bundle_is_refused_with_the_reason(carried: Path, lock: Path, spoil, says):
    spoil(carried)
    with pytest.raises(BundleRefusal, match=says):
        check(carried, lock=lock)


def test_a_bundle_of_another_release_is_refused(carried: Path, lock: Path):
    lock.write_text("vitrine-proof==2.0\n")
    with pytest.raises(BundleRefusal, match="another release"):
        check(carried, lock=lock)


def test_a_folder_with_other_things_in_it_is_left_alone(tmp_path: Path):
    (tmp_path / "letter.txt").write_text("mine")
    with pytest.raises(SetupError, match="not empty and no bundle"):
        bundle._check_target(tmp_path)
    assert (tmp_path / "letter.txt").read_text() == "mine"


def test_a_model_that_does_not_verify_is_not_carried(tmp_path: Path):
    (tmp_path / "manifest.json").write_text("{}")
    with pytest.raises(SetupError, match="cannot be carried"):
        bundle._model_copy(tmp_path, tmp_path / "models")


def test_the_starter_is_carried_whole(tmp_path: Path):
    starter = ROOT / "retrieval" / "encoders" / "starter"
    bundle._model_copy(starter, tmp_path / "models")
    assert [path.name.partition("@")[0] for path in models_in(tmp_path)] == ["starter"]


def test_packages_come_from_the_bundle_alone_in_a_namespace_without_a_route(
    carried: Path, lock: Path
):
    unshare = shutil.which("unshare")
    probe = [unshare or "unshare", "--net", "--", "true"]
    if unshare is None or subprocess.run(probe, check=False, capture_output=True).returncode:
        pytest.skip("network namespaces are not permitted here (unshare --net)")
    root = lock.parent.parent
    (lock.parent / "requirements-alone.lock").write_text("")
    (lock.parent / "requirements-dev.lock").write_text("")
    code = (
        "import socket, sys\n"
        "from pathlib import Path\n"
        "from deploy.setup.environment import Environment\n"
        "try:\n"
        "    socket.create_connection(('192.0.2.1', 80), timeout=2)\n"
        "    sys.exit('there is a route')\n"
        "except OSError:\n"
        "    pass\n"
        f"Environment(Path({str(root)!r})).ensure(offline=Path({str(carried)!r}))\n"
    )
    done = subprocess.run(
        [unshare, "--net", "--", sys.executable, "-B", "-c", code],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    environment = Environment(root)
    assert environment.complete()
    imported = [str(environment.python), "-c", "import vitrine_proof as p; print(p.CARRIED)"]
    assert subprocess.run(imported, capture_output=True, check=True).stdout == b"True\n"
