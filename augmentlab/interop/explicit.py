"""Targets that run explicit numbers: a drawn pipeline, for images of one shape, as plain calls of a library."""

import ast
import re
import textwrap
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

import augmentlab
from augmentlab.bases import GeometricTransform
from augmentlab.interop.grades import EXACT, ExportError, Finding, Grade, RefusedError
from augmentlab.interop.lowering import BENT, Part, lower
from augmentlab.interop.operations import Operation
from augmentlab.transform import Transform


@dataclass(frozen=True)
class Image:
    """What is known of the image that an operation gets.

    Parameters
    ----------
    shape : tuple of int
        (H, W) or (H, W, C), C in {1, 3}.
    floats : bool
        Whether it is float32, else uint8.
    """

    shape: tuple[int, ...]
    floats: bool = False

    @property
    def channels(self) -> int:
        """1 for a gray image, with a channel axis or without."""
        return self.shape[2] if len(self.shape) == 3 else 1

    @property
    def dtype(self) -> str:
        """Its name."""
        return "float32" if self.floats else "uint8"


@dataclass(frozen=True)
class Row:
    """How a target does one kind of operation.

    Parameters
    ----------
    call : str
        What does it there, as the table of the documentation shows it.
    write : callable
        ``write(operation, image) -> list of str``: lines that replace the variable ``image``. It may raise a
        `RefusedError`.
    grade : Grade or callable
        Or ``grade(operation, image) -> Grade``.
    cause : str
        Why it differs, one sentence; empty where it is exact.
    """

    call: str
    write: Callable[..., list[str]]
    grade: Grade | Callable[..., Grade] = EXACT
    cause: str = ""

    def graded(self, operation: Operation, image: Image) -> Grade:
        """The grade for one operation."""
        return self.grade if isinstance(self.grade, Grade) else self.grade(operation, image)


@dataclass(frozen=True)
class Explicit:
    """A target that needs numbers.

    Parameters
    ----------
    name, title : str
        As `export` takes it, and as its makers write it.
    packages : tuple of str
        What its text imports besides NumPy, by the name that is imported.
    imports : tuple of str
        The lines at its top.
    rows : mapping of Operation subclass to Row
        What it can do.
    named : mapping of str to Row
        What it has of its own for a transform: by the name of the class, for the `Own` operation of such a step.
    refusals : mapping of Operation subclass to RefusedError
        Why it cannot do others, where there is more to say than that it has nothing like it.
    functions : mapping of str to str
        Functions that lines may call, by name; those called are written above.
    """

    name: str
    title: str
    packages: tuple[str, ...]
    imports: tuple[str, ...]
    rows: Mapping[type[Operation], Row]
    named: Mapping[str, Row] = field(default_factory=dict)
    refusals: Mapping[type[Operation], RefusedError] = field(default_factory=dict)
    functions: Mapping[str, str] = field(default_factory=dict)
    comment: str = "#"
    frame: Callable[..., str] | None = None  # of a language that is not Python: as `_python`, without self
    run: Callable[..., object] | None = None  # of one that this process cannot execute: run(text, image) -> array
    within: Callable[..., list[str]] | None = None  # of one whose images are no arrays: within(shape, lines, image)
    is_installed: Callable[[], bool] | None = None  # where that takes more than finding the packages

    random = False

    def row(self, operation: Operation) -> Row:
        """How an operation is done here; a `RefusedError` where it is not."""
        step = getattr(operation, "step", None)
        found = self.rows.get(type(operation)) if step is None else self.named.get(type(step).__name__)
        if found is None and isinstance(step, GeometricTransform):
            raise BENT
        if found is None and hasattr(step, "seed"):
            raise RefusedError(
                "its random numbers are augmentlab's own",
                "undrawn, it goes to targets that draw from the same distribution",
            )
        if found is None:
            raise self.refusals.get(
                type(operation),
                RefusedError("it has nothing that does this", "augmentlab.torch trains with any transform"),
            )
        return found

    def written(self, part: Part) -> tuple[list[str], list[Grade], Image]:
        """The lines of a part, the grade of each of its operations, and what comes out."""
        image, lines, grades = Image(part.shape, part.floats), [], []
        for operation in part.operations:
            row = self.row(operation)
            lines += row.write(operation, image)
            grades.append(row.graded(operation, image))
            floats = image.floats or type(operation).__name__ in {"Scaling", "OwnScaling"}
            image = Image(operation.shape(image.shape), floats)
        return lines, grades, image

    def findings(self, pipeline: Transform, shape: tuple[int, ...]) -> list[Finding]:
        """What it does for each part of a pipeline that it can export."""
        found = []
        for part in lower(pipeline, shape):
            if not isinstance(part, Part):
                raise part[1]
            _, grades, _ = self.written(part)
            for operation, grade in zip(part.operations, grades, strict=True):
                row = self.row(operation)
                found.append(Finding(part.steps, row.call, grade, row.cause))
        return found

    def export(self, pipeline: Transform, shape: tuple[int, ...], *, strict: bool = True) -> str:
        """The text; see `augmentlab.Transform.export`."""
        return self.graded(pipeline, shape, strict=strict)[0]

    def graded(self, pipeline: Transform, shape: tuple[int, ...], *, strict: bool = True) -> tuple[str, Grade]:
        """The text, and how near the whole of it comes."""
        parts, refused = [], []
        for part in lower(pipeline, shape):
            if isinstance(part, Part):
                try:
                    parts.append((part, *self.written(part)))
                except RefusedError as error:
                    refused += [error.of(step) for step in part.steps]
            else:
                refused.append(part[1].of(part[0]))
        if refused and strict:
            raise ExportError.of(self.title, refused)
        body: list[str] = [part for line in refused for part in self._comment(f"left out: {line}")]
        spread: float = 0
        measured = False
        image = Image(shape)
        for part, lines, grades, after in parts:
            if part.shape != image.shape or part.floats != image.floats:
                raise ExportError.of(self.title, [*refused, "what is left out changes the shape or dtype for the rest"])
            for operation, grade in zip(part.operations, grades, strict=True):
                # Several operations for one step round between themselves where augmentlab does not.
                own = max(grade.levels, 1 if len(part.operations) > 1 and not _moves(operation) else 0)
                spread = min(operation.spread(spread) + own, 255)
                measured |= grade.kind == "approximate" or (spread > 0 and not operation.is_bounded)
            worst = max(grades, key=lambda one: one.levels, default=EXACT)
            steps = ", ".join(f"{step!r:.160}" for step in part.steps)
            body += [*self._comment(f"{steps}: {worst}"), *lines]
            image = after
        if self.within is not None:
            body = self.within(shape, body, image)
        whole = EXACT if spread == 0 else Grade("approximate" if measured else "within", spread)
        return (self.frame or self._python)(pipeline, shape, image, body, whole), whole

    def _comment(self, text: str) -> list[str]:
        """Within the width of a page; what is wrapped goes on two spaces to the right."""
        text = " ".join(text.split())  # a person's own repr may have lines, of which textwrap knows some
        lines = textwrap.wrap(text, 112, break_long_words=False, break_on_hyphens=False, subsequent_indent="  ")
        return [f"{self.comment} {line}" for line in lines]

    def _python(self, pipeline: Transform, shape: tuple[int, ...], image: Image, body: list[str], whole: Grade) -> str:
        code = "\n".join(_folded(line) for text in body for line in text.split("\n"))
        functions = called(self.functions, code)
        imports = "\n".join(_needed(self.imports, "\n".join([*functions, code, "np"])))
        texts = "".join(f"\n\n{text.strip()}\n" for text in functions)
        indented = "\n".join(f"    {line}" if line else "" for line in code.splitlines())
        return (
            f'"""{self.title} for {type(pipeline).__name__}, drawn, made by augmentlab {augmentlab.__version__}.\n\n'
            f'The whole pipeline agrees with augmentlab: {whole}.\n"""\n\n'
            f"{imports}\n{texts}\n\n"
            f"def pipeline(image):\n"
            f'    """RGB or gray: {shape} uint8 -> {image.shape} {image.dtype}."""\n'
            f"    if image.shape != {shape} or image.dtype != np.uint8:\n"
            f'        raise ValueError(f"image must be {shape} uint8; got {{image.shape}} {{image.dtype}}")\n'
            f"{indented}\n"
            f"    return image\n"
        )


def _folded(line: str) -> str:
    """A long statement over several lines, where it may be broken at spaces."""
    if len(line) <= 112:
        return line
    folded = textwrap.fill(line, 108, subsequent_indent="    ", break_long_words=False, break_on_hyphens=False)
    try:
        same = ast.dump(ast.parse(folded)) == ast.dump(ast.parse(line))
    except SyntaxError:
        return line
    return folded if same else line


def _moves(operation: Operation) -> bool:
    return type(operation).__name__ in {"Slice", "Padding", "Tiles", "NearestResizing"}


def called(functions: Mapping[str, str], code: str) -> list[str]:
    """The texts of the functions that code calls and the classes that it names, those that others need first."""
    found: list[str] = []

    def look(text: str, own: str = "") -> None:
        for name, body in functions.items():
            if name != own and body not in found and re.search(rf"(?<![\w.]){name}[()]", text):
                look(body, name)
                if body not in found:
                    found.append(body)

    look(code)
    return found


def array(values: object, dtype: str = "") -> str:
    """A NumPy array as text, a row a line where there are several; long rows are wrapped."""
    numbers = np.asarray(values)
    suffix = f", np.{dtype}" if dtype else ""

    def listed(row: Any, indent: str) -> str:
        text = ", ".join(map(repr, row.tolist()))  # the fewest digits that give the same number
        if len(text) <= 88:
            return f"[{text}]"
        return f"[\n{textwrap.indent(textwrap.fill(text, 104), indent + '    ')}\n{indent}]"

    if numbers.ndim == 1:
        return f"np.array({listed(numbers, '')}{suffix})"
    rows = "".join(f"    {listed(row, '    ')},\n" for row in numbers)
    return f"np.array([\n{rows}]{suffix})"


def _needed(imports: tuple[str, ...], code: str) -> list[str]:
    """The imports that code uses, those from one package on one line."""
    used = {node.id for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Name)}
    found: dict[str, list[str]] = {}
    for line in imports:
        package, _, name = line.rpartition(" import ")
        if line.split()[-1] in used:
            found.setdefault(package or line, []).extend([name] if package else [])
    return [f"{package} import {', '.join(names)}" if names else package for package, names in found.items()]
