import contextlib
import json
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval import framing


@given(st.lists(st.binary(max_size=50), max_size=4), st.dictionaries(st.text(), st.integers()))
def test_what_is_packed_is_unpacked(parts, data):
    found, views = framing.unpack(framing.pack(data, parts))
    assert found == data
    assert [bytes(view) for view in views] == parts


@pytest.mark.parametrize("dtype", ["uint8", "int16", "int64", "float32"])
def test_arrays_keep_dtype_shape_and_values(dtype):
    array = np.arange(24).reshape(2, 3, 4).astype(dtype)
    empty = np.zeros((0, 7), dtype=dtype)
    data, arrays = framing.unpack_arrays(framing.pack_arrays({"a": 1}, [array[:, ::2], empty]))
    assert data == {"a": 1}
    assert arrays[0].dtype == array.dtype
    np.testing.assert_array_equal(arrays[0], array[:, ::2])
    assert arrays[1].shape == (0, 7)


def test_objects_do_not_travel():
    with pytest.raises(framing.FramingError):
        framing.pack_arrays({}, [np.array([object()])])


def header(data):
    body = json.dumps(data).encode()
    return struct.pack(">I", len(body)) + body


@pytest.mark.parametrize(
    "message",
    [
        b"",
        b"\0\0",
        struct.pack(">I", 10) + b"{}",
        struct.pack(">I", 2) + b"{]",
        header({"data": {}, "parts": [5]}) + b"1234",
        header({"data": {}, "parts": [-1, 5]}) + b"1234",
        header({"data": {}}),
        header([1]),
    ],
)
def test_broken_messages_are_refused(message):
    with pytest.raises(framing.FramingError):
        framing.unpack(message)


@pytest.mark.parametrize(
    "about",
    [
        {"dtype": "object", "shape": [1]},
        {"dtype": "float32", "shape": [2]},
        {"dtype": "float32", "shape": [-1, -1]},
        {"dtype": "float32"},
        "float32",
    ],
)
def test_arrays_that_do_not_fit_their_bytes_are_refused(about):
    message = header({"data": {"arrays": [about]}, "parts": [4]}) + b"1234"
    with pytest.raises(framing.FramingError):
        framing.unpack_arrays(message)


@given(st.binary(max_size=200))
def test_no_bytes_raise_anything_else(message):
    with contextlib.suppress(framing.FramingError):
        framing.unpack_arrays(message)
