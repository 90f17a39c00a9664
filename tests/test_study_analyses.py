"""Effects, exchange rate, robustness, diagnostics: from trials that are stored like all others."""

from dataclasses import dataclass
from typing import Annotated

import numpy as np
import pytest
from annotated_types import Interval

from augmentlab import (
    Affine,
    Compose,
    Dataset,
    GaussianNoise,
    HorizontalFlip,
    Invert,
    MixUp,
    PixelTransform,
    Resize,
    Rotate,
    Rotate90,
    VerticalFlip,
    data,
    models,
    uniform,
)
from augmentlab.params import Typical
from augmentlab.study import Study, analyses, combinations
from augmentlab.study.contrasts import ExchangeRate

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


def test_factors_that_are_not_given_are_those_that_the_pool_holds():
    few = Study(data.digits(), models.knn(), combinations(STEPS), storage=":memory:", **SETTINGS | {"train_size": 400})
    few.run(progress=False)
    curve = few.learning_curve("shift", progress=False)
    assert curve["n"].to_list() == [400, 800, 400]
    none = Study(data.digits(), models.knn(), combinations(STEPS), storage=":memory:", **SETTINGS | {"train_size": 800})
    with pytest.raises(
        ValueError, match=r"factors must not ask for more images than the pool has, 89.; 2 times 800 are"
    ):
        none.learning_curve("shift")


def test_an_arm_that_is_none_is_named_before_the_factors(study):
    with pytest.raises(ValueError, match=r"arm must be one of .*; got 'rotat'"):
        study.learning_curve("rotat", factors=(1, 20))


def test_bigger_draws_hold_the_smaller_ones(study):
    from augmentlab.study.splits import training_draw

    labels, pool = study.data.labels, study._split.pool
    small, large = (training_draw(labels, pool, size=size, rng=(0, 2, 1)) for size in (80, 160))
    assert len(np.intersect1d(small, large)) >= 78  # rounding of the shares of ten classes


@pytest.mark.parametrize(
    ("factors", "message"),
    [
        ((1, 20), "factors must not ask for more images than the pool has, 89.; 20 times 80 are 1600: take smaller"),
        ((2, 4), r"factors must be ascending and begin with 1, such as \(1, 2, 4\), and each give more images; got"),
        ((1,), "factors must be ascending and begin with 1"),
        ((1, 1.001), "factors must be ascending and begin with 1"),
        ((1, float("inf")), "factors must be ascending and begin with 1"),
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


@dataclass(frozen=True, kw_only=True, repr=False)
class Broken(PixelTransform):
    """Raise for every image, unless its strength is 0."""

    amount: Annotated[float, Interval(ge=0, le=1), Typical(0.5, 1.0), "How much."] = 0.0

    def apply_image(self, image):
        raise RuntimeError(f"no luck with {image.shape}")


def test_a_disturbance_that_fails_leaves_the_others_and_the_trials_of_the_study_alone():
    one = Study(data.scattered_digits(), models.knn(), STEPS, storage=":memory:", **SETTINGS)
    with pytest.warns(UserWarning, match="RuntimeError: no luck with"):
        sweep = one.robustness("shift", [Broken, Rotate], strengths=(0, 1), progress=False)
    means = sweep.set_index(["model", "transform", "strength"])["mean"]
    assert means["control", "Broken"].isna().to_list() == [False, True]
    assert means["control", "Rotate"].notna().all()
    assert {trial.state for trial in one._stored("validation").values()} == {"complete"}
    one.run(progress=False)
    assert one.n_complete == one.n_trials


def test_an_arm_that_fails_has_no_diagnosis_and_the_others_have():
    arms = {"flip": VerticalFlip(), "broken": Broken(amount=1)}
    one = Study(data.scattered_digits(), models.knn(), arms, storage=":memory:", trivial=False, **SETTINGS)
    with pytest.warns(UserWarning, match="6 of 18 trials failed"):
        one.run(progress=False)
    with pytest.warns(UserWarning, match="RuntimeError: no luck"):
        table = one.diagnostics(draws=2, progress=False).set_index("arm")
    assert np.isnan(table.loc["broken", "affinity"])
    assert 0 < table.loc["flip", "affinity"] < 1
    with pytest.warns(UserWarning, match="RuntimeError: no luck"):
        safety = one.label_safety(draws=2, progress=False).set_index("step")
    assert np.isnan(safety.loc["broken", "flips"])
    assert safety.loc["flip", "flips"] > 0
    with pytest.raises(RuntimeError, match="every trial of 'broken' failed, the first with RuntimeError: no luck"):
        one.compare(to="broken")
    with pytest.raises(ValueError, match="arm must have a result to confirm; 'broken' has none"):
        one.confirm("broken", progress=False)
    assert one.openings().empty


def test_effects_name_the_arm_that_spoils_them():
    arms = combinations({"flip": VerticalFlip(), "broken": Broken(amount=1)})
    one = Study(data.digits(), models.knn(), arms, storage=":memory:", trivial=False, **SETTINGS)
    with pytest.warns(UserWarning, match="12 of 24 trials failed"):
        one.run(progress=False)
    with pytest.raises(
        RuntimeError, match="effects need every arm; 'broken' failed in every draw with RuntimeError: no"
    ):
        one.effects()


@pytest.mark.parametrize("place", ["first", "nested"])
def test_preprocessing_in_a_pipeline_is_not_cut_out_of_what_is_checked(place):
    turn, size = Rotate90(turns=2), Resize(height=16, width=16)
    pipeline = Compose((size, turn)) if place == "first" else Compose((Compose((turn, size)),))
    one = Study(
        data.scattered_digits(), models.knn(), {"turn": pipeline}, storage=":memory:", trivial=False, **SETTINGS
    )
    assert one.label_safety(draws=2, progress=False)["flips"].item() > 0.5
    assert one.diagnostics(draws=2, progress=False)["affinity"].item() < 0.7


def test_the_control_cannot_be_confirmed_nor_be_worth_data(study):
    for call in (study.confirm, study.learning_curve):
        with pytest.raises(ValueError, match=r"arm must be one of .*; got the control itself"):
            call("control", progress=False)
    assert study.openings().empty


@pytest.mark.parametrize(
    ("rate", "low", "high", "sentence"),
    [
        (1.9, 1.3, np.inf, "a is worth about 1.9 times the data (95 % interval 1.3 to more than 4)"),
        (1.2, 1.0, 1.6, "a is worth about 1.2 times the data (95 % interval at most 1 to 1.6)"),
        (np.inf, 2.5, np.inf, "a is worth more than 4 times the data (95 % interval 2.5 to more than 4)"),
        (1.0, 1.0, 1.2, "a is worth no more data than there are (95 % interval up to 1.2 times)"),
    ],
)
def test_what_an_arm_is_worth_in_words(rate, low, high, sentence):
    assert analyses._worth("a", ExchangeRate(rate=rate, low=low, high=high), 4) == sentence


def test_the_curve_needs_scores_of_images():
    settings = SETTINGS | {"storage": ":memory:", "trivial": False}
    one = Study(data.digits(), models.hog_logistic(), STEPS, metric="roc_auc_ovr", **settings)
    with pytest.raises(ValueError, match="needs a metric that is known image by image; roc_auc_ovr is not"):
        one.learning_curve("shift")


def test_disturbances_of_several_images_are_refused_before_anything_runs(study):
    with pytest.raises(ValueError, match="transforms must change one image at a time; MixUp does not"):
        study.robustness("shift", [MixUp()])


def test_groups_widen_every_interval():
    digits = data.digits().subset(np.repeat(np.arange(160), 4))
    arms, widths = {"flip": VerticalFlip()}, []  # the same for every image of a group
    for groups in (None, np.repeat(np.arange(160), 4)):
        grouped = Dataset(digits.images, digits.labels, classes=digits.classes, groups=groups)
        one = Study(grouped, models.knn(), arms, storage=":memory:", trivial=False, draws=3, train_size=40, copies=1)
        row = one.label_safety(draws=3, progress=False).set_index("step").loc["flip"]
        widths.append(row["high"] - row["low"])
    assert 1.6 * widths[0] < widths[1] < 2.4 * widths[0]  # as a quarter of the images would have it


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
    loaded = Study.open(path, name=study.name)
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
    assert study.n_complete == 3
    assert table["trials"].sum() == study.n_trials - 3
    assert (table["seconds"] > 0).all()
    assert table.attrs["seconds"] == pytest.approx(table["seconds"].sum() / 2)
    assert table.attrs["sentence"].startswith("27 trials of 5 arms and controls are left: about ")
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
