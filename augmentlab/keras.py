"""Augmented images for Keras 3 and tf.data (extra ``keras``)."""

import functools
import math
from collections.abc import Callable
from typing import Any, ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray

from augmentlab.items import Stream, as_dtype, check_dtype, count
from augmentlab.pixels import Array
from augmentlab.sample import Sample, as_image
from augmentlab.transform import Transform

__all__ = ["AugmentedPyDataset", "tf_map"]

Target = Literal["label", "mask", "heatmap"]


class AugmentedPyDataset:
    """Batches of augmented images for ``Model.fit``: a ``keras.utils.PyDataset``.

    Image i of the data is drawn with ``rng=(seed, epoch, i)``, and the order with (seed, epoch), so that batches are the
    same under any `workers`, threads or processes. ``on_epoch_end`` moves on to the next epoch. Keras calls it once before
    ``fit`` begins, too: the n-th epoch of ``fit`` sees the draws of ``epoch + n``.

    A pipeline that mixes samples, such as `MixUp` or `CutMix`, is applied to each batch, with
    ``rng=(seed, epoch, *indices, 1)``; labels become vectors, float32.

    Parameters
    ----------
    images : (N, H, W) or (N, H, W, C) array, or sequence of images
        ``uint8`` or float in [0, 1]; must come out of the pipeline in one size.
    targets : sequence of length N
        What ``fit`` calls y: labels, or with ``target="mask"`` masks.
    pipeline : Transform
        What is drawn and applied.
    batch_size : int
        Images in a batch; the last one may have fewer.
    shuffle : bool
        Whether each epoch has an order of its own. ``fit`` shuffles the order of batches once more, by Python's global
        generator: pass ``shuffle=False`` there to have the same order in every run.
    target : {"label", "mask", "heatmap"}
        What `targets` are: masks (H, W) or (H, W, K) of bool or integers, and heatmaps of floats, move with the image.
    seed : int
        At least 0.
    epoch : int
        Where to begin, at least 0.
    dtype : {"float32", "uint8"}
        Of the images that come out: float32, in which 255 has become 1, or uint8, rounded.
    workers, use_multiprocessing, max_queue_size
        As ``keras.utils.PyDataset`` takes them.

    Raises
    ------
    TypeError, ValueError
        With one sentence.

    Notes
    -----
    Images come out channels last and with a channel axis, (B, H, W, C). Give ``fit`` no ``steps_per_epoch``: an epoch of
    Keras that ends within the data would change the order there. Where PyTorch is the backend of Keras and `workers` is more
    than 1, Keras drops the first batch of a fit; there, hand ``fit`` a ``DataLoader`` of `augmentlab.torch.AugmentedDataset`.
    """

    def __new__(cls, *_: Any, **__: Any) -> Self:
        """An object of a class that is also a ``keras.utils.PyDataset``: Keras takes seconds to load, and is not yet."""
        plain: Any = cls
        return object.__new__(_with_keras(plain))

    _plain: ClassVar[Any]  # the class that its source shows

    def __init__(
        self,
        images: Any,
        targets: Any,
        pipeline: Transform,
        *,
        batch_size: int = 32,
        shuffle: bool = True,
        target: Target = "label",
        seed: int = 0,
        epoch: int = 0,
        dtype: str = "float32",
        workers: int = 1,
        use_multiprocessing: bool = False,
        max_queue_size: int = 10,
    ) -> None:
        super().__init__(workers=workers, use_multiprocessing=use_multiprocessing, max_queue_size=max_queue_size)  # type: ignore[call-arg]
        if len(images) != len(targets):
            raise ValueError(f"targets must be one for each of {len(images)} images; got {len(targets)}")
        if count("batch_size", batch_size) < 1:
            raise ValueError(f"batch_size must be an int >= 1; got {batch_size!r}")
        _check_target(target)
        # A pandas Series would be asked by its own index instead of by place.
        self.images, self.targets = images, np.asarray(targets) if target == "label" else targets
        self.target = target
        self.batch_size, self.shuffle = batch_size, shuffle
        self.epoch = count("epoch", epoch)
        self._stream = Stream(pipeline, seed)
        self._dtype = check_dtype(dtype, pipeline)

    @property
    def pipeline(self) -> Transform:
        """What is drawn and applied."""
        return self._stream.pipeline

    def order(self) -> NDArray[np.intp]:
        """The indices of all images, (N,), in the order of this epoch."""
        if not self.shuffle:
            return np.arange(len(self.images))
        # The 2 at the end keeps the stream apart from those of the images and the batches.
        return np.random.default_rng((self._stream.seed, self.epoch, 0, 2)).permutation(len(self.images))

    def on_epoch_end(self) -> None:
        """Move on to the next epoch."""
        self.epoch += 1

    def __reduce__(self) -> tuple[Any, ...]:
        return _blank, (self._plain,), dict(vars(self))

    def __len__(self) -> int:
        return math.ceil(len(self.images) / self.batch_size)

    def __getitem__(self, index: int) -> tuple[Array, Array]:
        if not 0 <= index < len(self):
            raise IndexError(f"index must be in 0..{len(self) - 1}; got {index}")
        indices = self.order()[index * self.batch_size :][: self.batch_size].tolist()
        samples = [_sample(self.images[one], self.targets[one], self.target, f"image {one}") for one in indices]
        made = self._stream.many(samples, self.epoch, indices)
        whole = [_with_channels(as_dtype(sample.image, self._dtype)) for sample in made]
        if len(shapes := {image.shape for image in whole}) > 1:
            raise ValueError(f"images must come out of the pipeline in one shape; got {sorted(shapes)}")
        images = np.stack(whole)
        if self.pipeline.mixes and self.target == "label":
            return images, np.stack([sample.label for sample in made]).astype(np.float32)
        return images, np.asarray([getattr(sample, self.target) for sample in made])


@functools.cache
def _with_keras(cls: Any) -> Any:
    import keras

    if issubclass(cls, keras.utils.PyDataset):
        return cls
    names = {name: getattr(cls, name) for name in ("__doc__", "__module__", "__qualname__")}
    return type(cls.__name__, (cls, keras.utils.PyDataset), names | {"_plain": cls})


def _blank(cls: Any) -> Any:
    return cls.__new__(cls)


def tf_map(
    pipeline: Transform,
    *,
    seed: int = 0,
    epoch: int = 0,
    size: int | None = None,
    target: Target = "label",
    dtype: str = "float32",
    shape: tuple[int | None, ...] | None = None,
) -> Callable[[Any, Any], Any]:
    """A function for ``tf.data.Dataset.map`` on numbered elements: ``dataset.enumerate().map(tf_map(pipeline))``.

    What is drawn for an element depends on its number alone, so number the elements *before* they are shuffled and batched,
    and *after* they are repeated: ``dataset.repeat().enumerate().map(tf_map(pipeline, size=len(images)))`` draws image i of
    repetition e with ``rng=(seed, epoch + e, i)``. Numbered before ``repeat``, or without it, each pass over the data sees
    the same draws again: that of `epoch`.

    Parameters
    ----------
    pipeline : Transform
        What is drawn and applied; one that does not mix samples.
    seed : int
        At least 0.
    epoch : int
        Of the first pass over the data, at least 0.
    size : int, optional
        How many elements a pass has: numbers from `size` on belong to the next one. Without it, all belong to `epoch`.
    target : {"label", "mask", "heatmap"}
        What the second part of an element is: a label is handed on untouched, masks and heatmaps (H, W) or (H, W, K) move
        with the image.
    dtype : {"float32", "uint8"}
        Of the images that come out: float32, in which 255 has become 1, or uint8, rounded.
    shape : (H, W, C), optional
        Of the images that come out, checked for each; None for a side that is not known. Without it, it is taken from the
        pipeline where the shape of the elements is known and the output's does not depend on the draw.

    Returns
    -------
    function (number, element) -> element
        Elements are images (H, W) or (H, W, C), tuples (image, target, ...), or dicts with ``image`` and perhaps the key
        that `target` says. Images come out with a channel axis. The function calls Python in this process, so that it can
        be neither saved nor sent to a ``tf.data`` service.

    Raises
    ------
    TypeError, ValueError
        With one sentence; for an image, when TensorFlow asks for it.
    """
    stream, dtype = Stream(pipeline, seed), check_dtype(dtype, pipeline)
    if pipeline.mixes:
        raise TypeError(f"pipeline mixes the samples of a batch, which AugmentedPyDataset does; got {pipeline!r:.80}")
    count("epoch", epoch)
    if size is not None and count("size", size) < 1:
        raise ValueError(f"size must be an int >= 1; got {size!r}")
    _check_target(target)
    if shape is not None and (not isinstance(shape, (tuple, list)) or len(shape) != 3):
        raise ValueError(f"shape must be (H, W, C), with None for a side that is not known; got {shape!r}")

    def made(number: Any, image: Array, mask: Any = None) -> Any:
        passes, index = divmod(int(number), size) if size else (0, int(number))
        sample = stream.one(_sample(image, mask, target, f"image {index}"), epoch + passes, index)
        result = _with_channels(as_dtype(sample.image, dtype))
        if shape is not None and any(want not in {None, got} for want, got in zip(shape, result.shape, strict=True)):
            raise ValueError(f"shape must be that of each image, {result.shape} for number {number}; got {shape!r}")
        return (result, np.asarray(getattr(sample, target), mask.dtype)) if mask is not None else result

    def augment(number: Any, element: Any = None) -> Any:
        import tensorflow as tf

        whole = isinstance(number, tf.Tensor) and number.dtype.is_integer and number.shape.rank in {0, None}
        if element is None or not whole:
            raise TypeError(
                f"elements must be numbered, as dataset.enumerate().map(...) does; got {number!r:.80} first"
            )
        keys: tuple[Any, Any] = ("image", target) if isinstance(element, dict) else (0, 1)
        bare = not isinstance(element, (dict, tuple))
        needed = keys[:1] if target == "label" else keys
        held = [0] if bare else list(element) if isinstance(element, dict) else list(range(len(element)))
        if not set(needed) <= set(held):
            raise ValueError(
                f"elements must have {'an image' if target == 'label' else f'image and {target}'} at {needed}; got {held}"
            )
        image = element if bare else element[keys[0]]
        inputs, kinds = [number, image], [tf.as_dtype(dtype)]
        if target != "label":
            inputs, kinds = [*inputs, element[keys[1]]], [*kinds, element[keys[1]].dtype]
        # The result depends on the inputs alone, which is all that "stateful" asks.
        moved = tf.numpy_function(made, inputs, kinds, stateful=False)
        moved[0].set_shape(_static(pipeline, image.shape) if shape is None else shape)
        if target != "label":
            mask = element[keys[1]].shape
            known = mask.rank is not None and moved[0].shape.rank is not None
            moved[1].set_shape([*moved[0].shape[:2], *mask[2:]] if known else None)
        if bare:
            return moved[0]
        changed = dict(zip(keys, moved, strict=False))
        if isinstance(element, dict):
            return element | changed
        return tuple(changed.get(place, part) for place, part in enumerate(element))

    return augment


def _static(pipeline: Transform, shape: Any) -> list[int | None] | None:
    """What is known of the output's shape before there is an image; `shape` is the input's."""
    if shape.rank is None:
        return None
    sides = [tuple(shape)] if shape.is_fully_defined() else []
    # The number of channels does not depend on the size, so any size tells it.
    if not sides and (shape.rank == 2 or shape[2] is not None):
        sides = [(4096, 4096, *shape[2:])]
    try:
        out = [*pipeline.output_shape(sides[0]), 1][:3] if sides else [None] * 3
        # What is not always applied, or has a size of its own by each draw, is to keep any shape.
        told = all(side is None or isinstance(side, (int, np.integer)) for side in out) and all(
            step.output_shape(one) == one
            for step in pipeline.walk()
            if step.p < 1
            for one in ((61, 47, 3), (797, 1021, 3))
        )
    except (TypeError, ValueError):  # a drawn size, with which nothing can be computed, is a TypeError
        told = False
    if not told:
        return [None, None, None]
    return list(out) if shape.is_fully_defined() else [None, None, out[2]]


def _sample(image: Any, target: Any, kind: str, name: str) -> Sample:
    return Sample(as_image(image, name=name), **{kind: target})


def _with_channels(image: Array) -> Array:
    return image[..., None] if image.ndim == 2 else image


def _check_target(target: Any) -> None:
    if target not in {"label", "mask", "heatmap"}:
        raise ValueError(f"target must be one of 'label', 'mask', 'heatmap'; got {target!r}")
