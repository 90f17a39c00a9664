"""Effects, exchange rate, robustness, diagnostics: from trials that are stored like all others."""

import numpy as np
import pytest

from augmentlab import Affine, GaussianNoise, HorizontalFlip, Invert, Rotate, VerticalFlip, data, models, uniform
from augmentlab.study import Study, combinations

STEPS = {"shift": Affine(translate_x=uniform(-0.2, 0.2), translate_y=uniform(-0.2, 0.2)), "flip": VerticalFlip()}
SETTINGS = {"draws": 6, "train_size": 80, "copies": 2}


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return tmp_path_factory.mktemp("analyses") / "study.db"


@pytest.fixture(scope="module")
def study(path):
    arms = combinations(STEPS)
    return Study(data.scattered_digits(), models.knn(), arms, storage=path, **SETTINGS).run(progress=False)


def means(study):
    return {row.arm: row.difference for row in study.compare().itertuples()}


def test_effects_are_sums_of_what_the_arms_do(study):
    table, each = study.effects(), means(study)
    effect = table.set_index(["kind", "term"])["effect"]
    shift, flip, both = each["shift"], each["flip"], each["shift + flip"]
    assert effect["main", "shift"] == pytest.approx((shift + both - flip) / 2)
    assert effect["main", "flip"] == pytest.approx((flip + both - shift) / 2)
    assert effect["interaction", "shift:flip"] == pytest.approx(both - shift - flip)
    assert effect["shapley"].sum() == pytest.approx(both) == table.attrs["total"]
    assert (table["low"] <= table["effect"]).all()
    assert (table["effect"] <= table["high"]).all()
    assert table["p"].between(0, 1).all()
    assert (table["draws"] == 6).all()


def test_effects_need_an_on_off_design_and_trials():
    plain = Study(data.digits(), models.knn(), [Invert()], storage=":memory:", **SETTINGS)
    with pytest.raises(ValueError, match=r"effects need an on/off design, such as combinations\(...\) makes; 'Invert'"):
        plain.effects()
    unrun = Study(data.digits(), models.knn(), combinations(STEPS), storage=":memory:", **SETTINGS)
    with pytest.raises(RuntimeError, match=r"effects need a draw that all arms have completed; call run\(\) first"):
        unrun.effects()


def test_more_data_are_worth_what_the_curve_says(study):
    curve = study.learning_curve("shift", factors=(1, 2, 4), progress=False)
    assert curve["arm"].to_list() == ["control"] * 3 + ["shift"]
    assert curve["n"].to_list() == [80, 160, 320, 80]
    control = curve["mean"].to_numpy()[:3]
    assert control[0] == pytest.approx(study.compare().attrs["control_mean"])
    assert control[0] < control[1] < control[2]
    shifted = curve["mean"].iloc[3]
    assert shifted == pytest.approx(control[0] + means(study)["shift"] / 100)
    rate = curve.attrs["rate"]
    assert curve.attrs["rate_low"] <= rate <= curve.attrs["rate_high"]
    at = np.interp(np.log2(min(rate, 4)), [0, 1, 2], control)
    assert at == pytest.approx(min(shifted, control[2]))
    assert curve.attrs["sentence"].startswith(f"shift is worth about {rate:.1f} times the data (95 % interval ")


def test_bigger_draws_hold_the_smaller_ones(study):
    from augmentlab.study.splits import training_draw

    labels, pool = study.data.labels, study._split.pool
    small, large = (training_draw(labels, pool, size=size, rng=(0, 2, 1)) for size in (80, 160))
    assert len(np.intersect1d(small, large)) >= 78  # rounding of the shares of ten classes


@pytest.mark.parametrize(
    ("factors", "message"),
    [
        ((1, 20), "factors must not ask for more images than the pool has, 89.; 20 times 80 are 1600: take smaller"),
        ((2, 4), r"factors must be ascending and begin with 1, such as \(1, 2, 4\); got \(2.0, 4.0\)"),
        ((1,), "factors must be ascending and begin with 1"),
        ((1, 4, 2), "factors must be ascending and begin with 1"),
    ],
)
def test_factors_that_will_not_do(study, factors, message):
    with pytest.raises(ValueError, match=message):
        study.learning_curve("shift", factors=factors)


def test_robustness_disturbs_the_validation_images_alike_for_all_models(study):
    sweep = study.robustness(
        "shift", [Rotate(angle=uniform(-40, 40)), GaussianNoise], strengths=(0, 0.5, 1), progress=False
    )
    assert sweep["model"].unique().tolist() == ["control", "shift"]
    assert sweep["transform"].unique().tolist() == ["Rotate", "GaussianNoise"]
    assert sorted(sweep["strength"].unique()) == [0.0, 0.5, 1.0]
    clean = sweep[sweep["strength"] == 0]
    assert (clean["difference"] == 0).all()
    assert clean.groupby("model")["mean"].nunique().eq(1).all()
    assert clean.set_index("model")["mean"]["shift"].iloc[0] == pytest.approx(
        study.compare().set_index("arm")["mean"]["shift"]
    )
    turned = sweep[(sweep["transform"] == "Rotate") & (sweep["model"] == "control")].set_index("strength")["mean"]
    assert turned[1.0] < turned[0.0]


def test_robustness_refuses_what_is_no_transform(study):
    with pytest.raises(TypeError, match="transforms must be transforms or their classes; got 'Rotate'"):
        study.robustness("shift", ["Rotate"])


def test_affinity_is_one_for_what_changes_nothing_that_the_model_sees(path):
    arms = {"nothing": Rotate(angle=uniform(0, 0.0001)), "flip": VerticalFlip()}
    model = models.hog_logistic()
    one = Study(data.digits(), model, arms, storage=path, trivial=False, **SETTINGS).run(progress=False)
    table = one.diagnostics(draws=2, progress=False).set_index("arm")
    assert table.loc["nothing", "affinity"] == pytest.approx(1, abs=0.01)
    assert table.loc["flip", "affinity"] < 0.7
    assert (table["affinity_low"] <= table["affinity"]).all()
    assert table.loc["nothing", "diversity"] == pytest.approx(1, abs=0.05)
    assert table.loc["flip", "diversity"] > 1.2
    assert list(table["verdict"]) == [one.compare().set_index("arm").loc[arm, "verdict"] for arm in table.index]


def test_a_flip_that_makes_another_digit_changes_the_models_mind(study):
    table = study.label_safety(draws=2, progress=False)
    assert set(table["step"]) == {"shift", "flip"}
    assert table["flips"].between(0, 1).all()
    assert (table["low"] <= table["flips"]).all()
    worst = table["worst"][0][0]
    assert worst["before"] == worst["label"] != worst["after"]
    assert 0 < worst["share"] <= 1
    assert study.data.classes[study.validation.labels[worst["image"]]] == worst["label"]


def test_all_of_it_is_read_again_without_the_data(study, path):
    study.learning_curve("shift", factors=(1, 2), progress=False)
    loaded = Study.load(path, name=study.name)
    assert loaded.effects().equals(study.effects())
    assert loaded.learning_curve("shift", factors=(1, 2)).equals(study.learning_curve("shift", factors=(1, 2)))
    assert loaded.label_safety(draws=2).equals(study.label_safety(draws=2))
    with pytest.raises(RuntimeError, match="a loaded study has no data to compute the learning curve with"):
        loaded.learning_curve("flip", factors=(1, 3))


# --- before and beside ---------------------------------------------------------------------------------------------------


def test_a_preview_times_three_trials_and_keeps_them(tmp_path):
    arms = [HorizontalFlip(), Invert(), Rotate(angle=uniform(-5, 5))]
    study = Study(data.digits(), models.knn(), arms, storage=tmp_path / "study.db", **SETTINGS)
    table = study.preview(n_jobs=2, progress=False)
    assert table["arm"].to_list() == ["control", "HorizontalFlip", "Invert", "Rotate", "TrivialAugment"]
    assert study.n_complete == 2  # of the arms, the first is also one of the longest
    assert table["trials"].sum() == study.n_trials - 2
    assert (table["seconds"] > 0).all()
    assert table.attrs["seconds"] == pytest.approx(table["seconds"].sum() / 2)
    assert table.attrs["sentence"].startswith("28 trials of 5 arms and controls are left: about ")
    study.run(progress=False)
    assert study.preview(progress=False).attrs["sentence"] == "0 trials of 5 arms and controls are left."


def test_the_second_control_is_a_row_of_its_own_and_never_the_best(study):
    table = study.compare().set_index("arm")
    assert table.loc["TrivialAugment", "role"] == "control"
    assert (table.drop("TrivialAugment")["role"] == "arm").all()
    assert "TrivialAugment" not in study.labels
    assert study.best.label == "shift"
    over = study.compare(to="TrivialAugment").set_index("arm").loc["shift"]
    assert f"shift beats it by {over['difference']:.1f} points" in study.summary()
    assert study.compare(to="TrivialAugment").attrs["to"] == "TrivialAugment"
    with pytest.raises(ValueError, match="arm must be one of shift, flip, shift \\+ flip, TrivialAugment; got 'no'"):
        study.compare(to="no")
