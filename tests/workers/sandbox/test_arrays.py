"""Arrays of numbers: taken in any plain number type, rewritten, drawn; nothing is unpickled."""

from __future__ import annotations

import io
import struct
from typing import Any

import numpy as np
import pytest

from workers.sandbox import DecodeError, TensorSpec, npy

RNG = np.random.default_rng(6)


def saved(array: np.ndarray[Any, Any], **words: Any) -> bytes:
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, array, **words)
    return buffer.getvalue()


def refused(sandbox, data: bytes, name: str = "depth.npy") -> tuple[str, str]:
    with pytest.raises(DecodeError) as error:
        sandbox.sniff_normalise(data, name_hint=name)
    return error.value.code, error.value.disposition


@pytest.mark.parametrize("dtype", ["<f4", ">f4", "<f8", "<f2", "|u1", "<i2", ">u2", "<i8"])
@pytest.mark.parametrize("shape", [(40, 60), (5, 4, 3), (7,)])
def test_numbers_of_any_kind_leave_as_float32(sandbox, dtype: str, shape: tuple[int, ...]) -> None:
    array = (RNG.random(shape) * 100).astype(dtype)
    for data in (saved(array), saved(np.asfortranarray(array)), saved(array, version=(2, 0))):
        media = sandbox.sniff_normalise(data, name_hint="x.npy")
        assert (media.modality, media.media_type, media.shape) == ("array", npy.MEDIA_TYPE, shape)
        back = np.load(io.BytesIO(media.rendition), allow_pickle=False)
        assert back.dtype == np.float32
        np.testing.assert_array_equal(back, array.astype(np.float32))
        assert media.rendition == npy.written(back)
        assert media.thumbnail[8:12] == b"WEBP"
        assert {step.component for step in media.steps} == {"sniff", "array"}


def test_a_rendition_is_its_own_rendition(sandbox) -> None:
    first = sandbox.sniff_normalise(saved(RNG.random((9, 9)))).rendition
    assert sandbox.sniff_normalise(first).rendition == first


def test_what_a_header_says_beside_the_array_is_gone(sandbox) -> None:
    plain = saved(np.zeros((2, 2), np.float32))
    secret = plain.replace(b"'shape': (2, 2), }", b"'shape':(2,2)}#Bob")
    assert secret != plain
    assert b"Bob" not in sandbox.sniff_normalise(secret).rendition


def test_objects_and_records_are_refused_before_anything_is_unpickled(sandbox) -> None:
    class Trap:
        def __reduce__(self):
            return (open, ("/tmp/vitrine-trap", "w"))

    buffer = io.BytesIO()
    np.save(buffer, np.array([Trap()], dtype=object), allow_pickle=True)
    assert refused(sandbox, buffer.getvalue()) == ("array-type", "rejected")
    assert refused(sandbox, saved(np.zeros(3, [("a", "f4")]))) == ("array-type", "rejected")
    assert refused(sandbox, saved(np.array(["word"]))) == ("array-type", "rejected")
    assert refused(sandbox, saved(np.zeros(3, np.complex64))) == ("array-type", "rejected")
    assert refused(sandbox, saved(np.zeros(3, "M8[s]"))) == ("array-type", "rejected")


@pytest.mark.parametrize("shape", [(0, 4), (2, 2, 2, 2), (4, 4, 65), ()])
def test_shapes_that_are_no_map_or_series_are_refused(sandbox, shape: tuple[int, ...]) -> None:
    assert refused(sandbox, saved(np.zeros(shape, np.float32)))[0] == "array-shape"


def test_a_header_that_promises_too_much_costs_nothing(sandbox) -> None:
    for count in (10**12, npy.MAX_ELEMENTS + 1, 10**30):
        header = f"{{'descr': '<f4', 'fortran_order': False, 'shape': ({count},), }}\n".encode()
        data = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + bytes(64)
        assert refused(sandbox, data)[0] == "array-shape"


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"\x93NUMPY", "damaged"),
        (b"\x93NUMPY\x07\x00" + bytes(200), "damaged"),
        (b"\x93NUMPY\x01\x00\x20\x00" + b"__import__('os').system('id')   \n", "damaged"),
        (b"\x93NUMPY\x01\x00\xff\xff" + b"(" * 65_535, "damaged"),
        (saved(np.zeros(50, np.float32))[:-1], "truncated"),
        (saved(np.zeros(50, np.float32)) + b"PK\x03\x04", "damaged"),
        (saved(np.array([1.0, np.nan], np.float32)), "array-numbers"),
        (saved(np.array([1.0, -np.inf], np.float32)), "array-numbers"),
        (saved(np.array([1e300])), "array-numbers"),
        (b"just words", "mislabelled"),
    ],
)
def test_damaged_arrays_are_refused_with_a_reason(sandbox, data: bytes, code: str) -> None:
    assert refused(sandbox, data) == (code, "rejected")


def test_encoders_get_the_whole_or_its_windows(sandbox) -> None:
    series = RNG.random((250, 6)).astype(np.float32)
    rendition = npy.written(series)
    (whole,) = sandbox.tensors(rendition, media_type=npy.MEDIA_TYPE, spec=TensorSpec())
    np.testing.assert_array_equal(whole, series)
    spec = TensorSpec(sample_rate=10, windows_ms=((0, 10_000), (15_000, 25_000)))
    windows = sandbox.tensors(rendition, media_type=npy.MEDIA_TYPE, spec=spec)
    np.testing.assert_array_equal(windows[0], series[:100])
    np.testing.assert_array_equal(windows[1], series[150:])


@pytest.mark.parametrize("shape", [(1, 1), (900, 6), (1, 900), (64, 64, 3), (64, 64, 5), (3, 9000)])
def test_every_array_has_a_small_picture(shape: tuple[int, ...]) -> None:
    from workers.sandbox.decoders.array import picture

    for array in (RNG.random(shape).astype(np.float32), np.zeros(shape, np.float32)):
        image = picture(array)
        assert image.mode == "RGB"
        assert 1 <= min(image.size) <= max(image.size) <= 320
