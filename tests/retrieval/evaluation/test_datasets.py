from __future__ import annotations

import io
import tarfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from retrieval.evaluation.datasets import DatasetError, dataset_open, items_read


def picture(path: Path, colour: tuple[int, int, int] = (200, 0, 0)) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (40, 20), colour).save(path)


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    picture(folder / "images/a.png")
    picture(folder / "images/b.png", (0, 0, 200))
    (folder / "captions.tsv").write_text(
        'file\tcaption\na.png\tsomething red\na.png\tit is "red\nb.png\tsomething blue\n'
    )
    return folder


def packed(folder: Path, prefix: str) -> Path:
    path = folder.parent / "photos.tar"
    with tarfile.open(path, "w") as archive:
        archive.add(folder, arcname=prefix or ".", recursive=True)
    return path


def test_a_directory_of_captions(photos: Path) -> None:
    dataset = dataset_open(photos)
    assert (dataset.name, dataset.modality) == ("photos", "image")
    assert dataset.files == ["images/a.png", "images/b.png"]
    assert dataset.captions[1] == ("images/a.png", 'it is "red')
    assert dataset.labels == ()


def test_a_tar_reads_like_its_directory(photos: Path) -> None:
    dataset = dataset_open(packed(photos, "photos"))
    assert dataset.captions == dataset_open(photos).captions
    assert dataset.name == "photos"
    assert dataset.read("images/a.png") == (photos / "images/a.png").read_bytes()


def test_images_come_as_rgb_no_longer_than_asked(photos: Path) -> None:
    dataset = dataset_open(photos)
    first, second = items_read(dataset, dataset.files, settings={"longest_side": 20})
    assert first.shape == second.shape == (10, 20, 3)
    assert first.dtype == np.uint8
    assert first[5, 5].tolist() == [200, 0, 0]


def test_sounds_come_mono_at_the_rate_asked(tmp_path: Path) -> None:
    import soundfile

    (tmp_path / "audio").mkdir()
    soundfile.write(tmp_path / "audio/a.wav", np.zeros((1600, 2)), 16_000)
    (tmp_path / "meta.tsv").write_text("file\tlabel\tfold\na.wav\tDog\t1\n")
    dataset = dataset_open(tmp_path)
    assert dataset.labels == (("audio/a.wav", "Dog"),)
    (wave,) = items_read(dataset, dataset.files, settings={"sample_rate": 32_000})
    assert wave.shape == (3200,)
    assert wave.dtype == np.float32


def test_where_keeps_rows(tmp_path: Path) -> None:
    picture(tmp_path / "images/a.png")
    picture(tmp_path / "images/b.png")
    (tmp_path / "labels.tsv").write_text("file\tlabel\tfold\na.png\tx\t1\nb.png\ty\t2\n")
    assert dataset_open(tmp_path, where={"fold": "2"}).files == ["images/b.png"]
    with pytest.raises(DatasetError, match="no row"):
        dataset_open(tmp_path, where={"fold": "3"})


@pytest.mark.parametrize(
    ("table", "text"),
    [
        ("labels.tsv", "file\tlabel\nnone.png\tx\n"),
        ("labels.tsv", "name\tlabel\na.png\tx\n"),
        ("captions.tsv", "file\tlabel\na.png\tx\n"),
        ("notes.tsv", "file\tlabel\na.png\tx\n"),
    ],
)
def test_tables_that_do_not_fit_are_refused(tmp_path: Path, table: str, text: str) -> None:
    picture(tmp_path / "images/a.png")
    (tmp_path / table).write_text(text)
    with pytest.raises(DatasetError):
        dataset_open(tmp_path)


def test_a_dataset_without_media_and_a_plain_file_are_refused(tmp_path: Path) -> None:
    (tmp_path / "labels.tsv").write_text("file\tlabel\na.png\tx\n")
    with pytest.raises(DatasetError, match="neither"):
        dataset_open(tmp_path)
    with pytest.raises(DatasetError, match="directory or a tar"):
        dataset_open(tmp_path / "labels.tsv")


def test_a_tar_without_a_table_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.tar"
    with tarfile.open(path, "w") as archive:
        info = tarfile.TarInfo("images/a.png")
        archive.addfile(info, io.BytesIO(b""))
    with pytest.raises(DatasetError, match="none of"):
        dataset_open(path)
