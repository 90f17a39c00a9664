"""What travels together through a pipeline, and what an image is.

Images are arrays (H, W) or (H, W, C) with C in {1, 3, 4}, RGB order, ``uint8`` or ``float32``/``float64`` in [0, 1].
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from augmentlab.pixels import Array

BoxFormat = Literal["xyxy", "voc", "coco", "yolo"]

_TOLERANCE = 1e-6  # float32 arithmetic may leave [0, 1] by a rounding error


@dataclass(frozen=True, eq=False)
class Sample:
    """An image with everything that must follow it through a transform.

    Parameters
    ----------
    image : (H, W) or (H, W, C) array
        ``uint8``, or float in [0, 1]; C in {1, 3, 4}.
    mask : (H, W) or (H, W, K) array of bool or integers, optional
        Class labels per pixel; moved without interpolation, so no label is invented.
    heatmap : (H, W) or (H, W, K) array of floats, optional
        Interpolated linearly.
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
        if self.box_labels is not None:
            count = 0 if self.boxes is None else len(self.boxes)
            if len(self.box_labels) != count:
                raise ValueError(f"box_labels must be one for each of {count} boxes; got {len(self.box_labels)}")
        if not isinstance(self.min_visibility, (int, float, np.number)) or not 0 <= self.min_visibility <= 1:
            raise ValueError(f"min_visibility must be float in [0, 1]; got {self.min_visibility!r}")

    def moved(self, **changes: Any) -> "Sample":
        """A copy with some fields replaced, unchecked: transforms use it for what they have computed themselves."""
        copy = object.__new__(Sample)
        vars(copy).update(vars(self) | changes)
        return copy

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
    array: Any, *, range: tuple[float, float] | None = None, channels_first: bool = False, name: str = "image"
) -> Array:
    """Convert what is nearly an image into one.

    ``bool`` becomes 0 and 255; ``uint16`` is divided by 257, so that its full scale is uint8's; other integers within
    0..255 become ``uint8``; a float image within [0, 1] stays as it is. Everything else needs `range`, the values that
    mean black and white: it is mapped to float32 in [0, 1] and clipped.

    Parameters
    ----------
    array : array_like or PIL.Image.Image
        Shape (H, W) or (H, W, C), C in {1, 3, 4}.
    range : (low, high), optional
        What becomes 0 and 1.
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
    if range is not None:
        low, high = map(float, range)
        if not low < high:
            raise ValueError(f"range must be (low, high) with low < high; got {range!r}")
        return np.clip((array.astype(np.float64) - low) / (high - low), 0, 1).astype(np.float32)
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


def _check_format(format: str) -> None:
    if format not in {"xyxy", "voc", "coco", "yolo"}:
        raise ValueError(f"format must be one of 'xyxy', 'voc', 'coco', 'yolo'; got {format!r}")


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
