"""Who wins a competition: exact thresholds for "the k largest", compiled, without sorting.

Both searches look for the threshold by its *bit pattern*: for non-negative floats the bits, read as
an integer, are in the floats' order. The interval between a threshold with too many winners and one
with too few shrinks to two neighbouring floats at the latest, so the search is exact for any
values, and ties are kept because nothing is ever separated that compares equal. As soon as some
threshold has exactly k winners, they are the k largest, and the search ends.
"""

import numpy as np

from plasticity.compilation import compiled

# A bracket: two thresholds, as bits, and their numbers of winners, with count_lo > k > count_hi
# (-1: not known yet); the step by which it opens; the end that moved last, how often in a row; the
# probes made since both are known; an octave of thresholds, as bits.
LO, COUNT_LO, HI, COUNT_HI, STEP, MOVED, STALE, PROBES, OCTAVE = range(9)
OCTAVE_SINGLE, OCTAVE_DOUBLE = 1 << 23, 1 << 52
DENSITY = 1.4  # winners fall about as this power of the threshold, or faster
PATIENCE = 30  # probes after which only halving is trusted
FEW = 64  # products between the ends of a bracket that are best looked at one by one


@compiled
def number(fraction, eligible):
    """k, the number of chosen among `eligible`: as rules.number, which rounds half to even."""
    return min(eligible, max(1, int(np.rint(fraction * eligible))))


@compiled
def new_bracket(highest, itemsize):
    """The bracket that encloses every threshold from 0 to `highest`, the highest value's bits (in
    bytes: itemsize)."""
    octave = OCTAVE_SINGLE if itemsize == 4 else OCTAVE_DOUBLE
    return np.array([0, -1, np.int64(highest) + 1, -1, octave // 8, 0, 0, 0, octave])


@compiled
def next_probe(bracket, guess, k):
    """The next threshold to try: the guess, then outward from it, then inside the bracket.

    Outward, it goes as far as a typical density of values suggests. Inside, the logarithm of the
    number of winners is interpolated between the ends; an end that stays twice or more counts half
    as much each time (the Illinois rule), so that both ends close in.
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
    """Number of keys that are not below the threshold; both are integers of one type."""
    count = 0
    for i in range(keys.size):
        count += keys[i] >= threshold
    return count


@compiled
def largest_key(keys):
    """The largest of some integers; as floats, they could not be compared several at a time."""
    highest = keys[0]
    for i in range(keys.size):
        highest = max(highest, keys[i])
    return highest


@compiled
def kth_largest(keys, k, guess):
    """Threshold t such that the keys >= t are the k largest, ties kept.

    `keys` (1-D) are non-negative integers, the bits of floats; -1 marks what does not take part. k,
    at least 1, is at most the number of those that do. Each probe looks at each key once; a `guess`
    near the result saves probes and does not alter the winners.
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


@compiled
def winners_of_product(
    u, v, keys, n, k, highest, guess, largest, rows, sizes, prefixes, scratch, bits
):
    """Winners among all products u_i v_j, as prefixes of u; the array of products is not made.

    u (inputs,) is sorted in descending order and non-negative; v (rows,) is in any order, with its
    bits in `keys`; n rows take part, the others have a negative v. `highest` are the bits of the
    largest product. For a threshold t the u_i v_j >= t of one j are a prefix of u, and the larger
    v_j the longer it is: with rows in the order of v, all prefixes together are a staircase, and a
    probe is one walk down its steps.

    Fills prefixes[:m], the lengths of the winning prefixes of rows[:m], and returns m and the
    threshold's bits; all other rows win nothing. With `largest` false, m is n, and it is the
    products *beyond* the prefixes that win, as the k smallest. rows, sizes and prefixes (rows,) are
    work space; `bits` is the integer view of `scratch` (1,).
    """
    inputs = u.size
    bracket = new_bracket(highest, bits.itemsize)
    target = k if largest else inputs * n - k
    floor = max(guess - bracket[OCTAVE] // 2, 0) if largest else 0
    while True:
        bits[0] = floor
        scratch[0] = scratch[0] / u[0] * v.dtype.type(0.999)  # a row too many does no harm
        m = rows_in_order(v, keys, np.int64(bits[0]), rows, sizes)
        bits[0] = floor
        count = walk(u, sizes[:m], scratch[0], prefixes, inputs)
        if count >= target or floor == 0:
            break
        bracket[HI], bracket[COUNT_HI] = floor, count
        floor = max(floor - 2 * bracket[OCTAVE], 0)
    bracket[LO], bracket[COUNT_LO] = floor, count
    longest = prefixes[0] if m > 0 else 0  # no prefix of a higher threshold is longer
    probe = floor
    while count != target and bracket[HI] - bracket[LO] > 1:
        if bracket[COUNT_HI] >= 0 and bracket[COUNT_LO] - bracket[COUNT_HI] <= FEW:
            rank = target - bracket[COUNT_HI] + (not largest)
            scratch[0] = nth_between(u, sizes[:m], bracket, rank, longest, scratch, bits)
            bracket[LO], bracket[HI] = bits[0], bits[0] + 1
            break
        probe = next_probe(bracket, guess, target)
        bits[0] = probe
        count = walk(u, sizes[:m], scratch[0], prefixes, longest)
        if count != target:
            narrow(bracket, probe, count, target)
    if count != target:
        # Ties at the lower end of the bracket: they all win, as the largest or as the smallest.
        probe = bracket[LO] if largest else bracket[HI]
        bits[0] = probe
        walk(u, sizes[:m], scratch[0], prefixes, longest)
    return m, probe


@compiled
def nth_between(u, sizes, bracket, rank, longest, scratch, bits):
    """The rank-th largest (from 1) of the few products u_i sizes_j between the ends of the
    bracket."""
    found = np.empty(FEW, u.dtype)
    bits[0] = bracket[HI]
    upper = scratch[0]
    bits[0] = bracket[LO]
    lower = scratch[0]
    count, first = 0, longest
    for size in sizes:
        while first > 0 and u[first - 1] * size < upper:
            first -= 1
        i = first
        while i < longest and u[i] * size >= lower:
            found[count] = u[i] * size
            count += 1
            i += 1
    for c in range(count):  # for so few, faster than any sorting
        above, equal = 0, 0
        for i in range(count):
            above += found[i] > found[c]
            equal += found[i] == found[c]
        if above < rank <= above + equal:
            break
    return found[c]


@compiled
def rows_in_order(v, keys, floor, rows, sizes):
    """List the rows whose key, the bits of v, is at least `floor`, by falling v, with their v in
    `sizes`.

    Returns their number. A counting sort by the leading bits of the keys, then an insertion sort of
    what is almost in order: for the few hundred rows at stake, faster than comparing.
    """
    m = 0
    for j in range(keys.size):  # without a branch, which nobody could predict
        rows[m] = j
        m += keys[j] >= floor
    chosen = rows[:m].copy()
    highest = floor
    for j in chosen:
        highest = max(highest, keys[j])
    shift = 0
    while (highest - floor) >> shift > 4 * m:
        shift += 1
    starts = np.zeros(((highest - floor) >> shift) + 2, np.int32)
    for j in chosen:
        starts[((highest - keys[j]) >> shift) + 1] += 1
    for b in range(1, starts.size):
        starts[b] += starts[b - 1]
    for j in chosen:
        b = (highest - keys[j]) >> shift
        rows[starts[b]] = j
        sizes[starts[b]] = v[j]
        starts[b] += 1
    for r in range(1, m):
        row, size, place = rows[r], sizes[r], r
        while place > 0 and sizes[place - 1] < size:
            rows[place], sizes[place] = rows[place - 1], sizes[place - 1]
            place -= 1
        rows[place], sizes[place] = row, size
    return m


@compiled
def walk(u, sizes, threshold, prefixes, longest):
    """Lengths of the prefixes of u with u_i sizes_j >= threshold, for falling u and sizes, where
    none is longer than `longest`; returns their sum."""
    length, total = longest, 0
    for r in range(sizes.size):
        while length > 0 and u[length - 1] * sizes[r] < threshold:
            length -= 1
        prefixes[r] = length
        total += length
    return total
