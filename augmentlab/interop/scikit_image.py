"""scikit-image, after whose functions the transforms are defined, and SciPy below it."""

from typing import Any

import numpy as np

from augmentlab.engines.reference import GRAY_WEIGHTS, clahe_limit, clahe_tile
from augmentlab.interop import operations as ops
from augmentlab.interop import own_steps
from augmentlab.interop.explicit import Explicit, Image, Row, array
from augmentlab.interop.grades import ONE, RefusedError
from augmentlab.interop.scipy import IN_NUMPY, NUMPY
from augmentlab.interop.scipy import TARGET as SCIPY

_ZOOMED = own_steps.zoomed(
    "matrix = np.array([[shrink, 0, x * (1 - shrink)], [0, shrink, y * (1 - shrink)], [0, 0, 1]])",
    'moved = transform.warp(mean, matrix, order=1, mode="edge", clip=False, preserve_range=True)',
)

FUNCTIONS = (
    NUMPY
    | own_steps.FUNCTIONS
    | _ZOOMED
    | {
        "turned": '''
def turned(image, hue, saturation):
    """Hue turned by `hue` turns and saturation scaled."""
    hsv = color.rgb2hsv(image)
    hsv[..., 0] = (hsv[..., 0] + hue) % 1
    hsv[..., 1] = np.minimum(hsv[..., 1] * saturation, 1)
    return rounded(color.hsv2rgb(hsv) * 255)
''',
        "equalized": '''
def equalized(image):
    """Each channel's histogram spread evenly; a channel of one value stays."""
    planes = np.moveaxis(np.atleast_3d(image), -1, 0)
    spread = [exposure.equalize_hist(plane) * 255 if np.ptp(plane) else plane for plane in planes]
    return rounded(np.stack(spread, axis=-1).reshape(image.shape))
''',
        "locally_equalized": '''
def locally_equalized(image, tile, clip_limit):
    """By contrast-limited adaptive histogram equalization, for colours of the V of HSV."""
    if np.ptp(image if image.ndim == 2 else image.max(axis=2)) == 0:
        return image
    plane = image if image.shape[2:] == (3,) else image.reshape(image.shape[:2])
    equal = exposure.equalize_adapthist(plane, kernel_size=tile, clip_limit=clip_limit, nbins=256)
    return rounded(equal.reshape(image.shape) * 255)
''',
        "denoised": '''
def denoised(image, weight):
    """By total variation, colours together."""
    axis = 2 if image.ndim == 3 else None
    smooth = restoration.denoise_tv_chambolle(image / 255, weight, eps=2e-4, max_num_iter=100, channel_axis=axis)
    return rounded(smooth * 255)
''',
        "segmented": '''
def segmented(image, segments, amount):
    """The share `amount` of the way toward each superpixel's mean colour."""
    rgb = np.broadcast_to(np.atleast_3d(image) / 255, (*image.shape[:2], 3))
    labels = segmentation.slic(rgb, n_segments=segments, compactness=10, start_label=0, channel_axis=2)
    planes = np.moveaxis(np.atleast_3d(image).astype(float), -1, 0)
    means = [ndimage.mean(plane, labels, np.arange(labels.max() + 1))[labels] for plane in planes]
    return rounded(image + amount * (np.stack(means, axis=-1).reshape(image.shape) - image))
''',
    }
)


def _axis(image: Image) -> str:
    return "2" if len(image.shape) == 3 else "None"


def _rounded(name: str, image: Image) -> str:
    return f"image = {name}.astype(np.float32)" if image.floats else f"image = rounded({name})"


def _warp(one: ops.Warp, image: Image) -> list[str]:
    one.check_horizon()
    return [
        f"matrix = {array(one.matrix)}",
        "warped = transform.warp(",
        f"    image, matrix, output_shape=({one.height}, {one.width}), order=1,",
        f'    mode="{one.border}", cval={one.fill:.9g}, clip=False, preserve_range=True,',
        ")",
        _rounded("warped", image),
    ]


def _resize(one: ops.Resizing, image: Image) -> list[str]:
    shrinks = one.height < image.shape[0] or one.width < image.shape[1]
    return [
        "resized = transform.resize(",
        f'    image, ({one.height}, {one.width}), order=1, mode="edge", anti_aliasing={shrinks}, preserve_range=True',
        ")",
        _rounded("resized", image),
    ]


def _resize_area(one: ops.AreaResizing, image: Image) -> list[str]:
    size = f"({one.height}, {one.width})"
    return [
        f"resized = transform.resize_local_mean(image, {size}, preserve_range=True, channel_axis={_axis(image)})",
        _rounded("resized", image),
    ]


def _blur(one: ops.Separable | ops.Sharpening, image: Image) -> str:
    sigma = ops.sigma_of(one.taps)
    return f'filters.gaussian(image, {sigma!r}, mode="nearest", preserve_range=True, channel_axis={_axis(image)})'


def _separable(one: ops.Separable, image: Image) -> list[str]:
    if ops.sigma_of(one.taps) is None:
        return SCIPY.rows[ops.Separable].write(one, image)
    return [f"image = rounded({_blur(one, image)})"]


def _sharpen(one: ops.Sharpening, image: Image) -> list[str]:
    if ops.sigma_of(one.taps) is None:
        return SCIPY.rows[ops.Sharpening].write(one, image)
    return [f"blurred = {_blur(one, image)}", f"image = rounded(image + {one.amount!r} * (image - blurred))"]


def _median(one: ops.Median, image: Image) -> list[str]:
    side = 2 * one.radius + 1
    shape = f"({side}, {side}, 1)" if len(image.shape) == 3 else f"({side}, {side})"
    return [f'image = filters.median(image, np.ones({shape}), mode="nearest", behavior="ndimage")']


def _to_gray(one: ops.ToGray, image: Image) -> list[str]:
    if one.weights == GRAY_WEIGHTS["bt709"]:
        return ["image = rounded(color.rgb2gray(image) * 255)[..., None]"]
    return IN_NUMPY[ops.ToGray].write(one, image)


def _mix(one: ops.ChannelMix, image: Image) -> list[str]:
    if one.blend == 1 and (one.matrix == GRAY_WEIGHTS["bt709"]).all():
        return ["image = rounded(color.gray2rgb(color.rgb2gray(image)) * 255)"]
    return IN_NUMPY[ops.ChannelMix].write(one, image)


def _clahe(own: ops.Own, image: Image) -> list[str]:
    step: Any = own.step
    tile = clahe_tile(image.shape, step.tiles)
    return [f"image = locally_equalized(image, {tile}, {clahe_limit(step.clip_limit)!r})"]


def _swirl(own: ops.Own, image: Image) -> list[str]:
    step: Any = own.step
    radius = step.radius * min(image.shape[:2])
    centre = f"({(image.shape[1] - 1) / 2}, {(image.shape[0] - 1) / 2})"
    fill = step.fill if image.floats else float(np.rint(step.fill * 255))
    return [
        "swirled = transform.swirl(",
        f"    image, center={centre}, strength={step.strength!r}, radius={radius:.10g}, order=1,",
        f'    mode="{step.border}", cval={fill:.9g}, clip=False, preserve_range=True,',
        ")",
        _rounded("swirled", image),
    ]


_SAME = "the reference engine computes it so; the fast engine rounds the other way at halves"

TARGET = Explicit(
    "scikit-image",
    "scikit-image",
    ("skimage",),
    (
        "import numpy as np",
        "from scipy import ndimage",
        "from skimage import color",
        "from skimage import exposure",
        "from skimage import filters",
        "from skimage import restoration",
        "from skimage import segmentation",
        "from skimage import transform",
    ),
    rows={
        **IN_NUMPY,
        ops.Warp: Row("transform.warp", _warp, ONE, _SAME),
        ops.Resizing: Row("transform.resize", _resize, ONE, _SAME),
        ops.AreaResizing: Row("transform.resize_local_mean", _resize_area, ONE, _SAME),
        ops.Separable: Row("filters.gaussian, scipy.ndimage.correlate1d", _separable, ONE, _SAME),
        ops.Sharpening: Row("filters.gaussian", _sharpen, ONE, f"{_SAME}; filters.unsharp_mask has another border"),
        ops.Correlation: SCIPY.rows[ops.Correlation],
        ops.Median: Row("filters.median", _median),
        ops.ChannelMix: Row("color.rgb2gray, numpy.matmul", _mix, ONE, IN_NUMPY[ops.ChannelMix].cause),
        ops.ToGray: Row("color.rgb2gray, numpy.matmul", _to_gray, ONE, IN_NUMPY[ops.ToGray].cause),
        ops.ToRGB: Row(
            "color.gray2rgb",
            lambda _, image: [f"image = color.gray2rgb(image{'[..., 0]' if len(image.shape) == 3 else ''})"],
        ),
        ops.HueSaturation: Row(
            "color.rgb2hsv, color.hsv2rgb",
            IN_NUMPY[ops.HueSaturation].write,
            ONE,
            IN_NUMPY[ops.HueSaturation].cause,
        ),
        ops.OwnTable: Row(
            "exposure.equalize_hist, numpy.quantile",
            IN_NUMPY[ops.OwnTable].write,
            ONE,
            IN_NUMPY[ops.OwnTable].cause,
        ),
    },
    named={
        **own_steps.NAMED,
        **own_steps.zoom_blur("transform.warp", _SAME),
        "CLAHE": Row("exposure.equalize_adapthist", _clahe, ONE, _SAME),
        "Denoise": Row(
            "restoration.denoise_tv_chambolle",
            lambda own, _: [f"image = denoised(image, {own.step.weight!r})"],
            ONE,
            _SAME,
        ),
        "Superpixels": Row(
            "segmentation.slic",
            lambda own, _: [f"image = segmented(image, {own.step.segments}, {own.step.amount!r})"],
            ONE,
            _SAME,
        ),
        "Swirl": Row(
            "transform.swirl",
            _swirl,
            ONE,
            "augmentlab keeps positions in single precision; by itself swirl turns about a point half a pixel off the centre",
        ),
    },
    refusals={ops.JPEG: RefusedError("it writes images only to files", "Pillow and OpenCV compress in memory")},
    functions=FUNCTIONS,
)
