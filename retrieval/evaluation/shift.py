"""Whether data are unlike what a model was made and calibrated with. Pure numpy.

Sun et al. 2022, "Out-of-distribution detection with deep nearest neighbors": what a model was not
made for lies farther from everything it knows than what it knows lies from one another.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Vectors = npt.NDArray[np.float32]

# The nearest-neighbour similarity that all but this share of the bank reaches within the bank.
USUAL = 0.05
FAR = 0.5  # from this share of the data on, they are called far; 0.05 is expected of like data
LEAST_BANK = 20


def far_share(own: Vectors, bank: Vectors) -> float | None:
    """Share of ``own`` (n, d) that lies farther from ``bank`` (m, d) than the bank's own rows do.

    Rows are unit vectors. None with nothing to compare, or a bank too small to say what is usual.
    """
    if len(own) == 0 or len(bank) < LEAST_BANK:
        return None
    among = bank @ bank.T
    np.fill_diagonal(among, -1.0)
    usual = float(np.quantile(among.max(axis=1), USUAL))
    return float(((own @ bank.T).max(axis=1) < usual).mean())
