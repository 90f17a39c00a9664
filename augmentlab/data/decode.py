"""One image file, as an array: what is hostile or broken in it ends in one sentence, without much memory."""

import logging
import warnings
import zlib
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from augmentlab.sample import as_image

FORMATS = ("PNG", "JPEG", "TIFF", "WEBP", "BMP")
_TIFF_BEGINS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")  # the last two are BigTIFF
_DEEP_MODES = ("I;16", "I;16L", "I;16B", "I;16N", "I", "F")
_BITS_PER_SAMPLE = 258  # the number of a TIFF tag; so is the next
_ORIENTATION = 274
_UNPACKED = {1: "none", 8: "deflate", 32946: "deflate"}  # what tifffile reads without the codecs of other packages
_SILENT = logging.NullHandler()


def decoded(file: BinaryIO, range: tuple[float, float] | None = None) -> NDArray[Any]:
    """What an image file holds, upright."""
    from PIL import Image, UnidentifiedImageError

    for name in ("PIL", "tifffile"):  # what they log of a broken file would be printed if nobody asked for it
        logging.getLogger(name).addHandler(_SILENT)
    with warnings.catch_warnings():
        # Pillow decodes an image above its limit after a mere warning; other warnings are about metadata.
        warnings.simplefilter("ignore")
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        try:
            with Image.open(file, formats=FORMATS) as opened:
                if opened.format != "MPO":  # a JPEG photo with its preview
                    _check_pages(opened)
                if not _is_deep_tiff(opened, range):
                    return _by_pillow(opened, range)
        except UnidentifiedImageError:
            file.seek(0)
            if file.read(4) not in _TIFF_BEGINS:
                raise
        return _by_tifffile(file, range)


def reason(error: Exception) -> str:
    """What was wrong with one file, in a few words."""
    from PIL import Image, UnidentifiedImageError

    if isinstance(error, UnidentifiedImageError):
        return "it is not a PNG, JPEG, TIFF, WebP or BMP image"
    if isinstance(error, (Image.DecompressionBombWarning, Image.DecompressionBombError)):
        return "it is too large to be decoded safely (PIL.Image.MAX_IMAGE_PIXELS is the limit)"
    if isinstance(error, MemoryError):
        return "there is not enough memory for it"
    if isinstance(error, OSError) and error.strerror is not None:
        return error.strerror.lower()  # the system's words; the file is named beside them
    words = " ".join(str(error).split())[:200]
    if isinstance(error, (ValueError, TypeError)) and words.startswith(("it ", "its ")):  # our own sentences
        return words
    told = type(error).__name__ if isinstance(error, LookupError) or not words else words  # the key alone tells nothing
    return f"it is damaged or cut short ({told})"


def _check_pages(opened: Any) -> None:
    """One page only; counting those of a file that is made of pages would take minutes."""
    if not getattr(opened, "is_animated", False):
        return
    if opened.format != "TIFF":
        raise ValueError(f"it has {opened.n_frames} pages; save each as a file of its own")
    raise ValueError("it has several pages; save each as a file of its own")


def _by_pillow(opened: Any, range: tuple[float, float] | None) -> NDArray[Any]:
    if range is not None and opened.mode not in _DEEP_MODES and ";16" in str(opened.tile):
        raise ValueError("it holds 16-bit colour of which 8 bits can be read, too few for a range; save it as RGB TIFF")
    opened.load()
    array = _deep(opened, opened.format, range) if opened.mode in _DEEP_MODES else _eight_bit(opened)
    return _upright(array, _orientation(opened))


def _orientation(opened: Any) -> Any:
    """How the camera was held, as EXIF numbers it."""
    try:
        return opened.getexif().get(_ORIENTATION)
    except Exception:  # noqa: BLE001  (metadata that cannot be read says nothing about the pixels)
        return None


def _upright(image: NDArray[Any], orientation: Any) -> NDArray[Any]:
    """An image as its camera says that it is to be seen; without a word that is understood, as it is."""
    match orientation:
        case 2:
            turned = image[:, ::-1]
        case 3:
            turned = image[::-1, ::-1]
        case 4:
            turned = image[::-1]
        case 5:
            turned = image.swapaxes(0, 1)
        case 6:
            turned = np.rot90(image, -1)
        case 7:
            turned = image[::-1, ::-1].swapaxes(0, 1)
        case 8:
            turned = np.rot90(image)
        case _:
            return image
    return np.ascontiguousarray(turned)


def _eight_bit(image: Any) -> NDArray[np.uint8]:
    """A Pillow image of at most 8 bits a channel as gray, RGB or RGBA."""
    if image.mode in ("LA", "PA", "La", "RGBa", "RGBA") or "transparency" in image.info:
        target = "RGBA"
    else:
        target = "L" if image.mode in ("1", "L") else "RGB"
    return np.array(image if image.mode == target else image.convert(target))


def _deep(
    image: Any,
    format: str | None,
    range: tuple[float, float] | None,
) -> NDArray[Any]:
    """A gray Pillow image of 16 or 32 bits."""
    values = np.asarray(image)
    values = values.astype(values.dtype.newbyteorder("="))
    if values.dtype.kind == "i" and range is None:
        if format != "PNG":
            raise ValueError("it holds 32-bit integers; pass range=(black, white)")
        values = values.astype(np.uint16)  # older Pillow widens 16-bit PNG
    return as_image(values, range=range, name="it")


def _is_deep_tiff(opened: Any, range: tuple[float, float] | None) -> bool:
    """Whether it is a TIFF of which Pillow would read 8 of 16 bits of colour, or, with the colours apart, nonsense."""
    if opened.format != "TIFF" or opened.mode not in ("RGB", "RGBA"):
        return False
    unpacked = opened.info.get("compression") in ("raw", "tiff_deflate", "tiff_adobe_deflate")
    return max(opened.tag_v2.get(_BITS_PER_SAMPLE, (8,))) > 8 and (unpacked or range is not None)


def _by_tifffile(file: BinaryIO, range: tuple[float, float] | None) -> NDArray[Any]:
    """A TIFF that Pillow cannot read as well, such as one of 16-bit or float colour."""
    from tifffile import TiffFile

    file.seek(0)
    with TiffFile(file) as tiff:
        first = tiff.pages.first
        if _has_second(tiff):
            raise ValueError("it has several pages; save each as a file of its own")
        _check_page(first)
        if first.compression != 1:
            _check_deflated(file, first)
        array = first.asarray()
        if array.ndim == 3 and first.planarconfig == 2:
            array = np.moveaxis(array, 0, -1)
        orientation = first.tags.valueof(_ORIENTATION)
    return _upright(as_image(array, range=range, name="it"), orientation)


def _has_second(tiff: Any) -> bool:
    try:
        return tiff.pages[1] is not None
    except IndexError:
        return False


def _check_page(page: Any) -> None:
    """Refuse what is not an image, before memory is taken for it."""
    from PIL import Image

    most = Image.MAX_IMAGE_PIXELS
    pixels = max(page.imagelength * page.imagewidth, page.tilelength * page.tilewidth)
    if most is not None and pixels > most:
        raise Image.DecompressionBombError
    if page.imagedepth != 1 or page.tiledepth > 1 or page.samplesperpixel > 4:
        raise ValueError(
            f"it has {page.samplesperpixel} channels in {page.imagedepth} layers; 1, 3 or 4 channels in one layer are read"
        )
    if page.photometric not in (1, 2):
        raise ValueError(f"its colours ({page.photometric!r:.40}) are not read; save it as gray or RGB")
    if page.compression not in _UNPACKED:
        raise ValueError(
            f"its compression ({page.compression!r:.40}) is not read for such values; save it with deflate"
        )


def _check_deflated(file: BinaryIO, page: Any) -> None:
    """Refuse what unpacks to far more than its header says: tifffile would unpack all of it."""
    left = 4 * page.nbytes + 2**20  # tiles stand out at the edges
    for offset, count in zip(page.dataoffsets, page.databytecounts, strict=False):
        file.seek(offset)
        left -= len(zlib.decompressobj().decompress(file.read(count), max(1, left + 1)))
        if left < 0:
            raise ValueError("it unpacks to far more than its header says")
