"""Losses that pull pictures and sounds towards the texts that describe them."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional


def contrast(
    vectors: Tensor, groups: Tensor, texts: Tensor, text_groups: Tensor, *, temperature: float
) -> Tensor:
    """InfoNCE in both directions, with every text of an item's group a right answer (SupCon form).

    ``vectors`` (n, d) and ``texts`` (m, d) are normalised; ``groups`` (n,) and ``text_groups`` (m,)
    say what belongs together. Items of group -1 are left out. Scalar, lower is better.
    """
    known = groups >= 0
    if not bool(known.any()):
        return vectors.sum() * 0.0
    logits = vectors[known] @ texts.T / temperature
    right = groups[known, None] == text_groups[None, :]
    to_text = -_mean_of_right(functional.log_softmax(logits, dim=1), right, dim=1)
    to_item = -_mean_of_right(functional.log_softmax(logits, dim=0), right, dim=0)
    return (to_text + to_item) / 2


def _mean_of_right(log_probability: Tensor, right: Tensor, *, dim: int) -> Tensor:
    count = right.sum(dim)
    total = (log_probability * right).sum(dim)
    return (total[count > 0] / count[count > 0]).mean()


def imitation(vectors: Tensor, wanted: Tensor, bank: Tensor, *, temperature: float) -> Tensor:
    """How far the ranking of ``bank`` by ``vectors`` is from that by ``wanted``: mean KL, scalar.

    All three are normalised: (n, d), (n, d), (m, d). Relational distillation as in CLIP-KD.
    """
    mine = functional.log_softmax(vectors @ bank.T / temperature, dim=1)
    theirs = functional.log_softmax(wanted @ bank.T / temperature, dim=1)
    return functional.kl_div(mine, theirs, log_target=True, reduction="batchmean")
