"""Units into buckets by MurmurHash3, with flagd's arithmetic: the same in every language.

A unit's 32-bit hash h falls into bucket ``(h * total) >> 32`` of ``total`` whole weights; variants
own the buckets in plan order. What is hashed depends on the hash version, numbered as flagd's
``fractional`` operation numbers them (its published test vectors are in docs/assignment.md):

- 2: the UTF-8 bytes of key and unit, one after the other;
- 3: the CBOR array of key and unit (RFC 8949), so that ("ab", "c") is not ("a", "bc").
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import accumulate

import mmh3
import numpy as np
from numpy.typing import NDArray

from neonblue.errors import InvalidInputError
from neonblue.models.experiment import HashVersion

MAX_TOTAL_WEIGHT = 2**31 - 1
SCALE = 1_000_000
"""Whole weights that shares are turned into, and the steps of a position: one in a million."""
CBOR_ARRAY_OF_TWO = b"\x82"
CBOR_TEXT = 3 << 5


def hash_units(key: str, units: Sequence[str], version: HashVersion) -> NDArray[np.uint64]:
    """The 32-bit hashes of many units; ``InvalidInputError`` for a text that is no Unicode."""
    keyed = _encoded(key, units, version)
    return np.fromiter(map(mmh3.mmh3_32_uintdigest, keyed), dtype=np.uint64, count=len(keyed))


def _encoded(key: str, units: Sequence[str], version: HashVersion) -> list[bytes]:
    try:
        return _keyed(key, units, version)
    except UnicodeEncodeError as error:
        raise InvalidInputError(
            f"{error.object!r} is no Unicode text (a lone surrogate): give ids as UTF-8"
        ) from error


def _keyed(key: str, units: Sequence[str], version: HashVersion) -> list[bytes]:
    """The bytes that are hashed, one a unit."""
    encoded, prefix = [unit.encode() for unit in units], key.encode()
    if version == 2:
        return [prefix + one for one in encoded]
    prefix = CBOR_ARRAY_OF_TWO + _text_head(len(prefix)) + prefix
    # A head is made once a length, not once a unit.
    heads = {length: prefix + _text_head(length) for length in set(map(len, encoded))}
    return [heads[len(one)] + one for one in encoded]


def hash_unit(key: str, unit: str, version: HashVersion) -> int:
    """The 32-bit hash of one unit."""
    return int(mmh3.mmh3_32_uintdigest(_encoded(key, (unit,), version)[0]))


def position(hashed: int) -> int:
    """Where a unit stands among a million steps: for holdouts and layers."""
    return (hashed * SCALE) >> 32


def positions(hashes: NDArray[np.uint64]) -> NDArray[np.int64]:
    """``position`` of many."""
    return ((hashes * np.uint64(SCALE)) >> np.uint64(32)).astype(np.int64)


def whole_weights(weights: Sequence[float]) -> tuple[int, ...]:
    """The whole numbers that stand for weights: themselves, or shares of a million.

    Shares are rounded down and what is left goes to the largest remainders, so that they sum to a
    million; a variant with any weight keeps at least one step.
    """
    if all(float(weight).is_integer() for weight in weights) and sum(weights) <= MAX_TOTAL_WEIGHT:
        return tuple(int(weight) for weight in weights)
    total = math.fsum(weights)
    exact = [weight / total * SCALE for weight in weights]
    steps = [max(math.floor(share), int(share > 0)) for share in exact]
    order = sorted(range(len(exact)), key=lambda i: (steps[i] - exact[i], i))
    for index in order[: max(0, SCALE - sum(steps))]:
        steps[index] += 1
    steps[max(range(len(steps)), key=steps.__getitem__)] -= max(0, sum(steps) - SCALE)
    return tuple(steps)


def boundaries(weights: Sequence[int]) -> tuple[int, ...]:
    """The smallest hash that is beyond each variant: hash < boundary means this one or an earlier.

    bucket < reach is ``h * total < reach << 32``, which is ``h < ceil((reach << 32) / total)``: no
    multiplication a unit is left, and the answer is exactly flagd's.
    """
    total = sum(weights)
    if not 0 < total <= MAX_TOTAL_WEIGHT:
        raise InvalidInputError(
            f"weights {list(weights)!r} sum to {total!r}: give a sum above 0 and below 2**31"
        )
    return tuple(-(-(reach << 32) // total) for reach in accumulate(weights))


def variant_index(hashed: int, limits: Sequence[int]) -> int:
    """Which variant a hash belongs to, by the ``boundaries`` of the weights."""
    return next(index for index, limit in enumerate(limits) if hashed < limit)


def variant_indices(hashes: NDArray[np.uint64], limits: Sequence[int]) -> NDArray[np.int64]:
    """``variant_index`` of many."""
    return np.searchsorted(np.array(limits, dtype=np.uint64), hashes, side="right").astype(np.int64)


def _text_head(length: int) -> bytes:
    """CBOR's head of a text of so many bytes, in the shortest form (RFC 8949, section 3)."""
    if length < 24:
        return bytes((CBOR_TEXT | length,))
    if length < 1 << 8:
        return bytes((CBOR_TEXT | 24, length))
    if length < 1 << 16:
        return bytes((CBOR_TEXT | 25,)) + length.to_bytes(2)
    return bytes((CBOR_TEXT | 26,)) + length.to_bytes(4)
