"""The libraries that only some environments have."""

import importlib
import os

import pytest


def required(name):
    """The module `name`; the test is skipped without it, or fails where AUGMENTLAB_REQUIRE_FRAMEWORKS is set."""
    if os.environ.get("AUGMENTLAB_REQUIRE_FRAMEWORKS"):
        return importlib.import_module(name)
    return pytest.importorskip(name)
