"""Kornia: exported text gives the pixels that its grade says, and the distribution of what is random."""

import warnings

import numpy as np
import pytest
from agreement import IMAGES, draws, required
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from packaging.version import Version

torch = required("torch")
kornia = required("kornia")

from drawing import (  # noqa: E402
    DRAWS,
    agrees,
    agrees_within_its_bound,
    drawable,
    is_drawn,
    ours,
    pipelines,
    same_distribution,
)

from augmentlab import (  # noqa: E402
    Brightness,
    Compose,
    HorizontalFlip,
    OneOf,
    RandomOrder,
    SomeOf,
    integers,
    loguniform,
    transforms,
    uniform,
)
from augmentlab.interop import ExportError, export  # noqa: E402
from augmentlab.interop.running import run  # noqa: E402

NAME = "kornia"
IMAGE = IMAGES["astronaut"]
CLASSES = drawable(NAME)


def built(text):
    namespace = {}
    exec(text, namespace)
    return namespace["pipeline"]


def theirs(pipeline, image, *, alone=False):
    """Draws: as one batch, or one by one where the batch draws together."""
    torch.manual_seed(0)
    one = torch.from_numpy(np.moveaxis(image, -1, 0)[None].astype(np.float32) / 255)
    made = [pipeline(one) for _ in range(DRAWS)] if alone else [pipeline(one.repeat(DRAWS, 1, 1, 1))]
    levels = np.rint(np.clip(torch.cat(made).numpy(), 0, 1) * 255)
    return np.moveaxis(levels, 1, -1).astype(np.uint8)


@pytest.mark.parametrize(
    "cls", [cls for cls in CLASSES if not is_drawn(NAME, draws(cls, 1)[0])], ids=lambda cls: cls.__name__
)
def test_drawn_numbers_give_the_pixels_that_the_grade_says(cls):
    for image in IMAGES.values():
        for step in draws(cls, 3):
            agrees(NAME, step, image)


@pytest.mark.parametrize(
    "step",
    [
        transforms.Resize(height=32, width=32),
        transforms.Resize(height=50, width=40),
        transforms.Resize(height=224, width=200),
        transforms.CenterCrop(height=0.7, width=0.6),
        transforms.Crop(height=0.7, width=0.6, x=0.1, y=0.8),
        transforms.ResizedCrop(scale=0.4, ratio=1.3, x=0.2, y=0.9),
        transforms.Rotate(angle=20, border="edge"),
        transforms.Affine(angle=20, shear_x=-10, shear_y=12, translate_x=0.13, scale=0.8, border="reflect"),
        transforms.AutoContrast(cutoff=0.0),
        transforms.AutoContrast(cutoff=0.02, channels="together"),
        transforms.Grayscale(weights="bt601"),
        transforms.HueSaturation(hue=-100),
        transforms.Standardize(mean=(0.48, 0.45, 0.4), std=(0.22, 0.22, 0.23)),
        transforms.Center(mean=(0.5, 0.4, 0.3)),
    ],
    ids=lambda step: repr(step)[:60],
)
def test_what_no_typical_draw_shows(step):
    for image in IMAGES.values():
        agrees(NAME, step, image)


@given(data=st.data())
@settings(max_examples=200, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
def test_drawn_pipelines_agree_within_their_bound(data):
    classes = [cls for cls in CLASSES if not is_drawn(NAME, draws(cls, 1)[0])]
    agrees_within_its_bound(NAME, data.draw(pipelines(classes)), data.draw(st.sampled_from(list(IMAGES.values()))))


# --- what is random ---------------------------------------------------------------------------------------------------

GROUPS = [
    OneOf([HorizontalFlip(), Brightness(delta=0.2)], weights=(3, 1), p=0.8),
    OneOf([HorizontalFlip(), Brightness(delta=0.2)]),
    SomeOf([HorizontalFlip(), transforms.Invert()], n=1, p=0.7),
    RandomOrder([Brightness(delta=0.4), transforms.Gamma(gamma=2.5)]),
    RandomOrder([Brightness(delta=0.4), transforms.Gamma(gamma=2.5)], p=0.6),
    Compose([HorizontalFlip(), transforms.Invert(p=0.5)], p=0.6),
]
RANDOM = [
    transforms.Rotate(angle=uniform(10, 40), p=0.7),
    transforms.Rotate(angle=loguniform(10, 40), border="edge"),
    transforms.Affine(angle=uniform(10, 40), scale=uniform(0.6, 1), shear_y=uniform(0, 20), p=0.7),
    transforms.ColorJitter(brightness=uniform(0.5, 1.2), contrast=uniform(0.5, 1), hue=uniform(-40, 10), p=0.7),
    transforms.ColorJitter(brightness=loguniform(0.5, 1.2), contrast=uniform(0.5, 1), p=0.7),
    transforms.ColorJitter(brightness=uniform(0.5, 1.2), hue=uniform(0, 60), order="hbsc", p=0.5),
    transforms.HueSaturation(hue=uniform(10, 60), p=0.6),
    transforms.Crop(height=0.6, width=0.5, x=uniform(0, 1), y=uniform(0, 0.4)),
    transforms.CoarseDropout(holes=integers(0, 2), height=uniform(0.1, 0.4), p=0.8),
    transforms.GaussianNoise(std=uniform(0.1, 0.3), per_channel=False),
    transforms.PixelDropout(amount=0.3, fill=uniform(0, 0.5), per_channel=True),
]


def drawn_by_both(step, written=None, *, alone=False):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        text = export(written or step, NAME)
    levels = 6 if isinstance(step, transforms.Equalize) else 1  # it equalises in another way, by 5 levels on average
    same_distribution(
        ours(step, IMAGE), theirs(built(text), IMAGE, alone=alone or "random_apply" in text), IMAGE, levels
    )


@pytest.mark.parametrize(
    "step",
    [*(cls.typical(p=0.7) for cls in CLASSES if not cls.preprocessing), *RANDOM, *GROUPS],
    ids=lambda step: repr(step)[:70],
)
def test_random_transforms_have_the_same_distribution(step):
    try:
        drawn_by_both(step)
    except ExportError:
        drawn_by_both(type(step).typical())


@pytest.mark.parametrize(
    ("step", "wrong"),
    [
        (transforms.Rotate(angle=uniform(-45, 45)), transforms.Rotate(angle=uniform(-25, 25))),
        (transforms.Rotate(angle=uniform(0, 15)), transforms.Rotate(angle=uniform(-15, 0))),
        (transforms.Brightness(delta=uniform(-0.2, 0.2)), transforms.Brightness(delta=uniform(-0.12, 0.12))),
        (HorizontalFlip(p=0.5), HorizontalFlip(p=0.2)),
    ],
    ids=lambda step: repr(step)[:50],
)
def test_a_wrong_sign_range_or_chance_is_seen(step, wrong):
    with pytest.raises(AssertionError, match="times what chance explains"):
        drawn_by_both(step, wrong)


@pytest.mark.skipif(Version(kornia.__version__) < Version("0.9"), reason="Kornia itself asked tensors for their values")
@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
def test_the_text_runs_where_the_images_are(cls):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pipeline = built(export(cls.typical(p=1.0), NAME))
    # a device on which any number of another is an error
    assert pipeline(torch.zeros(2, 3, 20, 22, device="meta")).device.type == "meta"


def test_boxes_follow():
    boxes = torch.tensor([[[10.0, 20.0, 40.0, 50.0]]])
    for step in (
        transforms.Affine(scale=1.1, translate_x=0.1, shear_y=4),
        transforms.Crop(height=0.8, width=0.9, x=0, y=1),
    ):
        text = export(step, NAME).replace('data_keys=["input"]', 'data_keys=["input", "bbox_xyxy"]')
        one = torch.from_numpy(np.moveaxis(IMAGE, -1, 0)[None].astype(np.float32) / 255)
        _, got = built(text)(one, boxes)
        want = step.coordinate_map(IMAGE.shape[:2])
        corners = np.linalg.inv(want) @ np.array([[10, 40, 40, 10], [20, 20, 50, 50], [1, 1, 1, 1]], float)
        hull = [*corners[:2].min(axis=1), *corners[:2].max(axis=1)]
        np.testing.assert_allclose(got.numpy().ravel(), hull, atol=1.01, err_msg=repr(step))


def test_what_kornia_cannot_do_is_told_with_the_nearest():
    steps = [
        transforms.Rotate90(turns=1),
        transforms.Rotate(angle=3, border="wrap"),
        transforms.JPEGCompression(quality=50),
    ]
    with pytest.raises(ExportError) as caught:
        export(Compose(steps), NAME)
    assert [line.split("(")[0] for line in str(caught.value).splitlines()[1:]] == [
        "- Rotate90",
        "- Rotate",
        "- JPEGCompression",
    ]
    with pytest.raises(ExportError, match="mixes the order"):
        export(SomeOf([HorizontalFlip(), transforms.Invert()], n=2), NAME)


@pytest.mark.parametrize("cls", [transforms.SigmoidContrast, transforms.LogContrast, transforms.ShotNoise])
def test_no_strength_changes_nothing(cls):
    got = run(export(cls(), NAME), NAME, IMAGE)
    assert np.abs(got.astype(int) - IMAGE).max() <= 1


def test_a_channel_of_one_value_stays():
    image = IMAGE.copy()
    image[..., 1] = 100
    for channels in ("each", "together"):
        agrees(NAME, transforms.AutoContrast(cutoff=0.0, channels=channels), image)
