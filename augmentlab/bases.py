"""The bases of transforms: a subclass says what it is, the base does the rest."""

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from augmentlab import engines, geometry
from augmentlab.geometry import Map, Shape
from augmentlab.pixels import Array, from_unit, to_unit
from augmentlab.sample import Sample, split_alpha
from augmentlab.transform import Transform, alone, is_ours


@dataclass(frozen=True, kw_only=True, repr=False)
class GeometricTransform(Transform):
    """Moves pixels, and with them masks, heatmaps, boxes and keypoints.

    A subclass gives `coordinate_map`, and `output_shape` where the size changes. Adjacent geometric steps are composed
    into one map and resampled once, as long as they agree on what lies beyond the border. A subclass that looks beyond
    the border declares the fields ``border`` and ``fill``; one that moves whole pixels overrides `slice_array`.
    """

    tears: ClassVar[bool] = False  # whether neighbouring pixels part: then no box can follow

    def coordinate_map(self, shape: Shape) -> Map:
        """Which input position each output pixel shows, for an input of `shape` (H, W).

        Returns
        -------
        (3, 3) matrix on (x, y, 1), or (H, W, 2) array of (x, y) for each pixel of the output
        """
        raise NotImplementedError(f"{type(self).__name__} must define coordinate_map(shape)")

    def move_points(self, points: Map, map_: Map, shape: Shape) -> Map:  # noqa: ARG002
        """Where the content at `points` (N, 2) of an input of `shape` is seen; `map_` is what `coordinate_map` gave."""
        return geometry.move_points(map_, points)

    def slice_array(self, array: Array) -> Array | None:  # noqa: ARG002
        """The result by moving whole pixels, bit-exact, for any array (H, W, ...); None where that cannot be done."""
        return None

    def resample(self, array: Array, order: int, fill: float) -> Array | None:  # noqa: ARG002
        """The result by a way of its own, such as an anti-aliased resize; None to be resampled by the map.

        `order` is 0 for masks (nearest) and 1 for images and heatmaps, `fill` what lies beyond a constant border, in
        [0, 1] of full scale. A step with its own way is not fused unless `fuses` says so.
        """
        return None

    def apply_stack(self, stack: Array, drawn: dict[str, list[Any]]) -> Array | None:
        """The images moved by whole pixels; None where that cannot be done."""
        if not drawn:  # height and width first, so that what is sliced are all images at once
            sliced = self.slice_array(np.moveaxis(stack, 0, -1))
            if sliced is None:
                return None
            rows = np.moveaxis(sliced, -1, 0)
            if rows.strides[0] != rows.shape[1] * rows.strides[1]:
                return np.ascontiguousarray(rows)
            tall = rows.reshape(-1, *rows.shape[2:])  # one picture, all below each other
            return np.asarray(engines.current().contiguous(tall)).reshape(rows.shape)
        result: Array | None = None
        for index, (image, values) in enumerate(zip(stack, zip(*drawn.values(), strict=True), strict=True)):
            moved = self._unchecked(**dict(zip(drawn, values, strict=True))).slice_array(image)
            if moved is None or (result is not None and moved.shape != result.shape[1:]):
                return None
            if result is None:
                result = np.empty((len(stack), *moved.shape), moved.dtype)
            result[index] = moved
        return result

    def fuses(self, shape: Shape) -> bool:  # noqa: ARG002
        """Whether the step may be resampled together with its neighbours, for an input of `shape` (H, W)."""
        return type(self).resample is GeometricTransform.resample

    @property
    def edge(self) -> tuple[str, float] | None:
        """Border and fill; None for a step that never looks beyond the border and so agrees with any neighbour."""
        border = getattr(self, "border", None)
        return None if border is None else (border, getattr(self, "fill", 0.0) if border == "constant" else 0.0)

    def joins(self, run: Sequence[Transform], shape: Shape) -> bool:
        """Whether one resampling can do this step and the run before it."""
        if not self.fuses(shape) or not all(isinstance(step, GeometricTransform) for step in run):
            return False
        return len({step.edge for step in (*run, self)} - {None}) <= 1  # type: ignore[attr-defined]

    @classmethod
    def apply_run(cls, run: "Sequence[GeometricTransform]", sample: Sample, out: Array | None = None) -> Sample:
        """Compose the maps of a run, interpolate the pixels once, and move every target along."""
        image = sample.image
        if sample.is_bare and (sliced := _sliced(run, image)) is not None:  # no map needs to be known
            return sample.moved(
                image=np.asarray(engines.current().contiguous(sliced, out=fitting(out, sliced.shape, sliced.dtype)))
            )
        maps, shape, points = [], sample.image.shape[:2], sample.keypoints
        for step in run:
            if step.tears and sample.boxes is not None and len(sample.boxes):
                raise ValueError(
                    f"{type(step).__name__} tears the image apart, so boxes cannot follow; got {len(sample.boxes)}"
                )
            maps.append(step.coordinate_map(shape))
            _check_map(step, maps[-1], shape)
            if points is not None:
                points = step.move_points(points, maps[-1], shape)
            shape = step.output_shape(shape)
        edge = next((step.edge for step in run if step.edge is not None), ("edge", 0.0))
        total = geometry.compose(maps, shape)

        def move(array: Array, order: int, fill: float = 0.0, out: Array | None = None) -> Array:
            if len(run) == 1 and (own := run[0].resample(array, order, fill)) is not None:
                return own
            if (sliced := _sliced(run, array)) is not None:
                return np.asarray(engines.current().contiguous(sliced, out=out))
            return _warp(array, total, shape, order, edge[0], fill, out)

        color, alpha = split_alpha(sample.image)
        if alpha is None or edge[1] == 0:
            image = move(sample.image, 1, edge[1], fitting(out, (*shape, *sample.image.shape[2:]), sample.image.dtype))
        else:  # what lies beyond the border is transparent, whatever its colour
            image = np.concatenate([move(color, 1, edge[1]), move(alpha, 1)], axis=-1)
        changes: dict[str, Any] = {"image": image}
        if sample.mask is not None:
            changes["mask"] = move(sample.mask, 0)
        if sample.heatmap is not None:
            changes["heatmap"] = move(sample.heatmap, 1)
        if points is not None:
            changes["keypoints"] = points
        if sample.keypoint_swaps and sum(map(geometry.mirrors, maps)) % 2:
            changes["keypoint_labels"] = sample.mirrored_labels()
        if sample.boxes is None:
            return sample.moved(**changes)
        boxes = geometry.move_boxes(maps, sample.boxes)
        changes["boxes"], kept = geometry.clip_boxes(boxes, shape, sample.min_visibility, sample.min_area)
        return sample.moved(**changes).only_boxes(kept)


def _sliced(run: Sequence[GeometricTransform], array: Array) -> Array | None:
    """The view that a run of whole-pixel moves makes of an array; None where a step is none."""
    view: Array | None = array
    for step in run:
        if type(step).resample is not GeometricTransform.resample:
            return None
        view = step.slice_array(view) if view is not None else None
    return view


def _warp(
    array: Array, map_: Map, shape: Shape, order: int, border: str, fill: float, out: Array | None = None
) -> Array:
    engine = engines.current()
    if geometry.is_matrix(map_):
        return np.asarray(engine.warp(array, map_, shape, order=order, border=border, fill=fill, out=out))
    return np.asarray(engine.remap(array, map_, order=order, border=border, fill=fill, out=out))


@dataclass(frozen=True, kw_only=True, repr=False)
class PointTransform(Transform):
    """Changes each value by itself, whatever its neighbours are; alpha is left alone.

    A subclass gives `curve`. On uint8 the curve becomes a table of 256 entries, and a run of adjacent steps one table,
    bit-identical to one step after the other.
    """

    __slots__ = ("_made",)  # tables by the number of channels: a step of numbers makes each once

    broadcasts: ClassVar[bool] = False  # whether curve treats all channels alike and takes arrays in place of fields

    def curve(self, x: Array) -> Array:
        """New values for the values `x` in [0, 1], an array (..., C) of the C colour channels; clipped afterwards."""
        raise NotImplementedError(f"{type(self).__name__} must define curve(x)")

    def table(self, channels: int) -> Array:
        """The curve on the 8-bit grid: a uint8 array (256, channels), or (256, 1) for all channels alike."""
        if self.broadcasts:
            return from_unit(self.curve(_LEVELS), np.uint8)
        return from_unit(self._curved(np.repeat(_LEVELS, channels, axis=1)), np.uint8)

    def _curved(self, x: Array) -> Array:
        """The curve for all channels of `x`, which one of the user's can neither write to nor leave without numbers."""
        y = self.curve(_guarded(type(self), x))
        if not is_ours(type(self)):
            try:
                y = np.broadcast_to(y, x.shape)
            except ValueError:
                raise ValueError(
                    f"{type(self).__name__}.curve must keep the shape {x.shape} of x; got {np.shape(y)}"
                ) from None
            _check_numbers(f"{type(self).__name__}.curve", y)
        return np.broadcast_to(y, x.shape)

    def apply_stack(self, stack: Array, drawn: dict[str, list[Any]]) -> Array | None:
        """The images of uint8, each through a table of its own."""
        if stack.dtype != np.uint8:
            return None
        channels = stack.shape[3] if stack.ndim == 4 else 1
        result = np.empty_like(stack)
        lookup = engines.current().lookup
        if not drawn:
            return np.asarray(lookup(stack.reshape(-1, *stack.shape[2:]), self._table(channels))).reshape(stack.shape)
        for image, table, out in zip(stack, self._tables(channels, drawn), result, strict=True):
            lookup(image, table, out=out)
        return result

    def _table(self, channels: int) -> Array:
        made: dict[int, Array]
        try:
            made = self._made  # type: ignore[attr-defined]
        except AttributeError:
            made = {}
            object.__setattr__(self, "_made", made)
        if channels not in made:
            made[channels] = self.table(channels)
        return made[channels]

    def _tables(self, channels: int, drawn: dict[str, list[Any]]) -> Array:
        """A table for each image: (N, 256, C)."""
        if self.broadcasts:
            columns = {name: np.array(values)[:, None, None] for name, values in drawn.items()}
            return from_unit(self._unchecked(**columns).curve(_LEVELS), np.uint8)
        rows = zip(*drawn.values(), strict=True)
        return np.stack([self._unchecked(**dict(zip(drawn, row, strict=True))).table(channels) for row in rows])

    def joins(self, run: Sequence[Transform], shape: Shape) -> bool:  # noqa: ARG002
        """Whether the run before is of curves as well."""
        return all(isinstance(step, PointTransform) for step in run)

    @classmethod
    def apply_run(cls, run: "Sequence[PointTransform]", sample: Sample, out: Array | None = None) -> Sample:
        """Apply the curves, on uint8 as one table."""
        color, alpha = split_alpha(sample.image)
        channels = color.shape[2] if color.ndim == 3 else 1
        if color.dtype == np.uint8:
            table = run[0]._table(channels)  # noqa: SLF001
            for step in run[1:]:
                after = step._table(channels)  # noqa: SLF001
                if after.shape[1] == 1:
                    table = after[:, 0][table]
                else:
                    table = np.take_along_axis(after, np.broadcast_to(table, after.shape).astype(np.intp), axis=0)
            result = engines.current().lookup(color, table, out=fitting(out, color.shape, color.dtype))
        else:
            result = color if color.ndim == 3 else color[..., None]
            for step in run:
                result = from_unit(step._curved(result), color.dtype)  # noqa: SLF001
            result = result.reshape(color.shape)
        return sample.moved(image=_with_alpha(result, alpha))


@dataclass(frozen=True, kw_only=True, repr=False)
class PixelTransform(Transform):
    """Computes a new image from the whole image: blur, noise, hue, erasing. Alpha and targets are left alone.

    A subclass gives `apply_image`, which may return floats for a uint8 image, 1 being white: the base clips floats to
    [0, 1] and rounds them back.
    """

    sees_alpha: ClassVar[bool] = False  # whether apply_image gets all channels, alpha included

    def apply_image(self, image: Array) -> Array:
        """The new image for `image` (H, W) or (H, W, C), C in {1, 3}; the input must not be written to."""
        raise NotImplementedError(f"{type(self).__name__} must define apply_image(image)")

    def apply_into(self, image: Array, out: Array | None) -> Array:  # noqa: ARG002
        """As `apply_image`; a subclass that can writes the result to `out`, where that fits it."""
        return self.apply_image(image)

    def apply_targets(self, sample: Sample) -> Sample:
        """What happens to masks, boxes and keypoints; nothing unless overridden."""
        return sample

    @classmethod
    def apply_run(cls, run: "Sequence[PixelTransform]", sample: Sample, out: Array | None = None) -> Sample:
        """Apply one step to the colour channels, then to the targets."""
        (step,) = run
        color, alpha = (sample.image, None) if step.sees_alpha else split_alpha(sample.image)
        kind: Any = cls
        free = out if alpha is None else None
        given = _guarded(kind, color)
        result = step.apply_into(given, free) if _writes(kind) else step.apply_image(given)
        if not isinstance(result, np.ndarray):
            raise TypeError(f"{type(step).__name__}.apply_image must return an array; got {type(result).__name__}")
        if given is not color:
            _check_numbers(f"{type(step).__name__}.apply_image", result)
            result = color if result is given else result if result.flags.writeable else result.copy()
        if step.bounded and not step.preprocessing and result.dtype.kind == "f":
            result = from_unit(result, color.dtype)
        if not step.preprocessing and (result.shape != color.shape or result.dtype != color.dtype):
            raise ValueError(
                f"{type(step).__name__}.apply_image must keep shape {color.shape} and dtype {color.dtype}; "
                f"got {result.shape} and {result.dtype}"
            )
        return step.apply_targets(sample.moved(image=_with_alpha(result, alpha)))


@dataclass(frozen=True, kw_only=True, repr=False)
class BatchTransform(Transform):
    """Mixes several samples into as many new ones: images, targets and labels.

    A subclass gives `apply_batch`. It is called with a list of Samples, as is a pipeline that holds it.
    """

    needs: ClassVar[str] = "batch"

    def apply_batch(self, samples: Sequence[Sample]) -> list[Sample]:
        """As many new samples as came; none of the inputs may be written to."""
        raise NotImplementedError(f"{type(self).__name__} must define apply_batch(samples)")

    @classmethod
    def apply_run(cls, run: Sequence[Any], sample: Sample, out: Array | None = None) -> Sample:  # noqa: ARG003
        """Refuse a single sample."""
        raise TypeError(alone(cls))


def fitting(out: Array | None, shape: tuple[int, ...], dtype: Any) -> Array | None:
    """`out` where it has that shape and dtype, else None."""
    return out if out is not None and out.shape == shape and out.dtype == dtype else None


def _guarded(cls: type, array: Array) -> Array:
    """What a user's class is given in place of `array`: a view of it that cannot be written to."""
    if is_ours(cls):  # held by the tests
        return array
    view = array.view()
    view.flags.writeable = False
    return view


def _check_numbers(name: str, array: Array) -> None:
    if array.dtype.kind not in "buif" or (array.dtype.kind == "f" and np.isnan(array).any()):
        raise ValueError(f"{name} must return real numbers without NaN; got {array.dtype} of shape {array.shape}")


def _check_map(step: Any, map_: Any, shape: Shape) -> None:
    """Raise unless what a user's step says of positions is a map to its own output."""
    if is_ours(type(step)):
        return
    height, width = step.output_shape(shape)[:2]
    fits = isinstance(map_, np.ndarray) and map_.shape in {(3, 3), (height, width, 2)} and map_.dtype.kind in "buif"
    if not fits or not np.isfinite(map_).all():
        got = f"{map_.dtype} of shape {map_.shape}" if isinstance(map_, np.ndarray) else type(map_).__name__
        raise ValueError(
            f"{type(step).__name__}.coordinate_map must return finite numbers, (3, 3) or ({height}, {width}, 2); got {got}"
        )


def _with_alpha(color: Array, alpha: Array | None) -> Array:
    if alpha is None:
        return color
    if color.dtype != alpha.dtype:  # preprocessing turned uint8 into floats
        alpha = to_unit(alpha)
    return np.concatenate([color, alpha], axis=-1)


@functools.cache
def _writes(cls: Any) -> bool:
    """Whether `apply_into` is to be used: it does what `apply_image` does unless a subclass overrides that alone."""
    return _giver(cls, "apply_into") <= _giver(cls, "apply_image")


def _giver(cls: type, name: str) -> int:
    """How many classes up the one is that defines a method."""
    return next(place for place, one in enumerate(cls.__mro__) if name in vars(one))


_LEVELS = np.arange(256)[:, None] / 255
_LEVELS.flags.writeable = False
