"""What travels together through a pipeline, and what an image is.

Images are arrays (H, W) or (H, W, C) with C in {1, 3, 4}, RGB order, ``uint8`` or ``float32``/``float64`` in [0, 1].
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from augmentlab.pixels import Array

BoxFormat = Literal["xyxy", "voc", "coco", "yolo"]

# Of a call with keywords, and the fields of a Sample that they become.
KEYWORDS = {
    "image": "image",
    "mask": "mask",
    "heatmap": "heatmap",
    "bboxes": "boxes",
    "bbox_labels": "box_labels",
    "keypoints": "keypoints",
    "keypoint_labels": "keypoint_labels",
    "label": "label",
}
OPTIONS = ("masks", "bbox_format", "min_visibility", "min_area", "keypoint_swaps")

_SLACK = 0.01  # what label files write beyond the sides by rounding
_TOLERANCE = 1e-6  # float32 arithmetic may leave [0, 1] by a rounding error


@dataclass(frozen=True, eq=False)
class Sample:
    """An image with everything that must follow it through a transform.

    Parameters
    ----------
    image : (H, W) or (H, W, C) array
        ``uint8``, or float in [0, 1]; C in {1, 3, 4}.
    mask : (H, W) or (H, W, K) array of bool or integers, optional
        Class labels per pixel, in K masks; moved without interpolation, so no label is invented.
    heatmap : (H, W) or (H, W, K) array of floats, optional
        One or K of them; interpolated linearly.
    boxes : (N, 4) array, optional
        ``x_min, y_min, x_max, y_max`` in pixels, edges on pixel borders: (0, 0, W, H) is the whole image. Boxes are
        clipped at the frame; `from_boxes` and `to_boxes` convert ``coco`` and ``yolo``.
    box_labels : sequence of length N, optional
        Follows the boxes: a box that is dropped takes its label along.
    keypoints : (M, 2) array, optional
        ``x, y`` with pixel centres at integers. None is ever dropped, so that an index keeps its meaning; `visible`
        says which lie inside the image.
    label : optional
        Anything; carried along.
    min_visibility : float
        A box is dropped when less than this share of its area, in [0, 1], is left inside the frame, or nothing.
    min_area : float
        A box is dropped when less than this area is left of it, in pixels of the result.
    keypoint_labels : sequence of length M, optional
        Follows the keypoints.
    keypoint_swaps : sequence of pairs of labels
        Labels that change places when the image is mirrored, such as ``[("left eye", "right eye")]``: the point stays
        where it is seen and gets the other's label. What has no pair keeps its label.

    Raises
    ------
    ValueError, TypeError
        When a target does not fit the image; the sentence names it.
    """

    image: Array
    mask: Array | None = None
    heatmap: Array | None = None
    boxes: Array | None = None
    box_labels: Sequence[Any] | None = None
    keypoints: Array | None = None
    label: Any = None
    min_visibility: float = 0.0
    min_area: float = 0.0
    keypoint_labels: Sequence[Any] | None = None
    keypoint_swaps: Sequence[tuple[Any, Any]] = ()

    def __post_init__(self) -> None:
        check_image(self.image)
        shape = self.image.shape[:2]
        for name in ("mask", "heatmap"):
            array = getattr(self, name)
            if array is None:
                continue
            array = np.asarray(array)
            object.__setattr__(self, name, array)
            if array.ndim not in {2, 3} or array.shape[:2] != shape:
                raise ValueError(f"{name} must have the image's height and width {shape}; got shape {array.shape}")
            if (array.dtype.kind in "bui") != (name == "mask"):
                kinds = "bool or integers (floats go in heatmap)" if name == "mask" else "floats"
                raise TypeError(f"{name} must hold {kinds}; got {array.dtype}")
        for name, width in (("boxes", 4), ("keypoints", 2)):
            if getattr(self, name) is not None:
                object.__setattr__(self, name, _table(getattr(self, name), name, width))
        if self.boxes is not None:
            empty = (self.boxes[:, 2:] <= self.boxes[:, :2]).any(axis=1)
            if empty.any():
                row = self.boxes[int(np.flatnonzero(empty)[0])].tolist()
                raise ValueError(
                    f"boxes must be x_min, y_min, x_max, y_max with x_min < x_max and y_min < y_max; got {row}"
                )
        _check_labels("box_labels", self.box_labels, "boxes", self.boxes)
        _check_labels("keypoint_labels", self.keypoint_labels, "keypoints", self.keypoints)
        if not isinstance(self.min_visibility, (int, float, np.number)) or not 0 <= self.min_visibility <= 1:
            raise ValueError(f"min_visibility must be float in [0, 1]; got {self.min_visibility!r}")
        if not isinstance(self.min_area, (int, float, np.number)) or not 0 <= self.min_area < math.inf:
            raise ValueError(f"min_area must be a number of pixels, at least 0; got {self.min_area!r}")
        object.__setattr__(self, "keypoint_swaps", _pairs(self.keypoint_swaps))
        if self.keypoint_swaps and self.keypoint_labels is None:
            raise ValueError("keypoint_swaps must come with keypoint_labels; got none")

    def moved(self, **changes: Any) -> "Sample":
        """A copy with some fields replaced, unchecked: transforms use it for what they have computed themselves."""
        copy = object.__new__(Sample)
        vars(copy).update(vars(self) | changes)
        return copy

    def only_boxes(self, kept: NDArray[np.bool_]) -> "Sample":
        """A copy with the boxes, and their labels, for which `kept` (N,) is true."""
        boxes = None if self.boxes is None else self.boxes[kept]
        return self.moved(boxes=boxes, box_labels=_only(self.box_labels, kept))

    def only_keypoints(self, kept: NDArray[np.bool_]) -> "Sample":
        """A copy with the keypoints, and their labels, for which `kept` (M,) is true."""
        keypoints = None if self.keypoints is None else self.keypoints[kept]
        return self.moved(keypoints=keypoints, keypoint_labels=_only(self.keypoint_labels, kept))

    def mirrored_labels(self) -> list[Any] | None:
        """The labels of the keypoints after a mirror: those of a pair in `keypoint_swaps` have changed places."""
        if self.keypoint_labels is None:
            return None
        other = [(one, another) for pair in self.keypoint_swaps for one, another in (pair, pair[::-1])]
        return [next((two for one, two in other if one == label), label) for label in self.keypoint_labels]

    @property
    def is_bare(self) -> bool:
        """Whether there is nothing but the image, and perhaps its label."""
        return self.mask is None and self.heatmap is None and self.boxes is None and self.keypoints is None

    @property
    def visible(self) -> NDArray[np.bool_] | None:
        """Which keypoints lie inside the image, (M,) bool; None without keypoints."""
        if self.keypoints is None:
            return None
        height, width = self.image.shape[:2]
        low, high = -0.5, np.array([width, height]) - 0.5
        return np.asarray(((self.keypoints >= low) & (self.keypoints < high)).all(axis=1))


def check_image(image: Any, name: str = "image", *, bounded: bool = True) -> None:
    """Raise one sentence unless `image` is an image as this package means it.

    Parameters
    ----------
    image
        What came.
    name : str
        How the sentence calls it, such as ``"image 17"``.
    bounded : bool
        Whether a float image must lie in [0, 1].

    Raises
    ------
    TypeError
        Not an array, or a dtype other than uint8, float32, float64.
    ValueError
        Another shape, an empty image, NaN or infinity, or floats outside [0, 1].
    """
    if not isinstance(image, np.ndarray):
        raise TypeError(f"{name} must be a NumPy array; got {type(image).__name__} (numpy.asarray converts most)")
    if image.dtype not in (np.uint8, np.float32, np.float64):
        raise TypeError(
            f"{name} must be uint8, or float32 or float64 in [0, 1]; got {image.dtype} (augmentlab.as_image converts)"
        )
    _check_shape(image, name)
    if image.dtype.kind == "f":
        low, high = float(image.min()), float(image.max())
        if not (np.isfinite(low) and np.isfinite(high)):
            raise ValueError(f"{name} must be finite; got NaN or infinity")
        if bounded and (low < -_TOLERANCE or high > 1 + _TOLERANCE):
            raise ValueError(
                f"{name} must be float in [0, 1]; got values in [{low:g}, {high:g}] (augmentlab.as_image converts)"
            )


def as_image(
    array: Any,
    *,
    range: tuple[float, float] | None = None,
    percentiles: tuple[float, float] | None = None,
    channels_first: bool = False,
    name: str = "image",
) -> Array:
    """Convert what is nearly an image into one.

    ``bool`` becomes 0 and 255; ``uint16`` is divided by 257, so that its full scale is uint8's; other integers within
    0..255 become ``uint8``; a float image within [0, 1] stays as it is. Everything else needs `range`, the values that
    mean black and white, or `percentiles`, which finds them in the image: it is mapped to float32 in [0, 1] and clipped.

    Parameters
    ----------
    array : array_like or PIL.Image.Image
        Shape (H, W) or (H, W, C), C in {1, 3, 4}.
    range : (low, high), optional
        What becomes 0 and 1.
    percentiles : (low, high), optional
        Instead of `range`, the percentiles of this image's values that become 0 and 1, such as ``(1, 99)``: a window for
        16-bit and float images whose range is unknown or spoilt by a few outliers. Every image gets a window of its own,
        so that equal values no longer mean equal brightness; where they should, take `range` from all images.
    channels_first : bool
        Whether the shape is (C, H, W), as in PyTorch.
    name : str
        How an error calls it.

    Returns
    -------
    (H, W) or (H, W, C) array of uint8, float32 or float64
        The input itself where it already is an image.

    Raises
    ------
    TypeError, ValueError
        With one sentence, when the meaning of the values cannot be known.

    Examples
    --------
    >>> as_image(np.array([[0, 65535]], dtype=np.uint16))
    array([[  0, 255]], dtype=uint8)
    >>> as_image(np.array([[-1.0, 1.0]]), range=(-1, 1))
    array([[0., 1.]], dtype=float32)
    """
    _check_mode(array, name)
    array = np.asarray(array)
    if channels_first:
        if array.ndim != 3:
            raise ValueError(f"{name} must have shape (C, H, W) when channels_first is set; got {array.shape}")
        array = np.moveaxis(array, 0, -1)
    if array.dtype.kind not in "buif":
        raise TypeError(f"{name} must hold numbers; got {array.dtype}")
    _check_shape(array, name)
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise ValueError(f"{name} must be finite; got NaN or infinity")
    if percentiles is not None:
        if range is not None:
            raise ValueError(f"range and percentiles must not both be given; got {range!r} and {percentiles!r}")
        return _mapped(array, *_window(array, percentiles, name))
    if range is not None:
        low, high = _pair(range)
        if not (low < high and math.isfinite(low) and math.isfinite(high)):
            raise ValueError(f"range must be (low, high), finite, with low < high; got {range!r}")
        return _mapped(array, low, high)
    return _converted(array, name)


def _mapped(array: Array, black: float, white: float) -> Array:
    return np.clip((array.astype(np.float64) - black) / (white - black), 0, 1).astype(np.float32)


def _converted(array: Array, name: str) -> Array:
    """What needs no range: its type says what black and white are."""
    if array.dtype == np.uint8:
        return array
    if array.dtype.kind == "b":
        return array.astype(np.uint8) * np.uint8(255)
    low, high = array.min(), array.max()
    if array.dtype.kind == "u" and array.dtype.itemsize == 2:  # of either byte order
        return np.rint(array / 257).astype(np.uint8)
    if array.dtype.kind in "ui":
        if low < 0 or high > 255:
            raise ValueError(
                f"{name} must be integers in 0..255 or uint16; got {array.dtype} in [{low}, {high}]; pass range=(black, white)"
            )
        return array.astype(np.uint8)
    if low < -_TOLERANCE or high > 1 + _TOLERANCE:
        raise ValueError(
            f"{name} must be float in [0, 1]; got values in [{low:g}, {high:g}]; pass range=(black, white), such as range=(0, 255)"
        )
    return array if array.dtype in (np.float32, np.float64) else array.astype(np.float32)


def split_alpha(image: Array) -> tuple[Array, Array | None]:
    """The colour channels of an image and its alpha channel (H, W, 1), if it has one."""
    if image.ndim == 3 and image.shape[2] == 4:
        return image[..., :3], image[..., 3:]
    return image, None


def from_keywords(given: Mapping[str, Any]) -> Sample:
    """The Sample that a transform called with keywords is applied to; `to_keywords` is its inverse."""
    fields = {KEYWORDS[name]: value for name, value in given.items() if name in KEYWORDS}
    fields |= {name: value for name, value in given.items() if name in {"min_visibility", "min_area", "keypoint_swaps"}}
    check_image(given["image"])
    if given.get("masks") is not None:
        if given.get("mask") is not None:
            raise TypeError("mask and masks must not both be given; one of several masks goes in masks")
        fields["mask"] = _stacked(given["masks"], given["image"].shape[:2])
    box_format = given.get("bbox_format", "xyxy")
    _check_format(box_format, "bbox_format")
    if given.get("bboxes") is not None:
        fields["boxes"] = from_boxes(given["bboxes"], box_format, given["image"].shape)
    return Sample(**fields)


def to_keywords(sample: Sample, given: Mapping[str, Any]) -> dict[str, Any]:
    """What came with keywords, as it is in `sample`: masks in the container, and boxes in the format, in which they came."""
    found = {name: getattr(sample, KEYWORDS[name]) for name in given if name in KEYWORDS}
    if found.get("bboxes") is not None:
        found["bboxes"] = to_boxes(found["bboxes"], given.get("bbox_format", "xyxy"), sample.image.shape)
    if "masks" in given:
        found["masks"] = _unstacked(sample.mask, given["masks"])
    return found


def from_boxes(boxes: ArrayLike, format: BoxFormat, shape: tuple[int, ...]) -> Array:
    """Boxes of another convention as ``x_min, y_min, x_max, y_max`` in pixels.

    Parameters
    ----------
    boxes : (N, 4) array_like
        In `format`.
    format : {"xyxy", "voc", "coco", "yolo"}
        ``coco`` is x_min, y_min, width, height in pixels; ``yolo`` is x_centre, y_centre, width, height as fractions of
        the image's sides; ``voc`` and ``xyxy`` are this package's own.
    shape : (H, W, ...)
        Of the image.

    Examples
    --------
    >>> from_boxes([[10, 20, 30, 40]], "coco", (100, 100))
    array([[10., 20., 40., 60.]])
    """
    table = _table(boxes, "boxes", 4)
    _check_format(format)
    if format == "yolo":
        far = ((table < -_SLACK) | (table > 1 + _SLACK)).any(axis=1)
        if far.any():
            row = table[int(np.flatnonzero(far)[0])].tolist()
            raise ValueError(f"boxes must be fractions of the sides in yolo format; got {row} (pixels are coco or voc)")
        table = table * np.tile([shape[1], shape[0]], 2)
        return np.concatenate([table[:, :2] - table[:, 2:] / 2, table[:, :2] + table[:, 2:] / 2], axis=1)
    return np.concatenate([table[:, :2], table[:, :2] + table[:, 2:]], axis=1) if format == "coco" else table


def to_boxes(boxes: ArrayLike, format: BoxFormat, shape: tuple[int, ...]) -> Array:
    """The inverse of `from_boxes`.

    Examples
    --------
    >>> to_boxes([[10, 20, 40, 60]], "yolo", (100, 100))
    array([[0.25, 0.4 , 0.3 , 0.4 ]])
    """
    table = _table(boxes, "boxes", 4)
    _check_format(format)
    size = table[:, 2:] - table[:, :2]
    if format == "coco":
        return np.concatenate([table[:, :2], size], axis=1)
    if format == "yolo":
        return np.concatenate([table[:, :2] + size / 2, size], axis=1) / np.tile([shape[1], shape[0]], 2)
    return table


def _check_mode(image: Any, name: str) -> None:
    """Refuse a Pillow image whose indices or inks would pass for colours."""
    mode = getattr(image, "mode", None)
    if mode in {"P", "PA", "CMYK", "YCbCr", "LAB", "HSV"}:
        raise ValueError(
            f"{name} must be gray, RGB or RGBA; got a Pillow image of mode {mode} (.convert('RGB') converts)"
        )


def _check_shape(image: Array, name: str) -> None:
    if image.ndim == 3 and image.shape[0] in {1, 3, 4} and image.shape[2] not in {1, 3, 4}:
        raise ValueError(
            f"{name} must have shape (H, W) or (H, W, C) with C in 1, 3, 4; got {image.shape}, "
            "which looks like (C, H, W) (augmentlab.as_image(..., channels_first=True) converts)"
        )
    if image.ndim not in {2, 3} or (image.ndim == 3 and image.shape[2] not in {1, 3, 4}):
        raise ValueError(f"{name} must have shape (H, W) or (H, W, C) with C in 1, 3, 4; got {image.shape}")
    if not image.size:
        raise ValueError(f"{name} must have at least one pixel; got shape {image.shape}")


def _pair(values: Any) -> tuple[float, float]:
    """Two numbers, or two NaN, which no comparison accepts."""
    try:
        low, high = map(float, values)
    except (TypeError, ValueError):
        return math.nan, math.nan
    return low, high


def _window(array: Array, percentiles: Any, name: str) -> tuple[float, float]:
    """The values at two percentiles, which must differ."""
    low, high = _pair(percentiles)
    if not 0 <= low < high <= 100:
        raise ValueError(f"percentiles must be (low, high) with 0 <= low < high <= 100; got {percentiles!r}")
    black, white = np.percentile(array.astype(np.float64), (low, high)).tolist()
    if black == white:
        raise ValueError(
            f"{name} must have different values at its percentiles {low:g} and {high:g}; got {black:g} at both; "
            "pass range=(black, white)"
        )
    return black, white


def _stacked(masks: Any, shape: tuple[int, ...]) -> Array | None:
    """Several masks (H, W) as one array (H, W, K), of a type that holds them all; None for none."""
    if not isinstance(masks, (Mapping, list, tuple)):
        raise TypeError(f"masks must be a dict or a list of arrays (H, W); got {type(masks).__name__}")
    arrays = [np.asarray(mask) for mask in (masks.values() if isinstance(masks, Mapping) else masks)]
    for array in arrays:
        if array.shape != shape:
            raise ValueError(f"masks must each have the image's height and width {shape}; got shape {array.shape}")
        if array.dtype.kind not in "bui":
            raise TypeError(f"masks must hold bool or integers (floats go in heatmap); got {array.dtype}")
    if not arrays:
        return None
    dtype = np.result_type(*arrays)
    if dtype.kind not in "bui":
        raise TypeError(
            f"masks must be of types that fit into one; got {', '.join(sorted({str(a.dtype) for a in arrays}))}"
        )
    return np.stack(arrays, axis=-1).astype(dtype, copy=False)


def _check_labels(name: str, labels: Any, of: str, things: Array | None) -> None:
    count = 0 if things is None else len(things)
    if labels is not None and len(labels) != count:
        raise ValueError(f"{name} must be one for each of {count} {of}; got {len(labels)}")


def _unstacked(stack: Array | None, masks: Any) -> Any:
    """The masks of `_stacked`, in the container and of the types in which they came."""
    if masks is None or stack is None:
        return masks
    values = masks.values() if isinstance(masks, Mapping) else masks
    moved = [
        np.ascontiguousarray(stack[..., index], dtype=np.asarray(value).dtype) for index, value in enumerate(values)
    ]
    return dict(zip(masks, moved, strict=True)) if isinstance(masks, Mapping) else moved


def _pairs(swaps: Any) -> tuple[tuple[Any, Any], ...]:
    if not isinstance(swaps, (list, tuple)) or not all(
        isinstance(one, (list, tuple)) and len(one) == 2 for one in swaps
    ):
        raise TypeError(f"keypoint_swaps must be pairs of labels; got {swaps!r:.80}")
    pairs = tuple((one, other) for one, other in swaps)
    labels = [label for pair in pairs for label in pair]
    for label in labels:
        if labels.count(label) > 1:
            raise ValueError(f"keypoint_swaps must name each label once; got {label!r} {labels.count(label)} times")
    return pairs


def _only(labels: Iterable[Any] | None, kept: NDArray[np.bool_]) -> list[Any] | None:
    return None if labels is None else [label for label, keep in zip(labels, kept, strict=True) if keep]


def _check_format(format: str, name: str = "format") -> None:
    if format not in ("xyxy", "voc", "coco", "yolo"):
        raise ValueError(f"{name} must be one of 'xyxy', 'voc', 'coco', 'yolo'; got {format!r}")


def _table(values: ArrayLike, name: str, width: int) -> Array:
    try:
        table = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        raise TypeError(f"{name} must be numbers of shape (N, {width}); got {type(values).__name__}") from None
    if not table.size:
        return np.zeros((0, width))
    if table.ndim != 2 or table.shape[1] != width:
        raise ValueError(f"{name} must have shape (N, {width}); got {table.shape}")
    if not np.isfinite(table).all():
        raise ValueError(f"{name} must be finite; got NaN or infinity")
    return table
