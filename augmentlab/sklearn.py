"""Augmentation and preprocessing as steps of scikit-learn's pipelines, and of imbalanced-learn's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_consistent_length

from augmentlab.batch import augment_batch
from augmentlab.compose import flatten
from augmentlab.items import count
from augmentlab.sample import check_image
from augmentlab.transform import Transform

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["AugmentingSampler", "Preprocessor"]


class AugmentingSampler(BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """Adds augmented copies to the training images: a step of ``imblearn.pipeline.Pipeline``.

    It has imbalanced-learn's contract, ``fit_resample``, which that pipeline calls in ``fit`` and skips in ``predict``, so
    that cross-validation augments training folds only. (scikit-learn's own Pipeline has no such step.) Copy k of row i is
    drawn with ``rng=(random_state, k, i)``, k from 0.

    Parameters
    ----------
    pipeline : Transform
        Keeps shape and dtype of an image, and mixes none.
    copies : int
        How many augmented copies of each image, at least 0.
    originals : bool
        Whether the images themselves come first.
    image_shape : (H, W) or (H, W, C), optional
        Of each image, where X has flat rows; they come out flat as well.
    random_state : int, optional
        Seed of all draws, at least 0; without it, each call draws anew.
    n_jobs : int, optional
        Threads: 1 unless given, -1 for one on each core.

    Attributes
    ----------
    sample_indices_ : ndarray (rows,) of int
        Which row of X each row of the result was made from.

    See Also
    --------
    Preprocessor : what belongs to prediction as well.

    Examples
    --------
    >>> from augmentlab import HorizontalFlip
    >>> images, labels = np.zeros((5, 8, 8), np.uint8), np.arange(5)
    >>> X, y = AugmentingSampler(HorizontalFlip(p=0.5), copies=2, random_state=0).fit_resample(images, labels)
    >>> X.shape, y.tolist()
    ((15, 8, 8), [0, 1, 2, 3, 4, 0, 1, 2, 3, 4, 0, 1, 2, 3, 4])
    """

    def __init__(
        self,
        pipeline: Transform,
        *,
        copies: int = 1,
        originals: bool = True,
        image_shape: tuple[int, ...] | None = None,
        random_state: int | None = None,
        n_jobs: int | None = None,
    ) -> None:
        self.pipeline = pipeline
        self.copies = copies
        self.originals = originals
        self.image_shape = image_shape
        self.random_state = random_state
        self.n_jobs = n_jobs

    def fit(self, X: Any, y: Any = None) -> Self:  # noqa: N803, ARG002
        """Check the images; there is nothing to fit, and `fit_resample` does all."""
        _check(_images(X, self.image_shape))
        return self

    def fit_resample(self, X: Any, y: Any) -> tuple[NDArray[Any], NDArray[Any]]:  # noqa: N803
        """The images with their augmented copies, and the labels of all.

        Parameters
        ----------
        X : (N, H, W), (N, H, W, C) or (N, H * W * C) array
            Images, ``uint8`` or float in [0, 1].
        y : (N,) or (N, outputs) array_like
            Labels.

        Returns
        -------
        X, y : ndarrays
            Of ``(originals + copies) * N`` rows: all images in order, then all first copies, and so on.

        Raises
        ------
        TypeError, ValueError
            With one sentence, among others where the pipeline changes shape or dtype.
        """
        copies = count("copies", self.copies)
        seed = np.random.default_rng().integers(2**32) if self.random_state is None else self.random_state
        images, labels = _images(X, self.image_shape), np.asarray(y)
        check_consistent_length(images, labels)
        parts = [images] if self.originals else []
        for copy in range(copies):
            made = augment_batch(images, self.pipeline, count("random_state", seed), copy, self.n_jobs)
            if made.shape != images.shape or made.dtype != images.dtype:
                raise ValueError(
                    f"pipeline must keep shape and dtype of the images, {images.shape[1:]} {images.dtype}; "
                    f"got {made.shape[1:]} {made.dtype} (what prediction needs too belongs in a Preprocessor before)"
                )
            parts.append(made)
        indices = np.tile(np.arange(len(images)), len(parts))
        self.sample_indices_ = indices
        whole = np.concatenate(parts) if parts else images[:0]
        return whole if self.image_shape is None else whole.reshape(len(whole), -1), labels[indices]


class Preprocessor(TransformerMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """Sends images through preprocessing, at training and prediction alike: a transformer of scikit-learn.

    It learns nothing, so that nothing leaks from validation folds; data-set statistics are scikit-learn's
    ``StandardScaler`` behind it, or `Standardize.fit` on training images of your own.

    Parameters
    ----------
    pipeline : Transform
        Preprocessing steps without randomness alone, such as `Resize`, `CenterCrop` or `Normalize`:
        ``pipeline.deterministic()`` is that part of any other.
    image_shape : (H, W) or (H, W, C), optional
        Of each image, where X has flat rows.
    flatten : bool
        Whether rows (N, features) come out, as most estimators need, or images.
    n_jobs : int, optional
        Threads: 1 unless given, -1 for one on each core.

    See Also
    --------
    AugmentingSampler : what is random, for training alone.

    Examples
    --------
    >>> from augmentlab import CenterCrop, Compose, Normalize
    >>> images = np.full((5, 8, 8), 255, np.uint8)
    >>> Preprocessor(Compose([CenterCrop(height=0.5, width=0.5), Normalize()]), flatten=True).fit_transform(images).shape
    (5, 16)
    """

    def __init__(
        self,
        pipeline: Transform,
        *,
        image_shape: tuple[int, ...] | None = None,
        flatten: bool = False,
        n_jobs: int | None = None,
    ) -> None:
        self.pipeline = pipeline
        self.image_shape = image_shape
        self.flatten = flatten
        self.n_jobs = n_jobs

    def fit(self, X: Any, y: Any = None) -> Self:  # noqa: N803, ARG002
        """Check pipeline and images; there is nothing to fit."""
        _check_preprocessing(self.pipeline)
        _check(_images(X, self.image_shape))
        return self

    def transform(self, X: Any) -> NDArray[Any]:  # noqa: N803
        """The images after preprocessing.

        Parameters
        ----------
        X : (N, H, W), (N, H, W, C) or (N, H * W * C) array
            Images, ``uint8`` or float in [0, 1].

        Returns
        -------
        (N, H', W'), (N, H', W', C') or (N, features) array

        Raises
        ------
        TypeError, ValueError
            With one sentence, among others where a step is random or no preprocessing.
        """
        _check_preprocessing(self.pipeline)
        made = augment_batch(_images(X, self.image_shape), self.pipeline, 0, n_jobs=self.n_jobs)
        return made.reshape(len(made), -1) if self.flatten else made

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.requires_fit = False
        tags.no_validation = True  # of the kind that scikit-learn has for rows
        return tags


def _images(X: Any, shape: tuple[int, ...] | None) -> NDArray[Any]:  # noqa: N803
    """The rows of X as images."""
    images = np.asarray(X)
    if shape is not None:
        if not isinstance(shape, (tuple, list)) or len(shape) not in {2, 3}:
            raise ValueError(f"image_shape must be (H, W) or (H, W, C); got {shape!r}")
        if images.ndim != 2 or images.shape[1] != np.prod(shape):
            raise ValueError(
                f"X must have rows of {np.prod(shape)} values, an image of {shape} each; got {images.shape}"
            )
        return images.reshape(-1, *shape)
    if images.ndim not in {3, 4}:
        raise ValueError(
            f"X must have shape (N, H, W) or (N, H, W, C), or flat rows with image_shape given; got {images.shape}"
        )
    return images


def _check(images: NDArray[Any]) -> None:
    check_image(images.reshape(-1, *images.shape[2:]), "X")  # one below the other


def _check_preprocessing(pipeline: Any) -> None:
    if not isinstance(pipeline, Transform):
        raise TypeError(f"pipeline must be a Transform; got {type(pipeline).__name__}")
    for step in flatten(pipeline):
        if step.is_random or not step.preprocessing:
            raise ValueError(
                f"pipeline must hold preprocessing without randomness alone; got {step!r:.80} "
                "(pipeline.deterministic() is that part)"
            )
