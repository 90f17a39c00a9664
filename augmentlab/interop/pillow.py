"""Pillow: `PIL.Image` inside, NumPy arrays outside."""

import math
from collections.abc import Callable

import numpy as np

from augmentlab.engines.reference import GRAY_WEIGHTS
from augmentlab.geometry import Map, look_up
from augmentlab.interop import operations as ops
from augmentlab.interop import own_steps
from augmentlab.interop.explicit import Explicit, Image, Row, array
from augmentlab.interop.grades import EXACT, ONE, Grade, RefusedError, approximate
from augmentlab.interop.scipy import IN_NUMPY, NUMPY

# (turn rows over, turn columns over, swap both): what does it at once
_TURNS = {
    (True, False, False): "FLIP_TOP_BOTTOM",
    (False, True, False): "FLIP_LEFT_RIGHT",
    (True, True, False): "ROTATE_180",
    (False, False, True): "TRANSPOSE",
    (True, False, True): "ROTATE_270",
    (False, True, True): "ROTATE_90",
    (True, True, True): "TRANSVERSE",
}
_TO_ARRAY = "image = np.asarray(image)"
_TO_IMAGE = "image = Image.fromarray(image)"
_KERNEL_SIDE = 5  # of the largest that ImageFilter.Kernel takes
_MOST_BORDER = 64  # times the area of the image: more would be added than a memory should hold

FUNCTIONS = (
    NUMPY
    | own_steps.FUNCTIONS
    | {
        "shuffled": '''
def shuffled(image, height, width, count, order):
    """The place number k, row by row, shows tile order[k]."""
    shown = image.copy()
    for place, tile in enumerate(order):
        left, top = tile % count * width, tile // count * height
        part = image.crop((left, top, left + width, top + height))
        shown.paste(part, (place % count * width, place // count * height))
    return shown
''',
        "warped": '''
def warped(image, size, method, data, fill=0):
    """Interpolated in floats: on 8 bits Pillow cuts fractions off, which darkens."""
    how = (method, data, Image.Resampling.BILINEAR)
    planes = [plane.convert("F").transform(size, *how, fillcolor=fill) for plane in image.split()]
    return Image.merge(image.mode, [plane.point(lambda value: value + 0.5).convert("L") for plane in planes])
''',
        "bordered": '''
def bordered(image, left, top, right, bottom, **how):
    """With rows and columns added; ImageOps.expand knows only constants."""
    pixels = np.asarray(image)
    return Image.fromarray(np.pad(pixels, [(top, bottom), (left, right), (0, 0)][: pixels.ndim], **how))
''',
        "filtered": '''
def filtered(image, how, around):
    """With a filter of Pillow, which leaves borders alone or blurs with what was blurred: they are repeated first."""
    image = bordered(image, around, around, around, around, mode="edge").filter(how)
    return image.crop((around, around, image.width - around, image.height - around))
''',
        "correlated": '''
def correlated(image, kernel):
    """Weighted sums of the neighbours, the border repeated."""
    down, right = kernel.shape[0] // 2, kernel.shape[1] // 2
    pixels = np.asarray(bordered(image, right, down, right, down, mode="edge"))
    total = 0
    for (y, x), weight in np.ndenumerate(kernel):
        total = total + weight * pixels[y : y + image.height, x : x + image.width]
    return Image.fromarray(rounded(total))
''',
        "equalized": '''
def equalized(image):
    """Each channel's histogram spread evenly; a channel of one value stays. ImageOps.equalize has another curve."""
    table = []
    for channel in image.split():
        counts = channel.histogram()
        share = np.cumsum(counts) / sum(counts)
        table += list(range(256)) if max(counts) == sum(counts) else np.rint(share * 255).astype(int).tolist()
    return image.point(table)
''',
        "about_mean_gray": '''
def about_mean_gray(image, factor):
    """Stretched about the mean of the image's gray; ImageEnhance.Contrast rounds the mean and cuts fractions off."""
    means = ImageStat.Stat(image).mean
    mean = np.dot(means, [0.299, 0.587, 0.114]) if len(means) == 3 else means[0]
    table = rounded(mean + factor * (np.arange(256) - mean))
    return image.point(table.tolist() * len(means))
''',
        "compressed": '''
def compressed(image, quality, subsampling):
    """As JPEG, and read again."""
    file = io.BytesIO()
    image.save(file, "JPEG", quality=quality, subsampling=subsampling)
    return Image.open(file)
''',
    }
)


def _array(write: Callable[..., list[str]]) -> Callable[..., list[str]]:
    """Lines for arrays as lines for a Pillow image."""

    def lines(one: ops.Operation, image: Image) -> list[str]:
        if image.floats:
            return write(one, image)
        flat = Image(image.shape[: 3 if image.channels == 3 else 2], image.floats)
        return [_TO_ARRAY, *write(one, flat), _TO_IMAGE]

    return lines


def _within(shape: tuple[int, ...], lines: list[str], image: Image) -> list[str]:
    """The lines of a text, between arrays."""
    if not any(line for line in lines if not line.startswith("#")):
        return lines
    start = f"image = Image.fromarray(image{'[..., 0]' if shape[2:] == (1,) else ''})"
    end = [] if image.floats else [f"image = np.asarray(image){'[..., None]' if image.shape[2:] == (1,) else ''}"]
    kept: list[str] = []
    for line in [start, *lines, *end]:
        # an image that was an array, and is one again, with nothing in between but comments
        before = next((index for index in range(len(kept) - 1, -1, -1) if not kept[index].startswith("#")), None)
        if line == _TO_ARRAY and before is not None and kept[before] == _TO_IMAGE:
            del kept[before]
        else:
            kept.append(line)
    return kept


def _slice(one: ops.Slice, image: Image) -> list[str]:
    if image.floats:
        return IN_NUMPY[ops.Slice].write(one, image)
    lines = []
    if one.cuts(image.shape):
        lines.append(f"image = image.crop(({one.left}, {one.top}, {one.left + one.width}, {one.top + one.height}))")
    turn = _TURNS.get((one.flip_rows, one.flip_columns, one.transpose))
    return [*lines, f"image = image.transpose(Image.Transpose.{turn})"] if turn else lines


def _tiles(one: ops.Tiles, image: Image) -> list[str]:
    if image.floats:
        return IN_NUMPY[ops.Tiles].write(one, image)
    return [
        f"order = {_list(one.order)}",
        f"image = shuffled(image, {one.height}, {one.width}, {one.count}, order)",
    ]


def _pad(one: ops.Padding, image: Image) -> list[str]:
    if image.floats:
        return IN_NUMPY[ops.Padding].write(one, image)
    around = f"{one.left}, {one.top}, {one.right}, {one.bottom}"
    if one.border == "constant":
        return [f"image = ImageOps.expand(image, ({around}), fill={_level(one.fill, image)})"]
    return [f'image = bordered(image, {around}, mode="{one.border}")']


def _level(value: float, image: Image) -> str:
    return f"({', '.join([f'{value:.9g}'] * 3)})" if image.channels == 3 else f"{value:.9g}"


def _list(values: object) -> str:
    return array(values).removeprefix("np.array(").removesuffix(")")


def _warp(one: ops.Warp, image: Image) -> list[str]:
    """Pillow blends nothing with what lies beyond the border, so that is added first."""
    one.check_horizon()
    height, width = image.shape[:2]
    corners = np.array([[x, y] for x in (0.0, one.width - 1) for y in (0.0, one.height - 1)])
    (left, top), (right, bottom) = (1, 1), (1, 1)
    if one.border != "constant":
        seen = look_up(one.matrix, corners)
        left, top = (max(2 - math.floor(low), 1) for low in seen.min(axis=0))
        right, bottom = (
            max(math.ceil(high) + 2 - side, 1) for high, side in zip(seen.max(axis=0), (width, height), strict=True)
        )
        if (height + top + bottom) * (width + left + right) > _MOST_BORDER * height * width:
            raise RefusedError("so much would have to be added around the image", 'border="constant" can be exported')
    data = _moved(one.matrix, left + 0.5, top + 0.5)
    affine = not one.matrix[2, :2].any()
    lines = [
        "# from (x, y) of the result, counted from the corner of the image",
        f"data = {_list(data[:2].ravel() if affine else data.ravel()[:8])}",
    ]
    method = f"Image.Transform.{'AFFINE' if affine else 'PERSPECTIVE'}"
    size = f"({one.width}, {one.height})"
    fill = f", {one.fill:.9g}" if one.border == "constant" else ""
    if not image.floats:
        around = ops.Padding(top, bottom, left, right, one.border, one.fill)
        return [*lines, *_pad(around, image), f"image = warped(image, {size}, {method}, data{fill})"]
    padding = IN_NUMPY[ops.Padding].write(ops.Padding(top, bottom, left, right, one.border, one.fill), image)
    fill = f", fillcolor={one.fill:.9g}" if one.border == "constant" else ""
    how = f"how = ({size}, {method}, data, Image.Resampling.BILINEAR)"
    return [*lines, *padding, how, *_planes(f"transform(*how{fill})", image)]


def _moved(matrix: Map, x: float, y: float) -> Map:
    """A matrix for positions counted from the corner of the image, not from the middle of its first pixel."""
    to, back = np.eye(3), np.eye(3)
    to[:2, 2], back[:2, 2] = (x, y), (-0.5, -0.5)
    moved = to @ matrix @ back
    return np.asarray(moved / moved[2, 2])


def _planes(how: str, image: Image) -> list[str]:
    """Something done to each channel of an array of floats."""
    if len(image.shape) == 2:
        return ["image = Image.fromarray(image)", f"image = np.asarray(image.{how})"]
    return [
        "planes = [",
        f"    Image.fromarray(plane).{how}",
        "    for plane in np.moveaxis(image, -1, 0)",
        "]",
        "image = np.stack(planes, axis=-1)",
    ]


def _resize(one: ops.Resizing, image: Image) -> list[str]:
    height, width = image.shape[:2]
    size = f"({one.width}, {one.height})"
    if one.height >= height and one.width >= width:
        how = f"resize({size}, Image.Resampling.BILINEAR)"
        return _planes(how, image) if image.floats else [f"image = image.{how}"]
    seen = f"{size}, Image.Transform.EXTENT, (0, 0, {width}, {height})"
    kernel = _small(np.outer(one.taps_y, one.taps_x))
    if image.floats:
        if kernel is None or kernel.sum() != kernel.max():
            raise RefusedError("it blurs no floats", "resize before the step that makes them")
        return _planes(f"transform({seen}, Image.Resampling.BILINEAR)", image)
    lines = []
    if kernel is None:
        sigmas = ((width / one.width - 1) / 2, (height / one.height - 1) / 2)
        x, y = (f"{max(sigma, 0):.10g}" for sigma in sigmas)
        lines = [f"image = filtered(image, ImageFilter.GaussianBlur(({x}, {y})), {_reach(max(sigmas))})"]
    elif kernel.sum() != kernel.max():
        lines = _filter(kernel)
    return [*lines, f"image = warped(image, {seen})"]


def _small(kernel: Map) -> Map | None:
    """A kernel with zeros around as the 3 x 3 or 5 x 5 that Pillow takes; None where it is larger."""
    if max(kernel.shape) > _KERNEL_SIDE:
        return None
    side = 3 if max(kernel.shape) <= 3 else _KERNEL_SIDE
    return np.pad(kernel, [((side - long) // 2, (side - long) // 2) for long in kernel.shape])


def _filter(kernel: Map) -> list[str]:
    """Pillow turns kernels upside down."""
    rows = "".join(f"    {', '.join(f'{value:.9g}' for value in row)},\n" for row in kernel[::-1])
    return [
        f"kernel = ImageFilter.Kernel({kernel.shape}, [\n{rows}], scale=1)",
        f"image = filtered(image, kernel, {len(kernel) // 2})",
    ]


def _reach(sigma: float) -> int:
    """How far Pillow's three boxes see, and some."""
    return int(4 * sigma) + 2


def _resize_area(one: ops.AreaResizing, image: Image) -> list[str]:
    if image.floats or image.shape[0] % one.height or image.shape[1] % one.width:
        return _array(IN_NUMPY[ops.AreaResizing].write)(one, image)
    return [f"image = image.resize(({one.width}, {one.height}), Image.Resampling.BOX)"]


def _table(one: ops.Table, image: Image) -> list[str]:
    if one.values.shape[1] == 1:
        times = f" * {image.channels}" if image.channels > 1 else ""
        return [f"table = {_list(one.values[:, 0])}", f"image = image.point(table{times})"]
    return [
        *(f"{name} = {_list(one.values[:, index])}" for index, name in enumerate(("red", "green", "blue"))),
        "image = image.point(red + green + blue)",
    ]


def _box_radius(taps: tuple[float, ...]) -> float | None:
    """The radius of a box with these taps, the outermost of which may be less; None where none has them."""
    middle = len(taps) // 2
    if (
        not middle
        or not np.allclose(taps[1:-1], taps[middle], rtol=1e-9)
        or not np.isclose(taps[0], taps[-1], rtol=1e-9)
    ):
        return None
    radius = float(f"{middle - 1 + taps[0] / taps[middle]:.10g}")
    return radius if middle - 1 < radius <= middle else None


def _separable(one: ops.Separable, image: Image) -> list[str]:
    if len(one.taps) == 1:
        return []
    if (kernel := _small(np.outer(one.taps, one.taps))) is not None and not _box_radius(one.taps):
        return _filter(kernel)
    if (radius := _box_radius(one.taps)) is not None:
        return [f"image = image.filter(ImageFilter.BoxBlur({radius!r}))"]
    if (sigma := ops.sigma_of(one.taps)) is not None:
        return [f"image = filtered(image, ImageFilter.GaussianBlur({sigma!r}), {_reach(sigma)})"]
    raise RefusedError("it has no blur by other weights than a Gaussian's or a box's", "GaussianBlur can be exported")


def _blurs(one: ops.Separable, image: Image) -> Grade:
    near = len(one.taps) <= _KERNEL_SIDE or _box_radius(one.taps) is not None
    return ONE if near else _gaussian(one.taps)


def _gaussian(taps: tuple[float, ...], times: float = 1.0) -> Grade:
    """Three boxes are less like a Gaussian where it reaches few pixels."""
    return approximate(math.ceil((14 if len(taps) <= 9 else 7) * times))


def _resizes(one: ops.Resizing, image: Image) -> Grade:
    return ONE if max(len(one.taps_y), len(one.taps_x)) <= _KERNEL_SIDE else approximate(12)


def _sharpen(one: ops.Sharpening, image: Image) -> list[str]:
    kernel = _small(np.outer(one.taps, one.taps))
    if kernel is not None:
        sharper = -one.amount * kernel
        sharper[len(kernel) // 2, len(kernel) // 2] += 1 + one.amount
        return _filter(sharper)
    sigma = ops.sigma_of(one.taps)
    if sigma is None:
        raise RefusedError("it sharpens by a Gaussian", "UnsharpMask can be exported")
    mask = f"ImageFilter.UnsharpMask({sigma!r}, {round(100 * one.amount)}, threshold=0)"
    return [f"image = filtered(image, {mask}, {_reach(sigma)})"]


def _sharpens(one: ops.Sharpening, image: Image) -> Grade:
    return ONE if len(one.taps) <= _KERNEL_SIDE else _gaussian(one.taps, max(one.amount, 0.2))


def _correlate(one: ops.Correlation, image: Image) -> list[str]:
    kernel = _small(one.kernel)
    if kernel is None:
        return [f"kernel = {array(one.kernel)}", "image = correlated(image, kernel)"]
    return _filter(kernel)


def _mix(one: ops.ChannelMix, image: Image) -> list[str]:
    if one.blend == 1:
        return [f"image = {_converted(one.matrix)}"]
    if (one.matrix < 0).any():
        return _array(IN_NUMPY[ops.ChannelMix].write)(one, image)
    # What the matrix gives stops at white; a mean of the image and that is the lesser of two sums.
    rest = (1 - one.blend) * np.eye(3)
    return [
        f"mixed = {_converted(rest + one.blend * one.matrix)}",
        f"white = {_converted(rest, 255 * one.blend)}",
        "image = ImageChops.darker(mixed, white)",
    ]


def _converted(matrix: Map, plus: float = 0.0) -> str:
    rows = "".join(f"    {', '.join(f'{value:.12g}' for value in (*row, plus))},\n" for row in matrix)
    return f'image.convert("RGB", (\n{rows}))'


def _to_gray(one: ops.ToGray, _: Image) -> list[str]:
    if one.weights == GRAY_WEIGHTS["bt601"]:
        return ['image = image.convert("L")']
    return [f'image = image.convert("L", {(*one.weights, 0)})']


def _order(one: ops.ChannelOrder, _: Image) -> list[str]:
    names = ("red", "green", "blue")
    picked = ", ".join(names[index] for index in one.order)
    return [f"{', '.join(names)} = image.split()", f'image = Image.merge("RGB", ({picked}))']


def _fill(one: ops.Fill, image: Image) -> list[str]:
    return [
        f"image.paste({_level(one.value, image)}, ({left}, {top}, {left + width}, {top + height}))"
        for top, left, height, width in one.rectangles
    ]


def _scale(kind: type[ops.Operation]) -> Callable[..., list[str]]:
    def lines(one: ops.Operation, image: Image) -> list[str]:
        whole = "[..., None]" if image.shape[2:] == (1,) else ""
        return [*([] if image.floats else [_TO_ARRAY + whole]), *IN_NUMPY[kind].write(one, image)]

    return lines


def _numpy(row: Row) -> Row:
    return Row(row.call, _array(row.write), row.grade, row.cause)


_HALVES = "halves may be rounded the other way"

TARGET = Explicit(
    "pillow",
    "Pillow",
    ("PIL",),
    (
        "import io",
        "import numpy as np",
        "from PIL import Image",
        "from PIL import ImageChops",
        "from PIL import ImageFilter",
        "from PIL import ImageOps",
        "from PIL import ImageStat",
    ),
    rows={
        ops.Slice: Row("Image.crop, Image.transpose", _slice),
        ops.Tiles: Row("Image.crop, Image.paste", _tiles),
        ops.Padding: Row("ImageOps.expand for constants, else numpy.pad", _pad),
        ops.Warp: Row(
            'Image.transform(AFFINE or PERSPECTIVE, BILINEAR) in mode "F"',
            _warp,
            ONE,
            f"{_HALVES}; on 8 bits Pillow cuts fractions off (2 of 5 pixels a level darker) and does not blend with "
            "what lies beyond the border (up to 106 levels there)",
        ),
        ops.Resizing: Row(
            'Image.resize(BILINEAR) to enlarge; ImageFilter and Image.transform in mode "F" to shrink',
            _resize,
            _resizes,
            "Pillow's Gaussian is made of three boxes; its own filter for shrinking is a triangle, up to 29 levels away",
        ),
        ops.AreaResizing: Row(
            "Image.resize(BOX) by whole factors, else numpy.einsum",
            _resize_area,
            ONE,
            f"{_HALVES}; by other factors BOX takes whole pixels, up to 56 levels away",
        ),
        ops.NearestResizing: _numpy(IN_NUMPY[ops.NearestResizing]),
        ops.Table: Row("Image.point", _table),
        ops.Separable: Row(
            "ImageFilter.BoxBlur, ImageFilter.GaussianBlur, ImageFilter.Kernel up to 5 x 5",
            _separable,
            _blurs,
            "Pillow's Gaussian is made of three boxes",
        ),
        ops.Sharpening: Row(
            "ImageFilter.UnsharpMask, ImageFilter.Kernel up to 5 x 5",
            _sharpen,
            _sharpens,
            "Pillow's Gaussian is made of three boxes, and percent is a whole number",
        ),
        ops.Correlation: Row("ImageFilter.Kernel up to 5 x 5, else numpy", _correlate, ONE, _HALVES),
        ops.Median: Row(
            "ImageFilter.MedianFilter",
            lambda one, _: [f"image = image.filter(ImageFilter.MedianFilter({2 * one.radius + 1}))"],
        ),
        ops.ChannelMix: Row("Image.convert with a matrix", _mix, ONE, _HALVES),
        ops.ChannelOrder: Row("Image.split, Image.merge", _order),
        ops.ToGray: Row("Image.convert", _to_gray, ONE, "Pillow computes in fixed point"),
        ops.ToRGB: Row("Image.convert", lambda *_: ['image = image.convert("RGB")']),
        ops.Fill: Row("Image.paste", _fill),
        ops.HueSaturation: _numpy(IN_NUMPY[ops.HueSaturation]),
        ops.GrayMeanContrast: Row(
            "ImageStat.Stat and Image.point",
            lambda one, _: [f"image = about_mean_gray(image, {one.factor!r})"],
            ONE,
            f"{_HALVES}; ImageEnhance.Contrast rounds the mean and cuts fractions off",
        ),
        ops.OwnTable: Row(
            "Image.histogram and Image.point, numpy.quantile",
            lambda one, image: (
                ["image = equalized(image)"]
                if one.kind == "equalize"
                else _array(IN_NUMPY[ops.OwnTable].write)(one, image)
            ),
            ONE,
            f"{_HALVES}; ImageOps.equalize has another curve, up to 28 levels away",
        ),
        ops.Scaling: Row("numpy", _scale(ops.Scaling)),
        ops.OwnScaling: Row("numpy", _scale(ops.OwnScaling)),
        ops.JPEG: Row(
            "Image.save, Image.open",
            lambda one, _: [f'image = compressed(image, {one.quality}, "{one.subsampling}")'],
            EXACT,
        ),
    },
    named={name: _numpy(row) for name, row in own_steps.NAMED.items()},
    functions=FUNCTIONS,
    within=_within,
)
