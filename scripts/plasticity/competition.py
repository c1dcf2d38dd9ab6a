"""Competition: exact thresholds for "the k largest", compiled, without sorting.

The search is for the threshold's *bit pattern*: the bits of non-negative floats, read as an
integer, have the floats' order. A bracket encloses the threshold between one with too many winners
and one with too few. It shrinks to two neighbouring floats at the latest, so the search is exact
for any values; ties are kept because equal values are never separated. As soon as a threshold has
exactly k winners, they are the k largest, and the search ends.
"""

import numpy as np

from plasticity import rules
from plasticity.compilation import compiled

# Elements of a bracket: two thresholds, as bits, and their numbers of winners, with
# count_lo > k > count_hi (-1: unknown); the step by which it opens; the end that moved last and how
# often in a row; the number of probes since both are known; an octave of thresholds, as bits.
LO, COUNT_LO, HI, COUNT_HI, STEP, MOVED, STALE, PROBES, OCTAVE = range(9)
OCTAVE_SINGLE, OCTAVE_DOUBLE = 1 << 23, 1 << 52
DENSITY = 1.4  # winners fall about as this power of the threshold, or faster
PATIENCE = 30  # probes after which only halving is trusted

number = compiled(rules.number)


@compiled
def infinite_bits(keys):
    """Return the bits of infinity in the type of the keys: above those of every finite value."""
    return np.int64(0x7F800000) if keys.itemsize == 4 else np.int64(0x7FF0000000000000)


@compiled
def to_keys(keys, largest):
    """Turn the bits of non-negative values, in place, into keys of which the largest win."""
    if not largest:
        infinity = infinite_bits(keys)
        for i in range(keys.size):
            keys[i] = infinity - keys[i]


@compiled
def new_bracket(highest, itemsize):
    """Return the bracket of every threshold from 0 to `highest`, the largest value's bits (itemsize
    bytes)."""
    octave = OCTAVE_SINGLE if itemsize == 4 else OCTAVE_DOUBLE
    return np.array([0, -1, np.int64(highest) + 1, -1, octave // 8, 0, 0, 0, octave])


@compiled
def next_probe(bracket, guess, k):
    """Return the next threshold to try: the guess, then outward from it, then inside the bracket.

    The step outward follows from a typical density of values. Inside, the logarithm of the number
    of winners is interpolated between the ends. An end that stays twice or more counts half as much
    each time (the Illinois rule), so that both ends close in.
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
        weight = 0.5 ** bracket[STALE]
        if bracket[MOVED] == LO:
            below *= weight
        else:
            above *= weight
        probe = lo + int((hi - lo) * (above / (above + below)))
    return min(max(probe, lo + 1), hi - 1)


@compiled
def narrow(bracket, probe, count, k):
    """Move one end of the bracket to a probe that has `count` != k winners."""
    if bracket[COUNT_LO] >= 0 and bracket[COUNT_HI] >= 0:
        bracket[PROBES] += 1
    else:
        bracket[STEP] = min(4 * bracket[STEP], np.int64(1) << 60)
    end = LO if count > k else HI
    bracket[STALE] = bracket[STALE] + 1 if bracket[MOVED] == end and bracket[PROBES] > 1 else 0
    bracket[MOVED] = end
    bracket[end], bracket[end + 1] = probe, count


@compiled
def count_at_least(keys, threshold):
    """Return the number of keys >= threshold; both are integers of one type."""
    count = 0
    for i in range(keys.size):
        count += keys[i] >= threshold
    return count


@compiled
def largest_key(keys):
    """Return the largest key; floats could not be compared several at a time."""
    highest = keys[0]
    for i in range(keys.size):
        highest = max(highest, keys[i])
    return highest


@compiled
def kth_largest(keys, k, guess):
    """Return a threshold t such that the keys >= t are the k largest, ties kept.

    `keys` (1-D) are non-negative integers, the bits of floats; -1 marks non-participants. k is at
    least 1, at most the number of participants. Each probe reads each key once; a `guess` near the
    result saves probes and does not alter the winners.
    """
    bracket = new_bracket(largest_key(keys), keys.itemsize)
    as_key = keys[:1].copy()  # compare within the keys' own type, for speed
    while bracket[HI] - bracket[LO] > 1:
        probe = next_probe(bracket, guess, k)
        as_key[0] = probe
        count = count_at_least(keys, as_key[0])
        if count == k:
            return probe
        narrow(bracket, probe, count, k)
    return bracket[LO]
