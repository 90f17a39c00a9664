"""SciPy and NumPy: what scikit-image itself stands on."""

from augmentlab.interop import operations as ops
from augmentlab.interop import own_steps
from augmentlab.interop.explicit import Explicit, Image, Row, array
from augmentlab.interop.grades import EXACT, ONE, SUMS, RefusedError

_MODES = {
    "edge": "nearest",
    "reflect": "mirror",
    "symmetric": "reflect",
    "wrap": "grid-wrap",
    "constant": "grid-constant",
}

# Functions in NumPy alone, which any text may call whose library has no such operation.
NUMPY = {
    "rounded": '''
def rounded(values):
    """To the nearest level, clipped."""
    return np.rint(np.clip(values, 0, 255)).astype(np.uint8)
''',
    "shuffle_tiles": '''
def shuffle_tiles(image, height, width, count, order):
    """The place number k, row by row, shows tile order[k]."""
    shown = image.copy()
    for place, tile in enumerate(order):
        row, column = tile // count * height, tile % count * width
        part = image[row : row + height, column : column + width]
        row, column = place // count * height, place % count * width
        shown[row : row + height, column : column + width] = part
    return shown
''',
    "area_means": '''
def area_means(before, after):
    """What each of `before` pixels along a side gives to each of `after` over the same length: (after, before)."""
    low = np.arange(after)[:, None] * before / after
    pixels = np.arange(before)
    shared = np.minimum(low + before / after, pixels + 1) - np.maximum(low, pixels)
    return np.clip(shared, 0, None) * after / before
''',
    "equalized": '''
def equalized(image):
    """Each channel's histogram spread evenly; a channel of one value stays."""
    planes = image.reshape(*image.shape[:2], -1).copy()
    for channel in range(planes.shape[2]):
        plane = planes[..., channel]
        if plane.min() < plane.max():
            share = np.cumsum(np.bincount(plane.ravel(), minlength=256)) / plane.size
            planes[..., channel] = rounded(share * 255)[plane]
    return planes.reshape(image.shape)
''',
    "stretched": '''
def stretched(image, cutoff, together):
    """The values from the quantile `cutoff` to 1 - `cutoff` spread over all levels; what has one value stays."""
    low, high = np.quantile(image.astype(float), [cutoff, 1 - cutoff], axis=None if together else (0, 1))
    flat = high - low <= 1e-6 * 255
    return rounded(np.clip((image - np.where(flat, 0, low)) / np.where(flat, 255, high - low), 0, 1) * 255)
''',
    "turned": '''
def turned(image, hue, saturation):
    """Hue turned by `hue` turns and saturation scaled, in HSV."""
    red, green, blue = np.moveaxis(image.astype(np.float32), -1, 0)
    value = image.max(axis=-1).astype(np.float32)
    chroma = value - image.min(axis=-1)
    ahead = np.where(value == red, green - blue, np.where(value == green, blue - red, red - green))
    sextant = np.where(value == red, 0, np.where(value == green, 2, 4))
    place = sextant + ahead / np.where(chroma == 0, 1, chroma)
    chroma = np.minimum(chroma * saturation, value)
    away = (place[..., None] + 6 * hue + np.array([5, 3, 1])) % 6
    return rounded(value[..., None] - chroma[..., None] * np.clip(np.minimum(away, 4 - away), 0, 1))
''',
    "about_mean_gray": '''
def about_mean_gray(image, factor):
    """Stretched about the mean of the image's gray (ITU-R BT.601)."""
    values = image.astype(float)
    mean = (values @ [0.299, 0.587, 0.114] if image.shape[2:] == (3,) else values).mean()
    return rounded(mean + factor * (values - mean))
''',
}


def _per_axis(image: Image, of_pixels: str, of_channels: str) -> str:
    """A tuple of arguments, one for each axis."""
    return f"({of_pixels}, {of_channels})" if len(image.shape) == 3 else f"({of_pixels})"


def _slice(one: ops.Slice, image: Image) -> list[str]:
    lines = []
    if one.cuts(image.shape):
        lines.append(f"image = image[{one.top}:{one.top + one.height}, {one.left}:{one.left + one.width}]")
    if one.flip_rows or one.flip_columns:
        lines.append(f"image = image[{'::-1' if one.flip_rows else ':'}, {'::-1' if one.flip_columns else ':'}]")
    if one.transpose:
        lines.append("image = image.swapaxes(0, 1)")
    return lines


def _pad(one: ops.Padding, image: Image) -> list[str]:
    widths = _per_axis(image, f"({one.top}, {one.bottom}), ({one.left}, {one.right})", "(0, 0)")
    constant = f", constant_values={one.fill:.9g}" if one.border == "constant" else ""
    return [f'image = np.pad(image, {widths}, mode="{one.border}"{constant})']


def _warp(one: ops.Warp, image: Image) -> list[str]:
    (a, b, c), (d, e, f), (g, h, i) = one.matrix
    # SciPy counts (row, column), the matrix (x, y).
    rows = [[e, d, f], [b, a, c], [h, g, i]]
    lines = [f"matrix = {array(rows)}"]
    if one.matrix[2, :2].any():
        lines += [f"rows, columns = np.mgrid[:{one.height}, :{one.width}]"]
        lines += ["there = np.tensordot(matrix, np.stack([rows, columns, np.ones(rows.shape)]), 1)"]
        lines += ["there = there[:2] / there[2]"]
        each = f'ndimage.map_coordinates(plane, there, order=1, mode="{_MODES[one.border]}", cval={one.fill:.9g})'
    else:
        lines += [f"shape = ({one.height}, {one.width})"]
        how = f'order=1, mode="{_MODES[one.border]}", cval={one.fill:.9g}'
        each = f"ndimage.affine_transform(plane, matrix, output_shape=shape, {how})"
    return [*lines, *_planes(image, each)]


def _planes(image: Image, each: str) -> list[str]:
    """Something done to every channel, as floats."""
    if len(image.shape) == 2:
        return ["plane = image.astype(float)", f"moved = {each}", f"image = {_back('moved', image)}"]
    return [
        "planes = [",
        f"    {each}",
        "    for plane in np.moveaxis(image.astype(float), -1, 0)",
        "]",
        f"image = {_back('np.stack(planes, axis=-1)', image)}",
    ]


def _back(values: str, image: Image) -> str:
    return f"{values}.astype(np.float32)" if image.floats else f"rounded({values})"


def _resize(one: ops.Resizing, image: Image) -> list[str]:
    lines = ["image = image.astype(float)"]
    for axis, taps in ((0, one.taps_y), (1, one.taps_x)):
        if len(taps) > 1:
            lines.append(f"taps = {array(taps)}")
            lines.append(f'image = ndimage.correlate1d(image, taps, axis={axis}, mode="nearest")')
    factors = _per_axis(image, f"{one.height} / {image.shape[0]}, {one.width} / {image.shape[1]}", "1")
    zoomed = f'ndimage.zoom(image, {factors}, order=1, mode="nearest", grid_mode=True)'
    return [*lines, f"image = {_back(zoomed, image)}"]


def _resize_area(one: ops.AreaResizing, image: Image) -> list[str]:
    means = 'np.einsum("yr,rc...,xc->yx...", rows, image, columns, optimize=True)'
    return [
        f"rows, columns = area_means({image.shape[0]}, {one.height}), area_means({image.shape[1]}, {one.width})",
        f"image = {_back(means, image)}",
    ]


def _resize_nearest(one: ops.NearestResizing, image: Image) -> list[str]:
    (height, width), (rows, columns) = image.shape[:2], (one.height, one.width)
    return [
        f"rows = (2 * np.arange({rows}) + 1) * {height} // {2 * rows}",
        f"columns = (2 * np.arange({columns}) + 1) * {width} // {2 * columns}",
        "image = image[rows[:, None], columns]",
    ]


def _table(one: ops.Table, image: Image) -> list[str]:
    if one.values.shape[1] == 1:
        return [f"table = {array(one.values[:, 0], 'uint8')}", "image = table[image]"]
    return [
        f"tables = {array(one.values.T, 'uint8')}",
        "image = np.stack([table[image[..., channel]] for channel, table in enumerate(tables)], axis=-1)",
    ]


def _separable(one: ops.Separable, image: Image) -> list[str]:
    return [
        f"taps = {array(one.taps)}",
        'image = ndimage.correlate1d(image.astype(float), taps, axis=0, mode="nearest")',
        'image = rounded(ndimage.correlate1d(image, taps, axis=1, mode="nearest"))',
    ]


def _sharpen(one: ops.Sharpening, image: Image) -> list[str]:
    return [
        f"taps = {array(one.taps)}",
        "values = image.astype(float)",
        'mean = ndimage.correlate1d(values, taps, axis=0, mode="nearest")',
        'mean = ndimage.correlate1d(mean, taps, axis=1, mode="nearest")',
        f"image = rounded(values + {one.amount!r} * (values - mean))",
    ]


def _correlate(one: ops.Correlation, image: Image) -> list[str]:
    return [
        f"kernel = {array(one.kernel)}",
        *_planes(image, 'ndimage.correlate(plane, kernel, mode="nearest")'),
    ]


def _median(one: ops.Median, image: Image) -> list[str]:
    side = 2 * one.radius + 1
    return [f'image = ndimage.median_filter(image, size={_per_axis(image, f"{side}, {side}", "1")}, mode="nearest")']


def _mix(one: ops.ChannelMix, image: Image) -> list[str]:
    lines = [f"matrix = {array(one.matrix)}", "mixed = np.clip(image @ matrix.T, 0, 255)"]
    if one.blend == 1:
        return [*lines, "image = rounded(mixed)"]
    return [*lines, f"image = rounded(image + {one.blend!r} * (mixed - image))"]


def _fill(one: ops.Fill, image: Image) -> list[str]:
    lines = ["image = image.copy()"]
    for top, left, height, width in one.rectangles:
        lines.append(f"image[{top}:{top + height}, {left}:{left + width}] = {one.value:.9g}")
    return lines


def _scale(one: ops.Scaling, image: Image) -> list[str]:
    return [f"image = (image * {array(one.scale)} + {array(one.shift)}).astype(np.float32)"]


def _own_scale(one: ops.OwnScaling, image: Image) -> list[str]:
    unit = "image.astype(float)" if image.floats else "image / 255"
    lines = [f"image = {unit}"]
    if one.kind == "minmax":
        return [
            *lines,
            "span = image.max() - image.min()",
            "image = ((image - image.min()) / (span or 1)).astype(np.float32)",
        ]
    axes = "(0, 1)" if one.per_channel else "None"
    count = image.shape[0] * image.shape[1] * (1 if one.per_channel else image.channels)
    lines.append(f"image = image - image.mean(axis={axes})")
    if one.kind == "standardize":
        # the mean is 0 now, so that this is the deviation
        lines.append(f"image = image / np.maximum(np.sqrt((image**2).mean(axis={axes})), 1 / np.sqrt({count}))")
    return [*lines, "image = image.astype(np.float32)"]


def _own_table(one: ops.OwnTable, image: Image) -> list[str]:
    return [
        "image = equalized(image)"
        if one.kind == "equalize"
        else f"image = stretched(image, {one.cutoff!r}, {one.together})"
    ]


# Rows in NumPy alone, for every target whose text is Python.
IN_NUMPY: dict[type[ops.Operation], Row] = {
    ops.Slice: Row("array slices", _slice),
    ops.Tiles: Row(
        "array slices",
        lambda one, _: [
            f"order = {array(one.order)}",
            f"image = shuffle_tiles(image, {one.height}, {one.width}, {one.count}, order)",
        ],
    ),
    ops.Padding: Row("numpy.pad", _pad),
    ops.AreaResizing: Row("numpy.einsum", _resize_area, ONE, SUMS),
    ops.NearestResizing: Row("numpy indexing", _resize_nearest),
    ops.Table: Row("numpy indexing", _table),
    ops.ChannelMix: Row("numpy.matmul", _mix, ONE, SUMS),
    ops.ChannelOrder: Row("numpy indexing", lambda one, _: [f"image = image[..., {list(one.order)}]"]),
    ops.ToGray: Row(
        "numpy.matmul",
        lambda one, _: [f"image = rounded(image @ {array(one.weights)})[..., None]"],
        ONE,
        SUMS,
    ),
    ops.ToRGB: Row(
        "numpy.repeat",
        lambda _, image: [f"image = np.repeat(image{'' if len(image.shape) == 3 else '[..., None]'}, 3, axis=2)"],
    ),
    ops.Fill: Row("array slices", _fill),
    ops.HueSaturation: Row(
        "numpy",
        lambda one, _: [f"image = turned(image, {one.hue!r}, {one.saturation!r})"],
        ONE,
        SUMS,
    ),
    ops.GrayMeanContrast: Row(
        "numpy",
        lambda one, _: [f"image = about_mean_gray(image, {one.factor!r})"],
        ONE,
        SUMS,
    ),
    ops.OwnTable: Row(
        "numpy.histogram, numpy.quantile",
        _own_table,
        ONE,
        SUMS,
    ),
    ops.Scaling: Row("numpy", _scale),
    ops.OwnScaling: Row("numpy", _own_scale),
}

_SAME = "the reference engine computes it so; the fast engine rounds the other way at halves"

_ZOOMED = own_steps.zoomed(
    "scale = (shrink, shrink, 1)[: image.ndim]",
    "offset = (y * (1 - shrink), x * (1 - shrink), 0)[: image.ndim]",
    'moved = ndimage.affine_transform(mean, scale, offset, order=1, mode="nearest")',
)

TARGET = Explicit(
    "scipy",
    "SciPy",
    ("scipy",),
    ("import numpy as np", "from scipy import ndimage"),
    rows={
        **IN_NUMPY,
        ops.Warp: Row("ndimage.affine_transform, ndimage.map_coordinates", _warp, ONE, _SAME),
        ops.Resizing: Row("ndimage.correlate1d and ndimage.zoom(grid_mode=True)", _resize, ONE, _SAME),
        ops.Separable: Row("ndimage.correlate1d", _separable, ONE, _SAME),
        ops.Sharpening: Row("ndimage.correlate1d", _sharpen, ONE, _SAME),
        ops.Correlation: Row("ndimage.correlate", _correlate, ONE, _SAME),
        ops.Median: Row("ndimage.median_filter", _median, EXACT),
    },
    refusals={
        ops.JPEG: RefusedError("it compresses no images", "Pillow and OpenCV can"),
    },
    named={**own_steps.NAMED, **own_steps.zoom_blur("ndimage.affine_transform", _SAME)},
    functions=NUMPY | own_steps.FUNCTIONS | _ZOOMED,
)
