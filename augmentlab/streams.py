"""Streams of random numbers that depend on their names alone: one for each item of a run, and in it one for each step.

An item's stream is ``numpy.random.default_rng((seed, epoch, index))``. A group draws two words from the stream that it
is given, its root, and gives each step a stream of its own: SFC64 (Doty-Humphrey 2018), seeded with the root and a hash
of the step's name. `Streams` are the streams of many items, which draw the same numbers all at once.
"""

import functools
import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.random.bit_generator import ISpawnableSeedSequence
from numpy.typing import NDArray

from augmentlab.distributions import shown

Words = NDArray[np.uint64]
Rng = int | Sequence[int] | np.random.Generator | None

_UNIT = 2.0**-53  # numpy.random.Generator.random takes the upper 53 of 64 bits
_UNSEEN = 12  # numbers that SFC64 draws and drops, to mix its seed
_PCG_MULTIPLIER = (2549297995355413924, 4865540595714422341)  # high and low word (O'Neill 2014)


def generator(rng: Rng) -> np.random.Generator:
    """A NumPy generator from an int, a sequence of ints, a Generator, or fresh entropy of the system.

    Fresh entropy is asked for at every call, so a forked worker never repeats its parent.
    """
    if isinstance(rng, np.random.Generator):
        return rng
    if rng is None:
        return np.random.default_rng()
    numbers = (rng,) if isinstance(rng, (int, np.integer)) else rng
    if (
        isinstance(numbers, (tuple, list, np.ndarray))
        and len(numbers)
        and all(
            isinstance(number, (int, np.integer)) and not isinstance(number, bool) and number >= 0 for number in numbers
        )
    ):
        return np.random.default_rng([int(number) for number in numbers])
    raise TypeError(
        f"rng must be an int >= 0, a tuple of such ints, a numpy.random.Generator or None; got {shown(rng)}"
    )


class Root:
    """What names the streams below a group: two words drawn from the stream that it was given."""

    def __init__(self, rng: np.random.Generator) -> None:
        self._words = rng.bit_generator.random_raw(), rng.bit_generator.random_raw()

    def child(self, *name: str | int) -> np.random.Generator:
        """The stream of that name."""
        return np.random.Generator(np.random.SFC64(_Seed(*self._words, _hash(name))))  # type: ignore[arg-type]

    def children(self, names: Sequence[str]) -> list[np.random.Generator]:
        """A stream for each of several steps: it depends on the name and how often that name came before.

        Removing, adding or moving a step so leaves the draws of all steps of other names as they were.
        """
        return [self.child(*one) for one in numbered(names)]


def seeded(seed: int, *name: str | int) -> np.random.Generator:
    """The stream of a drawn integer: what a transform's `seed` stands for."""
    return np.random.Generator(np.random.SFC64(_Seed(seed, 0, _hash(name))))  # type: ignore[arg-type]


def numbered(names: Sequence[str]) -> list[tuple[str, int]]:
    """Each name with how often it has come so far, from 1."""
    seen: dict[str, int] = {}
    pairs = []
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        pairs.append((name, seen[name]))
    return pairs


@functools.lru_cache(maxsize=4096)
def _hash(name: tuple[str | int, ...]) -> int:
    return int.from_bytes(hashlib.blake2b(repr(name).encode(), digest_size=8).digest(), "little")


class _Seed(ISpawnableSeedSequence):
    """Three words with which SFC64 starts as they are; NumPy's own seed sequence would mix them once more."""

    def __init__(self, *words: int) -> None:
        self.words = words

    def generate_state(self, n_words: int, dtype: Any = np.uint32) -> Any:
        if n_words == len(self.words) and np.dtype(dtype) == np.uint64:
            return np.array(self.words, np.uint64)
        return self._sequence.generate_state(n_words, dtype)

    def spawn(self, n_children: int) -> list[Any]:
        return list(self._sequence.spawn(n_children))

    @functools.cached_property
    def _sequence(self) -> np.random.SeedSequence:
        return np.random.SeedSequence(self.words)


# --- many at once ------------------------------------------------------------------------------------------------------


class Streams:
    """As many SFC64 generators as there are items, seeded with three words each.

    Parameters
    ----------
    first, second, third : (N,) uint64 arrays
        The words.
    """

    def __init__(self, first: Words, second: Words, third: Words) -> None:
        self._state = first, second, third
        self._drawn = 0
        for _ in range(_UNSEEN):
            self._next()

    def random(self) -> NDArray[np.float64]:
        """What ``random()`` of each returns: (N,) in [0, 1)."""
        return np.asarray((self._next() >> np.uint64(11)) * _UNIT)

    def _next(self) -> Words:
        a, b, c = self._state
        self._drawn += 1
        drawn = a + b + np.uint64(self._drawn)
        self._state = (
            b ^ (b >> np.uint64(11)),
            c + (c << np.uint64(3)),
            ((c << np.uint64(24)) | (c >> np.uint64(40))) + drawn,
        )
        return drawn


def all_seeded(seeds: NDArray[Any], *name: str | int) -> Streams:
    """The streams that `seeded` gives for each of (N,) seeds."""
    first = np.asarray(seeds).astype(np.uint64)
    return Streams(first, np.zeros_like(first), np.full_like(first, _hash(name)))


class Items:
    """The item streams ``default_rng((*prefix, index))``, all at once.

    Parameters
    ----------
    prefix : tuple of int
        At least 0, such as (seed, epoch).
    indices : (N,) array of int
        At least 0, below 2 ** 32.
    """

    def __init__(self, prefix: tuple[int, ...], indices: NDArray[Any]) -> None:
        self._state, self._increment = _pcg64(_seed_words(prefix, indices))

    def random(self) -> NDArray[np.float64]:
        """What ``random()`` of each returns: (N,) in [0, 1)."""
        return np.asarray((self._next() >> np.uint64(11)) * _UNIT)

    def roots(self) -> "Roots":
        """The `Root` of each."""
        return Roots(self._next(), self._next())

    def _next(self) -> Words:
        self._state = _advance(self._state, self._increment)
        return _output(self._state)


class Roots:
    """Many roots: their first and their second words, (N,) each."""

    def __init__(self, first: Words, second: Words) -> None:
        self._words = first, second

    def child(self, *name: str | int) -> Streams:
        """The streams of that name, one below each root."""
        first, second = self._words
        return Streams(first, second, np.full_like(first, _hash(name)))


def _seed_words(prefix: tuple[int, ...], indices: NDArray[Any]) -> list[Words]:
    """Four words for each item, as ``numpy.random.SeedSequence((*prefix, index)).generate_state(4, numpy.uint64)``.

    The algorithm is O'Neill's ("Developing a seed_seq alternative", 2015) as NumPy documents and fixes it.
    """
    entropy: list[Any] = []
    for number in prefix:  # an int is as many words of 32 bits as it needs
        words = [number & 0xFFFFFFFF]
        while number := number >> 32:
            words.append(number & 0xFFFFFFFF)
        entropy += [np.full(len(indices), word, np.uint32) for word in words]
    entropy.append(np.asarray(indices).astype(np.uint32))
    entropy += [np.zeros(len(indices), np.uint32)] * (4 - len(entropy))

    constant = 0x43B0D7E5

    def hashed(value: NDArray[np.uint32], multiplier: int) -> NDArray[np.uint32]:
        nonlocal constant
        value = value ^ np.uint32(constant)
        constant = constant * multiplier & 0xFFFFFFFF
        value = value * np.uint32(constant)
        return np.asarray(value ^ (value >> np.uint32(16)))

    def mixed(one: NDArray[np.uint32], other: NDArray[np.uint32]) -> NDArray[np.uint32]:
        both = one * np.uint32(0xCA01F9DD) - other * np.uint32(0x4973F715)
        return np.asarray(both ^ (both >> np.uint32(16)))

    pool = [hashed(word, 0x931E8875) for word in entropy[:4]]
    for source in range(4):
        for target in range(4):
            if source != target:
                pool[target] = mixed(pool[target], hashed(pool[source], 0x931E8875))
    for word in entropy[4:]:
        pool = [mixed(one, hashed(word, 0x931E8875)) for one in pool]
    constant = 0x8B51F9DD
    halves = [hashed(pool[place % 4], 0x58F38DED).astype(np.uint64) for place in range(8)]
    return [low | (high << np.uint64(32)) for low, high in zip(halves[::2], halves[1::2], strict=True)]


_Wide = tuple[Words, Words]  # 128 bits: the high and the low word


def _pcg64(words: list[Words]) -> tuple[_Wide, _Wide]:
    """State and increment of a PCG64 (O'Neill 2014) seeded with four words."""
    increment = (words[2] << np.uint64(1)) | (words[3] >> np.uint64(63)), (words[3] << np.uint64(1)) | np.uint64(1)
    return _advance(_sum(increment, (words[0], words[1])), increment), increment


def _advance(state: _Wide, increment: _Wide) -> _Wide:
    high, low = state
    by_high, by_low = (np.uint64(word) for word in _PCG_MULTIPLIER)
    product = _product(low, by_low)
    return _sum((product[0] + high * by_low + low * by_high, product[1]), increment)


def _output(state: _Wide) -> Words:
    high, low = state
    turn = high >> np.uint64(58)
    folded = high ^ low
    return np.asarray((folded >> turn) | (folded << ((np.uint64(64) - turn) & np.uint64(63))))


def _sum(one: _Wide, other: _Wide) -> _Wide:
    low = one[1] + other[1]
    return one[0] + other[0] + (low < one[1]), low


def _product(one: Words, other: Any) -> _Wide:
    """The 128 bits of a product of two words, from the products of their halves."""
    half, mask = np.uint64(32), np.uint64(0xFFFFFFFF)
    low = (one & mask) * (other & mask)
    cross = (one >> half) * (other & mask) + (low >> half)
    other_cross = (one & mask) * (other >> half) + (cross & mask)
    high = (one >> half) * (other >> half) + (cross >> half) + (other_cross >> half)
    return high, one * other
