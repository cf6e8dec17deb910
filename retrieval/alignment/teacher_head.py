"""A head on the teacher's pooled features: what the teacher would say in the text space."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from retrieval.alignment.anchors import Anchors
from retrieval.alignment.objectives import contrast

HEAD_STEPS, HEAD_BATCH, HEAD_BANK = 1500, 512, 1024
HEAD_TEMPERATURE = 0.05


def head_fit(
    features: Tensor, photo: Tensor, anchors: Anchors, *, seed: int, steps: int = HEAD_STEPS
) -> nn.Linear:
    """A linear map from features (n, 1280) to the text space, fitted by InfoNCE on the anchors.

    ``photo`` (n,) is the photo each row was cropped from. Feature dropout and weight decay keep
    it from learning the photos by heart.
    """
    torch.manual_seed(seed)
    texts, text_group = torch.from_numpy(anchors.vectors), torch.from_numpy(anchors.group)
    groups = torch.from_numpy(anchors.photo_group)[photo.long()]
    members = torch.nonzero(groups >= 0).squeeze(1)
    by_group = _texts_by_group(text_group)
    head = nn.Linear(features.shape[1], texts.shape[1])
    optimiser = torch.optim.AdamW(head.parameters(), lr=2e-3, weight_decay=0.1)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 2e-3, total_steps=steps)
    for _ in range(steps):
        rows = members[torch.randint(len(members), (HEAD_BATCH,))]
        own = torch.tensor([_pick(by_group[int(g)]) for g in groups[rows]])
        bank = torch.cat([own, torch.randint(len(texts), (HEAD_BANK,))])
        vectors = functional.normalize(head(functional.dropout(features[rows], 0.3)), dim=1)
        loss = contrast(
            vectors, groups[rows], texts[bank], text_group[bank], temperature=HEAD_TEMPERATURE
        )
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]  # torch's own stub
        optimiser.step()
        schedule.step()
    return head.requires_grad_(requires_grad=False)


def _texts_by_group(text_group: Tensor) -> dict[int, Tensor]:
    order = torch.argsort(text_group, stable=True)
    values, counts = torch.unique_consecutive(text_group[order], return_counts=True)
    return dict(zip(values.tolist(), torch.split(order, counts.tolist()), strict=True))


def _pick(candidates: Tensor) -> int:
    return int(candidates[int(torch.randint(len(candidates), ()))])
