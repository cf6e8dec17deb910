"""What every encoder must do, real or fake. Subclass, give ``encoder`` and ``items``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from retrieval.encoders.base import Encoder


class EncoderConformance:
    """Fixtures ``encoder`` and ``items`` (three or more inputs) come from the subclass."""

    bad_items: Sequence[Any] = (None, 3, b"bytes", object())

    def test_is_an_encoder(self, encoder: Encoder) -> None:
        assert isinstance(encoder, Encoder)
        assert encoder.modality.isidentifier()

    def test_rows_are_unit_float32(self, encoder: Encoder, items: Sequence[Any]) -> None:
        vectors = encoder.encode(items)
        assert vectors.dtype == np.float32
        assert vectors.shape == (len(items), encoder.dimension)
        np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-4)

    def test_rows_keep_their_order(self, encoder: Encoder, items: Sequence[Any]) -> None:
        forward = encoder.encode(items)
        backward = encoder.encode(list(reversed(items)))
        np.testing.assert_allclose(forward, backward[::-1], atol=1e-4)
        assert np.abs(forward[0] - forward[1]).max() > 1e-4

    def test_a_batch_changes_nothing(self, encoder: Encoder, items: Sequence[Any]) -> None:
        alone = np.concatenate([encoder.encode([item]) for item in items])
        np.testing.assert_allclose(encoder.encode(items), alone, atol=1e-4)

    def test_nothing_gives_nothing(self, encoder: Encoder) -> None:
        assert encoder.encode([]).shape == (0, encoder.dimension)

    def test_refuses_what_is_not_its_modality(self, encoder: Encoder) -> None:
        for item in self.bad_items:
            with pytest.raises(ValueError, match=r"is a|is \(|holds"):
                encoder.encode([item])
