"""The compiled kernels give the reference's bits, and are never in the way: of a first call, a fork, a missing Numba."""

import itertools
import os
import subprocess
import sys
import textwrap
import threading

import numpy as np
import pytest
import skimage
from hypothesis import given, settings
from hypothesis import strategies as st

from augmentlab.engines import kernels, reference

needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")

PHOTO = skimage.data.astronaut()
CHUNKS = (71, 87)  # 6,177 pixels: several chunks of every kernel, and a part of one


@pytest.fixture(scope="module", autouse=True)
def _compiled():
    pytest.importorskip("numba")
    assert kernels.wait(300)


def compiled(name):
    function = kernels.ready(name)
    assert function is not None
    return function


@st.composite
def images(draw, channels=(0, 1, 3, 4), dtypes=(np.uint8, np.float32)):
    """Pictures of every kind, size, layout in memory and type that a kernel may meet."""
    size = draw(
        st.sampled_from([CHUNKS, (1, 1), (1, 2100), (2100, 1), (1, 3), (2, 2)]) | st.tuples(*[st.integers(1, 40)] * 2)
    )
    depth = draw(st.sampled_from(channels))
    shape = size if depth == 0 else (*size, depth)
    kind = draw(st.sampled_from(["noise", "photo", "ramp", "gray", "black and white", "flat", "dark"]))
    rng = np.random.default_rng(draw(st.integers(0, 99)))
    levels = rng.integers(0, 256, shape)
    if kind == "photo":
        levels = np.resize(PHOTO[: size[0], : size[1], : max(depth, 1)].astype(int), shape)
    elif kind == "ramp":
        levels = np.linspace(0, 255, levels.size).reshape(shape).astype(int)
    elif kind == "gray" and depth:
        levels = np.repeat(levels[..., :1], depth, axis=2)
    elif kind in {"black and white", "flat", "dark"}:
        levels = {"black and white": levels // 128 * 255, "flat": np.full(shape, levels.flat[0]), "dark": levels // 60}[
            kind
        ]
    dtype = draw(st.sampled_from(dtypes))
    image = levels.astype(np.uint8)
    if dtype != np.uint8:
        values = rng.random(shape) if kind == "noise" else image / 255
        image = values.astype(dtype)
    memory = draw(st.sampled_from(["plain", "read-only", "turned", "columns", "part of a larger one"]))
    if memory == "read-only":
        image.flags.writeable = False
    elif memory == "turned":
        image = np.ascontiguousarray(image[::-1, ::-1])[::-1, ::-1]
    elif memory == "columns":
        image = np.asfortranarray(image)
    elif memory == "part of a larger one":
        image = np.pad(image, [(1, 1)] * image.ndim)[(slice(1, -1),) * image.ndim]
    return image


def check(name, image, *arguments, **options):
    """A compiled primitive gives the reference's bits, in new memory or in the caller's, and leaves the image alone."""
    before = image.copy()
    expected = getattr(reference, name)(image, *arguments, **options)
    result = compiled(name)(image, *arguments, **options)
    assert (result.shape, result.dtype) == (expected.shape, expected.dtype)
    assert np.array_equal(result, expected)
    if name != "clahe":
        out = np.full_like(expected, 7, order="C")
        assert compiled(name)(image, *arguments, **options, out=out) is out
        assert np.array_equal(out, expected)
    assert np.array_equal(image, before)


seeds = st.integers(0, 2**32 - 1) | st.tuples(st.integers(0, 2**32 - 1), st.integers(0, 9))
shares = st.sampled_from([0.0, 1.0]) | st.floats(0, 1)
factors = st.sampled_from([0.0, 1.0, 2.0]) | st.floats(0, 10)
turns = st.sampled_from([0.0, 0.5, -0.5, 1 / 3, 1 / 6]) | st.floats(-0.5, 0.5)
EVERY = (np.uint8, np.float32, np.float64)
often = settings(max_examples=150)


@given(images(dtypes=EVERY), st.floats(1e-6, 1), seeds, st.booleans())
@often
def test_noise(image, std, seed, per_channel):
    check("add_noise", image, std, seed, per_channel=per_channel)


@given(images(dtypes=EVERY), shares, shares, seeds)
@often
def test_salt_and_pepper(image, amount, salt, seed):
    check("salt_and_pepper", image, amount, salt, seed)


@given(st.lists(st.integers(1, 70), min_size=1, max_size=3).map(tuple), shares, seeds)
@often
def test_random_fields(shape, share, seed):
    field, expected = compiled("normal")(shape, seed), reference.normal(shape, seed)
    assert field.dtype == expected.dtype == np.float32
    assert np.array_equal(field, expected)
    places, expected = compiled("chosen")(shape, share, seed), reference.chosen(shape, share, seed)
    assert places.dtype == expected.dtype == bool
    assert np.array_equal(places, expected)


@given(images(dtypes=EVERY), st.data())
@often
def test_normalisation(image, data):
    numbers = st.floats(-300, 300, width=32)
    channels = image.shape[2] if image.ndim == 3 else 1
    several = st.lists(numbers, min_size=channels, max_size=channels).map(np.array)
    check("normalize", image, data.draw(numbers | several), data.draw(numbers | several))


@given(images(channels=(3,), dtypes=EVERY), turns, factors)
@often
def test_hue_and_saturation(image, hue, saturation):
    check("hue_saturation", image, hue, saturation)


@given(
    images(channels=(0, 1, 3), dtypes=EVERY),
    factors,
    factors,
    factors,
    turns,
    st.permutations("bcsh").map("".join),
)
@often
def test_color_jitter(image, brightness, contrast, saturation, hue, order):
    check("color_jitter", image, brightness, contrast, saturation, hue, order)


def test_color_jitter_of_an_image_too_large_to_be_kept(monkeypatch):
    image = np.resize(PHOTO, (71, 87, 3))
    check("color_jitter", image, 1.2, 0.7, 1.5, 0.1, "hsbc")
    monkeypatch.setattr(kernels, "_MOST_KEPT", 0)
    check("color_jitter", image, 1.2, 0.7, 1.5, 0.1, "hsbc")


@given(images(channels=(3,), dtypes=EVERY), st.sampled_from(sorted(reference.GRAY_WEIGHTS)), st.sampled_from([1, 3]))
@often
def test_gray(image, weights, channels):
    check("gray", image, weights, channels)


@given(
    images(channels=(0, 1, 3)), st.sampled_from([1e-3, 0.005, 0.02, 0.3, 1.0]) | st.floats(1e-4, 1), st.integers(1, 32)
)
@settings(max_examples=100)
def test_clahe(image, clip_limit, tiles):
    check("clahe", image, clip_limit, tiles)


def test_clahe_of_a_photo():
    for image in (PHOTO[::3, ::2], PHOTO[::3, ::2, 1]):
        check("clahe", image, 0.01, 8)


@pytest.mark.parametrize("top", [255, 1.0])
def test_every_tie_between_channels(top):
    levels = np.array([0, 1, 100, 101, 200, 254, 255]) / 255 * top
    image = np.array(list(itertools.product(levels, repeat=3)))[None].astype(np.uint8 if top == 255 else np.float32)
    for hue in np.arange(-6, 7) / 12:
        check("hue_saturation", image, hue, 1.5)


def test_threads_share_the_kernels():
    image = np.resize(PHOTO, (300, 257, 3))
    expected = [reference.add_noise(image, 0.1, seed, per_channel=True) for seed in range(8)]
    results = {}

    def work(seed):
        for _ in range(5):
            results[seed] = compiled("add_noise")(image, 0.1, seed, per_channel=True)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(np.array_equal(results[seed], expected[seed]) for seed in range(8))


def test_all_primitives_are_the_references():
    for name in kernels.NAMES:
        assert callable(getattr(reference, name))
        assert compiled(name).__doc__.startswith(f"As `reference.{name}`")


# ---------------------------------------------------------------- compiling


def in_a_fresh_process(script):
    """What a new interpreter, where every warning is an error, prints, by lines."""
    code = "import sys, threading, time\nfrom augmentlab.engines import kernels\n" + textwrap.dedent(script)
    run = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=False, timeout=120
    )
    assert run.returncode == 0, run.stderr
    assert run.stderr == ""
    return run.stdout.splitlines()


def test_the_first_call_waits_for_nothing_and_starts_one_thread():
    assert in_a_fresh_process("""
        print("numba" in sys.modules)
        callers = [threading.Thread(target=kernels.ready, args=(name,)) for name in kernels.NAMES * 3]
        first = kernels.ready("add_noise")
        for caller in callers:
            caller.start()
        for caller in callers:
            caller.join()
        print(first, sum(thread.name == "augmentlab-kernels" for thread in threading.enumerate()))
        print(kernels.wait(100), all(kernels.ready(name) for name in kernels.NAMES))
        print(kernels.wait(0), sum(thread.name == "augmentlab-kernels" for thread in threading.enumerate()) <= 1)
    """) == ["False", "None 1", "True True", "True True"]


def test_a_process_may_end_at_any_time():
    for pause in (0, 0.1, 0.4):
        assert in_a_fresh_process(f"print(kernels.ready('gray')); time.sleep({pause})") == ["None"]


BLOCKED = """
    class Blocker:
        def find_spec(self, name, path=None, target=None):
            if name == "numba":
                raise {error}
    sys.meta_path.insert(0, Blocker())
    import warnings
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        print(kernels.ready("gray"), kernels.wait(100))
        print([kernels.ready(name) for name in kernels.NAMES] == [None] * len(kernels.NAMES))
    print(*(f"{{one.category.__name__}} {{one.message}}" for one in caught), sep="\\n")
"""


def test_without_numba_nothing_is_ready_and_nothing_is_said():
    assert in_a_fresh_process(BLOCKED.format(error='ModuleNotFoundError("No module named numba", name="numba")')) == [
        "None True",
        "True",
        "",
    ]


@pytest.mark.parametrize(
    "error",
    [
        'ImportError("Numba needs NumPy 9.9 or less")',
        'ModuleNotFoundError("No module named llvmlite", name="llvmlite")',
    ],
)
def test_a_numba_that_does_not_work_gets_one_warning(error):
    *silent, warning = in_a_fresh_process(BLOCKED.format(error=error))
    assert silent == ["None True", "True"]
    assert warning.startswith("RuntimeWarning kernels of the fast engine could not be compiled, the reference is used")
    assert warning.endswith(error.split('"')[1])


def test_what_does_not_compile_gets_one_warning_and_the_reference():
    printed = in_a_fresh_process("""
        import warnings
        import numpy as np
        from augmentlab.engines import fast, reference
        kernels._functions["_to_gray"] = ("void(no_such_type)",)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            kernels.wait(100)
            image = np.arange(75, dtype=np.uint8).reshape(5, 5, 3)
            print(np.array_equal(fast.gray(image, "bt601"), reference.gray(image, "bt601")))
            print(kernels.ready("gray"), kernels.ready("add_noise") is not None, kernels.ready("gray"))
        print(len(caught), caught[0].category.__name__, "no_such_type" in str(caught[0].message))
    """)
    assert printed == ["True", "None True None", "1 RuntimeWarning True"]


def test_a_process_that_may_not_compile_does_not():
    assert in_a_fresh_process("""
        import os
        os.environ["NUMBA_DISABLE_JIT"] = "1"
        print(kernels.wait(100), kernels.ready("gray"))
    """) == ["True None"]


def test_where_nothing_can_be_kept_it_is_compiled_all_the_same():
    assert in_a_fresh_process("""
        import numba
        import numpy as np
        from augmentlab.engines import reference
        plain, asked = numba.njit, []
        def no_place(*arguments, cache=False, **options):
            asked.append(cache)
            if cache:
                raise RuntimeError("cannot cache function: no locator available")
            return plain(*arguments, **options)
        numba.njit = no_place
        for name in kernels.NAMES:
            if name != "normal":
                del kernels._PRIMITIVES[name]
        print(kernels.wait(100), any(asked))
        print(np.array_equal(kernels.ready("normal")((3, 4), 5), reference.normal((3, 4), 5)))
    """) == ["True True", "True"]


@needs_fork
@pytest.mark.parametrize("pause", [0, 0.2, 10])
def test_a_forked_child_starts_anew(pause):
    assert in_a_fresh_process(f"""
        import os, warnings
        warnings.simplefilter("ignore", DeprecationWarning)  # Python 3.12 warns of forks beside any thread
        kernels.ready("gray")
        kernels.wait({pause})
        child = os.fork()
        if child == 0:
            good = kernels.wait(100) and all(kernels.ready(name) for name in kernels.NAMES)
            os._exit(0 if good else 1)
        print(os.waitpid(child, 0)[1], kernels.wait(100))
    """) == ["0 True"]
