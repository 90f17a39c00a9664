"""Sphinx configuration. The tutorials are the notebooks, the table of transforms is made from the classes."""

import shutil
import sys
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parent
sys.path.insert(0, str(HERE))

from catalog import write_catalog  # noqa: E402
from gallery import write_gallery  # noqa: E402

import augmentlab  # noqa: E402

project = "augmentlab"
author = "The augmentlab developers"
copyright = "2026, the augmentlab developers"
version = release = augmentlab.__version__

extensions = ["myst_nb", "numpydoc", "sphinx.ext.autodoc", "sphinx.ext.autosummary"]
exclude_patterns = ["_build", "jupyter_execute"]
html_theme = "pydata_sphinx_theme"
html_static_path = ["_static"]
html_title = "augmentlab"
html_theme_options = {"show_prev_next": False, "navigation_with_keys": False, "navbar_center": []}
html_sidebars = {"**": ["contents.html"]}
html_css_files = ["pages.css"]
html_show_sourcelink = False

autosummary_generate = True
templates_path = ["_templates"]
autodoc_inherit_docstrings = False  # a transform page shows what is its own
autodoc_typehints = "none"
numpydoc_show_class_members = False
numpydoc_xref_param_type = False
nb_execution_mode = "off"  # the notebooks carry their outputs; the tests run them
myst_enable_extensions = ["colon_fence", "deflist"]
# Widget views have no meaning without a kernel; the static picture beside each says what there was to see.
nb_mime_priority_overrides = [("html", "application/vnd.jupyter.widget-view+json", None)]
suppress_warnings = ["mystnb.unknown_mime_type", "myst.header"]

tutorials = HERE / "tutorials"
tutorials.mkdir(exist_ok=True)
for notebook in sorted((ROOT / "notebooks").glob("*.ipynb")):
    shutil.copyfile(notebook, tutorials / notebook.name)
write_catalog(HERE)
write_gallery(HERE)
