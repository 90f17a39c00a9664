"""GraphicsMagick, called by pgmagick: its own calls where they agree, NumPy for tables and colours.

GraphicsMagick computes in 16 bits and truncates when it writes 8, a level too low at every second pixel; written as 16
bits and rounded, its calls agree.
"""

import numpy as np

import augmentlab
from augmentlab.interop import operations as ops
from augmentlab.interop.explicit import Explicit, Image, Row, called
from augmentlab.interop.grades import ONE, Grade, RefusedError
from augmentlab.interop.scipy import IN_NUMPY, NUMPY
from augmentlab.transform import Transform

_FUNCTIONS = {
    "opened": '''
def opened(image, channels):
    """An array as GraphicsMagick's image."""
    size = pgmagick.Geometry(image.shape[1], image.shape[0])
    return pgmagick.Image(pgmagick.Blob(np.ascontiguousarray(image).tobytes()), size, 8, channels)
''',
    "levels": '''
def levels(picture, channels):
    """GraphicsMagick's image as an array of levels with fractions: of its 16 bits, as it truncates when it writes 8."""
    blob = pgmagick.Blob()
    picture.write(blob, channels, 16)
    values = np.frombuffer(blob.data, ">u2") / 257
    return values.reshape(picture.rows(), picture.columns(), -1)[..., 0 if channels == "GRAY" else slice(None)]
''',
    "pixels": '''
def pixels(picture, channels):
    """GraphicsMagick's image as an array."""
    return np.rint(levels(picture, channels)).astype(np.uint8)
''',
    "of_one_color": '''
def of_one_color(width, height, level):
    """An image of one gray."""
    share = level / 255
    return pgmagick.Image(pgmagick.Geometry(width, height), pgmagick.ColorRGB(share, share, share))
''',
    "tiles_shuffled": '''
def tiles_shuffled(picture, height, width, count, order):
    """The place number k, row by row, shows tile order[k]; what fills no tile stays."""
    shown = pgmagick.Image(picture)
    for place, tile in enumerate(order):
        part = pgmagick.Image(picture)
        part.crop(pgmagick.Geometry(width, height, tile % count * width, tile // count * height))
        x, y = place % count * width, place // count * height
        shown.composite(part, x, y, pgmagick.CompositeOperator.CopyCompositeOp)
    return shown
''',
    "compressed": '''
def compressed(picture, quality):
    """The image after JPEG."""
    blob = pgmagick.Blob()
    picture.magick("JPEG")
    picture.quality(quality)
    picture.write(blob)
    return pgmagick.Image(blob)
''',
}
_COPY = "pgmagick.CompositeOperator.CopyCompositeOp"


def _channels(image: Image) -> str:
    return "RGB" if image.channels == 3 else "GRAY"


def _called(image: Image, *lines: str) -> list[str]:
    """Lines on GraphicsMagick's image; `_frame` takes out the ways back and forth between two of these."""
    axis = "[..., None]" if image.shape[2:] == (1,) else ""
    there, back = (f'"{_channels(image)}"',) * 2
    return [f"picture = opened(image, {there})", *lines, f"image = pixels(picture, {back}){axis}"]


def _slice(one: ops.Slice, image: Image) -> list[str]:
    if image.floats:
        return IN_NUMPY[ops.Slice].write(one, image)
    lines = []
    if one.cuts(image.shape):
        lines.append(f"picture.crop(pgmagick.Geometry({one.width}, {one.height}, {one.left}, {one.top}))")
    if one.flip_rows:
        lines.append("picture.flip()")
    if one.flip_columns:
        lines.append("picture.flop()")
    if one.transpose:
        lines += ["picture.rotate(90)", "picture.flop()"]
    return _called(image, *lines)


def _tiles(one: ops.Tiles, image: Image) -> list[str]:
    if image.floats:
        return IN_NUMPY[ops.Tiles].write(one, image)
    arguments = f"{one.height}, {one.width}, {one.count}, {list(one.order)}"
    return _called(image, f"picture = tiles_shuffled(picture, {arguments})")


def _pad(one: ops.Padding, image: Image) -> list[str]:
    if image.floats or one.border != "constant":
        return IN_NUMPY[ops.Padding].write(one, image)
    height, width = one.shape(image.shape)[:2]
    return _called(
        image,
        f"around = of_one_color({width}, {height}, {one.fill:.0f})",
        f"around.composite(picture, {one.left}, {one.top}, {_COPY})",
        "picture = around",
    )


def _fill(one: ops.Fill, image: Image) -> list[str]:
    if not one.rectangles:
        return []
    lines = [
        f"picture.composite(of_one_color({width}, {height}, {one.value:.0f}), {left}, {top}, {_COPY})"
        for top, left, height, width in one.rectangles
        if height and width
    ]
    return _called(image, *lines)


def _table(one: ops.Table, image: Image) -> list[str]:
    if (one.values == np.arange(255, -1, -1)[:, None]).all():
        return _called(image, "picture.negate()")
    return IN_NUMPY[ops.Table].write(one, image)


def _resize(one: ops.Resizing, image: Image) -> list[str]:
    if image.floats:
        raise RefusedError("its pixels are whole numbers of 16 bits", "put steps that make floats last")
    if one.height < image.shape[0] or one.width < image.shape[1]:
        raise RefusedError(
            "its filters average over what they shrink, where scikit-image blurs first", 'method="area" can be exported'
        )
    size = f'pgmagick.Geometry("{one.width}x{one.height}!")'
    return _called(image, f"picture.resize({size}, pgmagick.FilterTypes.TriangleFilter, 1.0)")


def _area(one: ops.AreaResizing, image: Image) -> list[str]:
    if image.floats:
        return IN_NUMPY[ops.AreaResizing].write(one, image)
    return _called(image, f'picture.scale(pgmagick.Geometry("{one.width}x{one.height}!"))')


def _gaussian(taps: tuple[float, ...], image: Image) -> str:
    sigma = ops.sigma_of(taps)
    if sigma is None:
        raise RefusedError("pgmagick passes it no weights but a Gaussian's", "GaussianBlur can be exported")
    if min(image.shape[:2]) < len(taps):
        raise RefusedError("its blur takes no image smaller than the square of its weights", "blur less")
    return f"gaussianBlur({len(taps) // 2}, {sigma:.9g})"


def _separable(one: ops.Separable, image: Image) -> list[str]:
    return _called(image, f"picture.{_gaussian(one.taps, image)}") if len(one.taps) > 1 else []


def _sharpen(one: ops.Sharpening, image: Image) -> list[str]:
    if len(one.taps) == 1:
        return []
    axis = "[..., None]" if image.shape[2:] == (1,) else ""
    return [
        f'smooth = opened(image, "{_channels(image)}")',
        f"smooth.{_gaussian(one.taps, image)}",
        f'image = rounded(image + {one.amount!r} * (image - levels(smooth, "{_channels(image)}"){axis}))',
    ]


def _median(one: ops.Median, image: Image) -> list[str]:
    if min(image.shape[:2]) < 2 * one.radius + 1:
        raise RefusedError("its median takes no image smaller than its square", "take a smaller radius")
    return _called(image, f"picture.medianFilter({one.radius})")


def _hue(one: ops.HueSaturation, image: Image) -> list[str]:
    if one.saturation != 1:  # its saturation is that of HSL
        return IN_NUMPY[ops.HueSaturation].write(one, image)
    return _called(image, f"picture.modulate(100, 100, {100 + 200 * ((one.hue + 0.5) % 1 - 0.5):.9g})")


def _jpeg(one: ops.JPEG, image: Image) -> list[str]:
    own = "4:2:0" if one.quality < 90 else "4:4:4"  # GraphicsMagick's choice, which follows the quality
    if image.channels == 3 and one.subsampling != own:
        raise RefusedError(
            f"pgmagick cannot set how colours are subsampled at quality={one.quality}",
            f'subsampling="{own}" can be exported',
        )
    _, _, back = _called(image, "")
    return [f'picture = compressed(opened(image, "{_channels(image)}"), {one.quality})', back]


def _kept(body: list[str]) -> list[str]:
    """Without the ways to an array and back between two calls of GraphicsMagick."""
    kept: list[str] = []
    for line in body:
        last = next((index for index in range(len(kept) - 1, -1, -1) if not kept[index].startswith("#")), None)
        if line.startswith("picture = opened(") and last is not None and kept[last].startswith("image = pixels("):
            del kept[last]
        else:
            kept.append(line)
    return kept


def _frame(pipeline: Transform, shape: tuple[int, ...], image: Image, body: list[str], whole: Grade) -> str:
    lines = "\n".join(_kept(body)).splitlines()
    functions = "".join(f"\n\n{text.strip()}\n" for text in called({**NUMPY, **_FUNCTIONS}, "\n".join(lines)))
    indented = "".join(f"    {line}\n" for line in lines)
    return (
        f'"""GraphicsMagick (pgmagick) for {type(pipeline).__name__}, drawn, made by augmentlab '
        f"{augmentlab.__version__}.\n\n"
        f'The whole pipeline agrees with augmentlab: {whole}.\n"""\n\n'
        f"import numpy as np\nimport pgmagick\n{functions}\n\n"
        f"def pipeline(image):\n"
        f'    """RGB or gray: {shape} uint8 -> {image.shape} {image.dtype}."""\n'
        f"    if image.shape != {shape} or image.dtype != np.uint8:\n"
        f'        raise ValueError(f"image must be {shape} uint8; got {{image.shape}} {{image.dtype}}")\n'
        f"{indented}    return image\n"
    )


_SIXTEEN = "16 bits round the other way near halves"

TARGET = Explicit(
    "pgmagick",
    "GraphicsMagick (pgmagick)",
    ("pgmagick",),
    ("import numpy as np", "import pgmagick"),
    rows={
        **IN_NUMPY,
        ops.Slice: Row("crop, flip, flop, rotate(90)", _slice),
        ops.Tiles: Row("crop, composite", _tiles),
        ops.Padding: Row("composite; numpy.pad for borders that are not constant", _pad),
        ops.Fill: Row("composite", _fill),
        ops.Table: Row("numpy indexing; negate", _table),
        ops.Resizing: Row("resize(TriangleFilter), to enlarge", _resize, ONE, _SIXTEEN),
        ops.AreaResizing: Row("scale", _area, ONE, _SIXTEEN),
        ops.Separable: Row("gaussianBlur", _separable, ONE, _SIXTEEN),
        ops.Sharpening: Row("gaussianBlur and numpy", _sharpen, ONE, _SIXTEEN),
        ops.Median: Row("medianFilter", _median),
        ops.HueSaturation: Row("modulate; numpy for saturation", _hue, ONE, _SIXTEEN),
        ops.JPEG: Row('magick("JPEG"), quality, write', _jpeg),
    },
    refusals={
        ops.Warp: RefusedError(
            "it turns by three shears, and does not blend the border with what lies beyond",
            "whole-pixel moves (D4, Crop, Pad) can be exported",
        ),
        ops.Correlation: RefusedError("pgmagick passes it no weights of one's own", "GaussianBlur can be exported"),
    },
    functions={**NUMPY, **_FUNCTIONS},
    frame=_frame,
)
