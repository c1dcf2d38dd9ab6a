"""Competition: exact thresholds for "the k largest", in compiled code, without sorting.

The search uses the *bit pattern* of the threshold. The bits of non-negative floats, read as
integers, have the same order as the floats. A bracket encloses the threshold between a value with
too many winners and a value with too few. The search ends when a threshold has exactly k winners,
which are then the k largest values, or when the ends of the bracket are neighbouring floats. So the
search is exact for all values. Ties are kept because equal values are never separated.
"""

import numpy as np

from plasticity import rules
from plasticity.compilation import compiled

# Elements of a bracket. LO and HI are two thresholds, as bits; COUNT_LO > k > COUNT_HI are their
# numbers of winners (-1: unknown). STEP is the minimum step in the search for the ends. MOVED is
# the end that moved last, and REPEATS is how many times it has moved again. PROBES is the number of
# probes since both counts are known. OCTAVE is the difference in bits that stands for a factor 2.
LO, COUNT_LO, HI, COUNT_HI, STEP, MOVED, REPEATS, PROBES, OCTAVE = range(9)
OCTAVE_SINGLE, OCTAVE_DOUBLE = 1 << 23, 1 << 52
DENSITY = 1.4  # the number of winners decreases about as this power of the threshold, or faster
PATIENCE = 30  # number of probes after which the bracket is halved

number = compiled(rules.number)


@compiled
def infinite_bits(keys):
    """Return the bits of infinity in the type of the keys. All finite values have smaller bits."""
    return np.int64(0x7F800000) if keys.itemsize == 4 else np.int64(0x7FF0000000000000)


@compiled
def to_keys(keys, largest):
    """Convert the bits of non-negative values, in place, into keys of which the largest win."""
    if not largest:
        infinity = infinite_bits(keys)
        for i in range(keys.size):
            keys[i] = infinity - keys[i]


@compiled
def new_bracket(highest, itemsize):
    """Return the bracket that contains all thresholds from 0 to the largest value.

    `highest` are the bits of the largest value, and `itemsize` its number of bytes.
    """
    octave = OCTAVE_SINGLE if itemsize == 4 else OCTAVE_DOUBLE
    return np.array([0, -1, np.int64(highest) + 1, -1, octave // 8, 0, 0, 0, octave])


@compiled
def next_probe(bracket, guess, k):
    """Return the next threshold to try.

    The first probe is the guess. The next ones move away from it until the counts of both ends are
    known; the size of these steps follows from a typical density of values. After that, the
    logarithm of the number of winners is interpolated between the ends of the bracket. If the same
    end has moved several times in a row, the weight of the other end is halved each time (the
    Illinois rule), so that both ends approach the threshold.
    """
    lo, hi = bracket[LO], bracket[HI]
    if bracket[COUNT_LO] < 0 and bracket[COUNT_HI] < 0:
        probe = guess
    elif bracket[COUNT_HI] < 0 or bracket[COUNT_LO] < 0:
        known = max(bracket[COUNT_LO], bracket[COUNT_HI])
        octaves = abs(np.log2((known + 0.5) / (k + 0.5))) / DENSITY
        step = max(bracket[STEP], int(octaves * bracket[OCTAVE]))
        step = min(step, (hi - lo) // 2)
        probe = lo + step if bracket[COUNT_HI] < 0 else hi - step
    elif bracket[PROBES] > PATIENCE:
        probe = lo + (hi - lo) // 2
    else:
        above = np.log((bracket[COUNT_LO] + 0.5) / (k + 0.5))
        below = np.log((k + 0.5) / (bracket[COUNT_HI] + 0.5))
        weight = 0.5 ** bracket[REPEATS]
        if bracket[MOVED] == LO:
            below *= weight
        else:
            above *= weight
        probe = lo + int((hi - lo) * (above / (above + below)))
    return min(max(probe, lo + 1), hi - 1)


@compiled
def narrow(bracket, probe, count, k):
    """Move one end of the bracket to a probe with `count` winners, where `count` is not k."""
    if bracket[COUNT_LO] >= 0 and bracket[COUNT_HI] >= 0:
        bracket[PROBES] += 1
    else:
        bracket[STEP] = min(4 * bracket[STEP], np.int64(1) << 60)
    end = LO if count > k else HI
    bracket[REPEATS] = bracket[REPEATS] + 1 if bracket[MOVED] == end and bracket[PROBES] > 1 else 0
    bracket[MOVED] = end
    bracket[end], bracket[end + 1] = probe, count


@compiled
def count_at_least(keys, threshold):
    """Return the number of keys >= threshold. Both must be integers of the same type."""
    count = 0
    for i in range(keys.size):
        count += keys[i] >= threshold
    return count


@compiled
def largest_key(keys):
    """Return the largest key. Unlike floats, integers are compared several at a time (SIMD)."""
    highest = keys[0]
    for i in range(keys.size):
        highest = max(highest, keys[i])
    return highest


@compiled
def kth_largest(keys, k, guess):
    """Return a threshold t such that the keys >= t are the k largest. Ties are kept.

    `keys` (1-D) are the bits of non-negative floats, as integers; -1 marks elements that do not
    take part. k is at least 1 and at most the number of elements that take part. Each probe reads
    all keys once. A `guess` close to the result saves probes and does not change the winners.
    """
    bracket = new_bracket(largest_key(keys), keys.itemsize)
    as_key = keys[:1].copy()  # comparisons are faster if both numbers have the type of the keys
    while bracket[HI] - bracket[LO] > 1:
        probe = next_probe(bracket, guess, k)
        as_key[0] = probe
        count = count_at_least(keys, as_key[0])
        if count == k:
            return probe
        narrow(bracket, probe, count, k)
    return bracket[LO]
