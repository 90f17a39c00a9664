import math
from dataclasses import field
from typing import Annotated, Literal

import numpy as np
import pytest
from annotated_types import Interval
from hypothesis import given
from hypothesis import strategies as st

from augmentlab import Contrast, HueSaturation, Posterize, Rotate, choice, integers, loguniform, params, uniform
from augmentlab.params import Typical, Unit, parameters


def draws(distribution, count=4000):
    rng = np.random.default_rng(0)
    return np.array([distribution.sample(rng) for _ in range(count)])


# ---------------------------------------------------------------- distributions


def test_uniform_is_uniform():
    drawn = draws(uniform(-15, 15))
    assert drawn.min() >= -15
    assert drawn.max() <= 15
    # The empirical distribution function is within the 99.9 % band of Dvoretzky, Kiefer, Wolfowitz.
    rank = (np.arange(len(drawn)) + 0.5) / len(drawn)
    assert np.abs(np.sort(drawn) - (30 * rank - 15)).max() / 30 < math.sqrt(math.log(2 / 0.001) / (2 * len(drawn)))


def test_loguniform_draws_equal_ratios_alike():
    drawn = draws(loguniform(0.25, 4))
    assert drawn.min() >= 0.25
    assert drawn.max() <= 4
    counts, _ = np.histogram(np.log2(drawn), bins=[-2, -1, 0, 1, 2])
    assert np.abs(counts / len(drawn) - 0.25).max() < 0.03


def test_integers_include_both_ends():
    drawn = draws(integers(-1, 2))
    assert set(drawn.tolist()) == {-1, 0, 1, 2}
    assert all(
        type(value) is int for value in (integers(0, 5).sample(np.random.default_rng(seed)) for seed in range(9))
    )


def test_choice_keeps_each_value_as_it_is():
    rng = np.random.default_rng(0)
    drawn = [choice("edge", 2, 0.5, np.float32(0.25), [1, 2]).sample(rng) for _ in range(200)]
    assert {repr(value) for value in drawn} == {"'edge'", "2", "0.5", "0.25", "(1, 2)"}


def test_a_range_of_one_value_is_that_value():
    assert {uniform(3, 3).sample(np.random.default_rng(seed)) for seed in range(5)} == {3}
    assert {integers(3, 3).sample(np.random.default_rng(seed)) for seed in range(5)} == {3}
    assert {loguniform(3, 3).sample(np.random.default_rng(seed)) for seed in range(5)} == {3}


def test_draws_are_short_numbers_inside_the_ends():
    rng = np.random.default_rng(0)
    assert all(len(repr(uniform(0, 1).sample(rng))) <= 11 for _ in range(200))
    low, high = 0.12345678, 0.12345679  # rounding to six digits would leave the range
    assert all(low <= uniform(low, high).sample(rng) <= high for _ in range(20))
    assert all(low <= loguniform(low, high).sample(rng) <= high for _ in range(20))


def test_distributions_are_values():
    assert uniform(1, 2) == uniform(1.0, 2.0)
    assert hash(uniform(1, 2)) == hash(uniform(1.0, 2.0))
    assert uniform(1, 2) != loguniform(1, 2)
    assert repr(uniform(np.float64(0.5), np.int64(2))) == "uniform(0.5, 2)"
    assert repr(integers(np.uint8(1), 2)) == "integers(1, 2)"
    assert repr(choice("a", 1)) == "choice('a', 1)"


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: uniform(2, 1), "uniform must have low <= high; got 2 and 1"),
        (lambda: uniform(0, math.inf), "uniform must have two finite numbers; got 0 and inf"),
        (lambda: uniform(0, 10**400), "uniform must have two finite numbers; got 0 and 1000"),
        (lambda: uniform(math.nan, 1), "uniform must have two finite numbers; got nan and 1"),
        (lambda: uniform("0", 1), "uniform must have two finite numbers; got '0' and 1"),
        (lambda: uniform(False, 1), "uniform must have two finite numbers; got False and 1"),
        (lambda: loguniform(0, 1), "loguniform must have low above 0; got loguniform(0, 1)"),
        (lambda: integers(0.5, 2), "integers must have two ints; got integers(0.5, 2)"),
        (choice, "choice must have at least one value; got ()"),
        (lambda: choice(uniform(0, 1), 2), "choice must be among plain values, not distributions"),
    ],
)
def test_a_bad_distribution_gets_one_sentence(make, sentence):
    with pytest.raises((TypeError, ValueError)) as error:
        make()
    assert str(error.value).startswith(sentence)


# ---------------------------------------------------------------- declarations


def declare(annotation, default=0.0):
    """The parameters of a class with one such field."""
    namespace = {"__annotations__": {"size": annotation}, "__module__": __name__}
    return parameters(type("Thing", (), namespace | ({} if default is ... else {"size": default})))


def test_a_declaration_is_read():
    (angle, border, fill, p) = parameters(Rotate)
    assert (angle.name, angle.kind, angle.low, angle.high, angle.unit) == ("angle", "float", -180, 180, "deg")
    assert angle.typical == Typical(-45, 45)
    assert angle.default == 0
    assert angle.allowed == "float in [-180, 180] deg"
    assert border.kind == "choice"
    assert border.choices == ("constant", "edge", "reflect", "symmetric", "wrap")
    assert not fill.drawn
    assert p.name == "p"
    assert parameters(Rotate(angle=3)) is parameters(Rotate)


def test_open_and_closed_bounds():
    (size,) = declare(Annotated[float, Interval(gt=0, lt=1), Unit("px"), "A size."], 0.5)
    assert size.allowed == "float in (0, 1) px"
    for value in (0, 1, 1.0, -1e-300):
        with pytest.raises(ValueError, match=r"Thing.size must be float in \(0, 1\) px; got "):
            size.check("Thing", value)
    assert size.check("Thing", 1e-300) == 1e-300


@pytest.mark.parametrize(
    ("annotation", "default", "sentence"),
    [
        (Annotated[float, Interval(ge=0), "A size."], 0.0, "Thing.size must have finite bounds"),
        (Annotated[float, "A size."], 0.0, "Thing.size must have finite bounds"),
        (Annotated[float, Interval(ge=0, le=math.inf), "A size."], 0.0, "Thing.size must have finite bounds"),
        (Annotated[float, Interval(ge=0, le=1)], 0.0, "Thing.size must have one sentence"),
        (Annotated[float, Interval(ge=0, le=1), "A size."], ..., "Thing.size must have a default"),
        (Annotated[float, Interval(ge=0, le=1), "A size."], field(), "Thing.size must have a default"),
        (Annotated[str, "A size."], "", "Thing.size must be declared float, int, bool, Literal or tuple"),
        (Annotated[list[float], "A size."], (), "Thing.size must be declared float, int, bool, Literal or tuple"),
        ("Annotated[float, Unknown]", 0.0, "the declarations of Thing must use names of its module; got"),
    ],
)
def test_a_bad_declaration_gets_one_sentence(annotation, default, sentence):
    with pytest.raises(TypeError) as error:
        declare(annotation, default)
    assert str(error.value).startswith(sentence)


def test_a_default_may_be_a_dataclass_field():
    (size,) = declare(Annotated[float, Interval(ge=0, le=1), "A size."], field(default=0.25))
    assert size.default == 0.25


def test_plain_fields_are_no_parameters():
    assert declare(float) == ()


# ---------------------------------------------------------------- values


@pytest.mark.parametrize(
    "value",
    [np.float32(0.5), np.float64(0.5), np.array(0.5), 0.5],
    ids=lambda value: type(value).__name__,
)
def test_numpy_scalars_become_plain_numbers(value):
    held = Rotate(angle=value).angle
    assert held == 0.5
    assert type(held) is float
    assert Rotate(angle=value) == Rotate(angle=0.5)


def test_numpy_integers_bools_and_strings():
    assert Posterize(bits=np.int64(3)) == Posterize(bits=3)
    assert Rotate(border=np.str_("edge")).border == "edge"
    assert type(Rotate(angle=3).angle) is float
    for bits in (3.0, np.float64(3), True, "3"):
        with pytest.raises(TypeError, match=r"Posterize.bits must be int in \[1, 8\] bit; got "):
            Posterize(bits=bits)


@pytest.mark.parametrize(
    ("make", "end"),
    [
        (lambda: Rotate(angle=(-20, 20)), "; got (-20, 20): uniform(-20, 20) draws from a range"),
        (lambda: Rotate(angle=[-20, 2.5]), "; got [-20, 2.5]: uniform(-20, 2.5) draws from a range"),
        (lambda: Posterize(bits=(3, 6)), "; got (3, 6): integers(3, 6) draws from a range"),
        (lambda: Rotate(p=(0, 1)), "; got (0, 1)"),  # nothing is drawn there
        (lambda: Rotate(angle=(20, -20)), "; got (20, -20)"),
        (lambda: Rotate(angle=(0, 200)), "; got (0, 200)"),
        (lambda: Posterize(bits=(2.5, 6)), "; got (2.5, 6)"),
        (lambda: Rotate(angle=(1, 2, 3)), "; got (1, 2, 3)"),
        (lambda: Rotate(angle=("a", "b")), "; got ('a', 'b')"),
    ],
)
def test_a_pair_is_told_what_a_range_is_called(make, end):
    with pytest.raises(TypeError) as error:
        make()
    assert str(error.value).endswith(end)


def test_an_int_field_is_drawn_as_ints():
    for distribution in (uniform(2, 4), loguniform(2, 4)):
        with pytest.raises(TypeError, match=r"Posterize.bits must be .*, drawn by integers or choice; got "):
            Posterize(bits=distribution)
    assert Posterize(bits=choice(2, 4)).sample(0).bits in {2, 4}


def test_sentences_stay_short():
    with pytest.raises(ValueError, match="got a value of type int that cannot be printed"):
        Rotate(angle=10**5000)
    with pytest.raises(TypeError) as error:
        Rotate(angle=list(range(10_000)))
    assert len(str(error.value)) < 150


# ---------------------------------------------------------------- typical and scaled


def test_typical_draws_the_typical_range():
    assert Contrast.typical() == Contrast(factor=loguniform(0.7, 1.4))
    assert Posterize.typical() == Posterize(bits=integers(3, 6))
    assert Rotate.typical(border="edge", p=0.25) == Rotate(angle=uniform(-45, 45), border="edge", p=0.25)


@pytest.mark.parametrize(
    ("transform", "half"),
    [
        (Rotate(angle=30), Rotate(angle=15)),
        (Rotate(angle=uniform(-30, 10)), Rotate(angle=uniform(-15, 5))),
        (Rotate(angle=choice(0, 10)), Rotate(angle=choice(0, 5))),
        (Rotate(angle=30, border="edge", p=0.5), Rotate(angle=15, border="edge", p=0.5)),
        (Contrast(factor=4), Contrast(factor=2)),
        (Contrast(factor=0.25), Contrast(factor=0.5)),
        (Contrast(factor=loguniform(0.25, 4)), Contrast(factor=loguniform(0.5, 2))),
        (Contrast(factor=0), Contrast(factor=0.5)),  # 0 has no ratio to 1
        (HueSaturation(saturation=uniform(0, 0.25)), HueSaturation(saturation=uniform(0.5, 0.625))),
        (Posterize(bits=2), Posterize(bits=5)),
        (Posterize(bits=integers(2, 6)), Posterize(bits=integers(5, 7))),
    ],
)
def test_half_the_strength_is_half_the_way_from_the_default(transform, half):
    assert transform.scaled(0.5) == half
    assert transform.scaled(1) == transform


@pytest.mark.parametrize("strength", [-0.1, 1.1, math.nan, "1", None, True])
def test_strength_is_between_0_and_1(strength):
    with pytest.raises(ValueError, match=r"strength must be float in \[0, 1\]; got "):
        Rotate(angle=3).scaled(strength)
    assert Rotate(angle=4).scaled(np.float32(0.5)) == Rotate(angle=2)


# ---------------------------------------------------------------- docstrings


def test_parameters_are_written_into_the_docstring():
    doc = params.documented(Rotate)
    assert "angle : float in [-180, 180] deg, default 0.0\n    Counter-clockwise angle. Typically -45 to 45." in doc
    assert Rotate.__doc__.index("Parameters") < Rotate.__doc__.index("Examples")


def test_an_own_parameters_section_is_continued():
    class Thing:
        """What it is.

        Parameters
        ----------
        steps : list
            Written by hand.

        Returns
        -------
        nothing
        """

        size: Annotated[Literal["s", "m"], "A size."] = "s"

    assert params.documented(Thing) == (
        "What it is.\n\nParameters\n----------\nsteps : list\n    Written by hand.\n"
        "size : one of 's', 'm', default 's'\n    A size.\n\nReturns\n-------\nnothing\n"
    )


# ---------------------------------------------------------------- many at once


@given(
    st.floats(-1e12, 1e12),
    st.floats(0, 1e12),
    st.lists(st.floats(0, 1, exclude_max=True), min_size=1),
)
def test_many_draws_are_single_draws(low, width, shares):
    whole = [integers(int(low), int(low + width)), choice("a", 2, (3.0,)), uniform(low, low + width)]
    for distribution in [*whole, loguniform(abs(low) + 1e-9, abs(low) + 1e-9 + width)]:
        many = distribution.many(np.array(shares))
        assert many == [distribution.at(share) for share in shares]
        assert all(type(one) in {int, float, str, tuple} for one in many)


def test_draws_keep_six_digits_of_the_larger_end():
    shares = np.random.default_rng(0).random(1000)
    for low, high, step in [(-15, 15, 1e-4), (0.8, 1.25, 1e-5), (0, 0.003, 1e-8), (0, 1, 1e-5), (-2e7, 1e3, 1)]:
        exact = low + (high - low) * shares
        drawn = np.array(uniform(low, high).many(shares))
        assert np.abs(drawn - exact).max() <= step / 2 * (1 + 1e-6)
        assert all(float(f"{one:.{max(-round(np.log10(step)), 0)}f}") == one for one in drawn)
        assert low <= drawn.min() <= drawn.max() <= high
    assert uniform(0.3, 0.3).many(shares) == [0.3] * 1000


@pytest.mark.parametrize("kind", [uniform, loguniform])
@pytest.mark.parametrize(
    "ends", [(1e6 + 0.1, 1e6 + 0.2), (1, 1.0001), (3e-9, 4e-9), (1e-12, 1), (5, 6e8), (254.9, 255)]
)
def test_close_ends_leave_many_numbers(kind, ends):
    shares = np.random.default_rng(0).random(1000)
    drawn = kind(*ends).many(shares)
    assert len(set(drawn)) > 900
    assert ends[0] <= min(drawn) <= max(drawn) <= ends[1]
