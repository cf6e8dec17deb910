"""The trainable component: for every word the probability of each kind of name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from retrieval.redaction import no_torch
from retrieval.redaction.ner import lexicon, words  # noqa: F401 - they register with spaCy

with no_torch.blocked():
    from spacy.language import Language
    from spacy.ml.models.tok2vec import MaxoutWindowEncoder, MultiHashEmbed
    from spacy.pipeline.trainable_pipe import TrainablePipe
    from spacy.util import registry
    from thinc.api import Model, Softmax_v2, chain, with_array

if TYPE_CHECKING:
    from collections.abc import Sequence

    from spacy.tokens import Doc

    Floats = npt.NDArray[np.float32]

OUTSIDE: Final = "O"
# NUMBER stands for everything that the structured recognisers own (cards, telephones, ids): the
# network learns it so that such digits are not taken for an age or a street; it is never reported.
NUMBER: Final = "NUMBER"
LABELS: Final = (
    OUTSIDE,
    "PERSON",
    "LOCATION",
    "ORGANIZATION",
    "NRP",
    "ADDRESS",
    "AGE",
    "TITLE",
    "DATE_TIME",
    NUMBER,
)
PROBABILITIES: Final = "vitrine_names"


@registry.architectures("vitrine.names.v1")  # type: ignore[untyped-decorator] # spaCy's
def build_network(
    width: int,
    depth: int,
    rows: list[int],
    vectors: bool,  # noqa: FBT001 - spaCy's configuration passes it by name
) -> Any:
    """Hash embeddings and static vectors, a convolution over neighbours, a softmax a word.

    After "Embed, encode, predict" (Honnibal 2016) and spaCy's own HashEmbedCNN; a softmax a word
    instead of transitions gives every word a probability.
    """
    embed = MultiHashEmbed(
        width=width,
        rows=rows,
        attrs=["NORM", "PREFIX", "SUFFIX", "SHAPE"],
        include_static_vectors=vectors,
    )
    encode = MaxoutWindowEncoder(width=width, window_size=1, maxout_pieces=3, depth=depth)
    softmax = Softmax_v2(nO=len(LABELS), nI=width, normalize_outputs=False)
    return chain(embed, encode, with_array(softmax))


class NamesTagger(TrainablePipe):  # type: ignore[misc] # spaCy's class is compiled and untyped
    """Leaves (words, labels) float32 probabilities in ``doc.user_data``."""

    def __init__(self, vocab: Any, model: Any, name: str) -> None:
        """As spaCy's factory calls it."""
        self.vocab = vocab
        self.model = model
        self.name = name
        self.cfg: dict[str, Any] = {"labels": list(LABELS)}

    @property
    def labels(self) -> tuple[str, ...]:
        """What the columns of the probabilities mean."""
        return tuple(self.cfg["labels"])

    def predict(self, docs: Sequence[Doc]) -> list[Floats]:
        """(words, labels) probabilities for each document."""
        if not any(len(doc) for doc in docs):
            return [np.zeros((0, len(LABELS)), dtype=np.float32) for _ in docs]
        return [softmax(np.asarray(scores)) for scores in self.model.predict(docs)]

    def set_annotations(self, docs: Sequence[Doc], scores: Sequence[Floats]) -> None:
        """Put the probabilities where ``spans.spans_of`` reads them."""
        for doc, probabilities in zip(docs, scores, strict=True):
            doc.user_data[PROBABILITIES] = probabilities


def softmax(scores: Floats) -> Floats:
    """Rows of ``scores`` as probabilities."""
    shifted = scores - scores.max(axis=1, keepdims=True)
    np.exp(shifted, out=shifted)
    shifted /= shifted.sum(axis=1, keepdims=True)
    return np.asarray(shifted, dtype=np.float32)


@Language.factory(
    "vitrine_names",
    default_config={
        "model": {
            "@architectures": "vitrine.names.v1",
            "width": 96,
            "depth": 4,
            "rows": [8000, 3000, 4000, 1500],
            "vectors": True,
        }
    },
)
def create_tagger(nlp: Language, name: str, model: Model[Any, Any]) -> NamesTagger:
    """The factory that a pipeline's configuration names."""
    return NamesTagger(nlp.vocab, model, name)
