"""torchvision: exported text gives the pixels that its grade says and the distribution of what is random; and import."""

import re
import warnings
from pathlib import Path

import numpy as np
import pytest
from agreement import IMAGES, draws, required
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

torch = required("torch")
required("torchvision")

from drawing import (  # noqa: E402
    agrees,
    agrees_within_its_bound,
    drawable,
    is_drawn,
    ours,
    pipelines,
    same_distribution,
)
from torchvision import transforms as v1  # noqa: E402
from torchvision import tv_tensors  # noqa: E402
from torchvision.transforms import v2  # noqa: E402

from augmentlab import (  # noqa: E402
    Brightness,
    Compose,
    HorizontalFlip,
    OneOf,
    RandomOrder,
    Sample,
    SomeOf,
    choice,
    from_torchvision,
    integers,
    loguniform,
    transforms,
    uniform,
)
from augmentlab.interop import ExportError, export  # noqa: E402
from augmentlab.interop.read_torchvision import READINGS  # noqa: E402
from augmentlab.interop.running import run  # noqa: E402

NAME = "torchvision"
BILINEAR = v2.InterpolationMode.BILINEAR
IMAGE = IMAGES["astronaut"]
CLASSES = drawable(NAME)


def built(text):
    namespace = {}
    exec(text, namespace)
    return namespace["pipeline"]


def tensor(image):
    return torch.from_numpy(np.ascontiguousarray(np.moveaxis(image, -1, 0)))


def theirs(pipeline, image, count=200):
    torch.manual_seed(0)
    return [np.moveaxis(pipeline(tensor(image)).numpy(), 0, -1) for _ in range(count)]


@pytest.mark.parametrize(
    "cls", [cls for cls in CLASSES if not is_drawn(NAME, draws(cls, 1)[0])], ids=lambda cls: cls.__name__
)
def test_drawn_numbers_give_the_pixels_that_the_grade_says(cls):
    for image in (*IMAGES.values(), IMAGE[..., 0], IMAGE[..., :1]):
        for step in draws(cls, 3):
            agrees(NAME, step, image)


@pytest.mark.parametrize(
    "step",
    [
        transforms.Resize(height=50, width=120),
        transforms.Resize(width=40),
        transforms.Resize(height=60, width=60, keep_aspect=True, fill=0.5),
        transforms.SmallestMaxSize(size=40),
        transforms.LongestMaxSize(size=150),
        transforms.ResizedCrop(scale=0.7, ratio=1.3, x=0.2, y=0.9, height=32, width=48),
        transforms.Pad(height=0.2, width=0.3, border="reflect"),
        transforms.Pad(height=0.2, width=0.3, border="symmetric"),
        transforms.Pad(height=0.2, fill=0.5),
        transforms.AutoContrast(cutoff=0.0),
        transforms.AutoContrast(cutoff=0.02, channels="together"),
        transforms.Grayscale(weights="bt601"),
        transforms.ConvertChannels(to="gray", weights="bt601"),
        transforms.ConvertChannels(to="gray"),
        transforms.HueSaturation(hue=-100),
        transforms.Affine(scale=1.2, angle=12),
        transforms.Affine(shear_x=15),
        transforms.Affine(angle=20, shear_x=-10, shear_y=12, translate_x=0.13, translate_y=-0.07, scale=0.8),
        transforms.Standardize(mean=(0.48, 0.45, 0.4), std=(0.22, 0.22, 0.23)),
        transforms.Center(mean=(0.5,)),
        Compose([transforms.Normalize(), transforms.Solarize(threshold=0.6), transforms.Gamma(gamma=1.4)]),
    ],
    ids=lambda step: repr(step)[:60],
)
def test_what_no_typical_draw_shows(step):
    for image in IMAGES.values():
        if isinstance(step, Compose):
            agrees_within_its_bound(NAME, step, image)
        else:
            agrees(NAME, step, image)


@given(data=st.data())
@settings(max_examples=200, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
def test_drawn_pipelines_agree_within_their_bound(data):
    classes = [cls for cls in CLASSES if not is_drawn(NAME, draws(cls, 1)[0])]
    agrees_within_its_bound(NAME, data.draw(pipelines(classes)), data.draw(st.sampled_from(list(IMAGES.values()))))


# --- what is random ---------------------------------------------------------------------------------------------------

GROUPS = [
    OneOf([HorizontalFlip(), Brightness(delta=0.2)], weights=(3, 1), p=0.8),
    SomeOf([HorizontalFlip(), transforms.Invert(), transforms.VerticalFlip()], n=integers(1, 2), p=0.7),
    SomeOf([HorizontalFlip(), transforms.Invert()], n=3, replace=True),
    RandomOrder([Brightness(delta=0.4), transforms.Gamma(gamma=2.5)], p=0.8),
    Compose([HorizontalFlip(), transforms.Invert(p=0.5)], p=0.6),
    Compose([transforms.Rotate(angle=choice(-30, 10)), transforms.Gamma(gamma=uniform(1, 2))]),
    transforms.Rotate(angle=uniform(10, 40), p=0.7),
    transforms.Rotate(angle=loguniform(10, 40)),
    transforms.Affine(angle=uniform(10, 40), scale=uniform(0.6, 1), p=0.7),
    transforms.Affine(shear_x=uniform(5, 30)),
    transforms.ColorJitter(brightness=uniform(0.5, 1.2), contrast=uniform(0.5, 1), hue=uniform(-40, 10), p=0.7),
    transforms.ColorJitter(brightness=loguniform(0.5, 1.2), contrast=uniform(0.5, 1), p=0.7),
    transforms.ColorJitter(brightness=uniform(0.5, 1.2), hue=uniform(0, 60), order="hbsc", p=0.5),
    transforms.HueSaturation(hue=uniform(10, 60), p=0.6),
    transforms.Crop(height=0.6, width=0.5, x=uniform(0, 1), y=uniform(0, 0.4)),
    transforms.CoarseDropout(holes=3, height=uniform(0.1, 0.4), content="mean"),
    transforms.CoarseDropout(holes=integers(0, 2), content="noise"),
    transforms.GaussianNoise(std=0.2, per_channel=False),
    transforms.PixelDropout(amount=0.3, fill=uniform(0, 0.5), per_channel=True),
]


def drawn_by_both(step, written=None):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pipeline = built(export(written or step, NAME))
    # it equalises in another way, by 5 levels on average
    same_distribution(
        ours(step, IMAGE), theirs(pipeline, IMAGE), IMAGE, 6 if isinstance(step, transforms.Equalize) else 1
    )


@pytest.mark.parametrize("step", [*(cls.typical(p=0.7) for cls in CLASSES), *GROUPS], ids=lambda step: repr(step)[:70])
def test_random_transforms_have_the_same_distribution(step):
    drawn_by_both(step)


@pytest.mark.parametrize(
    ("step", "wrong"),
    [
        (transforms.Rotate(angle=uniform(-45, 45)), transforms.Rotate(angle=uniform(-25, 25))),
        (transforms.Rotate(angle=uniform(0, 15)), transforms.Rotate(angle=uniform(-15, 0))),
        (transforms.Affine(shear_x=uniform(0, 10)), transforms.Affine(shear_x=uniform(-10, 0))),
        (transforms.Brightness(delta=uniform(-0.2, 0.2)), transforms.Brightness(delta=uniform(-0.12, 0.12))),
        (transforms.GaussianNoise(std=0.1), transforms.GaussianNoise(std=0.12)),
        (HorizontalFlip(p=0.5), HorizontalFlip(p=0.2)),
        (transforms.Crop(height=0.5, y=uniform(0, 1)), transforms.Crop(height=0.5, y=uniform(0, 0.7))),
        (transforms.Gamma(gamma=loguniform(0.3, 3)), transforms.Gamma(gamma=uniform(0.3, 3))),
    ],
    ids=lambda step: repr(step)[:50],
)
def test_a_wrong_sign_range_chance_or_kind_is_seen(step, wrong):
    with pytest.raises(AssertionError, match="times what chance explains"):
        drawn_by_both(step, wrong)


def test_masks_boxes_and_keypoints_follow():
    image, mask = IMAGE, np.zeros(IMAGE.shape[:2], np.uint8)
    mask[20:50, 10:40] = 1
    boxes = np.array([[10.0, 20.0, 40.0, 50.0]])
    for step in (
        transforms.Affine(scale=1.1, translate_x=0.1, shear_x=10, shear_y=4),
        transforms.Rotate(angle=20),
        transforms.Crop(height=0.8, width=0.7, x=0, y=1),
        transforms.Perspective(scale=0.15, seed=3),
        transforms.Transpose(),
        transforms.Brightness(delta=0.2),
    ):
        want = step.apply(Sample(image, mask=mask, boxes=boxes))
        _, got_mask, got_boxes = built(export(step, NAME))(
            tv_tensors.Image(tensor(image)),
            tv_tensors.Mask(torch.from_numpy(mask)),
            tv_tensors.BoundingBoxes(boxes, format="XYXY", canvas_size=mask.shape),
        )
        assert (got_mask.numpy() != want.mask).mean() < 0.01, step
        # torchvision's boxes end on the far side of pixels as ours do; its rotation rounds nothing
        np.testing.assert_allclose(got_boxes.numpy(), want.boxes, atol=1.01, err_msg=repr(step))


def test_what_torchvision_cannot_do_is_told_with_the_nearest():
    with pytest.raises(ExportError) as caught:
        export(
            Compose(
                [
                    transforms.Rotate(angle=3, fill=0.5),
                    transforms.CLAHE(clip_limit=0.01),
                    OneOf([transforms.Swirl(strength=1), HorizontalFlip()]),
                    transforms.Standardize(),
                ]
            ),
            NAME,
        )
    lines = str(caught.value).splitlines()[1:]
    assert [line.split("(")[0] for line in lines] == ["- Rotate", "- CLAHE", "- Swirl", "- OneOf", "- Standardize"]
    assert "fill=0 can be exported" in lines[0]


def test_the_text_holds_only_the_classes_that_it_names():
    text = export(transforms.Gamma(gamma=uniform(0.5, 2)), NAME)
    assert "class Gamma(Toned)" in text
    assert "class Affine" not in text
    assert "class Gamma" not in export(HorizontalFlip(), NAME)


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
def test_the_text_runs_where_the_image_is(cls):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pipeline = built(export(cls.typical(p=1.0), NAME))
    # a device on which any number of another is an error
    assert pipeline(torch.zeros(3, 20, 22, dtype=torch.uint8, device="meta")).device.type == "meta"


# --- import -----------------------------------------------------------------------------------------------------------


def same_pixels(module, image=IMAGE, levels=1):
    """Check that both change an image alike, where nothing is random."""
    want = np.moveaxis(module(tensor(image)).numpy(), 0, -1)
    got = from_torchvision(module, shape=image.shape).sample(0).apply(image)
    assert got.shape == want.shape
    assert np.abs(got.astype(float) - want).max() <= levels, module


@pytest.mark.parametrize(
    ("module", "levels"),
    [
        (v2.RandomHorizontalFlip(1), 0),
        (v2.RandomVerticalFlip(1), 0),
        (v2.RandomRotation((20, 20), BILINEAR, fill=None), 1),
        (v2.RandomAffine((20, 20), scale=(1.2, 1.2), shear=(10, 10), interpolation=BILINEAR, fill=None), 1),
        (v2.RandomAffine((-20, -20), shear=(0, 0, 10, 10), interpolation=BILINEAR, fill=None), 1),
        (v2.CenterCrop((40, 61)), 0),  # of what is odd it cuts one more on the other side
        (v2.Resize((180, 170)), 1),
        (v2.Resize(166), 1),
        (v2.Pad(5), 0),
        (v2.Pad((3, 7), padding_mode="reflect"), 0),
        (v2.ColorJitter(brightness=(1.2, 1.2)), 1),
        (v2.ColorJitter(hue=(0.1, 0.1)), 1),
        (v2.Grayscale(3), 1),
        (v2.Grayscale(), 1),
        (v2.RandomInvert(1), 0),
        (v2.RandomPosterize(3, 1), 0),
        (v2.RandomSolarize(128, 1), 0),
        (v2.RandomAutocontrast(1), 1),
        (v2.ToDtype(torch.float32, scale=True), 1e-6),
        (v2.Compose([v2.ToDtype(torch.float32, scale=True), v2.Normalize([0.5] * 3, [0.2] * 3)]), 1e-5),
        (torch.nn.Sequential(v2.RandomInvert(1), v2.RandomHorizontalFlip(1)), 0),
    ],
    ids=lambda one: str(one)[:50].replace("\n", ""),
)
def test_what_is_read_gives_the_same_pixels(module, levels):
    same_pixels(module, levels=levels)


@pytest.mark.parametrize(
    "module",
    [
        v2.RandomRotation((5, 40), BILINEAR, fill=None),
        v2.RandomAffine((5, 30), (0.2, 0.1), (0.7, 1), (3, 20), BILINEAR, None),
        v2.RandomCrop((40, 40), padding=6),
        v2.ColorJitter(0.4, 0.4, 0.4, 0.1),
        v2.RandomApply([v2.RandomInvert(0.5), v2.RandomHorizontalFlip(1)], p=0.7),
        v2.RandomChoice([v2.RandomInvert(1), v2.RandomHorizontalFlip(1)], p=[0.3, 0.7]),
        v2.RandomChannelPermutation(),
    ],
    ids=lambda module: type(module).__name__,
)
def test_what_is_read_has_the_same_distribution(module):
    step = from_torchvision(module, shape=IMAGE.shape)
    same_distribution(ours(step, IMAGE), theirs(module, IMAGE), IMAGE)


def test_a_pipeline_of_either_version_is_read():
    moments = ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])
    jitter = {"brightness": 0.4, "contrast": 0.4, "saturation": 0.4, "hue": 0.1}
    old = v1.Compose(
        [
            v1.Resize((72, 72)),
            v1.CenterCrop(64),
            v1.RandomHorizontalFlip(),
            v1.ColorJitter(**jitter),
            v1.ToTensor(),
            v1.Normalize(*moments),
        ]
    )
    new = v2.Compose(
        [
            v2.ToImage(),
            v2.Resize((72, 72)),
            v2.CenterCrop(64),
            v2.RandomHorizontalFlip(),
            v2.ColorJitter(**jitter),
            v2.ToDtype(torch.float32, scale=True),
            v2.Normalize(*moments),
        ]
    )
    read = from_torchvision(old)
    assert read == from_torchvision(new)
    assert [type(step).__name__ for step in read.steps] == [
        "Resize",
        "CenterCrop",
        "HorizontalFlip",
        "ColorJitter",
        "Normalize",
        "Standardize",
    ]
    assert read.steps[3].hue == uniform(-36, 36)
    assert read.steps[1].output_shape((72, 72)) == (64, 64)


def test_what_has_no_counterpart_is_told_at_once_or_left_out_with_one_warning():
    modules = [
        v2.RandomErasing(),
        v2.RandomHorizontalFlip(),
        v2.CenterCrop(5),
        v2.RandomChoice([v2.RandomPerspective()]),
    ]
    with pytest.raises(ValueError, match="has a counterpart") as caught:
        from_torchvision(modules)
    lines = str(caught.value).splitlines()[1:]
    assert [line.split("(")[0] for line in lines] == [
        "- RandomErasing",
        "- CenterCrop",
        "- RandomPerspective",
        "- RandomChoice",
    ]
    assert "give shape=" in lines[1]
    with pytest.warns(UserWarning, match="from torchvision") as warned:
        assert from_torchvision(modules, strict=False) == Compose([HorizontalFlip(p=0.5)])
    assert len(warned) == 1


def test_what_is_only_near_is_said():
    with pytest.warns(UserWarning, match="only near: RandomResizedCrop"):
        read = from_torchvision(v2.RandomResizedCrop(32))
    assert read.steps[0].ratio == loguniform(3 / 4, 4 / 3)


@pytest.mark.parametrize(
    "module", [v2.Resize((20, 20), "nearest"), v2.RandomRotation(9), v1.RandomAffine(9, interpolation=0)]
)
def test_another_interpolation_is_said(module):
    with pytest.warns(UserWarning, match="only near: .*its interpolation is nearest, here it is linear"):
        from_torchvision(module)


@pytest.mark.parametrize(
    "before", [v2.RandomApply([v2.Resize((60, 60))], p=0.01), v2.RandomApply([v2.Resize(99)], 0.5)]
)
def test_pixels_are_no_shares_behind_a_size_that_is_drawn(before):
    with pytest.raises(ValueError, match=r"- CenterCrop.*size of the images is not known"):
        from_torchvision([before, v2.CenterCrop(30)], shape=IMAGE.shape)


def test_pixels_are_no_shares_among_steps_in_any_order():
    with pytest.raises(ValueError, match=r"- CenterCrop.*size of the images is not known"):
        from_torchvision(v2.RandomOrder([v2.Resize((60, 60)), v2.CenterCrop(30)]), shape=IMAGE.shape)


def test_a_kernel_that_cuts_its_gaussian_is_refused():
    with pytest.raises(
        ValueError, match="its kernel of 3 pixels cuts a Gaussian of sigma 5; kernel_size=31 can be read"
    ):
        from_torchvision(v2.GaussianBlur(3, (5, 5)))
    assert from_torchvision(v2.GaussianBlur(31, 5.0)) == Compose([transforms.GaussianBlur(sigma=5.0)])


def test_values_that_no_transform_takes_are_told_with_the_rest():
    modules = [v2.ColorJitter(saturation=(0, 100)), v2.RandomPosterize(0), v2.RandomErasing(), v2.RandomInvert()]
    with pytest.raises(
        ValueError, match=r"- ColorJitter.*must be float in \[0, 10\](.|\n)*- RandomPosterize(.|\n)*- RandomErasing"
    ):
        from_torchvision(modules)
    with pytest.warns(UserWarning, match="left out: ColorJitter"):
        assert from_torchvision(modules, strict=False) == Compose([transforms.Invert(p=0.5)])


def code(text):
    """Without what names the transforms; numbers are to ten digits there."""
    return [line for line in text.splitlines()[1:] if not line.strip().startswith("#")]


# What the text says in other words.
OTHERWISE = {
    "LongestMaxSize",
    "SmallestMaxSize",
    "CenterCrop",
    "D4",
    "Transpose",
    "Rotate90",
    "ChannelShuffle",
    "ChannelDropout",
    "Posterize",
    "ConvertChannels",
}


@pytest.mark.parametrize("cls", [cls for cls in CLASSES if cls.__name__ not in OTHERWISE], ids=lambda cls: cls.__name__)
def test_an_exported_text_is_read_as_what_it_was(cls):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        step = cls.typical(p=0.5)
        read = from_torchvision(built(export(step, NAME)))
    assert [type(one) for one in read.steps] == [cls]
    assert code(export(read, NAME)) == code(export(step, NAME))


def test_the_page_runs_and_names_every_class_that_is_read():
    page = (Path(__file__).parents[1] / "docs" / "torchvision.md").read_text(encoding="utf-8")
    for block in re.findall(r"```python\n(.*?)```", page, re.DOTALL):
        exec(block, {})
    rows = [line.split("|")[1:3] for line in page.splitlines() if line.startswith("| `")]
    assert {theirs.strip(" `"): ours.strip(" `") for theirs, ours in rows} == {
        name: reading.ours for name, reading in READINGS.items()
    }


@pytest.mark.parametrize("cls", [transforms.SigmoidContrast, transforms.LogContrast, transforms.ShotNoise])
def test_no_strength_changes_nothing(cls):
    got = run(export(cls(), NAME), NAME, IMAGE)
    assert np.abs(got.astype(int) - IMAGE).max() <= 1
