"""The libraries beside which augmentlab is measured: how each is loaded, given an image and called.

Each is used as its own documentation shows, on what it works on: arrays, Pillow images or tensors, made once and outside
the measurement. Arrays and tensors that come out are made contiguous, for some libraries return views.
"""

import importlib
import importlib.metadata
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

import augmentlab

Array = np.ndarray[Any, np.dtype[Any]]
Call = Callable[[], Any]


@dataclass(frozen=True)
class Peer:
    """One library.

    Attributes
    ----------
    name : str
        As it is told.
    packages : tuple of str
        Distributions whose versions are told.
    load : callable
        Imports it and sets it to one thread; ImportError where it is not installed.
    given : callable
        What it works on, from an array (H, W, 3), or (N, H, W) or (N, H, W, 3) for many images.
    call : callable
        From a transform and what is given, a function that applies it anew each time.
    call_many : callable
        The same for many images, whose results come out as one array or tensor.
    array : callable
        What came out as such an array again.
    """

    name: str
    packages: tuple[str, ...]
    load: Callable[[], Any]
    given: Callable[[Array], Any]
    call: Callable[[Any, Any], Call]
    call_many: Callable[[Any, Any], Call]
    array: Callable[[Any], Array]


def _itself(image: Array) -> Array:
    return image


# --- Albumentations ----------------------------------------------------------------------------------------------------


def _load_albumentations() -> Any:
    os.environ["NO_ALBUMENTATIONS_UPDATE"] = "1"  # else the import asks the network for a newer version
    return importlib.import_module("albumentations")


def _call_albumentations(transform: Any, image: Array) -> Call:
    return lambda: np.ascontiguousarray(transform(image=image)["image"])


def _call_albumentations_many(transform: Any, images: Array) -> Call:
    # Given images= instead, it would apply one draw to all of them.
    return lambda: np.stack([transform(image=image)["image"] for image in images])


# --- torchvision and Kornia --------------------------------------------------------------------------------------------


def _load_torch() -> Any:
    torch = importlib.import_module("torch")
    torch.set_num_threads(1)
    return torch


def _load_torchvision() -> Any:
    torch = _load_torch()
    try:
        importlib.import_module("torchvision")
    except RuntimeError:
        # A wheel whose compiled operators need CUDA does not import beside PyTorch for the CPU, because it registers
        # more about two of them, which no transform uses. Declaring these lets it.
        library = torch.library.Library("torchvision", "DEF")
        for name in ("nms", "qnms"):
            library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        globals()["_torchvision_operators"] = library  # they last as long as this object
        importlib.import_module("torchvision")
    return importlib.import_module("torchvision.transforms.v2")


def _load_kornia() -> Any:
    _load_torch()
    return importlib.import_module("kornia.augmentation")


def _planes_first(images: Array) -> Array:
    images = images if images.shape[-1] == 3 else images[..., None]
    return np.ascontiguousarray(np.moveaxis(images, -1, -3))


def _uint8_tensor(images: Array) -> Any:
    return importlib.import_module("torch").from_numpy(_planes_first(images))


def _float_tensor(images: Array) -> Any:
    """With the axis of images that Kornia wants, also for one."""
    tensor = _uint8_tensor(images).float() / 255
    return tensor if tensor.ndim == 4 else tensor[None]


def _call_tensor(transform: Any, tensor: Any) -> Call:
    return lambda: transform(tensor).contiguous()


def _call_torchvision_many(transform: Any, tensor: Any) -> Call:
    stack = importlib.import_module("torch").stack
    # Given a batch, it would apply one draw to all of it.
    return lambda: stack([transform(image) for image in tensor])


def _from_tensor(tensor: Any) -> Array:
    array = np.moveaxis(tensor.numpy(), -3, -1)
    array = array[0] if array.ndim == 4 and len(array) == 1 else array
    return array if array.shape[-1] == 3 else array[..., 0]


# --- by hand -----------------------------------------------------------------------------------------------------------


def _load_opencv() -> Any:
    module = importlib.import_module("benchmarks.by_opencv")
    module.cv2.setNumThreads(1)
    return module


def _call_opencv(transform: Any, image: Array) -> Call:
    rng = np.random.default_rng(0)
    return lambda: np.ascontiguousarray(transform(image, rng))


def _call_opencv_many(transform: Any, images: Array) -> Call:
    rng = np.random.default_rng(0)
    return lambda: np.stack([transform(image, rng) for image in images])


def _pillow_image(images: Array) -> Any:
    image = importlib.import_module("PIL.Image")
    return (
        image.fromarray(images)
        if images.shape[-1] == 3 and images.ndim == 3
        else [image.fromarray(one) for one in images]
    )


def _call_pillow(transform: Any, image: Any) -> Call:
    rng = np.random.default_rng(0)
    return lambda: transform(image, rng)


def _call_pillow_many(transform: Any, images: Any) -> Call:
    rng = np.random.default_rng(0)
    return lambda: np.stack([np.asarray(transform(image, rng)) for image in images])


# --- augmentlab itself -------------------------------------------------------------------------------------------------


def call_augmentlab(transform: Any, image: Array) -> Call:
    """One generator for all calls, as the others have."""
    rng = np.random.default_rng(0)
    return lambda: np.ascontiguousarray(transform(image, rng=rng))


def call_augmentlab_streams(transform: Any, image: Array) -> Call:
    """A stream of its own for each call, as the images of a data set have: drawn again, an image comes out the same."""
    index = iter(range(2**32))
    return lambda: np.ascontiguousarray(transform(image, rng=(0, 0, next(index))))


def call_augmentlab_many(transform: Any, images: Array) -> Call:
    """Each call is an epoch."""
    epoch = iter(range(2**32))
    return lambda: augmentlab.augment_batch(images, transform, seed=0, epoch=next(epoch))


def _under_reference(call: Call) -> Call:
    def apply() -> Any:
        with augmentlab.engine("reference"):
            return call()

    return apply


OURS = "augmentlab"

PEERS = (
    Peer(
        "Albumentations",
        ("albumentations", "albucore", "stringzilla"),
        _load_albumentations,
        _itself,
        _call_albumentations,
        _call_albumentations_many,
        np.asarray,
    ),
    Peer(
        "torchvision",
        ("torchvision", "torch"),
        _load_torchvision,
        _uint8_tensor,
        _call_tensor,
        _call_torchvision_many,
        _from_tensor,
    ),
    Peer(
        "Pillow",
        ("pillow",),
        lambda: importlib.import_module("benchmarks.by_pillow"),
        _pillow_image,
        _call_pillow,
        _call_pillow_many,
        np.asarray,
    ),
    Peer(
        "OpenCV",
        ("opencv-python-headless", "opencv-python"),
        _load_opencv,
        _itself,
        _call_opencv,
        _call_opencv_many,
        np.asarray,
    ),
    Peer("Kornia", ("kornia", "torch"), _load_kornia, _float_tensor, _call_tensor, _call_tensor, _from_tensor),
    Peer(
        "scikit-image",
        ("scikit-image", "scipy"),
        lambda: importlib.import_module("augmentlab"),
        _itself,
        lambda transform, image: _under_reference(call_augmentlab(transform, image)),
        lambda transform, images: _under_reference(call_augmentlab_many(transform, images)),
        np.asarray,
    ),
)
NAMES = tuple(peer.name for peer in PEERS)


def installed() -> tuple[dict[str, Any], dict[str, str]]:
    """What each installed peer loads as, and why each of the others is left out."""
    loaded, missing = {}, {}
    for peer in PEERS:
        try:
            loaded[peer.name] = peer.load()
        except ImportError as error:
            missing[peer.name] = f"not installed ({error})" if error.name is None else f"{error.name} is not installed"
    return loaded, missing


def version(package: str) -> str | None:
    """Of an installed distribution; None where there is none."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None
