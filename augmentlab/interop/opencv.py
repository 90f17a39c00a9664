"""OpenCV, of the cv2 module: calls as its users write them, on arrays (H, W) or (H, W, 3) in RGB order."""

import numpy as np

from augmentlab.engines.reference import GRAY_WEIGHTS
from augmentlab.interop import operations as ops
from augmentlab.interop import own_steps
from augmentlab.interop.explicit import Explicit, Image, Row, array
from augmentlab.interop.grades import EXACT, ONE, RefusedError
from augmentlab.interop.scipy import IN_NUMPY, NUMPY

_BORDERS = {
    "constant": "cv2.BORDER_CONSTANT",
    "edge": "cv2.BORDER_REPLICATE",
    "reflect": "cv2.BORDER_REFLECT_101",
    "symmetric": "cv2.BORDER_REFLECT",
    "wrap": "cv2.BORDER_WRAP",
}
_EDGE = f"borderType={_BORDERS['edge']}"
_LARGEST_SIDE = 32_000  # OpenCV counts pixels in 16 bits where it warps

# (turn rows over, turn columns over, swap both): what does it at once
_TURNS = {
    (True, False, False): "cv2.flip(image, 0)",
    (False, True, False): "cv2.flip(image, 1)",
    (True, True, False): "cv2.rotate(image, cv2.ROTATE_180)",
    (False, False, True): "cv2.transpose(image)",
    (True, False, True): "cv2.rotate(image, cv2.ROTATE_90_CLOCKWISE)",
    (False, True, True): "cv2.rotate(image, cv2.ROTATE_90_COUNTERCLOCKWISE)",
    (True, True, True): "cv2.flip(cv2.transpose(image), -1)",
}

_ZOOMED = own_steps.zoomed(
    "matrix = np.array([[shrink, 0, x * (1 - shrink)], [0, shrink, y * (1 - shrink)]])",
    "how = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP",
    "size = image.shape[1::-1]",
    "moved = cv2.warpAffine(mean, matrix, size, flags=how, borderMode=cv2.BORDER_REPLICATE)",
    "moved = moved.reshape(image.shape)",
)

FUNCTIONS = (
    NUMPY
    | own_steps.FUNCTIONS
    | _ZOOMED
    | {
        "turned": '''
def turned(image, hue, saturation):
    """Hue turned by `hue` degrees and saturation scaled; on 8 bits OpenCV has only every second degree."""
    hsv = cv2.cvtColor(image.astype(np.float32) / 255, cv2.COLOR_RGB2HSV)
    hsv[..., 0] = (hsv[..., 0] + hue) % 360
    hsv[..., 1] = np.minimum(hsv[..., 1] * saturation, 1)
    return rounded(cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB) * 255)
''',
        "equalized": '''
def equalized(image):
    """Each channel's histogram spread evenly; cv2.equalizeHist begins its curve at 0 instead."""
    channels = []
    for channel in cv2.split(image):
        share = np.cumsum(cv2.calcHist([channel], [0], None, [256], [0, 256])) / channel.size
        flat = channel.min() == channel.max()
        channels.append(channel if flat else cv2.LUT(channel, rounded(share * 255)))
    return cv2.merge(channels)
''',
        "about_mean_gray": '''
def about_mean_gray(image, factor):
    """Stretched about the mean of the image's gray."""
    gray = cv2.cvtColor(image.astype(np.float32), cv2.COLOR_RGB2GRAY) if image.shape[2:] == (3,) else image
    return cv2.addWeighted(image, factor, image, 0, (1 - factor) * gray.mean())
''',
        "compressed": '''
def compressed(image, quality, sampling):
    """As JPEG, and read again; OpenCV writes files in BGR order."""
    settings = [cv2.IMWRITE_JPEG_QUALITY, quality, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, sampling]
    color = image.shape[2:] == (3,)
    file = cv2.imencode(".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR) if color else image, settings)[1]
    return cv2.imdecode(file, cv2.IMREAD_COLOR_RGB if color else cv2.IMREAD_GRAYSCALE)
''',
    }
)


def _whole(image: Image) -> str:
    """What gives an image (H, W, 1) back the axis that OpenCV drops."""
    return "[..., None]" if image.shape[2:] == (1,) else ""


def _level(value: float, image: Image) -> str:
    """A value for all channels: of a lone number OpenCV fills the first."""
    return f"({', '.join([f'{value:.9g}'] * 3)})" if image.channels == 3 else f"{value:.9g}"


def _slice(one: ops.Slice, image: Image) -> list[str]:
    lines = []
    if one.cuts(image.shape):
        lines.append(f"image = image[{one.top}:{one.top + one.height}, {one.left}:{one.left + one.width}]")
    turn = _TURNS.get((one.flip_rows, one.flip_columns, one.transpose))
    return [*lines, f"image = {turn}{_whole(image)}"] if turn else lines


def _pad(one: ops.Padding, image: Image) -> list[str]:
    value = f", value={_level(one.fill, image)}" if one.border == "constant" else ""
    around = f"{one.top}, {one.bottom}, {one.left}, {one.right}, {_BORDERS[one.border]}{value}"
    return [f"image = cv2.copyMakeBorder(image, {around}){_whole(image)}"]


def _warp(one: ops.Warp, image: Image) -> list[str]:
    one.check_horizon()
    if max(*image.shape[:2], one.height, one.width) > _LARGEST_SIDE:
        raise RefusedError(f"it warps images of at most {_LARGEST_SIDE} pixels a side", "a Resize before it")
    affine = not one.matrix[2, :2].any()
    matrix = one.matrix[:2] / one.matrix[2, 2] if affine else one.matrix
    value = f", borderValue={_level(one.fill, image)}" if one.border == "constant" else ""
    return [
        f"matrix = {array(matrix)}  # from (x, y) of the result; OpenCV 4 rounds what it gives to 1/32 pixel",
        f"image = cv2.{'warpAffine' if affine else 'warpPerspective'}(",
        f"    image, matrix, ({one.width}, {one.height}), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,",
        f"    borderMode={_BORDERS[one.border]}{value},",
        f"){_whole(image)}",
    ]


def _resize(one: ops.Resizing, image: Image) -> list[str]:
    to = f"({one.width}, {one.height}), interpolation=cv2.INTER_LINEAR"
    if len(one.taps_y) == len(one.taps_x) == 1:
        return [f"image = cv2.resize(image, {to}){_whole(image)}"]
    lines = [
        f"taps_x = {array(one.taps_x)}",
        f"taps_y = {array(one.taps_y)}",
        f"blurred = cv2.sepFilter2D(image, cv2.CV_32F, taps_x, taps_y, {_EDGE})",
    ]
    resized = f"cv2.resize(blurred, {to}){_whole(image)}"
    return [*lines, f"image = {resized if image.floats else f'rounded({resized})'}"]


def _resize_area(one: ops.AreaResizing, image: Image) -> list[str]:
    if one.height > image.shape[0] or one.width > image.shape[1]:  # INTER_AREA means something else there
        return IN_NUMPY[ops.AreaResizing].write(one, image)
    return [f"image = cv2.resize(image, ({one.width}, {one.height}), interpolation=cv2.INTER_AREA){_whole(image)}"]


def _table(one: ops.Table, image: Image) -> list[str]:
    if one.values.shape[1] == 1:
        return [f"table = {array(one.values[:, 0], 'uint8')}", f"image = cv2.LUT(image, table){_whole(image)}"]
    return [
        *(f"{name} = {array(one.values[:, index], 'uint8')}" for index, name in enumerate(("red", "green", "blue"))),
        "image = cv2.LUT(image, np.dstack([red, green, blue]))",
    ]


def _separable(one: ops.Separable, image: Image) -> list[str]:
    taps = np.asarray(one.taps)
    if len(taps) > 1 and (taps == taps[0]).all():
        return [f"image = cv2.blur(image, ({len(taps)}, {len(taps)}), {_EDGE}){_whole(image)}"]
    return [
        f"taps = {array(taps)}",
        f"image = cv2.sepFilter2D(image, -1, taps, taps, {_EDGE}){_whole(image)}",
    ]


def _sharpen(one: ops.Sharpening, image: Image) -> list[str]:
    return [
        f"taps = {array(one.taps)}",
        f"blurred = cv2.sepFilter2D(image, cv2.CV_32F, taps, taps, {_EDGE}){_whole(image)}",
        f"image = rounded(image + {one.amount!r} * (image - blurred))",
    ]


def _correlate(one: ops.Correlation, image: Image) -> list[str]:
    return [f"kernel = {array(one.kernel)}", f"image = cv2.filter2D(image, -1, kernel, {_EDGE}){_whole(image)}"]


def _mix(one: ops.ChannelMix, image: Image) -> list[str]:
    if one.blend == 1 and (one.matrix == GRAY_WEIGHTS["bt601"]).all():
        return ["image = cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)"]
    lines = [f"matrix = {array(one.matrix)}"]
    if one.blend == 1:
        return [*lines, "image = cv2.transform(image, matrix)"]
    return [
        *lines,
        "mixed = cv2.transform(image.astype(np.float32), matrix)",
        f"image = rounded(image + {one.blend!r} * (np.clip(mixed, 0, 255) - image))",
    ]


def _to_gray(one: ops.ToGray, image: Image) -> list[str]:
    if one.weights == GRAY_WEIGHTS["bt601"]:
        return ["image = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)[..., None]"]
    return [f"image = cv2.transform(image, {array([one.weights])})[..., None]".replace("\n    ", "").replace(",\n", "")]


def _order(one: ops.ChannelOrder, _: Image) -> list[str]:
    names = ("red", "green", "blue")
    picked = ", ".join(names[index] for index in one.order)
    return [f"{', '.join(names)} = cv2.split(image)", f"image = cv2.merge([{picked}])"]


def _to_rgb(_: ops.ToRGB, image: Image) -> list[str]:
    return ["image = cv2.cvtColor(image, cv2.COLOR_GRAY2RGB)"]


def _jpeg(one: ops.JPEG, image: Image) -> list[str]:
    sampling = f"cv2.IMWRITE_JPEG_SAMPLING_FACTOR_{one.subsampling.replace(':', '')}"
    return [f"image = compressed(image, {one.quality}, {sampling}){_whole(image)}"]


_FLOATS = "OpenCV computes in single precision, and halves may be rounded the other way"

TARGET = Explicit(
    "opencv",
    "OpenCV",
    ("cv2",),
    ("import cv2", "import numpy as np"),
    rows={
        **IN_NUMPY,
        ops.Slice: Row("array slices, cv2.flip, cv2.rotate, cv2.transpose", _slice),
        ops.Padding: Row("cv2.copyMakeBorder", _pad),
        ops.Warp: Row(
            "cv2.warpAffine, cv2.warpPerspective",
            _warp,
            ONE,
            "OpenCV 5 computes in single precision; OpenCV 4 rounds positions to 1/32 pixel and is up to 4 levels away",
        ),
        ops.Resizing: Row(
            "cv2.resize(INTER_LINEAR) after cv2.sepFilter2D",
            _resize,
            ONE,
            "on 8 bits OpenCV interpolates in fixed point; INTER_AREA would be another filter, up to 19 levels away",
        ),
        ops.AreaResizing: Row(
            "cv2.resize(INTER_AREA) where no side grows, else numpy.einsum", _resize_area, ONE, _FLOATS
        ),
        ops.Table: Row("cv2.LUT", _table),
        ops.Separable: Row(
            "cv2.sepFilter2D, cv2.blur",
            _separable,
            ONE,
            f"{_FLOATS}; cv2.GaussianBlur has other weights on 8 bits, up to 2 levels away",
        ),
        ops.Sharpening: Row("cv2.sepFilter2D", _sharpen, ONE, _FLOATS),
        ops.Correlation: Row("cv2.filter2D", _correlate, ONE, _FLOATS),
        ops.Median: Row(
            "cv2.medianBlur",
            lambda one, image: [f"image = cv2.medianBlur(image, {2 * one.radius + 1}){_whole(image)}"],
        ),
        ops.ChannelMix: Row("cv2.transform, cv2.cvtColor", _mix, ONE, "on 8 bits OpenCV computes in fixed point"),
        ops.ChannelOrder: Row("cv2.split, cv2.merge", _order),
        ops.ToGray: Row("cv2.cvtColor, cv2.transform", _to_gray, ONE, "on 8 bits OpenCV computes in fixed point"),
        ops.ToRGB: Row("cv2.cvtColor", _to_rgb),
        ops.HueSaturation: Row(
            "cv2.cvtColor(COLOR_RGB2HSV) in float32",
            lambda one, _: [f"image = turned(image, {one.hue * 360:.10g}, {one.saturation!r})"],
            ONE,
            _FLOATS,
        ),
        ops.GrayMeanContrast: Row(
            "cv2.addWeighted",
            lambda one, image: [f"image = about_mean_gray(image, {one.factor!r}){_whole(image)}"],
            ONE,
            _FLOATS,
        ),
        ops.OwnTable: Row(
            "cv2.calcHist and cv2.LUT, numpy.quantile",
            lambda one, image: [
                f"image = equalized(image){_whole(image)}"
                if one.kind == "equalize"
                else f"image = stretched(image, {one.cutoff!r}, {one.together})"
            ],
            ONE,
            "halves may be rounded the other way; cv2.equalizeHist begins its curve at 0, up to 28 levels away",
        ),
        ops.JPEG: Row("cv2.imencode, cv2.imdecode", _jpeg, EXACT),
    },
    named={**own_steps.NAMED, **own_steps.zoom_blur("cv2.warpAffine", _FLOATS)},
    functions=FUNCTIONS,
)
