"""What the tests of all targets share: images, drawn pipelines, and whether exported text keeps what it says."""

import functools

import numpy as np
from frameworks import required, runnable  # noqa: F401  (the tests of targets take all from here)
from hypothesis import strategies as st
from skimage import data

from augmentlab import BatchTransform, Compose, engine, transforms
from augmentlab.interop import ExportError, export, target
from augmentlab.interop.running import run

CATALOG = [one for one in map(transforms.__dict__.get, transforms.__all__) if not issubclass(one, BatchTransform)]
# Two photographs, of few pixels and of odd sides.
IMAGES = {
    "astronaut": np.ascontiguousarray(data.astronaut()[::5, ::5][:90, :83]),
    "chelsea": np.ascontiguousarray(data.chelsea()[::4, ::4]),
}

BORDERS = ("constant", "edge", "reflect", "symmetric", "wrap")
FLOATS = transforms.Standardize()
# What typical ranges do not reach: borders, layouts, and geometry behind floats.
RARER = [
    *(transforms.Affine(angle=31, scale=0.2, border=border, fill=0.4) for border in BORDERS),
    *(transforms.Perspective(scale=0.2, seed=3, border=border, fill=0.4) for border in BORDERS),
    *(transforms.Pad(height=1.1, width=0.3, border=border, fill=0.4) for border in BORDERS),
    *(transforms.CropAndPad(top=0.5, left=1.0, right=-0.1, keep_size=False, border=border) for border in BORDERS),
    *(Compose([FLOATS, transforms.Affine(angle=-20, shear_x=9, border=border, fill=0.4)]) for border in BORDERS),
    *(Compose([FLOATS, transforms.LetterBox(size=64, border=border, fill=0.4)]) for border in BORDERS),
    Compose([FLOATS, transforms.GridShuffle(tiles=3, seed=1), transforms.D4(element=5)]),
    Compose([FLOATS, transforms.Resize(height=31, width=200)]),
    Compose([transforms.Perspective(scale=0.3, seed=1), transforms.Perspective(scale=0.3, seed=2)]),
    transforms.Resize(height=40, width=53, method="area"),
    transforms.Resize(height=140, width=53, method="area"),
    transforms.Resize(height=70, width=70, keep_aspect=True, fill=0.2),
    transforms.LongestMaxSize(size=150),
    transforms.SmallestMaxSize(size=30),
    transforms.JPEGCompression(quality=30, subsampling="4:4:4"),
    transforms.AutoContrast(cutoff=0.03, channels="together"),
    transforms.AutoContrast(cutoff=0.0),
    transforms.CoarseDropout(holes=3, fill=0.5, seed=1),
    transforms.Grayscale(weights="bt601"),
    Compose([transforms.ConvertChannels(to="gray", weights="bt601"), transforms.VerticalFlip()]),
    Compose([transforms.Gamma(gamma=2), transforms.ConvertChannels(to="rgb")]),
    transforms.Normalize(method="minmax"),
    transforms.Center(per_channel=False),
    transforms.Standardize(per_channel=False),
    transforms.Resize(height=40, width=90),
    transforms.Resize(height=100, width=57),
    transforms.Resize(height=150, width=200),
    transforms.Resize(height=25, width=40, method="area"),
    transforms.Resize(height=150, width=200, method="area"),
    transforms.Resize(height=40, width=200, method="area"),
    transforms.Resize(height=60, width=60, keep_aspect=True, fill=0.3),
    transforms.Resize(height=130, width=120, keep_aspect=True, method="area"),
    transforms.LetterBox(size=64, multiple=16, fill=0.5),
    transforms.LetterBox(size=140, multiple=32, border="reflect"),
    transforms.LongestMaxSize(size=50),
    transforms.SmallestMaxSize(size=150),
    *(transforms.Pad(height=1.3, width=1.6, border=border, fill=0.7) for border in BORDERS),
    *(transforms.Rotate(angle=40, border=border, fill=0.3) for border in BORDERS),
    transforms.Perspective(scale=0.3, seed=3, border="reflect"),
    Compose([transforms.Transpose(), transforms.Perspective(scale=0.2, seed=4), transforms.Crop(width=0.6, x=0.3)]),
    transforms.CropAndPad(top=0.2, left=-0.1, right=0.3, keep_size=False, border="wrap"),
    transforms.CropAndPad(top=-0.2, left=-0.1, right=0.6, border="symmetric"),
    transforms.CenterCrop(height=0.5, width=0.7),
    transforms.ResizedCrop(scale=0.3, height=90, width=30),
    transforms.ConvertChannels(to="gray"),
    transforms.ConvertChannels(to="gray", weights="bt601"),
    transforms.ConvertChannels(to="rgb"),
    transforms.Grayscale(weights="bt709"),
    transforms.Sepia(amount=1),
    transforms.AutoContrast(cutoff=0.02, channels="together"),
    transforms.GaussianBlur(sigma=0.05),
    transforms.GaussianBlur(sigma=0.5),
    transforms.BoxBlur(radius=0.3),
    transforms.BoxBlur(radius=2),
    transforms.Standardize(mean=(0.5,), std=(0.2,)),
    *(
        Compose([transforms.Standardize(), after])
        for after in (
            transforms.Rotate(angle=10, fill=0.5),
            transforms.Perspective(scale=0.2, seed=3, border="edge"),
            transforms.Resize(height=40, width=50),
            transforms.Resize(height=100, width=150),
            transforms.Resize(height=100, width=50, method="area"),
            transforms.Rotate90(turns=1),
            transforms.VerticalFlip(),
            transforms.Pad(height=0.2, width=0.2, border="reflect"),
            transforms.Pad(height=0.2, fill=0.5),
            transforms.GridShuffle(tiles=3, seed=1),
        )
    ),
]
# What not every target takes.
OWN = [
    transforms.Swirl(strength=-3, radius=0.5, border="reflect"),
    transforms.HistogramMatching(blend=0.7, red=(0.1, 0.4, 1), green=(0.2, 0.3), blue=(0, 0.2, 0.3, 0.9)),
    transforms.GridDropout(ratio=0.4, spacing=0.3, angle=25, fill=0.6, seed=2),
    transforms.FancyPCA(std=2, seed=3),
    transforms.ZoomBlur(zoom=1.6),
    transforms.JPEGCompression(quality=50, subsampling="4:4:4"),
    transforms.JPEGCompression(quality=50, subsampling="4:2:2"),
    transforms.Downscale(scale=0.4, method="linear"),
    Compose([FLOATS, transforms.Swirl(strength=1, fill=0.5)]),
]


def draws(cls, count, seed=0):
    """Some drawn transforms of a class, over its typical ranges."""
    found = [cls.typical(p=1.0).sample((seed, index)) for index in range(count)]
    return [one for one in found if one is not None]


@functools.cache
def exportable(name):
    """The classes of the catalog of which a target takes a typical draw."""
    return [cls for cls in CATALOG if all(_takes(name, one, IMAGES["chelsea"]) for one in draws(cls, 3))]


def _takes(name, step, image):
    try:
        export(step, name, shape=image.shape)
    except ExportError:
        return False
    return True


def pipelines(classes, most=4):
    """Hypothesis: drawn pipelines of typical steps of these classes."""

    def build(picked, seed):
        preprocessing = (transforms.Normalize, transforms.Center, transforms.Standardize)
        floats = [cls for cls in picked if issubclass(cls, preprocessing)][:1]  # last, and one
        steps = [cls.typical().sample((seed, index)) for index, cls in enumerate([*picked, *floats])]
        kept = [one for one in steps[: len(picked)] if not isinstance(one, preprocessing)]
        return Compose([one for one in [*kept, *steps[len(picked) :]] if not one.is_identity or one.preprocessing])

    return st.builds(build, st.lists(st.sampled_from(classes), min_size=1, max_size=most), st.integers(0, 2**31))


def differences(got, want):
    """Maximum and mean difference in levels of 255, and the share of values off by more than one."""
    assert got.shape == want.shape
    assert got.dtype == want.dtype
    away = np.abs(got.astype(np.float64) - want) * (1 if want.dtype == np.uint8 else 255)
    return float(away.max()), float(away.mean()), float((away > 1).mean())


def agrees(name, pipeline, image):
    """Check that an explicit target's text gives the pixels within the grade that it states; return the grade."""
    text, grade = target(name).graded(pipeline, image.shape)
    runnable(name)
    judge(run(text, name, image), pipeline, image, grade, text)
    return grade


def judge(got, pipeline, image, grade, text=""):
    """Check that `got` is what a pipeline gives, within a grade."""
    with engine("reference"):  # which defines every result; the fast engine is up to a level away
        want = pipeline.apply(image)
    worst, _, _ = differences(got, want)
    # floats of unit range are compared to a hundredth of a level
    assert worst <= grade.levels + 0.01, f"{pipeline}: {worst} > {grade}\n{text}"
