"""Who wins a competition: exact thresholds for "the k largest", compiled, without sorting.

Both searches look for the threshold by its *bit pattern*: for non-negative floats the bits, read as an
integer, are in the floats' order. The interval between a threshold with too many winners and one with
too few shrinks to two neighbouring floats at the latest, so the search is exact for any values, and ties
are kept because nothing is ever separated that compares equal. As soon as some threshold has exactly k
winners, they are the k largest, and the search ends.
"""

import numpy as np

from plasticity.compilation import compiled

# A bracket: two thresholds, as bits, and their numbers of winners, with count_lo > k > count_hi; the step by
# which it opens from a first guess; and the number of probes made inside it. An unknown end counts as -1.
LO, COUNT_LO, HI, COUNT_HI, STEP, PROBES = range(6)
STEP_SINGLE, STEP_DOUBLE = 1 << 19, 1 << 48  # a sixteenth of an octave


@compiled
def number(fraction, eligible):
    """k, the number of chosen among `eligible`: as rules.number, which rounds half to even."""
    return min(eligible, max(1, int(np.rint(fraction * eligible))))


@compiled
def new_bracket(highest, itemsize):
    """The bracket that encloses every threshold from 0 to `highest`, the highest value's bits (in bytes: itemsize)."""
    step = STEP_SINGLE if itemsize == 4 else STEP_DOUBLE
    return np.array([0, -1, np.int64(highest) + 1, -1, step, 0])


@compiled
def next_probe(bracket, guess, k):
    """The next threshold to try: the guess, outward from it, then interpolated, every third time half way."""
    lo, hi = bracket[LO], bracket[HI]
    if bracket[COUNT_LO] < 0 and bracket[COUNT_HI] < 0:
        probe = guess
    elif bracket[COUNT_HI] < 0:
        probe = lo + min(bracket[STEP], (hi - lo) // 2)
    elif bracket[COUNT_LO] < 0:
        probe = hi - min(bracket[STEP], (hi - lo) // 2)
    elif bracket[PROBES] % 3 == 2:
        probe = lo + (hi - lo) // 2
    else:
        excess = (bracket[COUNT_LO] - k) / (bracket[COUNT_LO] - bracket[COUNT_HI])
        probe = lo + int((hi - lo) * excess)
    return min(max(probe, lo + 1), hi - 1)


@compiled
def narrow(bracket, probe, count, k):
    """Move one end of the bracket to a probe that has `count` != k winners."""
    if bracket[COUNT_LO] >= 0 and bracket[COUNT_HI] >= 0:
        bracket[PROBES] += 1
    else:
        bracket[STEP] = min(4 * bracket[STEP], np.int64(1) << 60)
    if count > k:
        bracket[LO], bracket[COUNT_LO] = probe, count
    else:
        bracket[HI], bracket[COUNT_HI] = probe, count


@compiled
def count_at_least(keys, threshold):
    """Number of keys that are not below the threshold; both are integers of one type."""
    count = 0
    for i in range(keys.size):
        count += keys[i] >= threshold
    return count


@compiled
def kth_largest(keys, k, guess):
    """Threshold t such that the keys >= t are the k largest, ties kept.

    `keys` (1-D) are non-negative integers, the bits of floats; -1 marks what does not take part. k, at least 1,
    is at most the number of those that do. Each probe looks at each key once; a `guess` near the result saves
    probes and does not alter the winners.
    """
    highest = keys[0]
    for i in range(keys.size):
        highest = max(highest, keys[i])
    bracket = new_bracket(highest, keys.itemsize)
    as_key = keys[:1].copy()  # compare within the keys' own type, for speed
    while bracket[HI] - bracket[LO] > 1:
        probe = next_probe(bracket, guess, k)
        as_key[0] = probe
        count = count_at_least(keys, as_key[0])
        if count == k:
            return probe
        narrow(bracket, probe, count, k)
    return bracket[LO]


@compiled
def winners_of_product(u, v, k, guess, largest, more, fewer, middle, scratch, bits):
    """Winners among all products u_i v_j, as prefixes of u: fills and returns n, n_j of row j.

    u (inputs,) is sorted in descending order, v (rows,) is not, both non-negative; no product array is made.
    For a threshold t the u_i v_j >= t of one j are a prefix of u. Each row keeps the prefixes that belong to
    the two ends of the bracket, and a probe is a binary search between them, so rows that are decided cost
    nothing more. The first n_j of row j win; with `largest` false the *others* do, as the k smallest products.

    `more`, `fewer` and `middle` (rows,) are integer work space, `bits` the integer view of `scratch` (1,);
    the second result is the threshold's bits.
    """
    inputs, rows = u.size, v.size
    target = k if largest else inputs * rows - k
    highest = v[0]
    for j in range(rows):
        more[j], fewer[j] = inputs, 0
        highest = max(highest, v[j])
    if target == 0:
        return fewer, np.int64(0)
    if target == inputs * rows:
        return more, np.int64(0)
    scratch[0] = highest * u[0]
    bracket = new_bracket(bits[0], bits.itemsize)
    while bracket[HI] - bracket[LO] > 1:
        probe = next_probe(bracket, guess, target)
        bits[0] = probe
        threshold = scratch[0]
        count = 0
        for j in range(rows):
            a, b = fewer[j], more[j]
            while a < b:
                i = (a + b) // 2
                if u[i] * v[j] >= threshold:
                    a = i + 1
                else:
                    b = i
            middle[j] = a
            count += a
        if count == target:
            return middle, probe
        if count > target:
            more, middle = middle, more
        else:
            fewer, middle = middle, fewer
        narrow(bracket, probe, count, target)
    return (more if largest else fewer), bracket[LO]
