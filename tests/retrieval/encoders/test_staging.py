"""Bundles are copied from folders and tars; whatever is no plain file of a bundle stops it."""

from __future__ import annotations

import io
import os
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from retrieval.encoders.bundle import verify_bundle
from retrieval.encoders.errors import BundleError
from retrieval.encoders.staging import stage
from tests.retrieval.encoders.towers_small import small_bundle


@pytest.fixture
def target(tmp_path: Path) -> Path:
    (tmp_path / "target").mkdir()
    return tmp_path / "target"


def tar(path: Path, *members: tuple[str, bytes | None], **changes: object) -> Path:
    """A tar of the members; None as content makes a member of the type in ``changes``."""
    with tarfile.open(path, "w") as archive:
        for name, data in members:
            info = tarfile.TarInfo(name)
            if data is None:
                for key, value in changes.items():
                    setattr(info, key, value)
                archive.addfile(info)
            else:
                info.size = len(data)
                archive.addfile(info, io.BytesIO(data))
    return path


def test_a_folder_and_a_tar_of_it_give_the_same_bundle(tmp_path: Path, target: Path) -> None:
    folder = small_bundle(tmp_path / "small@1")
    with tarfile.open(tmp_path / "small.tar", "w") as archive:
        archive.add(folder, arcname="small@1")
    stage(folder, target)
    assert verify_bundle(target).ref == "small@1"
    assert {path.stat().st_mode & 0o777 for path in target.rglob("*.*")} == {0o600}
    other = tmp_path / "other"
    other.mkdir()
    stage(tmp_path / "small.tar", other)
    assert verify_bundle(other) == verify_bundle(target)


@pytest.mark.parametrize(
    ("spoil", "code"),
    [
        (lambda f: (f / "link.json").symlink_to("/etc/passwd"), "link"),
        (lambda f: (f / "deep").symlink_to("/etc"), "link"),
        (lambda f: os.mkfifo(f / "pipe.json"), "bad-kind"),
        (lambda f: (f / "run.py").write_text("print()"), "bad-kind"),
        (lambda f: (f / "lib.so").write_bytes(b"\x7fELF"), "bad-kind"),
        (lambda f: (f / "model.onnx").write_bytes(b""), "bad-kind"),
        (lambda f: (f / "model.pt").write_bytes(b""), "bad-kind"),
        (lambda f: (f / ".hidden.json").write_text("{}"), "bad-path"),
    ],
    ids=["link", "linked folder", "pipe", "python", "library", "onnx", "pickle", "hidden"],
)
def test_a_folder_with_anything_else_is_refused(
    tmp_path: Path, target: Path, spoil: Callable[[Path], None], code: str
) -> None:
    folder = small_bundle(tmp_path / "small@1")
    spoil(folder)
    with pytest.raises(BundleError) as refused:
        stage(folder, target)
    assert refused.value.code == code
    assert list(target.iterdir()) == []


@pytest.mark.parametrize(
    ("members", "changes", "code"),
    [
        ([("/etc/x.json", b"{}")], {}, "bad-path"),
        ([("b/../../x.json", b"{}")], {}, "bad-path"),
        ([("x.json", None)], {"type": tarfile.SYMTYPE, "linkname": "/etc/passwd"}, "link"),
        ([("x.json", None)], {"type": tarfile.LNKTYPE, "linkname": "manifest.json"}, "link"),
        ([("x.json", None)], {"type": tarfile.CHRTYPE}, "bad-tar"),
        ([("x.json", None)], {"type": tarfile.FIFOTYPE}, "bad-tar"),
        ([("x.json", b"{}"), ("x.json", b"[]")], {}, "bad-tar"),
        ([("x.json", b"{}")], {}, "no-manifest"),
        ([("a/manifest.json", b"{}"), ("b/x.json", b"{}")], {}, "no-manifest"),
        ([("manifest.json", b"{}"), ("run.py", b"")], {}, "bad-kind"),
        ([("manifest.json", b"{}"), *((f"{n}.txt", b"") for n in range(1100))], {}, "too-many"),
    ],
)
def test_a_tar_with_anything_else_is_refused(
    tmp_path: Path,
    target: Path,
    members: list[tuple[str, bytes | None]],
    changes: dict[str, object],
    code: str,
) -> None:
    with pytest.raises(BundleError) as refused:
        stage(tar(tmp_path / "x.tar", *members, **changes), target)
    assert refused.value.code == code
    assert list(target.iterdir()) == []


def test_only_a_whole_uncompressed_tar_is_one(tmp_path: Path, target: Path) -> None:
    whole = tar(tmp_path / "x.tar", ("manifest.json", b"{}" * 5000))
    (tmp_path / "cut.tar").write_bytes(whole.read_bytes()[:2000])
    with tarfile.open(tmp_path / "packed.tar.gz", "w:gz") as archive:
        archive.add(whole, arcname="manifest.json")
    for name in ("cut.tar", "packed.tar.gz"):
        with pytest.raises(BundleError) as refused:
            stage(tmp_path / name, target)
        assert refused.value.code == "bad-tar"
    with pytest.raises(BundleError) as refused:
        stage(tmp_path / "nothing", target)
    assert refused.value.code == "no-bundle"
