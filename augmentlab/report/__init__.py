"""One page that tells what a study found: to be mailed, printed, put beside a paper, and read without this package.

The page holds all that it shows and forbids itself the network. Everything is read from the study's storage, so that the
report of a finished study is the same wherever and whenever it is made.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from augmentlab import files
from augmentlab.markup import Markup, element, joined, source_hash
from augmentlab.report.sections import parts
from augmentlab.report.source import Source

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping

    import pandas as pd

    from augmentlab.study import Study

__all__ = ["page", "write"]

_HERE = Path(__file__).parent


def write(study: Study, path: str | os.PathLike[str], tables: Mapping[str, pd.DataFrame] | None = None) -> Path:
    """Write the report of a study: one HTML file, whole or not at all.

    Parameters
    ----------
    study : Study
        Run, or loaded; with at least one complete trial of the control.
    path : path
        Ends in ``.html``; a file that is there is replaced.
    tables : dict of str to DataFrame, optional
        See `page`.

    Returns
    -------
    Path
        Where it is.

    Raises
    ------
    ValueError
        A path that does not end in ``.html``, or a table that no section shows.
    OSError
        The file cannot be written.
    RuntimeError
        No trial of the control is complete.

    Examples
    --------
    >>> import tempfile
    >>> from augmentlab import Study, VerticalFlip, data, models, report
    >>> study = Study(
    ...     data.scattered_digits(), models.knn(), {"upside down": VerticalFlip()},
    ...     draws=2, train_size=50, copies=1, trivial=False, storage=":memory:",
    ... ).run(progress=False)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     report.write(study, f"{folder}/report.html").name
    'report.html'
    """
    if Path(path).suffix.lower() not in {".html", ".htm"}:
        raise ValueError(f"path must end in .html; got {str(path)!r}")
    text = page(study, tables)
    return files.write(path, lambda part: part.write_text(text, encoding="utf-8", newline="\n"))


def page(study: Study, tables: Mapping[str, pd.DataFrame] | None = None) -> str:
    """Return the report of a study as HTML.

    Parameters
    ----------
    study : Study
        Nothing is computed with its data: a question that was not asked yet has no section.
    tables : dict of str to DataFrame, optional
        What ``learning_curve``, ``robustness``, ``diagnostics``, ``label_safety`` or ``effects`` returned, by the name
        of the method. Those that are not given are shown as far as they were computed with the defaults.

    Returns
    -------
    str
        To be written as UTF-8. Its Content-Security-Policy admits only the style and the script that it came with.
    """
    source = Source.of(study, tables or {})
    style, script = ((_HERE / name).read_text(encoding="utf-8") for name in ("page.css", "page.js"))
    policy = (
        f"default-src 'none'; img-src data:; style-src {source_hash(style)}; script-src {source_hash(script)}; "
        "base-uri 'none'; form-action 'none'"
    )
    shown = list(parts(source))
    title = f"{study.name}: which augmentations help?"
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=policy),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("meta", name="generator", content="augmentlab"),
        element("title", title),
        element("style", Markup(style)),
    )
    links = [element("li", element("a", one.title, href=f"#{one.name}")) for one in shown]
    body = element(
        "body",
        element(
            "main",
            element("h1", title),
            element("p", source.question, class_="question"),
            element("nav", element("ol", *links), aria_label="Contents"),
            *(
                element(
                    "section",
                    element("h2", one.title, id=f"{one.name}-title"),
                    one.content,
                    id=one.name,
                    aria_labelledby=f"{one.name}-title",
                )
                for one in shown
            ),
            element("footer", f"Written by augmentlab {source.version} from what the study had stored."),
        ),
        element("script", Markup(script)),
    )
    return joined(Markup("<!DOCTYPE html>\n"), element("html", head, body, lang="en"), "\n")
