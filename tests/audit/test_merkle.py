"""The tree against the vectors of Certificate Transparency, a plain definition, and every cut."""

import hashlib

from hypothesis import given, settings
from hypothesis import strategies as st

from audit import merkle

# Leaves and roots of google/certificate-transparency's tests (merkle_tree_test.cc), which are those
# of RFC 6962's definitions: roots of the trees of the first 1 to 8 of them.
LEAVES = [
    bytes.fromhex(text)
    for text in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]


def naive(leaves):
    """RFC 6962, section 2.1, word for word."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return hashlib.sha256(b"\x00" + leaves[0]).digest()
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return hashlib.sha256(b"\x01" + naive(leaves[:k]) + naive(leaves[k:])).digest()


def full_of(leaves):
    return lambda level, place: naive(leaves[place << level : (place + 1) << level])


def test_roots_are_those_of_certificate_transparency():
    tree = merkle.GrowingTree()
    assert tree.root() == merkle.EMPTY_ROOT == naive([])
    for size, root in enumerate(ROOTS, start=1):
        tree.add(LEAVES[size - 1])
        assert tree.root().hex() == root
        assert merkle.root_of(full_of(LEAVES), size).hex() == root


def test_proofs_are_those_of_certificate_transparency():
    # merkle_tree_test.cc again: paths[] 1/8, 6/8 and proofs[] 1 to 8, 6 to 8, 2 to 5 (from 1).
    full = full_of(LEAVES)
    assert [one.hex()[:8] for one in merkle.inclusion_path(full, 0, 8)] == [
        "96a296d2",
        "5f083f0a",
        "6b47aaf2",
    ]
    assert [one.hex()[:8] for one in merkle.inclusion_path(full, 5, 8)] == [
        "bc1a0643",
        "ca854ea1",
        "d37ee418",
    ]
    assert [one.hex()[:8] for one in merkle.consistency_path(full, 6, 8)] == [
        "0ebc5d34",
        "ca854ea1",
        "d37ee418",
    ]
    assert [one.hex()[:8] for one in merkle.consistency_path(full, 2, 5)] == [
        "5f083f0a",
        "bc1a0643",
    ]


def test_every_proof_of_every_small_tree_holds_and_no_other():
    leaves = [bytes([number]) * 32 for number in range(18)]
    full = full_of(leaves)
    roots = [naive(leaves[:size]) for size in range(len(leaves) + 1)]
    for size in range(1, len(leaves) + 1):
        for index in range(size):
            path = merkle.inclusion_path(full, index, size)
            proof = {"index": index, "size": size, "path": path, "root": roots[size]}
            assert merkle.inclusion_holds(data=leaves[index], **proof)
            assert not merkle.inclusion_holds(data=b"other", **proof)
            assert not merkle.inclusion_holds(data=leaves[index], **{**proof, "index": index + 1})
            assert not merkle.inclusion_holds(
                data=leaves[index], **{**proof, "path": [*path, bytes(32)]}
            )
            if path:
                assert not merkle.inclusion_holds(
                    data=leaves[index], **{**proof, "path": path[:-1]}
                )
        for first in range(1, size + 1):
            path = merkle.consistency_path(full, first, size)
            proof = {"first": first, "first_root": roots[first], "second": size}
            assert merkle.consistency_holds(**proof, second_root=roots[size], path=path)
            assert not merkle.consistency_holds(**proof, second_root=bytes(32), path=path)
            assert not merkle.consistency_holds(
                **proof, second_root=roots[size], path=[*path, bytes(32)]
            )
            assert not merkle.consistency_holds(
                **{**proof, "first_root": bytes(32)}, second_root=roots[size], path=path
            )


@settings(max_examples=40)
@given(st.integers(1, 5000), st.data())
def test_a_tree_grown_in_blocks_is_the_tree(size, data):
    leaves = [number.to_bytes(32, "big") for number in range(size)]
    tree = merkle.GrowingTree()
    for leaf in leaves:
        tree.add(leaf)
    assert tree.size == size
    assert tree.root() == naive(leaves)
    index = data.draw(st.integers(0, size - 1))
    first = data.draw(st.integers(1, size))
    full = full_of(leaves)
    assert merkle.inclusion_holds(
        data=leaves[index],
        index=index,
        size=size,
        path=merkle.inclusion_path(full, index, size),
        root=tree.root(),
    )
    assert merkle.consistency_holds(
        first=first,
        first_root=naive(leaves[:first]),
        second=size,
        second_root=tree.root(),
        path=merkle.consistency_path(full, first, size),
    )


def test_proofs_of_what_is_not_there_are_refused():
    for bad in (lambda: merkle.inclusion_path(full_of(LEAVES), 8, 8),
                lambda: merkle.consistency_path(full_of(LEAVES), 0, 8),
                lambda: merkle.consistency_path(full_of(LEAVES), 9, 8)):  # fmt: skip
        try:
            bad()
        except ValueError:
            continue
        raise AssertionError
