from types import SimpleNamespace

import numpy as np
import pytest

from workers.model_server import gpu

MEGABYTE = 1024 * 1024


class FakeDevice:
    """10 MB a batch and 5 MB an item."""

    def __init__(self, free_bytes):
        self.free_bytes = free_bytes
        self.items = 0

    def free(self):
        return self.free_bytes

    def peak_of(self, work):
        work()
        return (10 + 5 * self.items) * MEGABYTE

    def encode(self, items):
        self.items = len(items)
        return np.zeros((len(items), 1), np.float32)


@pytest.mark.parametrize(
    ("free_mb", "most", "items"), [(1000, 500, 98), (1000, 50, 50), (30, 500, 1), (10, 500, 1)]
)
def test_half_the_free_memory_is_filled(free_mb, most, items):
    device = FakeDevice(free_mb * MEGABYTE)
    assert gpu.fitting(device.encode, "probe", memory=device, most=most) == items


def test_batches_are_larger_on_a_gpu():
    tower = SimpleNamespace(device=SimpleNamespace(type="cuda"))
    assert gpu.most_items(tower, 8) == 128
    assert gpu.most_items(SimpleNamespace(device=SimpleNamespace(type="cpu")), 8) == 8
    assert gpu.most_items(object(), 8) == 8
