"""A name model of the operator's: installed, hashed, checked, asked instead of ours."""

import base64
import json
import shutil

import pytest
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace

from retrieval.redaction import no_torch
from retrieval.redaction.ner import foreign, installed
from retrieval.redaction.ner.manifest import NamesBundleError
from retrieval.redaction.ner.model import shared_names


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory):
    """A real spaCy pipeline whose entity ruler knows two names."""
    with no_torch.blocked():
        import spacy

        nlp = spacy.blank("en")
        ruler = nlp.add_pipe("entity_ruler")
        ruler.add_patterns(
            [{"label": "PER", "pattern": "Zorblax"}, {"label": "GPE", "pattern": "Quxville"}]
        )
    folder = tmp_path_factory.mktemp("pipeline")
    nlp.to_disk(folder)
    return folder


@pytest.fixture
def models(tmp_path, pipeline):
    installed.install(pipeline, models=tmp_path, name="tiny")
    return tmp_path


def test_it_is_asked_and_ours_finds_the_other_kinds(models):
    theirs, ours = foreign.span_models(shared_names(), models)
    assert (theirs.name, theirs.kinds) == ("tiny", {"PERSON", "LOCATION"})
    text = "Zorblax of Quxville met Sarah Miller, a Norwegian painter aged 44."
    (found,) = theirs.spans([text])
    assert [(one.kind, text[one.start : one.end], one.recognizer) for one in found] == [
        ("PERSON", "Zorblax", "tiny"),
        ("LOCATION", "Quxville", "tiny"),
    ]
    assert not ours.kinds & theirs.kinds
    kinds = {one.kind for one in ours.spans([text])[0]}
    assert kinds >= {"NRP", "AGE"}
    assert not kinds & theirs.kinds


def test_none_installed_is_ours(tmp_path):
    assert foreign.span_models(shared_names(), tmp_path) == (shared_names(),)
    assert foreign.span_models(shared_names(), None) == (shared_names(),)


@pytest.mark.parametrize("what", ["changed", "added", "removed", "link"])
def test_other_files_than_installed_are_refused(models, what):
    folder = models / "ner" / "tiny"
    if what == "changed":
        (folder / "meta.json").write_text("{}")
    elif what == "added":
        (folder / "more.json").write_text("{}")
    elif what == "removed":
        shutil.rmtree(folder / "vocab")
    else:
        (folder / "meta.json").unlink()
        (folder / "meta.json").symlink_to("/dev/null")
    with pytest.raises(NamesBundleError):
        foreign.span_models(shared_names(), models)


def test_the_named_one_of_several(models, pipeline):
    installed.install(pipeline, models=models, name="second")
    with pytest.raises(NamesBundleError, match="Several"):
        foreign.span_models(shared_names(), models)
    assert foreign.span_models(shared_names(), models, "second")[0].name == "second"
    with pytest.raises(NamesBundleError, match="not installed"):
        foreign.span_models(shared_names(), models, "third")


@pytest.mark.parametrize("content", [b"\x80\x04\x95junk", b"PK\x03\x04junk"])
def test_pickles_are_not_installed(tmp_path, pipeline, content):
    source = tmp_path / "source"
    shutil.copytree(pipeline, source)
    (source / "weights").write_bytes(content)
    with pytest.raises(NamesBundleError, match="pickle"):
        installed.install(source, models=tmp_path, name="bad")
    assert installed.find(tmp_path) is None


def test_a_folder_of_neither_form_is_not_installed(tmp_path):
    with pytest.raises(NamesBundleError, match="neither"):
        installed.install(tmp_path, models=tmp_path, name="none")
    with pytest.raises(NamesBundleError, match="name"):
        installed.install(tmp_path, models=tmp_path, name="../up")


# An ONNX graph of one Gather, made with the onnx package: a table from word number to the scores of
# O, B-PER, I-PER (0: O, 1: B-PER, 2: I-PER, 3: O).
GRAPH = (
    "CAg6jQEKGQoBdAoJaW5wdXRfaWRzEgF5IgZHYXRoZXISAWcqOwgECAMQAUIBdEowAACAQAAAAAAAAAAAAAAAAAAAgEAA"
    "AAAAAAAAAAAAAAAAAIBAAACAQAAAAAAAAAAAWhkKCWlucHV0X2lkcxIMCgoIBxIGCgIIAQoAYhUKAXkSEAoOCAESCgoC"
    "CAEKAAoCCANCBAoAEA0="
)


@pytest.fixture
def classifier(tmp_path):
    vocabulary = {"[UNK]": 0, "Ann": 1, "Lee": 2, "sings": 3}
    tokenizer = Tokenizer(WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = Whitespace()
    source = tmp_path / "classifier"
    source.mkdir()
    (source / "model.onnx").write_bytes(base64.b64decode(GRAPH))
    tokenizer.save(str(source / "tokenizer.json"))
    labels = {"id2label": {"0": "O", "1": "B-PER", "2": "I-PER"}}
    (source / "config.json").write_text(json.dumps(labels))
    return source


def test_an_exported_classifier_is_asked(tmp_path, classifier):
    installed.install(classifier, models=tmp_path, name="onnx-tiny")
    theirs = foreign.span_models(shared_names(), tmp_path)[0]
    text = "today Ann Lee sings " * 200
    (found,) = theirs.spans([text])
    assert len(found) == 200
    assert {(one.kind, text[one.start : one.end]) for one in found} == {("PERSON", "Ann Lee")}
    assert all(0.9 < one.score <= 1 for one in found)
