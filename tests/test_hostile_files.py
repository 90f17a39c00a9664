"""Image files that are broken or meant to harm, at every door: a data set, an upload, the explorer and the app.

Each ends in one sentence that names the file, or in a documented good result; files stay as they were, and memory stays
bounded.
"""

import io
import json
import re
import struct
import subprocess
import sys
import zlib

import numpy as np
import PIL
import pytest
from hostile import DAMAGED, RGB, SAME, UNKNOWN, deep, encoded, left_out, picture, posix, snapshot, two_classes
from PIL import Image

from augmentlab import data
from augmentlab.data import folder
from augmentlab.widgets.images import Images

# --- files that are not what they seem ---------------------------------------------------------------------------------


def chunk(kind, content):
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png(width, height, body=b"", extra=b"", depth=8, color=0):
    header = struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, 0)
    parts = chunk(b"IHDR", header) + extra + chunk(b"IDAT", zlib.compress(body, 9)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + parts


def tiff(body=bytes(300), **tags):
    """A TIFF that says of itself what it is told to: 100000 x 100000 gray by default, in a strip after the tags."""
    held = {256: 100_000, 257: 100_000, 258: 8, 259: 1, 262: 1, 273: 0, 277: 1, 278: 100_000, 279: len(body)}
    held |= {int(name[1:]): value for name, value in tags.items()}
    held[273] = 8 + 2 + 12 * len(held) + 4
    entries = [struct.pack("<HHII", tag, 4, 1, value) for tag, value in sorted(held.items())]
    return b"II*\0" + struct.pack("<IH", 8, len(held)) + b"".join(entries) + bytes(4) + body


def tiff_chain(pages, last=0):
    """A TIFF of many pages, the last of which is followed by the one at `last`."""
    tags = {256: 4, 257: 4, 258: 8, 259: 1, 262: 1, 273: 8, 277: 1, 278: 4, 279: 16}
    size = 2 + 12 * len(tags) + 4
    entries = struct.pack("<H", len(tags)) + b"".join(struct.pack("<HHIHH", tag, 3, 1, v, 0) for tag, v in tags.items())
    following = [*(8 + size * page for page in range(1, pages)), last]
    return b"II*\0" + struct.pack("<I", 8) + b"".join(entries + struct.pack("<I", place) for place in following)


def webp(width, height):
    size = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    return b"RIFF" + struct.pack("<I", 100) + b"WEBPVP8X" + struct.pack("<I", 10) + b"\x10\0\0\0" + size + bytes(70)


def bmp(width, height):
    return (
        b"BM" + struct.pack("<IHHIIiiHHIIiiII", 118, 0, 0, 54, 40, width, height, 1, 24, 0, 0, 1, 1, 0, 0) + bytes(64)
    )


def exif(*entries, after=0):
    """EXIF of (tag, type, count, value) entries."""
    body = b"".join(struct.pack("<HHII", *entry) for entry in entries)
    return b"Exif\0\0II*\0\x08\0\0\0" + struct.pack("<H", len(entries)) + body + struct.pack("<I", after)


def animated(format):
    file = io.BytesIO()
    frames = [Image.fromarray(picture(seed=seed)) for seed in range(3)]
    frames[0].save(file, format, save_all=True, append_images=frames[1:])
    return file.getvalue()


LARGE = r"it is too large to be decoded safely \(PIL.Image.MAX_IMAGE_PIXELS is the limit\)"
NEW_PILLOW = int(PIL.__version__.split(".")[0]) >= 13  # earlier ones have no limit of their own for WebP
LARGE_WEBP = LARGE if NEW_PILLOW else r"it is damaged or cut short \(could not create decoder object\)"
PAGES = "it has (3|several) pages; save each as a file of its own"
FORMATS = {
    "png": {"format": "PNG"},
    "jpeg": {"format": "JPEG"},
    "tiff": {"format": "TIFF"},
    "lzw": {"format": "TIFF", "compression": "tiff_lzw"},
    "deflate": {"format": "TIFF", "compression": "tiff_deflate"},
    "webp": {"format": "WEBP"},
    "lossless webp": {"format": "WEBP", "lossless": True},
    "bmp": {"format": "BMP"},
}

# Name of the case, bytes of the file, and the sentence.
REFUSED = [
    ("nothing", b"", UNKNOWN),
    ("one byte", b"\x89", UNKNOWN),
    ("text", b"hello", UNKNOWN),
    ("html", b"<!DOCTYPE html><script>alert(1)</script>", UNKNOWN),
    ("svg with script", b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>", UNKNOWN),
    ("postscript", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n(x) run\n", UNKNOWN),
    ("python pickle", b"\x80\x04cos\nsystem\n(S'touch trapped'\ntR.", UNKNOWN),
    ("npy with an object", b"\x93NUMPY\x01\x00v\x00{'descr': '|O', 'fortran_order': False, 'shape': (1,), }", UNKNOWN),
    ("gif", encoded(format="GIF"), UNKNOWN),
    ("animated gif", animated("GIF"), UNKNOWN),
    ("jpeg 2000", b"\0\0\0\x0cjP  \r\n\x87\n" + bytes(40), UNKNOWN),
    ("animated webp", animated("WEBP"), PAGES),
    ("animated png", animated("PNG"), PAGES),
    ("several pages", animated("TIFF"), PAGES),
    ("several pages of 16-bit colour", deep(np.zeros((3, 9, 8, 3), np.uint16), photometric="rgb"), PAGES),
    ("pages in a loop", tiff_chain(2, last=8), PAGES),
    ("100,000 pages", tiff_chain(100_000), PAGES),
    ("png of no pixels", png(0, 0), UNKNOWN),
    ("png of 10^10 pixels", png(10**5, 10**5), LARGE),
    ("png of 2^62 pixels", png(2**31 - 1, 2**31 - 1), LARGE),
    ("png above what png may be", png(2**32 - 1, 2**32 - 1), LARGE),
    ("png of 1 x 10^9", png(10**9, 1), LARGE),
    ("tiff of 10^10 pixels", tiff(), LARGE),
    ("tiff of 2^64 pixels", tiff(t256=2**32 - 1, t257=2**32 - 1), LARGE),
    ("16-bit tiff of 10^10 pixels", tiff(t258=16), LARGE),
    ("float tiff of 10^10 pixels", tiff(t258=64, t339=3), LARGE),
    ("tiff of 60,000 channels", tiff(t256=9000, t257=9000, t258=64, t277=60_000), "it has 60000 channels in 1 layers; .*"),
    ("tiff of 60,000 layers", tiff(t256=9000, t257=9000, t258=64, t32997=60_000), "it has 1 channels in 60000 layers; .*"),
    (
        "tiff of one huge tile",
        tiff(t256=8, t257=8, t258=64, t339=3, t322=2**20, t323=2**20, t324=300, t325=64),
        f"{LARGE}|{DAMAGED}",
    ),
    ("webp of 2^48 pixels", webp(2**24, 2**24), LARGE_WEBP),
    ("webp of 2^28 pixels", webp(16383, 16383), LARGE_WEBP),
    ("bmp of 10^10 pixels", bmp(10**5, 10**5), LARGE),
    ("bmp of a negative width", bmp(-5, 5), f"{LARGE}|{DAMAGED}|{UNKNOWN}"),
    ("png with too little in it", png(40, 40, bytes(20)), DAMAGED),
    ("png of 7 bits", png(4, 4, depth=7), UNKNOWN),
    ("png whose profile unpacks to 100 MB", png(4, 4, bytes(20), chunk(b"iCCP", b"x\0\0" + zlib.compress(bytes(10**8), 9))), ".*too large.*"),
    ("png whose text unpacks to 100 MB", png(4, 4, bytes(20), chunk(b"zTXt", b"x\0\0" + zlib.compress(bytes(10**8), 9))), ".*too large.*"),
    ("float tiff with NaN", deep(np.array([[0, np.nan]], np.float32)), "it must be finite; got NaN or infinity"),
    ("float tiff with infinity", deep(np.array([[0, np.inf]], np.float32)), "it must be finite; got NaN or infinity"),
    ("colour with NaN", deep(np.full((4, 5, 3), np.nan, np.float32), photometric="rgb"), "it must be finite; .*"),
    ("float tiff beyond 1", deep(np.array([[0, 9]], np.float32)), r"it must be float in \[0, 1\]; .*range=.*"),
    ("32-bit integers", deep(np.array([[0, 9]], np.int32)), r"it holds 32-bit integers; pass range=\(black, white\)"),
    ("complex numbers", deep(np.array([[0, 9j]], np.complex64)), "it must hold numbers; .*"),
    ("two channels of floats", deep(np.zeros((4, 5, 2), np.float32), planarconfig="contig"), r"it must have shape .*"),
    ("float cmyk", deep(np.zeros((4, 5, 4), np.float32), photometric="separated"), r"its colours \(.*\) are not read; .*"),
    ("lzma", deep(np.zeros((4, 5, 3), np.float32), photometric="rgb", compression="lzma"), r"its compression \(.*\) is not .*"),
    *(
        (f"{name} cut after {cut:.0%}", whole[: int(len(whole) * cut)], f"{DAMAGED}|{UNKNOWN}")
        for name, options in FORMATS.items()
        if (whole := encoded(**options))
        for cut in (0.002, 0.05, 0.5, 0.9)
    ),
    ("16-bit colour cut in the pixels", deep(picture().astype(np.uint16), photometric="rgb")[:-200], DAMAGED),
    ("deflated 16-bit colour cut", deep(picture().astype(np.uint16), photometric="rgb", compression="zlib")[:-99], DAMAGED),
]  # fmt: skip


def names_of(cases):
    return [name for name, *_ in cases]


@pytest.fixture
def images(tmp_path):
    """A folder with a good image in each of two classes."""
    return two_classes(tmp_path / "images")


@pytest.mark.parametrize(("content", "sentence"), [case[1:] for case in REFUSED], ids=names_of(REFUSED))
def test_what_is_no_image_gets_one_sentence_at_every_door(images, content, sentence, capfd):
    (images / "a" / "x.png").write_bytes(content)
    before = snapshot(images)
    read, reasons = left_out(images)
    assert len(read) == 2
    assert list(reasons) == ["a/x.png"]
    assert re.fullmatch(sentence, reasons["a/x.png"])
    said = f"cannot be read: {re.escape(reasons['a/x.png'])}"
    with pytest.raises(ValueError, match=f"^x.png {said}$"):  # an upload
        folder.read_bytes(content, "x.png")
    shown = Images(images)  # the explorer and the app
    place = shown.names.index("a/x.png")
    for get in (shown.full, lambda index: shown.thumbnail(index, 32)):
        with pytest.raises(ValueError, match=f"^a/x.png {said}$"):
            get(place)
    assert snapshot(images) == before
    assert capfd.readouterr() == ("", "")  # what decoders log of it is not printed


def orientations():
    upright = picture((6, 9, 3))
    turned = {
        1: upright, 2: upright[:, ::-1], 3: upright[::-1, ::-1], 4: upright[::-1], 5: upright.transpose(1, 0, 2),
        6: np.rot90(upright), 7: upright[::-1, ::-1].transpose(1, 0, 2), 8: np.rot90(upright, -1),
    }  # fmt: skip
    for number, stored in turned.items():
        tag = [(274, 3, 1, number, True)]
        content = deep(np.ascontiguousarray(stored) * np.uint16(257), photometric="rgb", extratags=tag)
        yield f"16-bit colour held as {number}", content, upright
        content = deep(np.float32(np.ascontiguousarray(stored)) / 255, photometric="rgb", extratags=tag)
        yield f"float colour held as {number}", content, np.float32(upright) / 255


DEEP = np.arange(4 * 5 * 3).reshape(4, 5, 3).astype(np.uint16) * 1000
PALETTE = Image.fromarray(RGB).quantize(16)
INDEXED = np.asarray(PALETTE.convert("RGB"))
GRAY = picture((6, 9))

# Name of the case, bytes of the file, and the array that it is, or its shape where that is what matters.
READ = [
    ("1 x 100000", encoded(picture((1, 100_000, 3))), (1, 100_000, 3)),
    ("100000 x 1", encoded(picture((100_000, 1))), (100_000, 1)),
    ("one pixel", encoded(picture((1, 1))), (1, 1)),
    ("jpeg named png", encoded(format="JPEG"), RGB.shape),
    ("tiff named png", encoded(format="TIFF"), RGB),
    ("bmp named png", encoded(format="BMP"), RGB),
    ("lossless webp named png", encoded(format="WEBP", lossless=True), RGB),
    ("cmyk jpeg", encoded(Image.new("CMYK", (5, 4), (0, 255, 255, 0)), "JPEG"), (4, 5, 3)),
    ("cmyk tiff", encoded(Image.new("CMYK", (5, 4), (0, 255, 255, 0)), "TIFF"), np.full((4, 5, 3), (255, 0, 0), np.uint8)),
    # Earlier ones cannot read what they write.
    *([("ycbcr tiff", encoded(Image.new("YCbCr", (5, 4)), "TIFF"), (4, 5, 3))] if NEW_PILLOW else []),
    ("lab tiff", encoded(Image.new("LAB", (5, 4)), "TIFF"), (4, 5, 3)),
    ("one bit", encoded(Image.fromarray(GRAY > 127)), np.where(GRAY > 127, np.uint8(255), np.uint8(0))),
    ("one bit, transparent", encoded(Image.fromarray(GRAY > 127), transparency=1), (6, 9, 4)),
    ("gray and alpha", encoded(picture((6, 9, 2))), picture((6, 9, 2))[..., [0, 0, 0, 1]]),
    ("gray, transparent", encoded(GRAY, transparency=7), np.dstack([GRAY] * 3 + [np.where(GRAY == 7, 0, 255).astype(np.uint8)])),
    ("colour, transparent", encoded(RGB, transparency=(1, 2, 3)), (16, 24, 4)),
    ("palette", encoded(PALETTE), INDEXED),
    ("palette, transparent", encoded(PALETTE, transparency=bytes(range(16))), (16, 24, 4)),
    ("palette and alpha", encoded(Image.new("PA", (5, 4)), "TIFF"), (4, 5, 4)),
    ("palette without colours", png(4, 4, bytes(20), color=3), (4, 4, 3)),
    ("16-bit gray png", encoded(GRAY.astype(np.uint16) * 257), GRAY),
    ("16-bit gray tiff", deep(GRAY.astype(np.uint16) * 257), GRAY),
    ("16-bit gray, transparent", encoded(Image.fromarray(GRAY.astype(np.uint16) * 257), transparency=1), GRAY),
    ("16-bit colour png", png(2, 1, b"\0" + bytes(range(0, 120, 10)), depth=16, color=2), np.array([[[0, 20, 40], [60, 80, 100]]], np.uint8)),
    ("16-bit colour tiff", deep(DEEP, photometric="rgb"), np.rint(DEEP / 257).astype(np.uint8)),
    ("16-bit colour, deflated", deep(DEEP, photometric="rgb", compression="zlib", predictor=2), np.rint(DEEP / 257).astype(np.uint8)),
    ("16-bit colour in tiles", deep(DEEP, photometric="rgb", tile=(16, 16), compression="zlib"), np.rint(DEEP / 257).astype(np.uint8)),
    ("16-bit colour apart", deep(np.moveaxis(DEEP, 2, 0), photometric="rgb", planarconfig="separate"), np.rint(DEEP / 257).astype(np.uint8)),
    ("16-bit colour apart, deflated", deep(np.moveaxis(DEEP, 2, 0), photometric="rgb", planarconfig="separate", compression="zlib"), np.rint(DEEP / 257).astype(np.uint8)),
    ("16-bit colour of bigtiff", deep(DEEP, photometric="rgb", bigtiff=True), np.rint(DEEP / 257).astype(np.uint8)),
    ("16-bit colour, big-endian", deep(DEEP.astype(">u2"), photometric="rgb", byteorder=">"), np.rint(DEEP / 257).astype(np.uint8)),
    ("float gray", deep(np.float32(GRAY) / 255), np.float32(GRAY) / 255),
    ("float colour", deep(np.float32(RGB) / 255, photometric="rgb"), np.float32(RGB) / 255),
    ("float colour apart", deep(np.moveaxis(np.float32(RGB) / 255, 2, 0), photometric="rgb", planarconfig="separate"), np.float32(RGB) / 255),
    ("float colour of bigtiff", deep(np.float32(RGB) / 255, photometric="rgb", bigtiff=True, byteorder=">"), np.float32(RGB) / 255),
    ("bigtiff", deep(RGB, photometric="rgb", bigtiff=True), RGB),
    ("bytes after the end", SAME + b"PK\x03\x04" + bytes(999), RGB),
    ("20,000 texts", png(4, 4, bytes(20), b"".join(chunk(b"tEXt", b"k%d\0v" % k) for k in range(20_000))), (4, 4)),
    ("broken colour profile", encoded(format="JPEG", icc_profile=b"not a profile"), RGB.shape),
    ("broken colour profile of a png", encoded(icc_profile=b"\xff" * 999), RGB),
    *(
        (f"exif of {what}, {kind}", encoded(format=kind, exif=content), shape)
        for kind in ("PNG", "WEBP", "JPEG")
        for what, content, shape in [
            ("noise", b"Exif\0\0garbage, and more of it", (16, 24, 3)),
            ("nothing", b"Exif\0\0", (16, 24, 3)),
            ("a count of 2^31", exif((0x112, 3, 2**31, 6)), (16, 24, 3)),
            ("orientation 99", exif((0x112, 3, 1, 99)), (16, 24, 3)),
            ("orientation as text", exif((0x112, 2, 2, 0x36)), (16, 24, 3)),
            ("itself in a loop", exif((0x112, 3, 1, 6), (0x8769, 4, 1, 8), after=8), (24, 16, 3)),
            ("a value far behind", exif((0x10F, 12, 1, 99_999), (0x112, 3, 1, 6)), (16, 24, 3)),
        ]
    ),
    *orientations(),
]  # fmt: skip


@pytest.mark.parametrize(("content", "expected"), [case[1:] for case in READ], ids=names_of(READ))
def test_unusual_images_are_read_alike_at_every_door(images, content, expected):
    (images / "a" / "x.png").write_bytes(content)
    before = snapshot(images)
    read, reasons = left_out(images)
    assert reasons == {}
    image = np.asarray(read.images[1])
    if isinstance(expected, tuple):
        assert image.shape == expected
        assert image.dtype == np.uint8
    else:
        assert image.dtype == expected.dtype
        assert np.array_equal(image, expected)
    assert np.array_equal(folder.read_bytes(content, "x.png"), image)
    shown = Images(images)
    place = shown.names.index("a/x.png")
    assert np.array_equal(shown.full(place), image)
    assert max(shown.thumbnail(place, 32).shape[:2]) <= 32
    assert snapshot(images) == before


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (deep(DEEP, photometric="rgb"), DEEP),
        (deep(DEEP, photometric="rgb", compression="zlib"), DEEP),
        (deep(np.moveaxis(DEEP, 2, 0), photometric="rgb", planarconfig="separate"), DEEP),
        (encoded(DEEP[..., 0]), DEEP[..., 0]),
        (deep(DEEP[..., 0].astype(np.int32)), DEEP[..., 0]),
        (deep(DEEP.astype(np.float64), photometric="rgb"), DEEP),
    ],
    ids=["16-bit colour", "deflated", "apart", "16-bit gray png", "32-bit integers", "double colour"],
)
def test_a_range_reaches_every_bit(images, content, expected):
    (images / "a" / "x.tif").write_bytes(content)
    image = data.from_folder(images, range=(0, 60_000)).images[1]
    assert image.dtype == np.float32
    assert np.allclose(image, expected / 60_000, atol=1e-6)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (png(2, 1, b"\0" + bytes(12), depth=16, color=2), "it holds 16-bit colour of which 8 bits can be read, .*"),
        (png(2, 1, b"\0" + bytes(16), depth=16, color=6), "it holds 16-bit colour of which 8 bits can be read, .*"),
    ],
    ids=["16-bit colour png", "16-bit colour and alpha png"],
)
def test_a_range_is_refused_where_bits_would_be_lost(images, content, sentence):
    (images / "a" / "x.png").write_bytes(content)
    with pytest.warns(UserWarning, match=f"a/x.png: {sentence}"):
        data.from_folder(images, range=(0, 4095))
    assert folder.read_bytes(content, "x").shape[:2] == (1, 2)


# --- bombs: what they take, measured in a process of its own -----------------------------------------------------------

BOMBS = {
    "png": png(10**5, 10**5, bytes(10**6)),
    "png of 100 million pixels": png(10_001, 10_001, bytes(10_001 * 10_002)),
    "gray tiff": tiff(),
    "tiff of 60,000 channels": tiff(t256=9000, t257=9000, t258=64, t277=60_000),
    "tiff of 60,000 layers": tiff(t256=9000, t257=9000, t258=64, t32997=60_000),
    "tiff of one tile": tiff(t256=8, t257=8, t258=64, t339=3, t322=2**16, t323=2**16, t324=300, t325=64),
    "float tiff that unpacks to 300 MB": tiff(
        zlib.compress(bytes(3 * 10**8), 9), t256=9, t257=9, t258=64, t259=8, t278=9, t339=3
    ),
    "webp": webp(2**24, 2**24),
    "webp of 2^28 pixels": webp(16383, 16383),
    "bmp": bmp(10**5, 10**5),
    "profile": png(4, 4, bytes(20), chunk(b"iCCP", b"x\0\0" + zlib.compress(bytes(3 * 10**8), 9))),
}
MEASURE = """
import json, resource, sys, warnings
from pathlib import Path
from augmentlab.data import folder
import PIL.Image, PIL.TiffImagePlugin, PIL.PngImagePlugin, PIL.WebPImagePlugin, tifffile
folder.read_bytes(Path(sys.argv[1]).read_bytes(), "good")
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
for path in sys.argv[2:]:
    before = peak()
    try:
        said = str(folder.read_bytes(Path(path).read_bytes(), "x").shape)
    except ValueError as error:
        said = str(error)
    print(json.dumps([said, peak() - before]))
"""


@pytest.fixture(scope="module")
def bombs(tmp_path_factory):
    """What was said of each bomb, and by how many MB the process had grown."""
    base = tmp_path_factory.mktemp("bombs")
    good = base / "good"
    good.write_bytes(deep(np.float32(RGB) / 255, photometric="rgb", compression="zlib"))
    paths = [base / str(index) for index, _ in enumerate(BOMBS)]
    for path, content in zip(paths, BOMBS.values(), strict=True):
        path.write_bytes(content)
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, good, *paths], capture_output=True, text=True, check=True, timeout=250
    )
    return dict(zip(BOMBS, map(json.loads, done.stdout.splitlines()), strict=True))


@posix
@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_takes_no_memory(bombs, name):
    said, megabytes = bombs[name]
    assert said.startswith("x cannot be read: ")
    assert "\n" not in said
    assert megabytes < 64
