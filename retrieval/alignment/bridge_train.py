"""Bridges with a hidden layer, trained with torch; numpy alone applies them."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from retrieval.bridge_fits import Lesson, ridge_fit
from retrieval.bridges import Bridge, Hidden, Method

TEMPERATURE = 0.07
WIDTH = 256
BATCH = 256
STEPS = 200
PEAK = 1e-3
NOISE = 0.5  # length of the noise beside a source vector's 1


def mlp_fit(
    lesson: Lesson,
    *,
    method: Method = "mlp",
    noise: float = NOISE,
    steps: int = STEPS,
    seed: int = 0,
) -> Bridge:
    """The ridge's map with a hidden layer beside it, trained to tell each text from the others.

    InfoNCE in both directions over batches, on source vectors with Gaussian noise of length
    ``noise``, which makes the map hold beside the texts too (C-MCR does the same against the gap).
    Deterministic for a seed on one machine.
    """
    start = ridge_fit(lesson)
    source, target = torch.from_numpy(lesson.source), torch.from_numpy(lesson.target)
    rng = torch.Generator().manual_seed(seed)
    linear = nn.Parameter(torch.from_numpy(start.linear.copy()))
    offset = nn.Parameter(torch.from_numpy(start.offset.copy()))
    inner = nn.Parameter(torch.randn(source.shape[1], WIDTH, generator=rng) / 8)
    bias = nn.Parameter(torch.zeros(WIDTH))
    outer = nn.Parameter(torch.zeros(WIDTH, target.shape[1]))
    parameters = [linear, offset, inner, bias, outer]
    optimiser = torch.optim.AdamW(parameters, lr=PEAK, weight_decay=0.05)
    for step in range(steps):
        for group in optimiser.param_groups:
            group["lr"] = PEAK * (1 - step / steps)
        rows = torch.randint(len(source), (min(BATCH, len(source)),), generator=rng)
        x = _noisy(source[rows], noise, rng)
        carried = x @ linear + offset + functional.relu(x @ inner + bias) @ outer
        loss = _contrast(functional.normalize(carried, dim=1), target[rows])
        optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]  # torch's own stub
        optimiser.step()
    parts = [np.ascontiguousarray(part.detach().numpy()) for part in parameters]
    return Bridge(
        method=method,
        linear=parts[0],
        offset=parts[1],
        hidden=Hidden(inner=parts[2], bias=parts[3], outer=parts[4]),
        means=dict(lesson.means),
    )


def _noisy(rows: Tensor, noise: float, rng: torch.Generator) -> Tensor:
    added = torch.randn(rows.shape, generator=rng) * noise / rows.shape[1] ** 0.5
    return functional.normalize(rows + added, dim=1)


def _contrast(carried: Tensor, wanted: Tensor) -> Tensor:
    logits = carried @ wanted.T / TEMPERATURE
    # A caption that says nearly the same as another is no wrong answer to it.
    alike = wanted @ wanted.T > 0.95  # noqa: PLR2004  (a cosine of near-twins)
    alike.fill_diagonal_(fill_value=False)
    logits = logits.masked_fill(alike, -torch.inf)
    own = torch.arange(len(carried))
    return (functional.cross_entropy(logits, own) + functional.cross_entropy(logits.T, own)) / 2
