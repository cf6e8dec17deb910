"""A name pipeline on disk: safetensors, a word list and JSON; no pickle, every file hashed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
from safetensors.numpy import load_file, save_file

from retrieval.redaction import no_torch
from retrieval.redaction.ner import numerics, tagger  # noqa: F401 - the tagger registers itself
from retrieval.redaction.ner.manifest import (
    WEIGHTS,
    WORDS,
    NamesBundleError,
    NamesManifest,
    read_manifest,
    verify,
    write_manifest,
)

with no_torch.blocked():
    import spacy
    from spacy.vectors import Vectors

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from spacy.language import Language

_VECTORS: Final = "vectors"


def load(folder: Path) -> Language:
    """The pipeline of a folder, ready for ``nlp.pipe``.

    Raises:
        NamesBundleError: a file is missing or changed, or does not fit the network.
    """
    manifest = read_manifest(folder)
    verify(folder, manifest)
    words = (folder / WORDS).read_text(encoding="utf-8").splitlines()
    nlp = blank(manifest.network, words, load_file(folder / WEIGHTS)[_VECTORS].astype(np.float32))
    model = component(nlp).model
    try:
        fill(model, folder)
    except (KeyError, ValueError) as error:
        raise NamesBundleError("the weights do not fit the network") from error
    numerics.use_blas(model)
    return nlp


def blank(network: Mapping[str, Any], words: list[str], vectors: Any) -> Language:
    """An untrained pipeline of the given sizes, with word vectors in its vocabulary."""
    settings = {"@architectures": "vitrine.names.v1", "vectors": True, **network}
    with no_torch.blocked():  # spaCy loads other packages' plug-ins when it is first asked for one
        nlp = spacy.blank(
            "vitrine", config={"nlp": {"tokenizer": {"@tokenizers": "vitrine.words.v1"}}}
        )
        nlp.vocab.vectors = Vectors(
            strings=nlp.vocab.strings, data=vectors, keys=words, name="words", attr="LOWER"
        )
        nlp.add_pipe("vitrine_names", config={"model": settings})
    component(nlp).model.initialize([nlp.make_doc("a word")])
    return nlp


def component(nlp: Language) -> Any:
    """The tagger of a pipeline."""
    return nlp.get_pipe("vitrine_names")


def save(nlp: Language, folder: Path, manifest: NamesManifest, words: list[str]) -> None:
    """Write a pipeline: weights and vectors as float16, hashes into the manifest.

    ``words`` are the rows of the vector table, in order.
    """
    folder.mkdir(parents=True, exist_ok=True)
    tensors = {
        f"{index}.{name}": np.ascontiguousarray(node.get_param(name), dtype=np.float16)
        for index, node in enumerate(component(nlp).model.walk())
        for name in node.param_names
        if node.has_param(name)
    }
    tensors[_VECTORS] = np.ascontiguousarray(nlp.vocab.vectors.data, dtype=np.float16)
    save_file(tensors, folder / WEIGHTS)
    (folder / WORDS).write_text("\n".join(words) + "\n", encoding="utf-8")
    write_manifest(folder, manifest)


def fill(model: Any, folder: Path) -> None:
    """Put the weights of a folder into a network of the same sizes.

    Raises:
        KeyError, ValueError: they are another network's.
    """
    tensors = load_file(folder / WEIGHTS)
    del tensors[_VECTORS]
    for index, node in enumerate(model.walk()):
        for name in node.param_names:
            if not node.has_param(name):
                continue
            value = tensors.pop(f"{index}.{name}").astype(np.float32)
            if value.shape != node.get_param(name).shape:
                raise ValueError(name)
            node.set_param(name, value)
    if tensors:
        raise ValueError("more weights than the network has")
