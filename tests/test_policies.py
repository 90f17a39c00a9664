import collections
import json
import math

import numpy as np
import pytest

import augmentlab
from augmentlab import (
    Affine,
    AugMix,
    AutoAugment,
    AutoContrast,
    Blend,
    ColorJitter,
    Compose,
    Equalize,
    Invert,
    Posterize,
    RandAugment,
    Rotate,
    Sample,
    Sharpness,
    Solarize,
    TrivialAugment,
    choice,
    from_dict,
    integers,
    uniform,
)
from augmentlab.policies import _PUBLISHED

POLICIES = {
    "AutoAugment cifar10": AutoAugment("cifar10"),
    "AutoAugment imagenet": AutoAugment("imagenet"),
    "AutoAugment svhn": AutoAugment("svhn"),
    "RandAugment": RandAugment(),
    "RandAugment of any number": RandAugment(n=integers(0, 4), strength=1),
    "TrivialAugment": TrivialAugment(),
    "TrivialAugment wide": TrivialAugment(wide=True, fill=0.5),
    "AugMix": AugMix(),
    "AugMix of one chain": AugMix(strength=1, width=1, depth=2, alpha=0.5),
}
every = pytest.mark.parametrize("policy", POLICIES.values(), ids=POLICIES)


def picture(*channels):
    return np.random.default_rng(0).integers(0, 256, (13, 9, *channels)).astype(np.uint8)


# ---------------------------------------------------------------- what holds for all


@every
def test_a_policy_is_a_pipeline_that_is_written_down(policy):
    assert policy.is_random
    assert from_dict(json.loads(json.dumps(policy.to_dict()))) == policy
    assert eval(repr(policy), {name: getattr(augmentlab, name) for name in augmentlab.__all__}) == policy
    scope = {}
    exec(policy.code(), scope)
    assert scope["pipeline"] == policy


@every
def test_its_draws_are_numbers(policy):
    image = picture(3)
    for seed in range(60):
        drawn = policy.sample(seed)
        assert not drawn.is_random
        assert drawn == policy.sample(seed)
        assert from_dict(json.loads(json.dumps(drawn.to_dict()))) == drawn
        assert np.array_equal(drawn.apply(image), policy(image, rng=seed))
    assert len({policy.sample(seed) for seed in range(60)}) > 15


@every
@pytest.mark.parametrize("channels", [(), (1,), (3,), (4,)])
@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_images_of_all_kinds_stay_what_they_are(policy, channels, dtype):
    image = picture(*channels) if dtype == np.uint8 else (picture(*channels) / 255).astype(dtype)
    assert policy.output_shape(image.shape) == image.shape
    for seed in range(25):
        result = policy(image, rng=seed)
        assert result.shape == image.shape
        assert result.dtype == dtype
        assert result.max() <= (255 if dtype == np.uint8 else 1)
    assert policy(image[:1, :1], rng=1).shape == image[:1, :1].shape


@every
def test_strength_0_of_a_policy_is_the_identity(policy):
    image = picture(3)
    assert all(np.array_equal(policy.scaled(0)(image, rng=seed), image) for seed in range(20))


@pytest.mark.parametrize("policy", [one for one in POLICIES.values() if not isinstance(one, Blend)], ids=str)
def test_targets_follow(policy):
    image = picture()
    sample = Sample(image, mask=image, boxes=[[2, 2, 8, 9]], keypoints=[[3, 4]])
    for seed in range(20):
        moved = policy(sample, rng=seed)
        assert moved.mask.shape == image.shape
        assert moved.keypoints.shape == (1, 2)


# ---------------------------------------------------------------- AutoAugment


@pytest.mark.parametrize(
    ("policy", "operations", "probability", "magnitude"),
    # Counted in torchvision's tables, which give no magnitude to AutoContrast, Equalize and Invert.
    [
        (
            "imagenet",
            {"Posterize": 5, "Rotate": 6, "Solarize": 7, "AutoContrast": 2, "Equalize": 17, "Color": 6, "Invert": 3}
            | {"Contrast": 2, "Sharpness": 1, "ShearX": 1},
            31.0,
            159,
        ),
        (
            "cifar10",
            {"Invert": 3, "Contrast": 2, "Rotate": 1, "TranslateX": 2, "Sharpness": 5, "ShearY": 2, "TranslateY": 5}
            | {"AutoContrast": 7, "Equalize": 9, "Posterize": 1, "Color": 5, "Brightness": 4, "Solarize": 4},
            26.5,
            187,
        ),
        (
            "svhn",
            {"ShearX": 6, "Invert": 12, "ShearY": 8, "Equalize": 6, "Solarize": 5, "Rotate": 4, "AutoContrast": 3}
            | {"TranslateY": 4, "Contrast": 1, "TranslateX": 1},
            32.9,
            143,
        ),
    ],
)
def test_the_published_tables(policy, operations, probability, magnitude):
    table = [one for pair in _PUBLISHED[policy] for one in pair]
    assert len(table) == 50
    assert collections.Counter(name for name, _, _ in table) == operations
    assert sum(p for _, p, _ in table) == pytest.approx(probability)
    without = {"AutoContrast", "Equalize", "Invert"}
    assert sum(level for name, _, level in table if name not in without) == magnitude
    assert all(0 <= level <= 9 for _, _, level in table)


def test_a_pair_of_operations_is_drawn_alike_and_each_by_its_probability():
    policy = AutoAugment("cifar10")
    assert len(policy.steps) == 25
    assert policy.weights is None
    assert all(isinstance(pair, Compose) and len(pair.steps) == 2 for pair in policy.steps)
    assert policy.steps[0] == Compose([Invert(p=0.1), ColorJitter(contrast=1.3, order="bcsh", p=0.2)])
    assert policy.steps[1] == Compose(
        [Rotate(angle=choice(-6.667, 6.667), p=0.7), Affine(translate_x=choice(-0.4532, 0.4532), p=0.3)]
    )
    assert policy.steps[2] == Compose([Sharpness(factor=0.3, p=0.8), Sharpness(factor=0.7, p=0.9)])
    assert policy.steps[4] == Compose([AutoContrast(cutoff=0, p=0.5), Equalize(p=0.9)])


def test_magnitudes_are_equal_steps_of_the_published_ranges():
    imagenet = [step for pair in AutoAugment("imagenet").steps for step in pair.steps]
    svhn = [step for pair in AutoAugment("svhn").steps for step in pair.steps]
    assert imagenet[0] == Posterize(bits=4, p=0.4)  # 8 of 9 steps from 8 bits to 4
    assert imagenet[1] == Rotate(angle=choice(-30, 30), p=0.6)
    assert imagenet[2] == Solarize(threshold=0.4444, p=0.6)  # 5 of 9 steps from white to black
    assert imagenet[21] == ColorJitter(saturation=0.1, order="bcsh", p=0.4)  # step 0 of 0.1 to 1.9
    assert imagenet[28] == ColorJitter(saturation=0.9, order="bcsh", p=0.6)
    slope = math.tan(math.radians(svhn[0].shear_x.support[1]))
    assert slope == pytest.approx(0.3 * 4 / 9, abs=1e-4)
    assert svhn[2].shear_y.support == pytest.approx((-14.931, 14.931), abs=1e-3)
    assert AutoAugment("svhn", fill=0.5).steps[0].steps[0].fill == 0.5


def test_no_published_operation_is_without_effect():
    # A pair that holds an identity would warn; but one may be published with the probability 0.
    steps = [step for name in _PUBLISHED for pair in AutoAugment(name).steps for step in pair.steps]
    assert all(step.p == 0 or not step.is_identity for step in steps)


# ---------------------------------------------------------------- RandAugment and TrivialAugment


def test_rand_augment_is_n_operations_of_one_strength():
    policy = RandAugment(n=3, strength=0.5)
    assert policy.n == 3
    assert policy.replace
    assert policy.steps == (
        Compose([]),
        Affine(shear_x=choice(-8.531, 8.531)),  # atan(0.15)
        Affine(shear_y=choice(-8.531, 8.531)),
        Affine(translate_x=choice(-0.2266, 0.2266)),
        Affine(translate_y=choice(-0.2266, 0.2266)),
        Rotate(angle=choice(-15, 15)),
        ColorJitter(brightness=choice(0.55, 1.45), order="bcsh"),
        ColorJitter(saturation=choice(0.55, 1.45), order="bcsh"),
        ColorJitter(contrast=choice(0.55, 1.45), order="bcsh"),
        Sharpness(factor=choice(0.55, 1.45)),
        Posterize(bits=6),
        Solarize(threshold=0.5),
        AutoContrast(cutoff=0),
        Equalize(),
    )


def test_strength_0_leaves_only_what_has_no_strength():
    drawn = {step for seed in range(200) for step in RandAugment(n=2, strength=0).sample(seed).steps}
    assert drawn == {AutoContrast(cutoff=0), Equalize()}


def kind_of(drawn):
    """The operation that a draw is of: its class, and for Affine and ColorJitter the field that is not the default."""
    if not isinstance(drawn, (Affine, ColorJitter)):
        return type(drawn).__name__
    plain = type(drawn)()
    return next(name for name, value in vars(drawn).items() if name != "order" and value != getattr(plain, name))


def test_trivial_augment_is_one_operation_of_any_strength():
    drawn = [TrivialAugment().sample(seed) for seed in range(2800)]
    kinds = collections.Counter(kind_of(one) for one in drawn)
    assert len(kinds) == 14
    assert sum((count - 200) ** 2 / 200 for count in kinds.values()) < 34.5  # chi-square, 13 degrees of freedom
    angles = [one.angle for one in drawn if isinstance(one, Rotate)]
    assert 150 < len(angles) < 250
    assert min(angles) < -25
    assert max(angles) > 25
    assert {one.bits for one in drawn if isinstance(one, Posterize)} == {4, 5, 6, 7, 8}


def test_the_wide_ranges():
    narrow, wide = TrivialAugment().steps, TrivialAugment(wide=True).steps
    assert wide[1] == Affine(shear_x=uniform(-44.71, 44.71))
    assert wide[3] == Affine(translate_x=uniform(-0.1429, 0.1429))
    assert wide[5] == Rotate(angle=uniform(-135, 135))
    assert wide[9] == Sharpness(factor=uniform(0.01, 1.99))
    assert wide[10] == Posterize(bits=integers(2, 8))
    assert wide[11] == narrow[11] == Solarize(threshold=uniform(0, 1))


# ---------------------------------------------------------------- AugMix


def test_aug_mix_blends_chains_of_what_the_corruptions_do_not_contain():
    policy = AugMix(strength=0.3, width=4, depth=2, alpha=2.0)
    assert policy.alpha == 2
    assert len(policy.steps) == 4
    chain = policy.steps[0]
    assert chain.n == 2
    assert chain.replace
    kinds = collections.Counter(type(step).__name__ for step in chain.steps)
    assert kinds == {"Affine": 4, "Rotate": 1, "Posterize": 1, "Solarize": 1, "AutoContrast": 1, "Equalize": 1}
    assert Rotate(angle=uniform(-9, 9)) in chain.steps
    assert Affine(translate_x=uniform(-0.1, 0.1)) in chain.steps


def test_the_chains_of_aug_mix_are_independent():
    drawn = [AugMix(width=2, depth=1).sample(seed).steps for seed in range(200)]
    assert np.mean([first == second for first, second in drawn]) < 0.15  # 1/9 by chance, where without a strength
    depths = {len(chain.steps) for seed in range(60) for chain in AugMix(strength=1).sample(seed).steps}
    assert {1, 2, 3} <= depths


# ---------------------------------------------------------------- errors


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: AutoAugment("mnist"), "policy must be one of 'cifar10', 'imagenet', 'svhn'; got 'mnist'"),
        (lambda: RandAugment(strength=9), "strength must be float in [0, 1]; got 9"),
        (lambda: RandAugment(n=-1), "SomeOf.n must be int in [0, 64]; got -1"),
        (lambda: RandAugment(fill=2), "Affine.fill must be float in [0, 1]"),
        (lambda: AugMix(width=0), "width must be int in [1, 64]; got 0"),
        (lambda: AugMix(alpha=0), "Blend.alpha must be float in (0, 32]; got 0"),
    ],
)
def test_a_bad_argument_gets_one_sentence(make, sentence):
    with pytest.raises((TypeError, ValueError)) as error:
        make()
    assert str(error.value).startswith(sentence)
