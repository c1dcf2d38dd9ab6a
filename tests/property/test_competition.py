"""The winners of a competition, found without sorting, are those that sorting finds."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from plasticity import competition
from plasticity.competition import kth_largest, to_keys
from plasticity.rules import chosen, number
from plasticity.structures.staircase import Search, winners_of_product

BITS = {np.float32: np.int32, np.float64: np.int64}


def values(dtype, low: float = 0):
    """Non-negative floats, with many ties, zeros, subnormal and very large ones among them."""
    tiny, huge = float(np.finfo(dtype).smallest_subnormal), float(np.finfo(dtype).max)
    width = 8 * np.dtype(dtype).itemsize
    special = [
        v for v in (0.0, tiny, 0.25, 1.0, 1.0, float(np.nextafter(dtype(1), dtype(2))), huge)
    ]
    return st.sampled_from([v for v in special if v >= low]) | st.floats(low, 1e6, width=width)


@st.composite
def competitors(draw):
    """Values, which of them take part, and how many of these are to be chosen."""
    dtype = draw(st.sampled_from(list(BITS)))
    sizes = np.array(draw(st.lists(values(dtype), min_size=1, max_size=60)), dtype)
    n = len(sizes)
    eligible = np.array(draw(st.lists(st.booleans(), min_size=n, max_size=n)))
    if draw(st.booleans()):
        eligible[:] = True
    assume(eligible.any())
    most = int(eligible.sum())
    return sizes, eligible, draw(st.sampled_from([1, most]) | st.integers(1, most))


guesses = st.sampled_from([0, -1, 1 << 29, 1 << 62, -(1 << 62)]) | st.integers(0, 1 << 31)


@given(case=competitors(), largest=st.booleans(), guess=guesses)
def test_threshold_separates_the_k_largest_or_smallest(case, largest, guess):
    sizes, eligible, k = case
    keys = sizes.copy().view(BITS[sizes.dtype.type])
    to_keys(keys, largest)
    keys[~eligible] = -1
    winners = keys >= kth_largest(keys, k, guess)
    np.testing.assert_array_equal(winners, chosen(sizes, eligible, k, largest))


def product_winners(u, v, eligible, k, largest, guess) -> np.ndarray:
    """Mask (rows, inputs) of the winners among the products v_j u_i of the eligible rows."""
    v = np.where(eligible, v, -1).astype(u.dtype)
    units, prefixes = np.empty(len(v), np.int32), np.empty(len(v), np.int32)
    sizes, scratch = np.empty_like(v), np.empty(1, u.dtype)
    keys, bits = (array.view(BITS[u.dtype.type]) for array in (v, scratch))
    n, highest = int(eligible.sum()), int((v.max() * u[:1]).view(bits.dtype)[0])
    search = Search(units, sizes, prefixes, scratch, bits)
    listed, _ = winners_of_product(u, v, keys, n, k, guess - highest, largest, search)
    mask = np.zeros((len(v), len(u)), bool)
    for unit, prefix in zip(units[:listed], prefixes[:listed], strict=True):
        mask[unit] = np.arange(len(u)) < prefix if largest else np.arange(len(u)) >= prefix
    return mask


def sorted_winners(u, v, eligible, k, largest) -> np.ndarray:
    """The same mask, from all products."""
    products = v[:, None] * u[None, :]
    return chosen(products, np.repeat(eligible[:, None], len(u), axis=1), k, largest)


@st.composite
def factors(draw):
    """Inputs in descending order, rows and which take part, how many products are to be chosen."""
    dtype = draw(st.sampled_from(list(BITS)))
    moderate = values(dtype).filter(lambda value: value <= 1e6)
    u = draw(st.lists(moderate, max_size=14)) + [1]  # one is the bias, so that not all can be zero
    v = draw(st.lists(moderate, min_size=1, max_size=15))
    eligible = np.array(draw(st.lists(st.booleans(), min_size=len(v), max_size=len(v))))
    assume(eligible.any())
    most = len(u) * int(eligible.sum())
    k = draw(st.sampled_from([1, most]) | st.integers(1, most))
    return np.sort(np.array(u, dtype))[::-1].copy(), np.array(v, dtype), eligible, k


@given(case=factors(), largest=st.booleans(), below=guesses)
def test_products_are_separated_without_being_made(case, largest, below):
    u, v, eligible, _ = case
    highest = np.max(v[eligible] * u[0]).view(BITS[u.dtype.type])
    expected = sorted_winners(*case, largest)
    found = product_winners(*case, largest, guess=int(highest) - abs(below))
    np.testing.assert_array_equal(found, expected)


def literal_winners(values, eligible, k, largest):
    """The k first of the eligible in order of size, and whoever equals the last of them."""
    order = [i for i in np.argsort(-values if largest else values, kind="stable") if eligible[i]]
    return eligible & np.isin(values, values[order[:k]])


# Values with ties among the largest, the smallest and in between, and with zeros; which take part.
TIES = {
    "all equal": ([1, 1, 1, 1], [1, 1, 1, 1]),
    "all zero": ([0, 0, 0], [1, 1, 1]),
    "ties at both ends": ([0, 0, 0.5, 2, 2, 2], [1, 1, 1, 1, 1, 1]),
    "ties inside": ([3, 1, 2, 2, 0, 2], [1, 1, 1, 1, 1, 1]),
    "a tie that does not take part": ([3, 1, 2, 2, 0, 2], [1, 1, 0, 1, 1, 0]),
    "one": ([0.25, 7], [1, 0]),
}


@pytest.mark.parametrize("largest", [True, False])
@pytest.mark.parametrize("dtype", list(BITS))
@pytest.mark.parametrize(("sizes", "eligible"), TIES.values(), ids=TIES)
def test_winners_are_those_of_a_literal_sort(sizes, eligible, dtype, largest):
    sizes, eligible = np.array(sizes, dtype), np.array(eligible, bool)
    for k in range(1, int(eligible.sum()) + 1):  # from one to all
        expected = literal_winners(sizes, eligible, k, largest)
        assert k <= expected.sum()
        np.testing.assert_array_equal(chosen(sizes, eligible, k, largest), expected)
        keys = sizes.copy().view(BITS[dtype])
        to_keys(keys, largest)
        keys[~eligible] = -1
        np.testing.assert_array_equal(keys >= kth_largest(keys, k, 0), expected)


# Inputs in descending order, errors, which units take part: some of either are zero, or all errors.
PRODUCTS = {
    "zero errors": ([1, 0.5, 0.5, 0.25], [0, 0, 0], [1, 1, 1]),
    "zero inputs": ([1, 0, 0], [2, 1, 2], [1, 1, 1]),
    "zeros in both": ([1, 0.5, 0, 0], [0, 3, 3, 0], [1, 1, 1, 0]),
    "products that are equal": ([4, 2, 1], [1, 2, 4], [1, 1, 1]),
    "one of each": ([1], [0.5], [1]),
}


@pytest.mark.parametrize("largest", [True, False])
@pytest.mark.parametrize("dtype", list(BITS))
@pytest.mark.parametrize(("u", "v", "eligible"), PRODUCTS.values(), ids=PRODUCTS)
def test_winners_of_products_are_those_of_a_literal_sort(u, v, eligible, dtype, largest):
    u, v, eligible = np.array(u, dtype), np.array(v, dtype), np.array(eligible, bool)
    products, taking_part = np.outer(v, u), np.repeat(eligible, len(u))
    for k in range(1, int(taking_part.sum()) + 1):
        expected = literal_winners(products.ravel(), taking_part, k, largest)
        found = product_winners(u, v, eligible, k, largest, guess=0)
        np.testing.assert_array_equal(found.ravel(), expected)


@pytest.mark.parametrize("largest", [True, False])
@pytest.mark.parametrize("dtype", list(BITS))
@pytest.mark.parametrize("fraction", [1e-4, 0.003, 0.1, 0.5, 0.999, 1])
def test_products_of_a_layers_size(dtype, fraction, largest):
    rng = np.random.default_rng(0)
    u = np.sort(np.abs(rng.normal(size=785)).astype(dtype))[::-1].copy()
    v = np.abs(rng.normal(size=100)).astype(dtype)
    v[::7] = 0
    eligible = rng.random(100) < 0.8
    k = number(fraction, 0, 785 * int(eligible.sum()))
    expected = sorted_winners(u, v, eligible, k, largest)
    threshold = int(np.sort((v[eligible, None] * u).ravel())[-k].view(BITS[dtype]))
    for guess in (0, threshold, threshold + 1, threshold - 10**6):
        found = product_winners(u, v, eligible, k, largest, guess)
        np.testing.assert_array_equal(found, expected)


@given(
    fraction=st.floats(1e-6, 1) | st.sampled_from([0.5, 0.25, 0.1]),
    winners=st.integers(0, 10**6) | st.just(0),
    eligible=st.integers(0, 10**6),
)
def test_compiled_number_is_that_of_the_rules(fraction, winners, eligible):
    compiled = competition.number(fraction, winners, eligible)
    assert compiled == number(fraction, winners, eligible)
