"""Spectrograms made different again at every step: excerpt, colour, pitch, mixture, gaps."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from retrieval.encoders.mel import mel_of_power, power_of_mel

COLOUR, KNOTS = 1.2, 6  # log power up or down at each of KNOTS places of the spectrum
PITCH = 2  # bands up or down
LEVEL = 0.1
MIX_GAP = 12.0  # dB that the sound mixed in may be quieter at most
GAPS = ((1, 6), (2, 9))  # (axis, part of it that a hidden stripe may take): two stripes each
FRAMES_A_PATCH = 24  # 24 frames of 20 ms are the 0.48 s between two patches of the teacher
LOUD = 4.0


def _uniform(rng: torch.Generator, low: float, high: float, *shape: int) -> Tensor:
    return torch.empty(*shape).uniform_(low, high, generator=rng)


def excerpts(
    mel: Tensor, embedding: Tensor, *, frames: int, patches: int, rng: torch.Generator
) -> tuple[Tensor, Tensor]:
    """``frames`` of each clip and the teacher's ``patches`` for them; louder places are likelier.

    Loudness matters because a clip's label may hold for a moment only, with silence around it.
    """
    places = torch.arange(embedding.shape[1] - patches + 1)
    starts = (places * FRAMES_A_PATCH).clamp_max(mel.shape[1] - frames)
    level = torch.stack([mel[:, s : s + frames].mean((1, 2)) for s in starts.tolist()], 1)
    place = torch.multinomial(functional.softmax(LOUD * level, 1), 1, generator=rng)
    rows = torch.arange(len(mel))[:, None]
    return (
        mel[rows, starts[place] + torch.arange(frames)],
        embedding[rows, place + torch.arange(patches)],
    )


def mixed(mel: Tensor, share: float, rng: torch.Generator) -> tuple[Tensor, Tensor]:
    """Spectrograms (n, frames, bands) coloured, and some with the item before them underneath.

    Also gives the part (n, 1) of each item's own. Powers are added, as those of unrelated sounds
    are. Between-class learning (Tokozume 2018): the part is that of the amplitudes, from 0.5; it is
    1 for those that nothing was added to, all but about ``share`` of them.
    """
    n, _, bands = mel.shape
    knots = _uniform(rng, -COLOUR, COLOUR, n, 1, KNOTS)
    colour = functional.interpolate(knots, size=bands, mode="linear", align_corners=True).exp()
    chosen = torch.rand(n, generator=rng) < share
    gap = _uniform(rng, 0, MIX_GAP, n, 1, 1)
    power = power_of_mel(mel)
    power = power / (power.mean((1, 2), keepdim=True) + 1e-10) * colour
    added = torch.where(chosen[:, None, None], 10 ** (-gap / 10), torch.zeros(1))
    part = torch.where(chosen, 1 / (1 + 10 ** (-gap[:, 0, 0] / 20)), torch.ones(n))
    return mel_of_power(power + added * power.roll(1, 0)), part[:, None]


def shifted(mel: Tensor, rng: torch.Generator) -> Tensor:
    """Up to PITCH bands higher or lower, all alike, and each a little louder or quieter."""
    turned = torch.roll(mel, int(torch.randint(-PITCH, PITCH + 1, (1,), generator=rng)), 2)
    return turned + _uniform(rng, -LEVEL, LEVEL, len(mel), 1, 1)


def gaps(mel: Tensor, rng: torch.Generator) -> Tensor:
    """SpecAugment (Park 2019): two stripes of time and two of bands set to the mean."""
    n, mean = len(mel), float(mel.mean())
    for axis, part in GAPS:
        size = mel.shape[axis]
        places = torch.arange(size).view(1, -1)
        for _ in range(2):
            width = torch.randint(0, size // part + 1, (n, 1), generator=rng)
            start = (torch.rand(n, 1, generator=rng) * (size - width)).long()
            hidden = (places >= start) & (places < start + width)
            mel = mel.masked_fill(hidden.unsqueeze(2 if axis == 1 else 1), mean)
    return mel
