"""What the audio teacher would call each sound, judged by a fit that never heard the sound."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

RIDGE = 3000.0
SCALES = (3.0, 5.0, 8.0, 12.0, 16.0, 24.0)  # of ridge scores before the softmax


def teacher_features(embedding: Tensor) -> Tensor:
    """Mean and maximum over the teacher's patches: (n, patches, 1024) to (n, 2048) float32."""
    rows = embedding.float()
    return torch.cat([rows.mean(1), rows.amax(1)], 1)


def votes_fit(features: Tensor, wanted: Tensor, folds: Tensor) -> Tensor:
    """Probabilities of each label (n, labels) for every row, fitted on other folds alone.

    ``features`` (n, d), ``wanted`` (n, labels) shares of labels, ``folds`` (n, 2) of the clips a
    row was mixed of. Ridge regression on rows without any clip of the judged row's first fold; the
    softmax is scaled so that the votes are as likely as can be given ``wanted``. A fit on the row's
    own clips would say the label again, and nothing of what a sound resembles.
    """
    scaled = (features - features.mean(0)) / features.std(0).clamp_min(0.05)
    rows = torch.cat([scaled, torch.ones(len(scaled), 1)], 1)
    scores = torch.zeros_like(wanted)
    for fold in sorted(set(folds[:, 0].tolist())):
        other, mine = (folds != fold).all(1), folds[:, 0] == fold
        known = rows[other]
        square = known.T @ known + RIDGE * torch.eye(known.shape[1])
        scores[mine] = rows[mine] @ torch.linalg.solve(square, known.T @ wanted[other])
    likeliest = min(SCALES, key=lambda scale: _surprise(scores * scale, wanted))
    return functional.softmax(scores * likeliest, dim=1)


def _surprise(logits: Tensor, wanted: Tensor) -> float:
    return float(-(wanted * functional.log_softmax(logits, 1)).sum(1).mean())
