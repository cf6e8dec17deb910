"""open_clip's preprocessing for many pictures: resized on every core, normalised in one pass."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from retrieval.encoders.base import image_checked
from retrieval.encoders.open_clip import ImageEncoder

_MOST_THREADS = 8
_HIGHEST = 255  # of uint8, as torchvision's ToTensor divides


class FastImageEncoder(ImageEncoder):
    """The same numbers as ``ImageEncoder`` makes, bit by bit."""

    def __init__(self, encoder: ImageEncoder, module: Any) -> None:
        """``module`` takes the place of the one in ``encoder``; see ``leanable_preprocess``."""
        super().__init__(module, dimension=encoder.dimension, preprocess=encoder.preprocess)
        *self.shape, _, scale = encoder.preprocess.transforms
        self.mean = torch.tensor(scale.mean).view(-1, 1, 1)
        self.std = torch.tensor(scale.std).view(-1, 1, 1)

    def groups(self, items: Sequence[Any]) -> Iterator[tuple[list[int], tuple[Tensor, ...]]]:
        """All pictures together: float (n, 3, h, w)."""
        images = [image_checked(item) for item in items]
        if images:
            # Pillow computes outside the interpreter's lock.
            shaped = list((_pool().map if len(images) > 1 else map)(self._shaped, images))
            pixels = torch.from_numpy(np.stack(shaped)).permute(0, 3, 1, 2).contiguous()
            scaled = pixels.float().div_(_HIGHEST).sub_(self.mean).div_(self.std)
            yield list(range(len(images))), (scaled,)

    def _shaped(self, image: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
        from PIL import Image

        picture: Any = Image.fromarray(image)
        for change in self.shape:
            picture = change(picture)
        return np.asarray(picture)


def leanable_preprocess(preprocess: Any) -> bool:
    """Whether ``preprocess`` ends as open_clip's: from a picture to a tensor, then normalised."""
    names = [type(step).__name__ for step in getattr(preprocess, "transforms", ())]
    resized: Callable[[str], bool] = frozenset(
        {"Resize", "ResizeKeepRatio", "CenterCrop", "CenterCropOrPad", "MaybeConvertMode"}
    ).__contains__
    return names[-2:] == ["MaybeToTensor", "Normalize"] and all(map(resized, names[:-2]))


@lru_cache(maxsize=1)
def _pool() -> ThreadPoolExecutor:
    count = min(_MOST_THREADS, len(os.sched_getaffinity(0)))
    return ThreadPoolExecutor(count, thread_name_prefix="pictures")
