"""Data sets that come with the packages augmentlab needs anyway; nothing is downloaded."""

from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from augmentlab.data.dataset import Dataset

# Of the pixels of scattered_digits(seed=0), 1797 x 16 x 16 bytes. Changing the recipe means changing this.
SCATTERED_DIGITS_SHA256 = "e2850fe4e2647c170ca9e4764fe4a72b3207f78d9dfd67d7fa1036d00698a511"

# scikit-image's pictures in its wheel, by their names in skimage.data; the first ones make the best first impression.
_PICTURES = {
    "astronaut": "astronaut.png",
    "chelsea": "chelsea.png",
    "coffee": "coffee.png",
    "rocket": "rocket.jpg",
    "motorcycle": "motorcycle_left.png",
    "camera": "camera.png",
    "immunohistochemistry": "ihc.png",
    "retina": "retina.jpg",
    "hubble_deep_field": "hubble_deep_field.jpg",
    "moon": "moon.png",
    "cell": "cell.png",
    "microaneurysms": "microaneurysms.png",
    "coins": "coins.png",
    "clock": "clock_motion.png",
    "brick": "brick.png",
    "grass": "grass.png",
    "gravel": "gravel.png",
    "page": "page.png",
    "text": "text.png",
    "checkerboard": "chessboard_GRAY.png",
    "colorwheel": "color.png",
}

_NO_PICTURES = "the installed scikit-image ships none of the pictures that photos() shows"

# Pictures with something to see in every corner.
_BACKGROUNDS = (
    "astronaut",
    "chelsea",
    "coffee",
    "rocket",
    "motorcycle",
    "immunohistochemistry",
    "brick",
    "grass",
    "gravel",
)

# Those of matplotlib's fonts that draw all of A to Z as letters.
_FONTS = (
    "DejaVuSans",
    "DejaVuSans-Bold",
    "DejaVuSans-BoldOblique",
    "DejaVuSans-Oblique",
    "DejaVuSansMono",
    "DejaVuSansMono-Bold",
    "DejaVuSansMono-BoldOblique",
    "DejaVuSansMono-Oblique",
    "DejaVuSerif",
    "DejaVuSerif-Bold",
    "DejaVuSerif-BoldItalic",
    "DejaVuSerif-Italic",
    "STIXGeneral",
    "STIXGeneralBol",
    "STIXGeneralBolIta",
    "STIXGeneralItalic",
    "cmb10",
    "cmr10",
    "cmss10",
    "cmti10",
    "cmtt10",
)
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def digits() -> Dataset:
    """Scikit-learn's 1,797 handwritten digits.

    Each is 8x8 pixels, centred and scaled by its makers, so hardly any augmentation helps on them: a good check that
    a study does not find what is not there.

    Returns
    -------
    Dataset
        1,797 images (8, 8) of ``uint8``, the original 0..16 scaled to 0..255; classes "0" to "9".

    References
    ----------
    E. Alpaydin and C. Kaynak, Optical Recognition of Handwritten Digits, UCI Machine Learning Repository, 1998
    (its test part, as in `sklearn.datasets.load_digits`).

    Examples
    --------
    >>> digits().images.shape
    (1797, 8, 8)
    """
    from sklearn.datasets import load_digits

    bunch = load_digits()
    # In integers, so that no platform rounds 127.5 its own way.
    images = ((bunch.images.astype(np.int64) * 255 + 8) // 16).astype(np.uint8)
    return Dataset(images, bunch.target, classes=tuple("0123456789"), name="digits")


def scattered_digits(seed: int = 0) -> Dataset:
    """The handwritten digits, each rotated and shifted at random on a larger canvas.

    **The variation is made by us**: each of scikit-learn's digits is put in the middle of a 16x16 canvas, rotated by up
    to 20 degrees either way and shifted by up to 3 pixels along each axis, the whole set before any split. A model that
    sees few of them gains a lot from augmentation by shifts and rotations, because these are exactly what varies. It
    shows what a study tells (what helps, what is useless, what harms, what spoils what), as a best case; it is no
    evidence that shifts help on natural images. `digits` is the same data without the variation, where hardly anything
    helps.

    Parameters
    ----------
    seed : int
        Seed of the rotations and shifts, 0 or more.

    Returns
    -------
    Dataset
        1,797 images (16, 16) of ``uint8``; classes "0" to "9".

    Notes
    -----
    The recipe is fixed and uses no transform of this package, so that the data never change with it. The SHA-256 of the
    bytes at seed 0 is `augmentlab.data.bundled.SCATTERED_DIGITS_SHA256`. Pixels are interpolated linearly between
    *integers* and rounded, so that where neighbours are equal the result is an integer and not a tie which the last bit
    of a platform's cosine would decide.

    Examples
    --------
    >>> scattered_digits().images.shape
    (1797, 16, 16)
    """
    originals = digits()
    images = np.rint(_scatter(np.asarray(originals.images), _seed(seed))).astype(np.uint8)
    return Dataset(images, originals.labels, classes=originals.classes, name="scattered digits")


def _scatter(images: NDArray[np.uint8], seed: int) -> NDArray[np.float64]:
    """Rotate by +-20 degrees and shift by +-3 px on a canvas of twice the size; values before rounding."""
    from scipy.ndimage import affine_transform

    count, height, width = images.shape
    margins = ((0, 0), (height // 2, height // 2), (width // 2, width // 2))
    canvases = np.pad(images, margins).astype(np.float64)
    centre = (np.array(canvases.shape[1:]) - 1) / 2
    rng = np.random.default_rng(seed)
    angles = np.deg2rad(rng.uniform(-20, 20, count))
    shifts = rng.uniform(-3, 3, (count, 2))
    scattered = np.empty_like(canvases)
    for canvas, angle, shift, output in zip(canvases, angles, shifts, scattered, strict=True):
        matrix = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        # affine_transform asks where an output pixel comes from: undo the shift, then the rotation.
        offset = centre - matrix @ (centre + shift)
        affine_transform(canvas, matrix, offset, output=output, order=1, mode="constant", cval=0.0)
    return scattered


def glyphs(n: int = 2000, size: int = 32, seed: int = 0) -> Dataset:
    """Synthetic images: coloured capital letters on crops of photographs, with exact mask, box and keypoints.

    Letters A to Z in the 21 text fonts that matplotlib ships, of random size, place and colour, on crops of the
    photographs that scikit-image ships. Every run of 546 images holds each letter in each font once, and
    ``glyphs(n)`` begins with the images of ``glyphs(m)`` for m < n.

    Parameters
    ----------
    n : int
        Number of images, in [1, 100000].
    size : int
        Side of the images in pixels, in [16, 512].
    seed : int
        Seed of everything random, 0 or more.

    Returns
    -------
    Dataset
        RGB images (size, size, 3) of ``uint8``; classes "A" to "Z"; ``groups`` are the fonts, so that a split that
        keeps groups together tests on fonts that training never saw (though perhaps on the bold cut of one that it
        did). For each image:

        - ``masks``: (size, size) ``uint8``, 1 where the letter covers half of a pixel or more, else 0;
        - ``boxes``: (1, 4), the tight box around the mask, and ``box_labels``, the letter;
        - ``keypoints``: (4, 2), the leftmost, topmost, rightmost and bottommost pixel of the mask (where several tie,
          the middle one).

    Raises
    ------
    TypeError, ValueError
        A parameter outside its range.

    Notes
    -----
    The same Pillow (with its FreeType), matplotlib and scikit-image give the same bytes; another FreeType may draw the
    rim of a letter differently, and the fingerprint tells.

    Examples
    --------
    >>> letters = glyphs(n=52)
    >>> letters
    Dataset('synthetic glyphs': 52 images 32x32x3, uint8; 26 classes: A 2, B 2, C 2, D 2, E 2, F 2, G 2, H 2, I 2, J 2, ...; 21 groups)
    >>> letters[3].keypoints.shape
    (4, 2)
    """
    _check_integer("glyphs: n", n, 1, 100_000)
    _check_integer("glyphs: size", size, 16, 512)
    _seed(seed)
    from matplotlib import get_data_path

    folder = Path(get_data_path(), "fonts", "ttf")
    backgrounds = [_rgb(_picture(name)) for name in _BACKGROUNDS]
    labels = [index % len(_LETTERS) for index in range(n)]
    # 26 letters and 21 fonts share no divisor: stepping through both at once meets every pair.
    fonts = [_FONTS[index % len(_FONTS)] for index in range(n)]
    images = np.empty((n, size, size, 3), np.uint8)
    masks = np.empty((n, size, size), np.uint8)
    for index in range(n):
        rng = np.random.default_rng((seed, index))
        ground = _crop(backgrounds[rng.integers(len(backgrounds))], size, rng)
        ink = _letter(_LETTERS[labels[index]], folder / f"{fonts[index]}.ttf", size, rng)
        paint = _contrasting(ground, rng)
        images[index] = np.rint((1 - ink[..., None]) * ground + ink[..., None] * paint)
        masks[index] = ink >= 0.5
    outlines = [_outline(mask) for mask in masks]
    return Dataset(
        images,
        labels,
        classes=tuple(_LETTERS),
        groups=fonts,
        name="synthetic glyphs",
        masks=list(masks),
        boxes=[box for box, _ in outlines],
        box_labels=[(_LETTERS[label],) for label in labels],
        keypoints=[points for _, points in outlines],
    )


def _crop(picture: Any, size: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """A random square of a photograph, made small and a little flat."""
    from PIL import Image

    side = int(rng.integers(size, min(4 * size, *picture.size) + 1)) if min(picture.size) > size else min(picture.size)
    left, top = (int(rng.integers(length - side + 1)) for length in picture.size)
    small = picture.resize((size, size), Image.Resampling.BILINEAR, box=(left, top, left + side, top + side))
    crop = np.asarray(small, dtype=np.float64)
    mean = crop.mean(axis=(0, 1))
    flat: NDArray[np.float64] = mean + rng.uniform(0.5, 0.9) * (crop - mean)
    return flat


def _letter(letter: str, path: Path, size: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """How much of each pixel a letter covers, in [0, 1]: between half and nearly all of the side high, at a random place."""
    from PIL import Image, ImageDraw, ImageFont

    # The basic layout is in every Pillow; the other depends on a library of the system.
    def font(points: float) -> ImageFont.FreeTypeFont:
        return ImageFont.truetype(str(path), points, layout_engine=ImageFont.Layout.BASIC)

    left, top, right, bottom = font(100).getbbox(letter)
    room = size - 2
    points = 100 * min(rng.uniform(0.5, 0.9) * size / (bottom - top), room / (right - left))
    left, top, right, bottom = font(points).getbbox(letter)
    x = 1 + int(rng.integers(max(1, room - int(right - left) + 1))) - int(left)
    y = 1 + int(rng.integers(max(1, room - int(bottom - top) + 1))) - int(top)
    canvas = Image.new("L", (size, size))
    ImageDraw.Draw(canvas).text((x, y), letter, fill=255, font=font(points))
    return np.asarray(canvas, dtype=np.float64) / 255


def _contrasting(ground: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.float64]:
    """A random colour, made lighter or darker until it stands out from the background."""
    weights = np.array([0.299, 0.587, 0.114])
    colour = rng.uniform(5, 250, 3)
    light = float(weights @ colour)
    behind = float(weights @ ground.mean(axis=(0, 1)))
    difference = rng.uniform(90, 140)
    if behind < 128:
        target = min(max(light, behind + difference), 255.0)
        return 255 - (255 - colour) * (255 - target) / (255 - light)
    return colour * max(min(light, behind - difference), 0.0) / light


def _outline(mask: NDArray[np.uint8]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The tight box (1, 4) of a mask, and its leftmost, topmost, rightmost and bottommost pixel (4, 2)."""
    y, x = np.nonzero(mask)
    box = np.array([[x.min(), y.min(), x.max() + 1, y.max() + 1]], dtype=np.float64)
    ends = [x == x.min(), y == y.min(), x == x.max(), y == y.max()]
    points = []
    for end in ends:
        among = np.flatnonzero(end)
        middle = among[len(among) // 2]
        points.append((x[middle], y[middle]))
    return box, np.array(points, dtype=np.float64)


def photos() -> Dataset:
    """The pictures in scikit-image's package, to look at and to try transforms on; nothing is downloaded.

    Returns
    -------
    Dataset
        One image a class, the classes being the names in `skimage.data` (``"astronaut"``, ``"chelsea"``, ...): gray
        (H, W) or RGB (H, W, 3), ``uint8``, of many sizes. ``motorcycle`` is the left picture of a stereo pair. A study
        needs more images of each class. Pictures which the installed version does not ship are left out.

    Raises
    ------
    FileNotFoundError
        The installed scikit-image ships none of them.

    Examples
    --------
    >>> photos().classes[:3]
    ('astronaut', 'chelsea', 'coffee')
    """
    found = {name: np.asarray(_picture(name)) for name in _PICTURES if _picture_path(name).is_file()}
    if not found:
        raise FileNotFoundError(_NO_PICTURES)
    return Dataset(list(found.values()), list(range(len(found))), classes=tuple(found), name="photos")


def first_photo() -> tuple[str, NDArray[np.uint8]]:
    """The first of the `photos` with its name, without reading the others."""
    name = next((name for name in _PICTURES if _picture_path(name).is_file()), None)
    if name is None:
        raise FileNotFoundError(_NO_PICTURES)
    return name, np.asarray(_picture(name))


def _picture_path(name: str) -> Path:
    # Not through skimage.data, whose functions download what is missing.
    return Path(str(files("skimage") / "data" / _PICTURES[name]))


def _picture(name: str) -> Any:
    from PIL import Image

    with Image.open(_picture_path(name)) as picture:
        picture.load()
        return picture


def _rgb(picture: Any) -> Any:
    return picture.convert("RGB")


def _seed(seed: Any) -> int:
    return _check_integer("seed", seed, 0, 2**63 - 1)


def _check_integer(name: str, value: Any, low: int, high: int) -> int:
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)):
        raise TypeError(f"{name} must be int in [{low}, {high}]; got {value!r}")
    if not low <= value <= high:
        raise ValueError(f"{name} must be int in [{low}, {high}]; got {value}")
    return int(value)
