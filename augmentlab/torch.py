"""Augmented images for PyTorch (extra ``torch``): a data set that a ``DataLoader`` loads from."""

import functools
import operator
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from augmentlab.items import Layout, Stream, as_array, as_dtype, check_dtype, count
from augmentlab.transform import Transform

__all__ = ["AugmentedDataset"]


class AugmentedDataset:
    """A map-style data set of PyTorch whose images are augmented anew in each epoch.

    Item ``index`` is drawn with ``rng=(seed, epoch, index)`` and nothing else: it is the same under any number of
    ``DataLoader`` workers, forked or spawned, in any order, and as `augmentlab.augment_batch` makes it. Call `set_epoch`
    before each epoch, as for PyTorch's ``DistributedSampler``; workers that persist see it too.

    A pipeline that mixes samples, such as `MixUp` or `CutMix`, is applied to each batch that a ``DataLoader`` asks for:
    ``rng=(seed, epoch, *indices, 1)``, with the indices of the batch. Labels then become vectors, float32.

    Parameters
    ----------
    dataset : torch.utils.data.Dataset
        Or any object with a length and items. An item is a tuple (image, label, ...); a dict with ``image`` and any of the
        keywords with which a transform is called (``mask``, ``masks``, ``heatmap``, ``bboxes``, ``bbox_labels``,
        ``keypoints``, ``keypoint_labels``); a `Sample`, which becomes such a dict; or an image alone. Images are arrays
        (H, W) or (H, W, C), Pillow images, or tensors (H, W) or (C, H, W); ``uint8`` or float in [0, 1].
    pipeline : Transform
        What is drawn and applied.
    seed : int
        At least 0.
    epoch : int
        The first one, at least 0.
    dtype : {"float32", "uint8"}
        Of the images that come out: float32, in which 255 has become 1, or uint8, rounded. A pipeline whose output is not
        in [0, 1], such as one that ends with `Standardize`, needs float32. A dtype of PyTorch is understood.
    **named
        Where the parts of an item are, by the keywords of a transform's call: ``image="img"`` (a key), ``mask=1`` (a place),
        ``bboxes=(1, "boxes")`` (a key of the dict at place 1), ``label=[1, 2]`` (what is left as it is). With a list,
        ``bbox_labels=[(1, "labels"), (1, "area")]``, all of them lose the rows of boxes that are dropped. Also the options
        ``bbox_format``, ``min_visibility``, ``min_area`` and ``keypoint_swaps`` of that call.

    Raises
    ------
    TypeError, ValueError
        With one sentence. What is not named and looks as if it belonged to the pixels is refused: a picture or an array of
        the image's size, annotations in a dict. So is a label that is not named where a pipeline mixes samples.

    Notes
    -----
    Images, masks and heatmaps come out as tensors (C, H, W), masks as they came (H, W) or (K, H, W); boxes and keypoints as
    float32. All else, the label too, is handed on untouched.

    Examples
    --------
    >>> import numpy as np
    >>> from augmentlab import HorizontalFlip
    >>> dataset = [(np.zeros((4, 6, 3), np.uint8), label) for label in range(10)]
    >>> augmented = AugmentedDataset(dataset, HorizontalFlip(p=0.5), seed=1)  # doctest: +SKIP
    >>> image, label = augmented[3]  # doctest: +SKIP
    >>> image.shape, label  # doctest: +SKIP
    (torch.Size([3, 4, 6]), 3)
    """

    def __init__(
        self, dataset: Any, pipeline: Transform, *, seed: int = 0, epoch: int = 0, dtype: Any = "float32", **named: Any
    ) -> None:
        import torch

        by_index = hasattr(dataset, "__getitem__") and hasattr(dataset, "__len__")
        if not by_index or isinstance(dataset, (Mapping, torch.utils.data.IterableDataset)):
            raise TypeError(f"dataset must have a length and items by index; got {type(dataset).__name__}")
        self.dataset = dataset
        self._stream = Stream(pipeline, seed)
        self._dtype = check_dtype(dtype, pipeline)
        self._layout = Layout.named(type(self).__name__, named)
        self._epoch = shared_number(count("epoch", epoch))

    @property
    def pipeline(self) -> Transform:
        """What is drawn and applied."""
        return self._stream.pipeline

    @property
    def seed(self) -> int:
        """The first number of every stream."""
        return self._stream.seed

    @property
    def epoch(self) -> int:
        """The epoch whose images are loaded."""
        return int(self._epoch)

    def set_epoch(self, epoch: int) -> None:
        """Load the images of another epoch from now on, in workers that are running as well.

        To be called between epochs: a worker may be ahead of the batch that was last received.
        """
        self._epoch.fill_(count("epoch", epoch))

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, index: int) -> Any:
        if self.pipeline.mixes:
            raise TypeError(
                f"pipeline mixes the samples of a batch, so that no item is had alone; got {self.pipeline!r:.80} "
                "(a DataLoader with a batch_size asks for batches)"
            )
        return self.__getitems__([index])[0]

    def __getitems__(self, indices: Sequence[int]) -> list[Any]:
        """The items of a batch, which is what a ``DataLoader`` asks for."""
        numbers = [_place(index, len(self)) for index in indices]
        items = [self.dataset[number] for number in numbers]
        mixes = self.pipeline.mixes
        read = [self._layout.read(item, number, label=mixes) for item, number in zip(items, numbers, strict=True)]
        made = self._stream.many([sample for sample, _, _ in read], self.epoch, numbers)
        write = functools.partial(written, dtype=self._dtype)
        return [
            self._layout.written(item, paths, given, sample, write)
            for item, (_, paths, given), sample in zip(items, read, made, strict=True)
        ]

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._epoch.share_memory_()  # a copy is shared with its own workers

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}({self.dataset!r:.80}, {self.pipeline!r}, seed={self.seed}, dtype={self._dtype!r})"
        )


def tensor(image: Any, dtype: str = "float32") -> Any:
    """An image (H, W) or (H, W, C) as a tensor (C, H, W) of "float32" or "uint8", with memory of its own."""
    import torch

    image = as_dtype(image, dtype)
    planes = image[None] if image.ndim == 2 else np.moveaxis(image, -1, 0)
    return torch.from_numpy(np.array(planes, order="C"))


def written(name: str, value: Any, came: Any, dtype: str) -> Any:
    """What becomes of one part of an item; `came` is what was read."""
    import torch

    if name == "image":
        return tensor(value, dtype)
    if name == "label" and value is came:
        return came
    if name == "masks":
        return _each(value)
    if name in {"mask", "heatmap"}:
        return torch.from_numpy(np.array(np.moveaxis(value, -1, 0) if value.ndim == 3 else value, order="C"))
    if name in {"bbox_labels", "keypoint_labels"}:  # a list, of text perhaps, stays one
        return torch.from_numpy(np.array(value, as_array(came).dtype)) if hasattr(came, "dtype") else value
    return torch.tensor(value, dtype=torch.float32, device="cpu")  # boxes, keypoints, vectors of class probabilities


def _each(masks: Any) -> Any:
    if isinstance(masks, dict):
        return {key: _own(one) for key, one in masks.items()}
    return _own(masks) if isinstance(masks, np.ndarray) else [_own(one) for one in masks]


def _own(array: Any) -> Any:
    import torch

    return torch.tensor(array, device="cpu")  # where arrays are, whatever the default: workers have no other device


def _place(index: Any, length: int) -> int:
    number = operator.index(index)
    if not -length <= number < length:
        raise IndexError(f"index must be in -{length}..{length - 1}; got {number}")
    return number % length


def shared_number(number: int) -> Any:
    """A number that workers see change: in shared memory, and picklable, unlike those of multiprocessing."""
    import torch

    return torch.tensor(number, dtype=torch.int64, device="cpu").share_memory_()
