"""Augmented images for Hugging Face's ``datasets`` (extra ``huggingface``)."""

import functools
from collections.abc import Callable
from typing import Any, Literal

import numpy as np

from augmentlab.items import Layout, Stream, as_dtype, check_dtype, count
from augmentlab.transform import Transform

__all__ = ["AugmentedColumns"]


class AugmentedColumns:
    """A function for ``Dataset.set_transform``: images are augmented each time they are asked for.

    ``set_transform`` does not say which rows it asks for, so there are two ways:

    - with a column of numbers, ``dataset = dataset.add_column("index", list(range(len(dataset))))`` and ``index="index"``, a row is
      drawn with ``rng=(seed, epoch, number)``: the same in any order, under any workers, and as all else in this package
      draws it. Call `set_epoch` before each epoch.
    - without, each access draws anew from the system's entropy: no two are alike, nothing can be repeated, `seed` is not
      used, and no worker repeats another's draws.

    Not for ``Dataset.map``, which would store one draw for good.

    A pipeline that mixes samples, such as `MixUp` or `CutMix`, mixes the rows that are asked for together.

    Parameters
    ----------
    pipeline : Transform
        What is drawn and applied.
    image : str
        Column of the images: Pillow images or arrays (H, W) or (H, W, C), ``uint8`` or float in [0, 1].
    index : str, optional
        Column of the numbers of the rows, ints from 0.
    seed : int
        At least 0.
    epoch : int
        The first one, at least 0.
    output : {"numpy", "torch", "pil"}
        What images come out as: arrays (H, W) or (H, W, C), tensors (C, H, W), or Pillow images, as ``transformers``' image
        processors take them; there, masks that came as Pillow images too.
    dtype : {"float32", "uint8"}
        Of arrays and tensors: float32, in which 255 has become 1, or uint8, rounded. Pillow images are uint8.
    **named
        Columns of what must follow the image, by the keywords of a transform's call: ``mask="annotation"``,
        ``bboxes=("objects", "bbox")`` (a key of the dicts in a column); ``label="annotation"`` leaves a column as it is. Also
        the options ``bbox_format``, ``min_visibility``, ``min_area`` and ``keypoint_swaps`` of that call.

    Raises
    ------
    TypeError, ValueError
        With one sentence. A column that is not named and looks as if it belonged to the pixels is refused.

    Examples
    --------
    >>> import numpy as np
    >>> from augmentlab import HorizontalFlip
    >>> augment = AugmentedColumns(HorizontalFlip(p=0.5), index="index", seed=1)
    >>> batch = augment({"image": [np.zeros((4, 6), np.uint8)] * 2, "label": [3, 5], "index": [0, 1]})
    >>> batch["image"][0].shape, batch["label"]
    ((4, 6), [3, 5])
    """

    def __init__(
        self,
        pipeline: Transform,
        image: str = "image",
        *,
        index: str | None = None,
        seed: int = 0,
        epoch: int = 0,
        output: Literal["numpy", "torch", "pil"] = "numpy",
        dtype: Any = "float32",
        **named: Any,
    ) -> None:
        if output not in {"numpy", "torch", "pil"}:
            raise ValueError(f"output must be one of 'numpy', 'torch', 'pil'; got {output!r}")
        self.index = index
        self.output = output
        self._stream = Stream(pipeline, seed)
        self._layout = Layout.named(type(self).__name__, {"image": image, **named})
        self._dtype = check_dtype("uint8" if output == "pil" else dtype, pipeline)
        self._epoch: Any = count("epoch", epoch)
        if output == "torch":
            from augmentlab.torch import shared_number

            self._epoch = shared_number(self._epoch)

    @property
    def pipeline(self) -> Transform:
        """What is drawn and applied."""
        return self._stream.pipeline

    @property
    def epoch(self) -> int:
        """The epoch whose draws are made."""
        return int(self._epoch)

    def set_epoch(self, epoch: int) -> None:
        """Make the draws of another epoch from now on.

        Workers of a ``DataLoader`` that are running see it where `output` is "torch"; else only those that start later.
        """
        if self.output == "torch":
            self._epoch.fill_(count("epoch", epoch))
        else:
            self._epoch = count("epoch", epoch)

    def __call__(self, batch: dict[str, list[Any]]) -> dict[str, list[Any]]:
        """The batch, a dict of columns, with augmented images and what follows them."""
        size = len(next(iter(batch.values()), ()))
        numbers = self._numbers(batch)
        rows = [{name: column[place] for name, column in batch.items()} for place in range(size)]
        named = [None] * size if numbers is None else numbers
        mixes = self.pipeline.mixes
        read = [self._layout.read(row, number, label=mixes) for row, number in zip(rows, named, strict=True)]
        made = self._stream.many([sample for sample, _, _ in read], self.epoch, numbers)
        results = [
            self._layout.written(row, paths, given, sample, self._writer())
            for row, (_, paths, given), sample in zip(rows, read, made, strict=True)
        ]
        return {name: [row[name] for row in results] for name in batch}

    def _numbers(self, batch: dict[str, list[Any]]) -> list[int] | None:
        if self.index is None:
            return None
        if self.index not in batch:
            raise ValueError(
                f"index must be a column that set_transform hands over; got {self.index!r}, and the columns {', '.join(batch)} "
                f'(dataset.add_column("{self.index}", list(range(len(dataset)))) adds it)'
            )
        return [count(f"column {self.index!r}", number) for number in batch[self.index]]

    def _writer(self) -> Callable[[str, Any, Any], Any]:
        if self.output == "torch":
            from augmentlab.torch import written

            return functools.partial(written, dtype=self._dtype)
        return functools.partial(_written, dtype=self._dtype, pil=self.output == "pil")

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        if self.output == "torch":
            self._epoch.share_memory_()


def _written(name: str, value: Any, came: Any, dtype: str, *, pil: bool) -> Any:
    """What becomes of one part of a row; `came` is what was read."""
    if name == "image":
        value = as_dtype(value, dtype)
    if pil and (name == "image" or hasattr(came, "getexif")):
        from PIL import Image

        return Image.fromarray(np.ascontiguousarray(value[..., 0] if value.shape[2:] == (1,) else value))
    return value
