"""Streams of many items are NumPy's own generators, number by number."""

import pickle

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from augmentlab.streams import Items, Root, Streams, all_seeded, numbered, seeded

words = st.integers(0, 2**64 - 1)


@given(st.lists(st.tuples(words, words, words), min_size=1, max_size=5))
def test_streams_are_sfc64(seeds):
    class Given(np.random.bit_generator.ISeedSequence):
        def __init__(self, seed):
            self.seed = seed

        def generate_state(self, n_words, dtype=np.uint32):
            assert (n_words, np.dtype(dtype)) == (3, np.uint64)
            return np.array(self.seed, np.uint64)

    many = Streams(*np.array(seeds, np.uint64).T)
    each = [np.random.Generator(np.random.SFC64(Given(seed))) for seed in seeds]
    for _ in range(4):
        assert many.random().tolist() == [one.random() for one in each]


@given(st.lists(st.integers(0, 2**70), max_size=6), st.lists(st.integers(0, 2**32 - 1), min_size=1, max_size=4))
def test_items_are_those_of_default_rng(prefix, indices):
    items = Items(tuple(prefix), np.array(indices))
    generators = [np.random.default_rng((*prefix, index)) for index in indices]
    assert items.random().tolist() == [one.random() for one in generators]
    many, each = items.roots(), [Root(one) for one in generators]
    for name in (("Rotate", 1), ("Rotate", 2), ("HorizontalFlip", 1, 7)):
        assert many.child(*name).random().tolist() == [one.child(*name).random() for one in each]
    assert items.random().tolist() == [one.random() for one in generators]


def test_a_stream_depends_on_its_name_alone():
    root = Root(np.random.default_rng(3))
    first = [stream.random() for stream in root.children(["Rotate", "Gamma", "Rotate"])]
    again = [stream.random() for stream in root.children(["Gamma", "Rotate", "HorizontalFlip", "Rotate"])]
    assert first == [again[1], again[0], again[3]]
    assert len({*first, again[2]}) == 4
    assert numbered(["a", "b", "a"]) == [("a", 1), ("b", 1), ("a", 2)]


def test_streams_look_independent():
    # Over many roots and names: uniform, and no two correlated.
    names = [("Rotate", 1), ("Rotate", 2), ("Affine", 1), ("Affine", 1, 0)]
    many = Items((0, 0), np.arange(20_000)).roots()
    streams = [many.child(*name) for name in names]
    draws = np.array([stream.random() for stream in streams for _ in range(2)])
    assert np.abs(draws.mean(axis=1) - 0.5).max() < 5 * np.sqrt(1 / 12 / 20_000)
    correlation = np.corrcoef(draws) - np.eye(len(draws))
    assert np.abs(correlation).max() < 5 / np.sqrt(20_000)
    neighbours = np.corrcoef(draws[0][:-1], draws[0][1:])[0, 1]  # of one item and the next
    assert abs(neighbours) < 5 / np.sqrt(20_000)


def test_a_stream_is_a_generator_like_any():
    stream = Root(np.random.default_rng(3)).child("Rotate", 1)
    one, other = stream.spawn(2)
    third = stream.spawn(1)[0]
    assert len({one.random(), other.random(), third.random()}) == 3
    assert stream.integers(10) in range(10)
    assert pickle.loads(pickle.dumps(stream)).random() == stream.random()


def test_a_seed_of_a_transform_stands_for_a_stream():
    many = all_seeded(np.array([0, 1, 2**31 - 1]), "CoarseDropout")
    each = [seeded(seed, "CoarseDropout") for seed in (0, 1, 2**31 - 1)]
    for _ in range(3):
        assert many.random().tolist() == [one.random() for one in each]
