"""TensorFlow: operations on tensors alone, so that the text runs eagerly and inside the maps of `tf.data`."""

import augmentlab
from augmentlab.interop import operations as ops
from augmentlab.interop.explicit import Explicit, Image, Row, array, called
from augmentlab.interop.grades import EXACT, ONE, Grade, RefusedError
from augmentlab.transform import Transform

_FUNCTIONS = {
    "rounded": '''
def rounded(values):
    """To the nearest level, clipped."""
    return tf.cast(tf.round(tf.clip_by_value(values, 0, 255)), tf.uint8)
''',
    "folded": '''
def folded(places, size, border):
    """Which of `size` pixels is seen at each whole place, with the borders of numpy.pad."""
    if border == "edge" or size == 1:
        return tf.clip_by_value(places, 0, size - 1)
    if border == "wrap":
        return places % size
    period, last = (2 * size, 2 * size - 1) if border == "symmetric" else (2 * size - 2, 2 * size - 2)
    return tf.minimum(places % period, last - places % period)
''',
    "bordered": '''
def bordered(image, top, bottom, left, right, border):
    """Whole pixels added around, with the borders of numpy.pad."""
    for axis, before, after in ((0, top, bottom), (1, left, right)):
        size = image.shape[axis]
        image = tf.gather(image, folded(tf.range(-before, size + after), size, border), axis=axis)
    return image
''',
    "correlated": '''
def correlated(image, kernel):
    """Weighted sums of each value's neighbours, as floats; beyond the border its pixels are repeated."""
    y, x = kernel.shape[0] // 2, kernel.shape[1] // 2
    values = bordered(tf.cast(image, tf.float32), y, y, x, x, "edge")
    values = tf.reshape(values, [1, values.shape[0], values.shape[1], -1])
    kernels = tf.tile(kernel[..., tf.newaxis, tf.newaxis], [1, 1, values.shape[3], 1])
    return tf.reshape(tf.nn.depthwise_conv2d(values, kernels, [1, 1, 1, 1], "VALID"), image.shape)
''',
    "seen_through": '''
def seen_through(image, matrix, height, width, border):
    """Interpolated linearly at the places to which the matrix sends each pixel, with the borders of numpy.pad."""
    columns, rows = tf.meshgrid(tf.range(width, dtype=tf.float64), tf.range(height, dtype=tf.float64))
    x, y, depth = tf.unstack(tf.tensordot(matrix, tf.stack([columns, rows, tf.ones_like(rows)]), 1))
    x, y = x / depth, y / depth
    values = tf.reshape(tf.cast(image, tf.float64), [image.shape[0], image.shape[1], -1])
    left, top = tf.floor(x), tf.floor(y)
    seen = tf.zeros([height, width, values.shape[2]], tf.float64)
    for row, down in ((top, top + 1 - y), (top + 1, y - top)):
        for column, across in ((left, left + 1 - x), (left + 1, x - left)):
            places = [
                folded(tf.cast(row, tf.int32), values.shape[0], border),
                folded(tf.cast(column, tf.int32), values.shape[1], border),
            ]
            seen += (down * across)[..., tf.newaxis] * tf.gather_nd(values, tf.stack(places, axis=-1))
    return tf.reshape(seen, [height, width, *image.shape[2:]])
''',
    "shuffle_tiles": '''
def shuffle_tiles(image, height, width, count, order):
    """The place number k, row by row, shows tile order[k]; what fills no tile stays."""
    rows, columns = count * height, count * width
    tiles = tf.reshape(image[:rows, :columns], [count, height, count, width, -1])
    tiles = tf.reshape(tf.transpose(tiles, [0, 2, 1, 3, 4]), [count * count, height, width, -1])
    tiles = tf.reshape(tf.gather(tiles, order), [count, count, height, width, -1])
    shown = tf.reshape(tf.transpose(tiles, [0, 2, 1, 3, 4]), [rows, columns, *image.shape[2:]])
    return tf.concat([tf.concat([shown, image[:rows, columns:]], axis=1), image[rows:]], axis=0)
''',
    "covered": '''
def covered(image, top, left, height, width, value):
    """A rectangle of one value."""
    rows, columns = tf.range(image.shape[0])[:, tf.newaxis], tf.range(image.shape[1])
    inside = (rows >= top) & (rows < top + height) & (columns >= left) & (columns < left + width)
    inside = tf.reshape(inside, [*inside.shape, 1][: len(image.shape)])
    return tf.where(inside, tf.cast(value, image.dtype), image)
''',
    "median": '''
def median(image, radius):
    """The middle of the values in a square; beyond the border its pixels are repeated."""
    side, (height, width, channels) = 2 * radius + 1, image.shape
    padded = bordered(image, radius, radius, radius, radius, "edge")
    squares = tf.image.extract_patches(padded[tf.newaxis], [1, side, side, 1], [1] * 4, [1] * 4, "VALID")
    return tf.sort(tf.reshape(squares, [height, width, side**2, channels]), axis=2)[:, :, side**2 // 2]
''',
    "equalized": '''
def equalized(image):
    """Each channel's histogram spread evenly; a channel of one value stays."""
    planes = tf.reshape(tf.cast(image, tf.int32), [image.shape[0] * image.shape[1], -1])
    flattened = []
    for plane in tf.unstack(planes, axis=1):
        counts = tf.math.bincount(plane, minlength=256, maxlength=256)
        table = tf.cast(tf.round(tf.cumsum(counts) / plane.shape[0] * 255), tf.int32)
        table = tf.where(tf.reduce_max(counts) == plane.shape[0], tf.range(256), table)
        flattened.append(tf.gather(table, plane))
    return tf.cast(tf.reshape(tf.stack(flattened, axis=1), image.shape), tf.uint8)
''',
    "stretched": '''
def stretched(image, cutoff, together):
    """The values from the quantile `cutoff` to 1 - `cutoff` spread over all levels; what has one value stays."""
    count = image.shape[0] * image.shape[1]
    values = tf.reshape(tf.cast(image, tf.float64), [-1, 1] if together else [count, -1])
    ranked, last = tf.sort(values, axis=0), values.shape[0] - 1
    ends = []
    for place in (cutoff * last, (1 - cutoff) * last):
        rank = min(int(place), max(last - 1, 0))
        ends.append(ranked[rank] + (place - rank) * (ranked[min(rank + 1, last)] - ranked[rank]))
    low, high = ends
    flat = high - low <= 1e-6 * 255
    shares = (values - tf.where(flat, tf.zeros_like(low), low)) / tf.where(flat, 255 * tf.ones_like(low), high - low)
    return tf.reshape(rounded(tf.clip_by_value(shares, 0, 1) * 255), image.shape)
''',
}


def _constant(values: object, dtype: str = "float32") -> str:
    return array(values, dtype).replace("np.array", "tf.constant").replace("np.", "tf.")


def _with_channels(image: Image, *lines: str) -> list[str]:
    """Lines for operations that ask for an axis of channels."""
    if len(image.shape) == 3:
        return list(lines)
    return ["image = image[..., tf.newaxis]", *lines, "image = image[..., 0]"]


def _back(values: str, image: Image) -> str:
    return values if image.floats else f"rounded({values})"


def _slice(one: ops.Slice, image: Image) -> list[str]:
    lines = []
    if one.cuts(image.shape):
        lines.append(f"image = image[{one.top}:{one.top + one.height}, {one.left}:{one.left + one.width}]")
    axes = [axis for axis, turned in enumerate((one.flip_rows, one.flip_columns)) if turned]
    if axes:
        lines.append(f"image = tf.reverse(image, axis={axes})")
    if one.transpose:
        lines.append(f"image = tf.transpose(image, {[1, 0, 2][: len(image.shape)]})")
    return lines


def _tiles(one: ops.Tiles, image: Image) -> list[str]:
    return [f"image = shuffle_tiles(image, {one.height}, {one.width}, {one.count}, {list(one.order)})"]


def _pad(one: ops.Padding, image: Image) -> list[str]:
    around = [[one.top, one.bottom], [one.left, one.right], [0, 0]][: len(image.shape)]
    if one.border == "constant":
        fill = f"{one.fill:.9g}" if image.floats else f"{one.fill:.0f}"
        return [f"image = tf.pad(image, {around}, constant_values={fill})"]
    # tf.pad mirrors once and no further
    most = [side - (one.border == "reflect") for side in image.shape[:2]]
    if one.border in {"reflect", "symmetric"} and all(
        max(both) <= end for both, end in zip(around, most, strict=False)
    ):
        return [f'image = tf.pad(image, {around}, mode="{one.border.upper()}")']
    return [f'image = bordered(image, {one.top}, {one.bottom}, {one.left}, {one.right}, "{one.border}")']


_FILL_MODES = {"constant": "CONSTANT", "edge": "NEAREST", "symmetric": "REFLECT"}  # its WRAP is not that of NumPy


def _warp(one: ops.Warp, image: Image) -> list[str]:
    if one.border not in _FILL_MODES:
        there = f'seen_through(image, matrix, {one.height}, {one.width}, "{one.border}")'
        return [
            f"matrix = {_constant(one.matrix, 'float64')}",
            f"image = {f'tf.cast({there}, tf.float32)' if image.floats else f'rounded({there})'}",
        ]
    return _with_channels(
        image,
        f"matrix = {_constant((one.matrix / one.matrix[2, 2]).ravel()[:8])}",
        "image = tf.raw_ops.ImageProjectiveTransformV3(",
        "    images=tf.cast(image, tf.float32)[tf.newaxis],",
        "    transforms=matrix[tf.newaxis],",
        f"    output_shape=tf.constant([{one.height}, {one.width}]),",
        f"    fill_value={one.fill:.9g},",
        '    interpolation="BILINEAR",',
        f'    fill_mode="{_FILL_MODES[one.border]}",',
        ")[0]",
        *([] if image.floats else ["image = rounded(image)"]),
    )


def _resize(one: ops.Resizing, image: Image) -> list[str]:
    lines = ["image = tf.cast(image, tf.float32)"]
    for taps, turned in ((one.taps_y, ":, tf.newaxis"), (one.taps_x, "tf.newaxis, :")):
        if len(taps) > 1:
            lines += [f"taps = {_constant(taps)}", f"image = correlated(image, taps[{turned}])"]
    resized = f'tf.image.resize(image, [{one.height}, {one.width}], method="bilinear")'
    return _with_channels(image, *lines, f"image = {_back(resized, image)}")


def _area(one: ops.AreaResizing, image: Image) -> list[str]:
    resized = f'tf.image.resize(tf.cast(image, tf.float32), [{one.height}, {one.width}], method="area")'
    return _with_channels(image, f"image = {_back(resized, image)}")


def _nearest(one: ops.NearestResizing, image: Image) -> list[str]:
    (height, width), (rows, columns) = image.shape[:2], (one.height, one.width)
    # whole numbers; tf.image.resize takes the pixel beside where single precision falls short of one
    return [
        f"rows = (2 * tf.range({rows}) + 1) * {height} // {2 * rows}",
        f"columns = (2 * tf.range({columns}) + 1) * {width} // {2 * columns}",
        "image = tf.gather(tf.gather(image, rows, axis=0), columns, axis=1)",
    ]


def _table(one: ops.Table, image: Image) -> list[str]:
    if one.values.shape[1] == 1:
        return [
            f"table = {_constant(one.values[:, 0], 'uint8')}",
            "image = tf.gather(table, tf.cast(image, tf.int32))",
        ]
    return [
        f"tables = {_constant(one.values.T, 'uint8')}",
        "levels = tf.unstack(tf.cast(image, tf.int32), axis=-1)",
        "image = tf.stack([tf.gather(table, plane) for table, plane in zip(tf.unstack(tables), levels)], axis=-1)",
    ]


def _separable(one: ops.Separable, image: Image) -> list[str]:
    return [
        f"taps = {_constant(one.taps)}",
        "image = rounded(correlated(correlated(image, taps[:, tf.newaxis]), taps[tf.newaxis, :]))",
    ]


def _sharpen(one: ops.Sharpening, image: Image) -> list[str]:
    return [
        f"taps = {_constant(one.taps)}",
        "mean = correlated(correlated(image, taps[:, tf.newaxis]), taps[tf.newaxis, :])",
        "values = tf.cast(image, tf.float32)",
        f"image = rounded(values + {one.amount!r} * (values - mean))",
    ]


def _correlate(one: ops.Correlation, image: Image) -> list[str]:
    return [f"kernel = {_constant(one.kernel)}", "image = rounded(correlated(image, kernel))"]


def _median(one: ops.Median, image: Image) -> list[str]:
    return _with_channels(image, f"image = median(image, {one.radius})")


def _mix(one: ops.ChannelMix, image: Image) -> list[str]:
    lines = [
        f"matrix = {_constant(one.matrix.T)}",
        "values = tf.cast(image, tf.float32)",
        "mixed = tf.clip_by_value(tf.tensordot(values, matrix, 1), 0, 255)",
    ]
    return [*lines, f"image = rounded({'mixed' if one.blend == 1 else f'values + {one.blend!r} * (mixed - values)'})"]


def _order(one: ops.ChannelOrder, image: Image) -> list[str]:
    return [f"image = tf.gather(image, {list(one.order)}, axis=-1)"]


def _gray(one: ops.ToGray, image: Image) -> list[str]:
    return [f"image = rounded(tf.tensordot(tf.cast(image, tf.float32), {_constant(one.weights)}, 1))[..., tf.newaxis]"]


def _rgb(_: ops.ToRGB, image: Image) -> list[str]:
    axis = "" if len(image.shape) == 3 else "[..., tf.newaxis]"
    return [f"image = tf.repeat(image{axis}, 3, axis=2)"]


def _fill(one: ops.Fill, image: Image) -> list[str]:
    return [f"image = covered(image, {', '.join(map(str, box))}, {one.value:.9g})" for box in one.rectangles]


def _hue(one: ops.HueSaturation, image: Image) -> list[str]:
    return [
        "hue, saturation, value = tf.unstack(tf.image.rgb_to_hsv(tf.cast(image, tf.float32) / 255), axis=-1)",
        f"hue, saturation = (hue + {one.hue!r}) % 1, tf.minimum(saturation * {one.saturation!r}, 1)",
        "image = rounded(tf.image.hsv_to_rgb(tf.stack([hue, saturation, value], axis=-1)) * 255)",
    ]


def _contrast(one: ops.GrayMeanContrast, image: Image) -> list[str]:
    gray = "tf.tensordot(values, tf.constant([0.299, 0.587, 0.114]), 1)" if image.channels == 3 else "values"
    return [
        "values = tf.cast(image, tf.float32)",
        f"mean = tf.reduce_mean({gray})",
        f"image = rounded(mean + {one.factor!r} * (values - mean))",
    ]


def _own_table(one: ops.OwnTable, image: Image) -> list[str]:
    if one.kind == "equalize":
        return ["image = equalized(image)"]
    return [f"image = stretched(image, {one.cutoff!r}, {one.together})"]


def _scale(one: ops.Scaling, image: Image) -> list[str]:
    return [f"image = tf.cast(image, tf.float32) * {_constant(one.scale)} + {_constant(one.shift)}"]


def _own_scale(one: ops.OwnScaling, image: Image) -> list[str]:
    # Double precision: tf.image.per_image_standardization does the same in single, and is off in the fifth digit.
    lines = ["image = tf.cast(image, tf.float64)" + ("" if image.floats else " / 255")]
    axes = "[0, 1]" if one.per_channel else "None"
    if one.kind == "minmax":
        lines.append("image -= tf.reduce_min(image)")
        lines.append("image = tf.math.divide_no_nan(image, tf.reduce_max(image))")
    else:
        lines.append(f"image -= tf.reduce_mean(image, axis={axes})")
    if one.kind == "standardize":
        count = image.shape[0] * image.shape[1] * (1 if one.per_channel else image.channels)
        lines.append(f"image /= tf.maximum(tf.math.reduce_std(image, axis={axes}), {count} ** -0.5)")
    return [*lines, "image = tf.cast(image, tf.float32)"]


def _jpeg(one: ops.JPEG, image: Image) -> list[str]:
    colors = "rgb" if image.channels == 3 else "grayscale"
    if colors == "rgb" and one.subsampling == "4:2:2":
        raise RefusedError("it halves the colours along both sides or neither", 'subsampling="4:2:0" can be exported')
    halved = one.subsampling == "4:2:0"
    return _with_channels(
        image,
        f'image = tf.io.encode_jpeg(image, format="{colors}", quality={one.quality}, chroma_downsampling={halved})',
        'image = tf.io.decode_jpeg(image, dct_method="INTEGER_ACCURATE")',
        f"image = tf.ensure_shape(image, {(*image.shape[:2], image.channels)})",
    )


def _frame(pipeline: Transform, shape: tuple[int, ...], image: Image, body: list[str], whole: Grade) -> str:
    lines = "\n".join(body).splitlines()
    functions = "".join(f"\n\n{text.strip()}\n" for text in called(_FUNCTIONS, "\n".join(lines)))
    indented = "\n".join(f"    {line}" for line in lines)
    return (
        f'"""TensorFlow for {type(pipeline).__name__}, drawn, made by augmentlab {augmentlab.__version__}.\n\n'
        f"The whole pipeline agrees with augmentlab: {whole}.\n"
        f'With tf.data: dataset.map(pipeline).\n"""\n\n'
        f"import tensorflow as tf\n{functions}\n\n"
        f"def pipeline(image):\n"
        f'    """RGB or gray: {shape} uint8 -> {image.shape} {image.dtype}; an array or a tensor, to a tensor."""\n'
        f"    image = tf.convert_to_tensor(image)\n"
        f"    if image.dtype != tf.uint8 or not image.shape.is_compatible_with({shape}):\n"
        f'        raise ValueError(f"image must be {shape} uint8; got {{image.shape}} {{image.dtype.name}}")\n'
        f"    image = tf.ensure_shape(image, {shape})\n"
        f"{indented}\n"
        f"    return image\n"
    )


_SUMS = "sums in single precision round the other way near halves"
_PLACES = "places in single precision, so that values near halves round the other way"

TARGET = Explicit(
    "tensorflow",
    "TensorFlow",
    ("tensorflow",),
    ("import tensorflow as tf",),
    rows={
        ops.Slice: Row("slices, tf.reverse, tf.transpose", _slice),
        ops.Tiles: Row("tf.reshape, tf.transpose, tf.gather", _tiles),
        ops.Padding: Row("tf.pad; tf.gather for edge and wrap", _pad),
        ops.Warp: Row("tf.raw_ops.ImageProjectiveTransformV3; tf.gather_nd for reflect and wrap", _warp, ONE, _PLACES),
        ops.Resizing: Row('tf.nn.depthwise_conv2d and tf.image.resize("bilinear")', _resize, ONE, _SUMS),
        ops.AreaResizing: Row('tf.image.resize("area")', _area, ONE, _SUMS),
        ops.NearestResizing: Row("tf.gather", _nearest),
        ops.Table: Row("tf.gather", _table),
        ops.Separable: Row("tf.nn.depthwise_conv2d", _separable, ONE, _SUMS),
        ops.Sharpening: Row("tf.nn.depthwise_conv2d", _sharpen, ONE, _SUMS),
        ops.Correlation: Row("tf.nn.depthwise_conv2d", _correlate, ONE, _SUMS),
        ops.Median: Row("tf.image.extract_patches, tf.sort", _median),
        ops.ChannelMix: Row("tf.tensordot", _mix, ONE, _SUMS),
        ops.ChannelOrder: Row("tf.gather", _order),
        ops.ToGray: Row("tf.tensordot", _gray, ONE, _SUMS),
        ops.ToRGB: Row("tf.repeat", _rgb),
        ops.Fill: Row("tf.where", _fill),
        ops.HueSaturation: Row("tf.image.rgb_to_hsv, tf.image.hsv_to_rgb", _hue, ONE, _SUMS),
        ops.GrayMeanContrast: Row("tf.reduce_mean", _contrast, ONE, _SUMS),
        ops.OwnTable: Row("tf.math.bincount, tf.sort", _own_table, ONE, _SUMS),
        ops.Scaling: Row("tensor arithmetic", _scale),
        ops.OwnScaling: Row("tf.reduce_mean, tf.math.reduce_std", _own_scale),
        ops.JPEG: Row('tf.io.encode_jpeg, tf.io.decode_jpeg(dct_method="INTEGER_ACCURATE")', _jpeg, EXACT),
    },
    functions=_FUNCTIONS,
    frame=_frame,
)
