"""The libraries that only some environments have."""

import importlib.util
import os

import pytest

from augmentlab.interop.running import is_installed


def required(name):
    """The module `name`; the test is skipped without it, or fails where AUGMENTLAB_REQUIRE_FRAMEWORKS is set."""
    if name in {"keras", "tensorflow"} and importlib.util.find_spec("triton"):
        importlib.import_module("triton")  # PyTorch loads it late, and it crashes when TensorFlow is there before it
    if os.environ.get("AUGMENTLAB_REQUIRE_FRAMEWORKS"):
        return importlib.import_module(name)
    return pytest.importorskip(name)


def runnable(name):
    """As `required`, of a target that takes more than a Python package."""
    if not is_installed(name):
        if os.environ.get("AUGMENTLAB_REQUIRE_FRAMEWORKS"):
            pytest.fail(f"the target {name} cannot be run here", pytrace=False)
        pytest.skip(f"the target {name} cannot be run here", allow_module_level=True)
