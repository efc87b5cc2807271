"""Units fall into buckets as the published vectors say, one by one and by the million."""

import json
from pathlib import Path
from typing import Any

import mmh3
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neonblue.errors import InvalidInputError
from neonblue.models.experiment import HashVersion
from neonblue.optimization.bucketing import (
    boundaries,
    hash_unit,
    hash_units,
    position,
    positions,
    variant_index,
    variant_indices,
    whole_weights,
)

VECTORS: dict[str, Any] = json.loads(
    (Path(__file__).parents[3] / "docs/assignment-vectors.json").read_text()
)
UNITS = st.lists(st.text(max_size=300), min_size=1, max_size=30)
VERSIONS = st.sampled_from((2, 3))


@pytest.mark.parametrize("case", VECTORS["published_by_flagd"]["splits"], ids=lambda c: c["unit"])
def test_flagds_own_vectors_come_out(case: dict[str, Any]) -> None:
    """The examples that flagd's test bed holds every provider to."""
    hashed = hash_unit(case["key"], case["unit"], case["hash_version"])
    index = variant_index(hashed, boundaries(whole_weights(case["weights"])))
    assert case["variants"][index] == case["variant"]


def test_our_vectors_come_out() -> None:
    for case in VECTORS["hashes"]:
        assert hash_unit(case["key"], case["unit"], case["hash_version"]) == case["hash"]
    for case in VECTORS["splits"]:
        hashed = hash_unit(case["key"], case["unit"], case["hash_version"])
        whole = whole_weights(case["weights"])
        assert list(whole) == case["whole_weights"]
        assert variant_index(hashed, boundaries(whole)) == case["variant"]
    for case in VECTORS["positions"]:
        hashed = hash_unit(case["key"], case["unit"], case["hash_version"])
        assert position(hashed) == case["position"]


@pytest.mark.parametrize(
    ("text", "hashed"),
    [
        ("", 0),
        ("test", 0xBA6BD213),
        ("Hello, world!", 0xC0363E43),
        ("The quick brown fox jumps over the lazy dog", 0x2E4FF723),
    ],
)
def test_the_hash_is_murmurhash3_x86_32_with_seed_0(text: str, hashed: int) -> None:
    """Values that any implementation of it gives."""
    assert hash_unit("", text, 2) == hashed
    assert hash_unit(text, "", 2) == hashed


@pytest.mark.parametrize(
    ("key", "unit", "encoded"),
    [
        ("a", "b", "8261616162"),
        ("a", "", "82616160"),
        ("ü", "x" * 24, "8262c3bc7818" + "78" * 24),
        ("k", "y" * 256, "82616b790100" + "79" * 256),
        ("k", "z" * 65_536, "82616b7a00010000" + "7a" * 65_536),
    ],
)
def test_version_3_hashes_a_cbor_array(key: str, unit: str, encoded: str) -> None:
    """The shortest heads of RFC 8949, written out by hand."""
    assert hash_unit(key, unit, 3) == mmh3.hash(bytes.fromhex(encoded), signed=False)


@given(key=st.text(max_size=40), units=UNITS, version=VERSIONS)
def test_many_at_once_are_the_same_as_one_by_one(
    key: str, units: list[str], version: HashVersion
) -> None:
    hashes = hash_units(key, units, version)
    assert hashes.tolist() == [hash_unit(key, unit, version) for unit in units]
    if version == 2:
        assert hashes.tolist() == [mmh3.hash(key + unit, signed=False) for unit in units]
    assert positions(hashes).tolist() == [position(int(one)) for one in hashes]


@given(
    hashes=st.lists(st.integers(0, 2**32 - 1), min_size=1, max_size=50),
    weights=st.lists(st.integers(0, 2**26), min_size=1, max_size=20).filter(lambda w: sum(w) > 0),
)
def test_boundaries_are_the_bucket_arithmetic(hashes: list[int], weights: list[int]) -> None:
    """No rounding anywhere: also at the edges of every bucket."""
    limits = boundaries(weights)
    edges = [near for limit in limits for near in (limit - 1, limit) if 0 <= near < 2**32]
    every = np.array([*hashes, *edges], dtype=np.uint64)
    found = variant_indices(every, limits)
    for hashed, index in zip(every.tolist(), found.tolist(), strict=True):
        bucket, reach, expected = (hashed * sum(weights)) >> 32, 0, None
        for position_, weight in enumerate(weights):
            reach += weight
            if bucket < reach:
                expected = position_
                break
        assert index == expected == variant_index(hashed, limits)


@given(st.lists(st.floats(1e-12, 1e12), min_size=1, max_size=60))
def test_weights_that_are_not_whole_become_shares_of_a_million(weights: list[float]) -> None:
    whole = whole_weights(weights)
    assert all(one > 0 for one in whole)
    if not all(weight.is_integer() for weight in weights):
        assert sum(whole) == 1_000_000
        shares = np.array(weights) / sum(weights) * 1_000_000
        assert np.abs(np.array(whole) - shares).max() <= len(weights)


def test_whole_weights_stay_and_only_their_ratio_counts() -> None:
    assert whole_weights((50, 20, 30)) == (50, 20, 30)
    assert whole_weights((0.5, 0.5)) == (500_000, 500_000)
    assert whole_weights((0.0, 0.5, 0.5)) == (0, 500_000, 500_000)
    assert boundaries((1, 1)) == boundaries((500_000, 500_000)) == (2**31, 2**32)


@pytest.mark.parametrize("version", [2, 3])
def test_shares_are_met(version: HashVersion) -> None:
    """200,000 units: every share within five standard errors."""
    units = [f"user-{number}" for number in range(200_000)]
    limits = boundaries(whole_weights((0.05, 0.25, 0.7)))
    counts = np.bincount(variant_indices(hash_units("exp", units, version), limits))
    shares = np.array([0.05, 0.25, 0.7])
    errors = np.sqrt(shares * (1 - shares) * len(units))
    assert np.all(np.abs(counts - shares * len(units)) < 5 * errors)


@pytest.mark.parametrize("weights", [(0, 0), (2**31,), ()])
def test_weights_that_split_nothing_are_refused(weights: tuple[int, ...]) -> None:
    with pytest.raises(InvalidInputError, match="sum"):
        boundaries(weights)


def test_a_lone_surrogate_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="surrogate"):
        hash_units("key", ["fine", "\ud800"], 2)
