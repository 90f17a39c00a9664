"""The libraries that only some environments have."""

import importlib.util
import os

import pytest


def required(name):
    """The module `name`; the test is skipped without it, or fails where AUGMENTLAB_REQUIRE_FRAMEWORKS is set."""
    if name in {"keras", "tensorflow"} and importlib.util.find_spec("triton"):
        importlib.import_module("triton")  # PyTorch loads it late, and it crashes when TensorFlow is there before it
    if os.environ.get("AUGMENTLAB_REQUIRE_FRAMEWORKS"):
        return importlib.import_module(name)
    return pytest.importorskip(name)
