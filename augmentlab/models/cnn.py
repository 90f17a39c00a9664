"""A small convolutional network (extra ``torch``)."""

from __future__ import annotations

import contextlib
import copy
import importlib.util
import itertools
import math
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.validation import check_is_fitted

from augmentlab.models.features import as_unit_floats

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    Augment = Callable[[int, NDArray[np.intp]], NDArray[Any]]

_AT_ONCE = 256  # images in one go when there is nothing to learn
_NO_TORCH = 'torch_cnn needs PyTorch: python -m pip install "augmentlab[torch]"'


def torch_cnn(
    *,
    steps: int = 1000,
    batch_size: int = 64,
    width: int = 16,
    lr: float = 3e-3,
    device: str = "auto",
    early_stopping: float | None = None,
) -> TorchCNN:
    """A small convolutional network that is trained for a fixed number of steps; needs the extra ``torch``.

    See `TorchCNN` for the network, the training, and what is the same from run to run.

    Parameters
    ----------
    steps : int
        Optimiser steps: the same in every arm of a study, however many copies it makes. Too few make augmentation look
        harmful: it is harder to learn from images that are never the same twice.
    batch_size : int
        Images in a step; all of them where there are fewer.
    width : int
        Channels of the first block; each further one has twice as many.
    lr : float
        Largest learning rate; it falls to zero along half a cosine.
    device : str
        "auto" (a CUDA GPU where PyTorch finds one, else the CPU), or a device of PyTorch such as "cpu" or "cuda:1".
    early_stopping : float, optional
        Share of the training images to hold out. **Arms then take unequal numbers of steps and train on fewer images**,
        so that what differs between them is no longer the augmentation alone. Without it, all steps are taken.

    Returns
    -------
    TorchCNN
        Not fitted; for images of one size, gray or colour.

    Raises
    ------
    ModuleNotFoundError
        Without PyTorch.
    TypeError, ValueError
        If a parameter is not as said above.
    """
    if importlib.util.find_spec("torch") is None:
        raise ModuleNotFoundError(_NO_TORCH)
    model = TorchCNN(
        steps=steps, batch_size=batch_size, width=width, lr=lr, device=device, early_stopping=early_stopping
    )
    _check(model)
    return model


class TorchCNN(ClassifierMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """A small convolutional network as a scikit-learn classifier of images.

    Two to four blocks of a 3x3 convolution, 2x2 max pooling, batch normalisation and ReLU, as many as it takes to come
    down to about 4x4; then one linear layer on the map, averaged to at most 4x4. Trained with AdamW on the cross-entropy.

    Parameters
    ----------
    steps, batch_size, width, lr, device, early_stopping
        As in `torch_cnn`.
    random_state : int, optional
        Seed of the first weights, of the order of the images and of what early stopping holds out.

    Attributes
    ----------
    classes_ : ndarray (classes,)
        The different training labels, sorted.
    network_ : torch.nn.Sequential
        The trained network, on the CPU: it can be pickled and loaded where there is no GPU.
    steps_ : int
        Steps that were taken.

    Notes
    -----
    On the CPU, one thread computes, so that equal seeds give equal bits whatever the number of cores; another
    processor or version of PyTorch may give others. On a GPU the seeds are the same but some of its sums have no fixed
    order, so that bits may differ between runs. PyTorch's global random state is neither used nor changed.

    Nothing random happens to the images in here. In a study each epoch sees fresh augmented images, which depend on
    the study's seed, the draw, the epoch and the image alone.

    References
    ----------
    He, K. et al. (2015). Delving deep into rectifiers. ICCV. (The first weights.)
    Loshchilov, I. and Hutter, F. (2017). SGDR: stochastic gradient descent with warm restarts. ICLR.
    Loshchilov, I. and Hutter, F. (2019). Decoupled weight decay regularization. ICLR.

    Examples
    --------
    >>> TorchCNN(steps=300)
    TorchCNN(steps=300)
    """

    takes_images = True
    augments = True

    def __init__(
        self,
        steps: int = 1000,
        batch_size: int = 64,
        width: int = 16,
        lr: float = 3e-3,
        device: str = "auto",
        early_stopping: float | None = None,
        random_state: int | None = None,
    ) -> None:
        self.steps = steps
        self.batch_size = batch_size
        self.width = width
        self.lr = lr
        self.device = device
        self.early_stopping = early_stopping
        self.random_state = random_state

    def fit(self, images: NDArray[Any], labels: NDArray[Any], augment: Augment | None = None) -> Self:
        """Train from scratch.

        Parameters
        ----------
        images : array (N, H, W) or (N, H, W, C)
            ``uint8``, or float in [0, 1].
        labels : array (N,)
            One label for each image.
        augment : callable, optional
            ``augment(epoch, rows) -> images``: what the network sees in that epoch (0, 1, ...) in place of
            ``images[rows]``, of the same shape. Without it, the images as they are.

        Raises
        ------
        ModuleNotFoundError
            Without PyTorch.
        ValueError
            If `augment` returns images of another number or shape.
        """
        torch = _torch()
        _check(self)
        images = np.asarray(images)
        self.classes_, answers = np.unique(labels, return_inverse=True)
        rng = np.random.default_rng(self.random_state)
        held_out, rows = np.split(rng.permutation(len(images)), [self._held_out(len(images))])
        self.mean_, self.scale_ = _mean_and_scale(images[np.sort(rows)])
        with _one_thread(torch):
            self.network_ = _network(torch, images.shape[1:], self.width, len(self.classes_), rng)
            self.network_.to(_device(torch, self.device))
            self.steps_ = self._train(images, answers, rows, held_out, augment, rng)
            self.network_.eval().to("cpu")
        return self

    def predict(self, images: NDArray[Any]) -> NDArray[Any]:
        """Return the most probable class of each image: (N,)."""
        return self.classes_[self.predict_proba(images).argmax(axis=1)]

    def predict_proba(self, images: NDArray[Any]) -> NDArray[np.float64]:
        """Return the probability of each class: (N, classes), float64."""
        check_is_fitted(self)
        torch = _torch()
        with _one_thread(torch):
            self.network_.to(_device(torch, self.device))
            scores = self._scores(np.asarray(images))
            self.network_.to("cpu")
        probabilities = np.asarray(torch.softmax(scores.double(), dim=1).numpy())
        if not np.isfinite(probabilities).all():
            raise FloatingPointError(f"the training diverged; take a smaller lr than {self.lr:g}")
        return probabilities

    def _train(
        self,
        images: NDArray[Any],
        answers: NDArray[np.intp],
        rows: NDArray[np.intp],
        held_out: NDArray[np.intp],
        augment: Augment | None,
        rng: np.random.Generator,
    ) -> int:
        """Take the steps and return how many."""
        torch = _torch()
        network, loss_of = self.network_, torch.nn.functional.cross_entropy
        targets = torch.from_numpy(answers)
        optimizer = torch.optim.AdamW(network.parameters(), lr=self.lr)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, self.steps)
        taken, best, least, state = 0, 0, np.inf, None
        for epoch, batches in _epochs(rows, self.batch_size, self.steps, rng):
            network.train()
            for chosen in batches:
                batch = images[chosen] if augment is None else _augmented(augment, epoch, chosen, images.shape[1:])
                scores = network(self._tensor(batch))
                loss = loss_of(scores, targets[chosen].to(scores.device))
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                schedule.step()
            taken += len(batches)
            if len(held_out):
                error = float(loss_of(self._scores(images[held_out]), targets[held_out]))
                if error < least:
                    best, least, state = taken, error, copy.deepcopy(network.state_dict())
                elif taken - best >= self.steps / 5:
                    break
        if state is not None:
            network.load_state_dict(state)
        return taken

    def _scores(self, images: NDArray[Any]) -> Any:
        """What the network says of images, as a tensor (N, classes) on the CPU."""
        torch = _torch()
        self.network_.eval()
        with torch.inference_mode():
            parts = [images[start : start + _AT_ONCE] for start in range(0, max(len(images), 1), _AT_ONCE)]
            return torch.cat([self.network_(self._tensor(part)).cpu() for part in parts])

    def _tensor(self, images: NDArray[Any]) -> Any:
        """Images as a tensor (N, C, H, W) of about zero mean and unit variance, where the network is."""
        values = (as_unit_floats(images) - self.mean_) / self.scale_
        values = np.ascontiguousarray(values[..., np.newaxis] if values.ndim == 3 else values, dtype=np.float32)
        return _torch().from_numpy(values).to(next(self.network_.parameters()).device).permute(0, 3, 1, 2)

    def _held_out(self, images: int) -> int:
        """How many images early stopping holds out: at least one, and never all."""
        return 0 if self.early_stopping is None else min(max(round(self.early_stopping * images), 1), images - 1)


def _torch() -> Any:
    try:
        import torch
    except ModuleNotFoundError as error:
        if error.name != "torch":
            raise
        raise ModuleNotFoundError(_NO_TORCH, name="torch") from None
    return torch


def _device(torch: Any, name: str) -> str:
    return ("cuda" if torch.cuda.is_available() else "cpu") if name == "auto" else name


@contextlib.contextmanager
def _one_thread(torch: Any) -> Iterator[None]:
    """Compute with one thread: the bits of a sum depend on how many share it."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _network(torch: Any, shape: tuple[int, ...], width: int, classes: int, rng: np.random.Generator) -> Any:
    """Build the network for images of a shape, with weights from our own stream and not from PyTorch's global one."""
    nn = torch.nn
    sides, channels = shape[:2], shape[2] if len(shape) == 3 else 1
    layers: list[Any] = []
    for block in range(min(max(math.ceil(math.log2(min(sides) / 4)), 2), 4)):
        outputs = width * 2**block
        convolution = nn.utils.skip_init(nn.Conv2d, channels, outputs, 3, padding=1, bias=False)
        # Pooling first: what follows has a quarter of the work.
        layers += [convolution, nn.MaxPool2d(2, ceil_mode=True), nn.BatchNorm2d(outputs), nn.ReLU()]
        sides, channels = tuple(-(-side // 2) for side in sides), outputs
    pooled = tuple(min(side, 4) for side in sides)
    linear = nn.utils.skip_init(nn.Linear, channels * math.prod(pooled), classes)
    layers += [*([] if pooled == sides else [nn.AdaptiveAvgPool2d(pooled)]), nn.Flatten(), linear]
    with torch.no_grad():
        for layer in layers:
            if hasattr(layer, "in_channels") or layer is linear:
                weight = layer.weight
                spread = math.sqrt((1 if layer is linear else 2) / weight[0].numel())  # He et al. 2015
                weight.copy_(torch.from_numpy(rng.normal(0, spread, tuple(weight.shape))))
        linear.bias.zero_()
    return nn.Sequential(*layers).to(memory_format=torch.channels_last)  # as our images are


def _epochs(
    rows: NDArray[np.intp], size: int, steps: int, rng: np.random.Generator
) -> Iterator[tuple[int, NDArray[np.intp]]]:
    """Yield each epoch's number and its batches (B, size), `steps` batches in all.

    Rows that fill no batch are left out, others in each epoch, so that no batch is small.
    """
    size = min(size, len(rows))
    left = steps
    for epoch in itertools.count():
        batches = rng.permutation(rows)[: len(rows) // size * size].reshape(-1, size)[:left]
        yield epoch, batches
        left -= len(batches)
        if not left:
            return


def _augmented(augment: Augment, epoch: int, rows: NDArray[np.intp], shape: tuple[int, ...]) -> NDArray[Any]:
    images = np.asarray(augment(epoch, rows))
    if images.shape != (len(rows), *shape):
        raise ValueError(
            f"augment(epoch, rows) must return an image of shape {shape} for each of {len(rows)} rows; "
            f"got an array of shape {images.shape}"
        )
    return images


def _mean_and_scale(images: NDArray[Any]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean and standard deviation of each channel, image by image: the floats of all would fill the memory."""
    units = map(as_unit_floats, images)
    mean, square = np.mean([(unit.mean(axis=(0, 1)), (unit**2).mean(axis=(0, 1))) for unit in units], axis=0)
    return mean, np.sqrt(np.maximum(square - mean**2, 1 / 255**2))


def _check(model: TorchCNN) -> None:
    """Raise one sentence about a parameter that cannot be."""
    for name, least in (("steps", 1), ("batch_size", 2), ("width", 1)):  # normalising takes more than one image
        value = getattr(model, name)
        if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < least:
            raise ValueError(f"{name} must be an int >= {least}; got {value!r}")
    if not _is_number(model.lr) or not 0 < model.lr < np.inf:
        raise ValueError(f"lr must be a number above 0; got {model.lr!r}")
    share = model.early_stopping
    if share is not None and (not _is_number(share) or not 0 < share < 1):
        raise ValueError(f"early_stopping must be None or a share between 0 and 1; got {share!r}")
    if not isinstance(model.device, str):
        raise TypeError(f'device must be "auto" or the name of a device of PyTorch; got {model.device!r}')


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool)
