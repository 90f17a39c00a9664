"""How a drawn pipeline becomes operations on explicit numbers.

What a transform is follows from its base: whole-pixel moves and matrices from `coordinate_map`, tables from `curve`, so
that a new transform of these kinds can be exported without a line here.
"""

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from augmentlab import geometry, transforms
from augmentlab.bases import GeometricTransform, PointTransform
from augmentlab.compose import Compose, plan
from augmentlab.engines.reference import GRAY_WEIGHTS
from augmentlab.geometry import Shape
from augmentlab.interop.grades import RefusedError
from augmentlab.interop.operations import (
    JPEG,
    AreaResizing,
    ChannelMix,
    ChannelOrder,
    Correlation,
    Fill,
    GrayMeanContrast,
    HueSaturation,
    Median,
    NearestResizing,
    Numbers,
    Operation,
    Own,
    OwnScaling,
    OwnTable,
    Padding,
    Resizing,
    Scaling,
    Separable,
    Sharpening,
    Slice,
    Table,
    Tiles,
    ToGray,
    ToRGB,
    Warp,
    gaussian_taps,
)
from augmentlab.pixels import full_scale, rounded
from augmentlab.sample import Sample
from augmentlab.transform import Transform
from augmentlab.transforms import blur, color


@dataclass(frozen=True)
class Part:
    """Steps that are computed together, and the operations by which another library does the same.

    Parameters
    ----------
    steps : tuple of Transform
        Drawn.
    operations : tuple of Operation
        Empty where the steps change nothing.
    shape : tuple of int
        Of the image that comes.
    floats : bool
        Whether that is float32, else uint8.
    """

    steps: tuple[Transform, ...]
    operations: tuple[Operation, ...]
    shape: tuple[int, ...]
    floats: bool


BENT = RefusedError(
    "it moves each pixel in its own way, by no few numbers",
    "Affine and Perspective can be exported, and augmentlab.torch trains with any transform",
)


def lower(pipeline: Transform, shape: tuple[int, ...]) -> list[Part | tuple[Transform, RefusedError]]:
    """The parts of a drawn pipeline for uint8 images of `shape` (H, W) or (H, W, C), C in {1, 3}; instead of a part, a
    step that has none and why.
    """
    parts: list[Part | tuple[Transform, RefusedError]] = []
    floats = False
    if not isinstance(pipeline, Compose):
        pipeline = Compose(())._unchecked(steps=(pipeline,))  # noqa: SLF001
    runs = [(part, whole) for whole, size in plan(pipeline, _size(shape)) for part in _unbent(whole, size)]
    for run, whole in runs:
        after = shape
        for step in run:
            after = step.output_shape(after)
        try:
            operations = _lowered(run, shape, floats, alone=run == whole)
        except RefusedError as error:
            parts += [(step, error) for step in run]
        else:
            parts.append(Part(run, operations, shape, floats))
            floats = floats or any(isinstance(one, Scaling | OwnScaling) for one in operations)
        shape = after
    return parts


def _size(shape: tuple[int, ...]) -> Shape:
    return shape[0], shape[1]


def _unbent(run: tuple[Transform, ...], size: Shape) -> list[tuple[Transform, ...]]:
    """A run, cut before and behind steps that have no matrix, so that these alone are refused: a library that has such a
    step by itself would interpolate the pixels there, and before and behind it again.
    """
    if len(run) == 1 or not isinstance(run[0], GeometricTransform) or any(step.is_random for step in run):
        return [run]
    straight: list[Any] = list(run)
    parts = itertools.groupby(straight, lambda step: geometry.is_matrix(step.coordinate_map(size)))
    return [part for whole, steps in parts for part in ([tuple(steps)] if whole else [(one,) for one in steps])]


def _lowered(run: tuple[Transform, ...], shape: tuple[int, ...], floats: bool, *, alone: bool) -> tuple[Operation, ...]:
    first = run[0]
    if any(step.is_random for step in run):
        raise RefusedError("it is not drawn", "export pipeline.sample(rng), or its deterministic() part")
    if all(step.is_identity and not step.preprocessing for step in run):
        return ()
    if isinstance(first, GeometricTransform):
        return _geometric(run, shape, floats, alone=alone)  # type: ignore[arg-type]
    if isinstance(first, transforms.Normalize | transforms.Center | transforms.Standardize):
        return _floating(first, floats, 1 if len(shape) == 2 else shape[2])
    if floats:
        raise RefusedError(
            "it follows a step that makes floats, and exported tables are of uint8", "put that step last"
        )
    if isinstance(first, PointTransform):
        return (Table(_table(run, shape)),)
    return _pixel(first, shape)


def _table(run: tuple[Transform, ...], shape: tuple[int, ...]) -> NDArray[np.uint8]:
    """What the curves of a run make of the 256 levels, one column where all channels are alike."""
    channels = shape[2] if len(shape) == 3 else 1
    levels = np.repeat(np.arange(256, dtype=np.uint8)[:, None, None], channels, axis=2)
    values = type(run[0]).apply_run(run, Sample(levels)).image[:, 0]
    return values[:, :1] if (values == values[:, :1]).all() else values


# --- geometry --------------------------------------------------------------------------------------------------------


def _geometric(
    run: tuple[GeometricTransform, ...], shape: tuple[int, ...], floats: bool, *, alone: bool
) -> tuple[Operation, ...]:
    size = _size(shape)
    if len(run) == 1:
        (step,) = run
        if isinstance(step, transforms.GridShuffle):
            return _shuffled(step, size)
        if type(step).resample is not GeometricTransform.resample:
            return _own_way(step, size, floats)
    maps = []
    for step in run:
        maps.append(step.coordinate_map(size))
        size = _size(step.output_shape(size))
    border, fill = next((step.edge for step in run if step.edge is not None), ("edge", 0.0))
    matrix = geometry.compose(maps, size)
    if not geometry.is_matrix(matrix):
        if alone:
            return (Own(run[0]),)
        raise BENT
    moved = all(type(step).resample is GeometricTransform.resample for step in run)
    whole = moved and all(step.slice_array(np.empty((*shape[:2], 0))) is not None for step in run)
    if whole:
        return () if np.array_equal(matrix, np.eye(3)) and size == shape[:2] else (_slice(matrix, size),)
    return (Warp(np.asarray(matrix, np.float64), size[0], size[1], border, _on_scale(fill, floats)),)


def _slice(matrix: geometry.Map, size: Shape) -> Slice:
    """Whole-pixel moves are all told by their matrix: a window, mirrors, and a swap of the axes."""
    transpose = matrix[0, 0] == 0
    height, width = size[::-1] if transpose else size  # of the window
    across = matrix[0, 1] if transpose else matrix[0, 0]
    down = matrix[1, 0] if transpose else matrix[1, 1]
    left = matrix[0, 2] - (width - 1 if across < 0 else 0)
    top = matrix[1, 2] - (height - 1 if down < 0 else 0)
    return Slice(round(top), round(left), height, width, bool(down < 0), bool(across < 0), bool(transpose))


def _shuffled(step: transforms.GridShuffle, size: Shape) -> tuple[Operation, ...]:
    height, width = size[0] // step.tiles, size[1] // step.tiles
    if step.tiles == 1 or not height or not width:
        return ()
    order = np.random.default_rng(step.seed).permutation(step.tiles**2)
    return (Tiles(height, width, step.tiles, tuple(order.tolist())),)


def _own_way(step: GeometricTransform, size: Shape, floats: bool) -> tuple[Operation, ...]:
    """Cuts, resizes and borders, which are not one resampling."""
    match step:
        case transforms.ResizedCrop():
            top, left, height, width = step._window(size)  # noqa: SLF001
            return (*_cut(top, left, height, width, size), *_resized((height, width), step.output_shape(size)))
        case transforms.Resize():
            top, left, height, width = step._content(size)  # noqa: SLF001
            out_height, out_width = step.output_shape(size)
            frame = ((top, out_height - height - top), (left, out_width - width - left))
            return (
                *_resized(size, (height, width), step.method),
                *_padded(frame, "constant", _on_scale(step.fill, floats)),
            )
        case transforms.Rescale() | transforms.LongestMaxSize() | transforms.SmallestMaxSize():
            return _resized(size, step.output_shape(size))
        case transforms.LetterBox():
            content = step._content(size)  # noqa: SLF001
            padding = _padded(step._around(content), step.border, _on_scale(step.fill, floats))  # noqa: SLF001
            return (*_resized(size, content), *padding)
        case transforms.Pad():
            y, x = step._added(size)  # noqa: SLF001
            return _padded(((y, y), (x, x)), step.border, _on_scale(step.fill, floats))
        case transforms.CropAndPad():
            rows, columns = step._added(size)  # noqa: SLF001
            height, width = step._window(size)  # noqa: SLF001
            around = ((max(rows[0], 0), max(rows[1], 0)), (max(columns[0], 0), max(columns[1], 0)))
            padding = _padded(around, step.border, _on_scale(step.fill, floats))
            padded = (size[0] + sum(around[0]), size[1] + sum(around[1]))
            window = _cut(max(-rows[0], 0), max(-columns[0], 0), height, width, padded)
            return (*padding, *window, *_resized((height, width), step.output_shape(size)))
    raise RefusedError("it resamples in a way of its own")


def _cut(top: int, left: int, height: int, width: int, size: Shape) -> tuple[Operation, ...]:
    if (height, width) == tuple(size):
        return ()
    return (Slice(top, left, height, width, flip_rows=False, flip_columns=False, transpose=False),)


def _padded(around: tuple[tuple[int, int], tuple[int, int]], border: str, fill: float) -> tuple[Operation, ...]:
    (top, bottom), (left, right) = around
    return (Padding(top, bottom, left, right, border, fill),) if top or bottom or left or right else ()


def _resized(size: tuple[int, ...], to: tuple[int, ...], method: str = "linear") -> tuple[Operation, ...]:
    if tuple(size) == tuple(to):
        return ()
    if method == "area":
        return (AreaResizing(to[0], to[1]),)
    # skimage.transform.resize blurs by (factor - 1) / 2 before it shrinks; each side that grows is left alone
    taps = [gaussian_taps(max((have / want - 1) / 2, 0)) for have, want in zip(size, to, strict=True)]
    return (Resizing(to[0], to[1], taps[0], taps[1]),)


def _on_scale(fill: float, floats: bool) -> float:
    return float(fill) if floats else float(rounded(np.asarray(fill * 255), np.uint8))


# --- pixels ----------------------------------------------------------------------------------------------------------


def _floating(step: Transform, floats: bool, channels: int) -> tuple[Operation, ...]:
    full = 1.0 if floats else full_scale(np.uint8)
    match step:
        case transforms.Normalize(method="dtype"):
            return (Scaling((1 / full,), (0.0,)),)
        case transforms.Normalize():
            return (OwnScaling("minmax", per_channel=False),)
        case transforms.Center() | transforms.Standardize():
            std = getattr(step, "std", ())
            if not step.mean:
                kind = "center" if isinstance(step, transforms.Center) else "standardize"
                return (OwnScaling(kind, step.per_channel and channels > 1),)
            std = std or (1.0,) * len(step.mean)
            scale = tuple(1 / (one * full) for one in std)
            shift = tuple(-mean / one for mean, one in zip(step.mean, std, strict=True))
            return (Scaling(scale, shift, max(1 / one for one in std)),)
    raise AssertionError(step)


def _pixel(step: Transform, shape: tuple[int, ...]) -> tuple[Operation, ...]:
    rule: Callable[[Any, tuple[int, ...]], tuple[Operation, ...]] = _RULES.get(type(step), _by_name)
    return rule(step, shape)


def _by_name(step: Transform, shape: tuple[int, ...]) -> tuple[Operation, ...]:
    return (Own(step),)


def _is_gray(shape: tuple[int, ...]) -> bool:
    return len(shape) == 2 or shape[2] == 1


def _box(step: transforms.BoxBlur, _: tuple[int, ...]) -> tuple[Operation, ...]:
    whole = math.floor(step.radius)
    weights = np.ones(2 * whole + 3)
    weights[[0, -1]] = step.radius - whole
    weights = weights if step.radius > whole else weights[1:-1]
    return (Separable(tuple((weights / weights.sum()).tolist())),)


def _sharpness(step: transforms.Sharpness, _: tuple[int, ...]) -> tuple[Operation, ...]:
    kernel = np.full((3, 3), (1 - step.factor) / 13)
    kernel[1, 1] = (5 + 8 * step.factor) / 13
    return (Correlation(kernel),)


def _emboss(step: transforms.Emboss, _: tuple[int, ...]) -> tuple[Operation, ...]:
    towards = np.deg2rad(step.angle)
    across = np.outer([1, 2, 1], [-1, 0, 1]) / 4
    relief = -step.amount * (np.cos(towards) * across - np.sin(towards) * across.T)
    relief[1, 1] += 1
    return (Correlation(relief),)


def _kernel(kernel: Numbers) -> tuple[Operation, ...]:
    """Without the zeros around."""
    while len(kernel) > 1 and not any(edge.any() for edge in (kernel[0], kernel[-1], kernel[:, 0], kernel[:, -1])):
        kernel = kernel[1:-1, 1:-1]
    return (Correlation(kernel),)


def _motion(step: transforms.MotionBlur, shape: tuple[int, ...]) -> tuple[Operation, ...]:
    return _kernel(blur._line(step.length * max(shape[:2]), np.deg2rad(step.angle)))  # noqa: SLF001


def _defocus(step: transforms.Defocus, shape: tuple[int, ...]) -> tuple[Operation, ...]:
    return _kernel(blur._disk(step.radius * max(shape[:2])))  # noqa: SLF001


def _downscale(step: transforms.Downscale, shape: tuple[int, ...]) -> tuple[Operation, ...]:
    size = shape[:2]
    small = tuple(max(round(side * step.scale), 1) for side in size)
    if small == size:
        return ()
    larger = _resized(small, size) if step.method == "linear" else (NearestResizing(*size),)
    return (*_resized(size, small, "area"), *larger)


def _gray(step: transforms.Grayscale, shape: tuple[int, ...]) -> tuple[Operation, ...]:
    return () if _is_gray(shape) else (ChannelMix(np.array([GRAY_WEIGHTS[step.weights]] * 3)),)


def _sepia(step: transforms.Sepia, shape: tuple[int, ...]) -> tuple[Operation, ...]:
    return () if _is_gray(shape) else (ChannelMix(np.array(color._SEPIA), step.amount),)  # noqa: SLF001


def _hue(step: transforms.HueSaturation, shape: tuple[int, ...]) -> tuple[Operation, ...]:
    return () if _is_gray(shape) else (HueSaturation(step.hue / 360, step.saturation),)


def _shuffle(step: transforms.ChannelShuffle, shape: tuple[int, ...]) -> tuple[Operation, ...]:
    red, green, blue_ = ("rgb".index(letter) for letter in step.order)
    return () if _is_gray(shape) else (ChannelOrder((red, green, blue_)),)


def _dropped(step: transforms.ChannelDropout, shape: tuple[int, ...]) -> tuple[Operation, ...]:
    if _is_gray(shape):
        return ()
    values = np.repeat(np.arange(256, dtype=np.uint8)[:, None], 3, axis=1)
    values[:, ("red", "green", "blue").index(step.channel)] = round(step.fill * 255)
    return (Table(values),)


def _jitter(step: transforms.ColorJitter, shape: tuple[int, ...]) -> tuple[Operation, ...]:
    gray = np.array([GRAY_WEIGHTS["bt601"]] * 3)
    levels = np.arange(256)[:, None]
    operations: list[Operation] = []
    for letter in step.order:
        if letter == "b" and step.brightness != 1:
            operations.append(Table(rounded(levels * np.float32(step.brightness), np.uint8)))
        elif letter == "c" and step.contrast != 1:
            operations.append(GrayMeanContrast(step.contrast))
        elif letter == "s" and step.saturation != 1 and not _is_gray(shape):
            operations.append(ChannelMix(step.saturation * np.eye(3) + (1 - step.saturation) * gray))
        elif letter == "h" and step.hue != 0 and not _is_gray(shape):
            operations.append(HueSaturation(step.hue / 360, 1.0))
    return tuple(operations)


def _holes(step: transforms.CoarseDropout, shape: tuple[int, ...]) -> tuple[Operation, ...]:
    if step.content != "constant":
        raise RefusedError(f"what covers is the image's own {step.content}", 'content="constant" can be exported')
    places = step._places(shape)  # noqa: SLF001
    rectangles = tuple((y.start, x.start, y.stop - y.start, x.stop - x.start) for y, x in places)
    return (Fill(rectangles, _on_scale(step.fill, floats=False)),)


def _channels(step: transforms.ConvertChannels, shape: tuple[int, ...]) -> tuple[Operation, ...]:
    if step.to == "rgba":
        raise RefusedError("exported images have no alpha", 'to="rgb" can be exported')
    if step.to == "gray":
        return () if _is_gray(shape) else (ToGray(GRAY_WEIGHTS[step.weights]),)
    return (ToRGB(),) if _is_gray(shape) else ()


_RULES: dict[type[Transform], Callable[[Any, tuple[int, ...]], tuple[Operation, ...]]] = {
    transforms.GaussianBlur: lambda step, _: (Separable(gaussian_taps(step.sigma)),),
    transforms.BoxBlur: _box,
    transforms.MedianBlur: lambda step, _: (Median(step.radius),),
    transforms.MotionBlur: _motion,
    transforms.Defocus: _defocus,
    transforms.UnsharpMask: lambda step, _: (Sharpening(gaussian_taps(step.sigma), step.amount),),
    transforms.Sharpness: _sharpness,
    transforms.Emboss: _emboss,
    transforms.Downscale: _downscale,
    transforms.HueSaturation: _hue,
    transforms.Grayscale: _gray,
    transforms.Sepia: _sepia,
    transforms.ChannelShuffle: _shuffle,
    transforms.ChannelDropout: _dropped,
    transforms.ColorJitter: _jitter,
    transforms.Equalize: lambda *_: (OwnTable("equalize"),),
    transforms.AutoContrast: lambda step, _: (OwnTable("stretch", step.cutoff, step.channels == "together"),),
    transforms.CoarseDropout: _holes,
    transforms.ConvertChannels: _channels,
    transforms.JPEGCompression: lambda step, _: (JPEG(step.quality, step.subsampling),),
}
