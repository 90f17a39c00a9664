"""Baseline classifiers for studies, and what makes any classifier ready for images.

A study takes a scikit-learn classifier, a Pipeline that ends in one, or a function
``fit(images, labels, rng) -> predictor``. What a class may say of itself:

``takes_images``
    A model gets the images as one array ``(N, H, W)`` or ``(N, H, W, C)`` if it, or the first step of its Pipeline,
    has this attribute and it is true; before any other model comes `Flatten`.
``learns_nothing``
    On a transformer: what ``transform`` returns for an image follows from that image and the parameters alone, without
    ``fit``. A study computes the output of such first steps of a Pipeline once for every untouched image.
``augments``
    On a classifier: ``fit(images, labels, augment=None)`` asks for fresh augmented images in each epoch with
    ``augment(epoch, rows)``, instead of getting a fixed number of copies.
"""

from augmentlab.models.baselines import hog_logistic, knn, svm
from augmentlab.models.cnn import TorchCNN, torch_cnn
from augmentlab.models.features import HOG, Flatten
from augmentlab.models.functions import FunctionClassifier
from augmentlab.models.protocol import description, for_images, split_features, with_seed

__all__ = [
    "HOG",
    "Flatten",
    "FunctionClassifier",
    "TorchCNN",
    "description",
    "for_images",
    "hog_logistic",
    "knn",
    "split_features",
    "svm",
    "torch_cnn",
    "with_seed",
]
