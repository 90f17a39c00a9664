"""Data sets from image files and from arrays in memory."""

import contextlib
import csv
import io
import os
import warnings
from collections import Counter
from collections.abc import Hashable, Iterable, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from augmentlab import files
from augmentlab.data.dataset import Dataset
from augmentlab.data.decode import decoded, reason
from augmentlab.sample import as_image

Mode = Literal["L", "RGB"]

_SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".webp", ".bmp")
_NOT_READ = (".avif", ".gif", ".heic", ".heif", ".jp2")  # pictures all the same
_NAMED = 20  # files in one sentence; a data set of broken ones would fill the screen
_BAR_FROM = 500  # files; fewer are read before a bar could be looked at


class _File(NamedTuple):
    """One image file to read."""

    name: str  # relative to the folder, with forward slashes
    label: str
    group: str | None = None


def from_folder(
    path: str | os.PathLike[str],
    *,
    mode: Mode | None = None,
    range: tuple[float, float] | None = None,
    name: str | None = None,
) -> Dataset:
    """Read a folder of images: one sub-folder a class, or a ``labels.csv``.

    Without a ``labels.csv``, each sub-folder is a class named as the folder, and every image below it belongs to it;
    images come in the order of their paths. A ``labels.csv`` in the folder has the columns ``filename`` (relative to
    the folder), ``label`` and optionally ``group`` (what a split must keep together, such as the patient), one row an
    image, in UTF-8; images come in the order of its rows.

    Parameters
    ----------
    path : path
        The folder.
    mode : {"L", "RGB"}, optional
        Convert every image to gray (with the ITU-R 601 weights, as Pillow) or to RGB; transparent parts are put on
        white. By default an image stays gray, RGB or RGBA as it is stored.
    range : (low, high), optional
        What means black and white in 16-bit, 32-bit and float files, for example (0, 4095) for a 12-bit camera: these
        become ``float32`` in [0, 1].
    name : str, optional
        Of the data set; by default the folder's.

    Returns
    -------
    Dataset
        A tuple of images (H, W), (H, W, 3) or (H, W, 4), ``uint8`` unless `range` says otherwise. ``unreadable`` lists
        (path, reason) for each file or folder that was left out.

    Warns
    -----
    UserWarning
        Once, at the end, naming the files that were left out, twenty at most, and why: not an image, cut short, too
        large (Pillow's limit of about 89 million pixels, against decompression bombs), several pages, a link out of the
        folder; and each sub-folder that may not be listed, yields no image, or has pictures of a kind that is not read.

    Raises
    ------
    FileNotFoundError
        There is no such folder, no image in it, or ``labels.csv`` names files which are not there.
    NotADirectoryError
        The path is a file.
    ValueError
        ``labels.csv`` is no such table, lacks a column or a value, has a value too many or a column twice, names a file
        twice or one outside the folder, or is a link that leads out of it.
    OSError
        The folder may not be listed, or none of the images could be read.

    Notes
    -----
    PNG, JPEG, TIFF, WebP and BMP files are read. The orientation that a camera wrote (EXIF) is applied. 1-bit images
    become gray 0 and 255, palettes and CMYK RGB, and whatever has transparency RGBA. 16-bit gray is divided by 257, so
    that 65535 becomes 255; pass `range` if the values use only a part of the 16 bits. So is 16-bit colour of TIFF; of PNG
    the upper 8 bits are read, and `range` is refused. Hidden files, and files with other endings, are skipped silently
    but for those of pictures (AVIF, GIF, HEIC, JPEG 2000). Bytes of a folder's name that are no characters stand in the
    name of the class as their escape.
    """
    if mode not in (None, "L", "RGB"):
        raise ValueError(f"mode must be 'L', 'RGB' or None; got {mode!r}")
    as_image(np.zeros((1, 1)), range=range)  # a bad range is the caller's mistake, not each file's
    folder, wanted, refused = _wanted(path)
    if not wanted:
        raise FileNotFoundError(_nothing_found(folder, refused))

    images: list[NDArray[Any]] = []
    kept: list[_File] = []
    broken: list[tuple[str, str]] = []
    for file in _with_bar(wanted):
        try:
            image = _read(folder, file.name, mode, range)
        except Exception as error:  # noqa: BLE001  (decoders raise anything on a broken file; the next may be fine)
            broken.append((file.name, reason(error)))
        else:
            images.append(image)
            kept.append(file)
    if not kept:
        raise OSError(f"none of the {len(wanted)} images in {str(folder)!r} could be read: {_listing(broken, most=3)}")
    left_out = broken + refused
    if left_out:
        warnings.warn(
            f"left out {len(left_out)} of the files and folders in {str(folder)!r}: {_listing(left_out)}", stacklevel=2
        )
    return Dataset(
        images,
        [file.label for file in kept],
        groups=None if kept[0].group is None else [file.group for file in kept],
        name=_text(folder.resolve().name) if name is None else name,
        unreadable=[(str(folder / file), reason) for file, reason in left_out],
    )


def from_arrays(
    X: Any,  # noqa: N803  (as in scikit-learn)
    y: Iterable[Hashable],
    *,
    classes: Sequence[Any] | None = None,
    groups: Iterable[Hashable] | None = None,
    range: tuple[float, float] | None = None,
    channels_first: bool = False,
    name: str = "arrays",
) -> Dataset:
    """Make a data set of arrays, converting what is not yet an image as `augmentlab.as_image` does.

    Parameters
    ----------
    X : array (N, H, W) or (N, H, W, C), or sequence of N images
        Held as it is where it already holds images (``uint8``, or ``float32``/``float64`` in [0, 1]). Otherwise
        ``bool`` becomes 0 and 255, ``uint16`` is divided by 257, and other integers in 0..255 become ``uint8``.
    y : sequence of N labels
        Integers, strings or other hashable values.
    classes, groups, name
        As in `Dataset`.
    range : (low, high), optional
        The values in X that mean black and white, for all images alike; they become ``float32`` in [0, 1].
    channels_first : bool
        Whether X is (N, C, H, W), as in PyTorch.

    Returns
    -------
    Dataset

    Raises
    ------
    TypeError, ValueError
        What cannot be an image, with one sentence that names it; another number of labels than of images.

    Examples
    --------
    >>> import numpy as np
    >>> X = np.linspace(0, 255, 4 * 8 * 8).reshape(4, 8, 8)
    >>> from_arrays(X, ["cat", "dog", "cat", "dog"], range=(0, 255))
    Dataset('arrays': 4 images 8x8, float32; 2 classes: cat 2, dog 2)
    """
    images = (
        _convert_stack(X, range, channels_first)
        if isinstance(X, np.ndarray) and X.dtype != object
        else [
            as_image(image, range=range, channels_first=channels_first, name=f"image {index}")
            for index, image in enumerate(X)
        ]
    )
    return Dataset(images, y, classes=classes, groups=groups, name=name)


def _convert_stack(
    stack: NDArray[Any],
    range: tuple[float, float] | None,
    channels_first: bool,
) -> NDArray[Any]:
    """Convert all images of an array alike: one image's own smallest and largest value must decide nothing."""
    if stack.ndim not in (3, 4):
        hint = "; X.reshape(len(X), height, width) restores flat rows" if stack.ndim == 2 else ""
        raise ValueError(f"X must have shape (N, H, W) or (N, H, W, C); got {stack.shape}{hint}")
    if channels_first:
        if stack.ndim != 4:
            raise ValueError(f"X must have shape (N, C, H, W) when channels_first is set; got {stack.shape}")
        stack = np.moveaxis(stack, 1, -1)
    if len(stack) == 0:
        return stack
    as_image(np.zeros_like(stack[0], dtype=np.uint8), name="each image of X")
    tall = stack.reshape(-1, *stack.shape[2:])
    return as_image(tall, range=range, name="X").reshape(stack.shape)


def _looked_in(folder: Path) -> str:
    """Where a relative path begins: for a notebook that is its own folder, seldom the one a person has in mind."""
    if not folder.is_absolute():
        with contextlib.suppress(OSError):  # removed meanwhile
            return f" in {str(Path.cwd())!r}"
    return ""


def _wanted(path: str | os.PathLike[str]) -> tuple[Path, list[_File], list[tuple[str, str]]]:
    """The folder, its images, and what is left out with the reason."""
    folder = files.home(path)
    called = f"'{shown(str(folder))}'"
    try:
        there = folder.exists()
    except OSError as error:  # a name that is too long
        raise OSError(f"{called} must be a folder that is there: {error.strerror}") from None
    if not there:
        raise FileNotFoundError(f"there is no folder {called}{_looked_in(folder)}")
    if not folder.is_dir():
        raise NotADirectoryError(f"{called} must be a folder; it is a file")
    table = folder / "labels.csv"
    if not table.is_file():
        return (folder, *_class_files(folder))
    if not _lies_in(table, folder):
        raise ValueError(f"{str(table)!r} must lie in the folder; it is a link that leads out of it")
    return folder, _listed_files(table), []


def _class_files(folder: Path) -> tuple[list[_File], list[tuple[str, str]]]:
    """The images below each sub-folder, and what is left out with the reason."""
    found: list[_File] = []
    refused: list[tuple[str, str]] = []
    for entry in sorted(folder.iterdir()):
        if _is_hidden(entry.name):
            continue
        if not entry.is_dir():
            if _is_image_name(entry.name):
                refused.append((entry.name, "it lies outside the class folders"))
            elif entry.name == "labels.csv":
                refused.append((entry.name, "it is not a file"))
            continue
        inside: list[str] = []
        others: Counter[str] = Counter()
        if entry.is_symlink():
            refused.append((entry.name, "links to folders are not followed"))
            continue
        closed: list[OSError] = []
        for base, folders, names in os.walk(entry, onerror=closed.append, followlinks=False):
            here = Path(base).relative_to(folder)
            refused += [
                ((here / sub).as_posix(), "links to folders are not followed")
                for sub in sorted(folders)
                if Path(base, sub).is_symlink()
            ]
            folders[:] = [sub for sub in folders if not _is_hidden(sub)]
            plain = [file for file in names if not _is_hidden(file)]
            inside += [(here / file).as_posix() for file in plain if _is_image_name(file)]
            others.update(Path(file).suffix.lower() for file in plain)
        refused += [(Path(error.filename).relative_to(folder).as_posix(), reason(error)) for error in closed]
        if (missed := _missed(inside, others)) and not closed:
            refused.append((entry.name, missed))
        found += [_File(file, _text(entry.name)) for file in sorted(inside)]
    return found, refused


def _missed(inside: list[str], endings: Counter[str]) -> str:
    """What a class lacks, or why there is none; empty when all its pictures are among the files to read."""
    skipped = [f"{endings[one]} {one} file{'' if endings[one] == 1 else 's'}" for one in _NOT_READ if endings[one]]
    count = sum(endings[one] for one in _NOT_READ)
    if inside:
        return f"{' and '.join(skipped)} in it {'is' if count == 1 else 'are'} not read" if skipped else ""
    return "no image in it can be read" + (f": it has {' and '.join(skipped)}" if skipped else "")


def _listed_files(table: Path) -> list[_File]:
    """The images that a labels.csv names, one row after the other: what the table says of no file is not kept."""
    found: dict[str, _File] = {}
    absent: list[str] = []
    more = 0
    try:
        with table.open(encoding="utf-8-sig", newline="") as text:
            reader = csv.DictReader(text, skipinitialspace=True)
            columns = reader.fieldnames = [column.strip() for column in reader.fieldnames or ()]
            _check_columns(table, columns)
            for row in reader:
                file = _row(table, reader.line_num, row, "group" in columns)
                if file.name in found:
                    raise ValueError(f"{str(table)!r} must name each file once; got {shown(file.name)!r} twice")
                if os.path.lexists(table.parent / file.name):
                    found[file.name] = file
                elif len(absent) < 5:
                    absent.append(file.name)
                else:
                    more += 1
    except (UnicodeDecodeError, csv.Error) as error:
        raise ValueError(f"{str(table)!r} must be a comma-separated table in UTF-8; got {error}") from None
    if absent:
        others = f" and {more} more" if more else ""
        raise FileNotFoundError(
            f"{str(table)!r} names files which are not there: {', '.join(map(shown, absent))}{others}"
        )
    return list(found.values())


def _check_columns(table: Path, columns: list[str]) -> None:
    missing = [column for column in ("filename", "label") if column not in columns]
    if missing:
        has = ", ".join(map(shown, columns[:9])) + (f" and {len(columns) - 9} more" if len(columns) > 9 else "")
        raise ValueError(
            f"{str(table)!r} must have the columns filename and label; "
            f"it lacks {' and '.join(missing)} and has {has or 'none'}"
        )
    for column in ("filename", "label", "group"):
        if columns.count(column) > 1:
            raise ValueError(f"{str(table)!r} must have one column {column}; got {columns.count(column)}")


def _row(table: Path, line: int, row: dict[str | None, Any], grouped: bool) -> _File:
    if any(row.get(None, ())):
        raise ValueError(
            f"line {line} of {str(table)!r} has more values than columns; put a value with a comma in quotes"
        )
    for column in ("filename", "label", "group") if grouped else ("filename", "label"):
        if not (row[column] or "").strip():
            raise ValueError(f"line {line} of {str(table)!r} has no {column}")
    name = Path(os.path.normpath(row["filename"].strip()))
    if name.is_absolute() or name.parts[:1] == (os.pardir,):
        raise ValueError(
            f"line {line} of {str(table)!r} must name a file inside the folder; got {shown(row['filename'])!r}"
        )
    group = row["group"].strip() if grouped else None
    return _File(name.as_posix(), row["label"].strip(), group)


def _is_hidden(name: str) -> bool:
    return name.startswith(".")


def _is_image_name(name: str) -> bool:
    return name.lower().endswith(_SUFFIXES)


def _nothing_found(folder: Path, refused: list[tuple[str, str]]) -> str:
    left_out = f" (left out: {_listing(refused, most=3)})" if refused else ""
    return (
        f"no images in {str(folder)!r}: put {', '.join(_SUFFIXES)} files in one sub-folder a class, "
        f"or name them in a labels.csv{left_out}"
    )


def _listing(left_out: list[tuple[str, str]], most: int = _NAMED) -> str:
    rest = max(0, len(left_out) - most)
    return "; ".join(f"{shown(file)}: {why}" for file, why in left_out[:most]) + (f"; and {rest} more" if rest else "")


def _text(name: str) -> str:
    """A name without what is no character, such as bytes of another encoding: it could not be stored or sent."""
    return name.encode("utf-8", "backslashreplace").decode("utf-8")


def shown(name: str) -> str:
    """A file's name, fit to be shown in one line: it may hold line breaks, and bytes that are no characters."""
    text = "".join(one if one.isprintable() else one.encode("unicode_escape").decode("ascii") for one in name)
    return text if len(text) <= 300 else f"{text[:200]}…{text[-80:]}"


def _with_bar(wanted: list[_File]) -> Iterable[_File]:
    if len(wanted) <= _BAR_FROM:
        return wanted
    from tqdm.auto import tqdm

    bar: Iterable[_File] = tqdm(wanted, desc="reading images", unit="file")
    return bar


def _read(
    folder: Path,
    name: str,
    mode: Mode | None,
    range: tuple[float, float] | None,
) -> NDArray[Any]:
    """One file as an image array, upright."""
    path = folder / name
    if not _lies_in(path, folder):
        raise ValueError("it is a link that leads out of the folder")
    if not path.is_file():  # opening a pipe would wait for ever
        raise ValueError("it is not a file")
    with path.open("rb") as file:
        array = decoded(file, range)
    return array if mode is None else _convert(array, mode)


def image_files(path: str | os.PathLike[str]) -> list[tuple[str, str]]:
    """The images of a folder, unread: ``(name, label)``, the name relative to the folder.

    As `from_folder` finds them; and where it finds none, the images that lie in the folder itself, with empty labels.

    Raises
    ------
    FileNotFoundError, NotADirectoryError, ValueError
        As `from_folder`.
    """
    folder, wanted, refused = _wanted(path)
    if not wanted:
        inside = sorted(entry.name for entry in folder.iterdir() if not _is_hidden(entry.name) and not entry.is_dir())
        wanted = [_File(name, "") for name in inside if _is_image_name(name)]
    if not wanted:
        raise FileNotFoundError(_nothing_found(folder, refused))
    return [(file.name, file.label) for file in wanted]


def read_from(path: str | os.PathLike[str], name: str) -> NDArray[Any]:
    """One of the `image_files` of a folder; a ValueError says what is wrong with it."""
    try:
        return _read(files.home(path), name, None, None)
    except Exception as error:  # noqa: BLE001  (decoders raise anything on a broken file)
        raise ValueError(f"{shown(name)} cannot be read: {reason(error)}") from None


def read_bytes(data: bytes, name: str) -> NDArray[Any]:
    """The image that a file holds, from its bytes; a ValueError says by its name what is wrong with it."""
    try:
        return decoded(io.BytesIO(data))
    except Exception as error:  # noqa: BLE001  (decoders raise anything on a broken file)
        raise ValueError(f"{shown(name)} cannot be read: {reason(error)}") from None


def _lies_in(path: Path, folder: Path) -> bool:
    """Whether a path, when every link in it is followed, leads into the folder."""
    return Path(os.path.realpath(path)).is_relative_to(os.path.realpath(folder))


def _convert(image: NDArray[Any], mode: Mode) -> NDArray[Any]:
    """Gray or RGB from gray, RGB or RGBA, in the dtype that came."""
    white = 255 if image.dtype == np.uint8 else 1
    values = image.astype(np.float64)
    if values.ndim == 3 and values.shape[2] == 1:
        values = values[..., 0]
    if values.ndim == 3 and values.shape[2] == 4:
        alpha = values[..., 3:] / white
        values = values[..., :3] * alpha + white * (1 - alpha)
    if mode == "L" and values.ndim == 3:
        values = values @ np.array([0.299, 0.587, 0.114])
    if mode == "RGB" and values.ndim == 2:
        values = np.repeat(values[..., None], 3, axis=2)
    return np.rint(values).astype(np.uint8) if image.dtype == np.uint8 else values.astype(image.dtype)
