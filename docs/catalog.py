"""The page of all transforms, written from their declarations."""

from pathlib import Path

import augmentlab
from augmentlab.params import parameters
from augmentlab.transforms import FAMILIES

INTRODUCTION = """# Transforms

Every transform, with the parameters it declares. A field holds a value or a distribution (`uniform`, `loguniform`,
`integers`, `choice`); `p`, the probability of applying the step, is common to all. *Typical* is what
`Transform.typical()` draws from, and the ends of sliders and sweeps.

```{eval-rst}
.. currentmodule:: augmentlab

.. autosummary::
   :toctree: api
   :nosignatures:

   NAMES
```
"""


def write_catalog(path: Path) -> None:
    """Write the page, if it changed."""
    parts = [INTRODUCTION.replace("NAMES", "\n   ".join(augmentlab.transforms.__all__))]
    for family, names in FAMILIES.items():
        parts.append(f"## {family}\n")
        parts += [section(getattr(augmentlab, name)) for name in names]
    text = "\n".join(parts)
    if not path.exists() or path.read_text() != text:
        path.write_text(text)


def section(cls: type) -> str:
    """One transform: its first sentence and the table of its parameters."""
    summary = cls.__doc__.split("\n\n")[0].replace("\n", " ")
    own = [one for one in parameters(cls) if one.name != "p"]
    head = f"### {cls.__name__}\n\n{{py:class}}`augmentlab.{cls.__name__}`: {summary}\n"
    if not own:
        return head
    rows = ["| parameter | allowed | typical | default | |", "| --- | --- | --- | --- | --- |"]
    for one in own:
        typical = f"{one.typical.low:g} to {one.typical.high:g}" if one.typical and one.drawn else ""
        rows.append(f"| `{one.name}` | {one.allowed} | {typical} | `{one.default!r}` | {one.doc} |")
    return head + "\n" + "\n".join(rows) + "\n"
