"""The works as one writes them with Pillow: makers of functions of an image and a generator."""

# ruff: noqa: ARG001, ARG005 -- many steps draw nothing, and all have one signature

import io
from collections.abc import Callable

import numpy as np
from PIL import Image, ImageEnhance, ImageFilter, ImageOps

Step = Callable[[Image.Image, np.random.Generator], Image.Image]

LINEAR = Image.Resampling.BILINEAR
LEVELS = np.arange(256.0)


def chance(step: Step, p: float) -> Step:
    return lambda image, rng: step(image, rng) if rng.random() < p else image


def sequence(*steps: Step) -> Step:
    def apply(image, rng):
        for step in steps:
            image = step(image, rng)
        return image

    return apply


def mirror() -> Step:
    return lambda image, rng: ImageOps.mirror(image)


def flip() -> Step:
    return lambda image, rng: ImageOps.flip(image)


def transpose() -> Step:
    return lambda image, rng: image.transpose(Image.Transpose.TRANSPOSE)


def quarter_turn() -> Step:
    turns = (None, Image.Transpose.ROTATE_90, Image.Transpose.ROTATE_180, Image.Transpose.ROTATE_270)

    def apply(image, rng):
        turn = turns[rng.integers(4)]
        return image.copy() if turn is None else image.transpose(turn)

    return apply


def rotate(limit: float) -> Step:
    return lambda image, rng: image.rotate(rng.uniform(-limit, limit), LINEAR)


def affine(scale: tuple[float, float], shift: float, angle: float, shear: float) -> Step:
    def apply(image, rng):
        turn, slope_x, slope_y = np.deg2rad(rng.uniform([-angle, -shear, -shear], [angle, shear, shear]))
        rotation = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
        linear = np.linalg.inv(rng.uniform(*scale) * rotation @ [[1, np.tan(slope_x)], [np.tan(slope_y), 1]])
        centre = np.array(image.size) / 2
        move = centre - linear @ (centre + rng.uniform(-shift, shift, 2) * image.size)
        data = (*linear[0], move[0], *linear[1], move[1])
        return image.transform(image.size, Image.Transform.AFFINE, data, LINEAR)

    return apply


def perspective(low: float, high: float) -> Step:
    # The order of QUAD's corners: top left, bottom left, bottom right, top right.
    frame, inward = np.array([[0, 0], [0, 1], [1, 1], [1, 0]]), np.array([[1, 1], [1, -1], [-1, -1], [-1, 1]])

    def apply(image, rng):
        corners = (frame + rng.uniform(0, rng.uniform(low, high), (4, 2)) * inward) * image.size
        ones = np.ones((4, 1))
        target = frame * image.size
        # Two equations for each corner, for the eight numbers of the map from the output to the input.
        zeros = np.zeros((4, 3))
        rows = [
            np.hstack([target, ones, zeros, -corners[:, :1] * target]),
            np.hstack([zeros, target, ones, -corners[:, 1:] * target]),
        ]
        data = np.linalg.solve(np.vstack(rows), corners.T.ravel())
        return image.transform(image.size, Image.Transform.PERSPECTIVE, tuple(data), LINEAR)

    return apply


def center_crop(side: int) -> Step:
    def apply(image, rng):
        left, top = (image.width - side) // 2, (image.height - side) // 2
        return image.crop((left, top, left + side, top + side))

    return apply


def crop(side: int) -> Step:
    def apply(image, rng):
        left, top = int(rng.integers(image.width - side + 1)), int(rng.integers(image.height - side + 1))
        return image.crop((left, top, left + side, top + side))

    return apply


def resized_crop(low: float) -> Step:
    def apply(image, rng):
        side, ratio = np.sqrt(rng.uniform(low, 1)), np.exp(rng.uniform(np.log(3 / 4), np.log(4 / 3)) / 2)
        width = min(round(image.width * side * ratio), image.width)
        height = min(round(image.height * side / ratio), image.height)
        left, top = int(rng.integers(image.width - width + 1)), int(rng.integers(image.height - height + 1))
        return image.resize(image.size, LINEAR, box=(left, top, left + width, top + height))

    return apply


def resize(side: int, resample: Image.Resampling) -> Step:
    return lambda image, rng: image.resize((side, side), resample)


def enlarge(low: float, high: float) -> Step:
    return lambda image, rng: ImageOps.scale(image, rng.uniform(low, high), LINEAR)


def pad(width: int) -> Step:
    return lambda image, rng: ImageOps.expand(image, width)


def _looked_up(image: Image.Image, values: np.ndarray) -> Image.Image:
    return image.point(np.clip(np.rint(values), 0, 255).astype(int).tolist() * len(image.getbands()))


def brightness_contrast(brightness: float, contrast: tuple[float, float]) -> Step:
    def apply(image, rng):
        shift, factor = rng.uniform(-brightness, brightness) * 255, rng.uniform(*contrast)
        return _looked_up(image, (LEVELS - 127.5) * factor + 127.5 + shift)

    return apply


def gamma(low: float, high: float) -> Step:
    return lambda image, rng: _looked_up(image, (LEVELS / 255) ** rng.uniform(low, high) * 255)


def posterize(low: int, high: int) -> Step:
    return lambda image, rng: ImageOps.posterize(image, int(rng.integers(low, high + 1)))


def solarize(low: float, high: float) -> Step:
    return lambda image, rng: ImageOps.solarize(image, round(rng.uniform(low, high) * 255))


def invert() -> Step:
    return lambda image, rng: ImageOps.invert(image)


def _turned(image: Image.Image, hue: float, saturation: float) -> Image.Image:
    turn = (LEVELS + round(hue / 360 * 256)) % 256
    tables = np.clip(np.rint([turn, LEVELS * saturation, LEVELS]), 0, 255)
    return image.convert("HSV").point(tables.astype(int).ravel().tolist()).convert("RGB")


def hue_saturation(hue: float, saturation: tuple[float, float]) -> Step:
    return lambda image, rng: _turned(image, rng.uniform(-hue, hue), rng.uniform(*saturation))


def color_jitter(factor: tuple[float, float], saturation: tuple[float, float], hue: float) -> Step:
    def apply(image, rng):
        image = ImageEnhance.Brightness(image).enhance(rng.uniform(*factor))
        image = ImageEnhance.Contrast(image).enhance(rng.uniform(*factor))
        image = ImageEnhance.Color(image).enhance(rng.uniform(*saturation))
        return _turned(image, rng.uniform(-hue, hue), 1.0)

    return apply


def gray() -> Step:
    return lambda image, rng: image.convert("L").convert("RGB")


def equalize() -> Step:
    return lambda image, rng: ImageOps.equalize(image)


def autocontrast(cutoff: float) -> Step:
    return lambda image, rng: ImageOps.autocontrast(image, cutoff * 100)


def sepia() -> Step:
    matrix = (0.393, 0.769, 0.189, 0, 0.349, 0.686, 0.168, 0, 0.272, 0.534, 0.131, 0)
    return lambda image, rng: image.convert("RGB", matrix)


def gaussian(low: float, high: float) -> Step:
    return lambda image, rng: image.filter(ImageFilter.GaussianBlur(rng.uniform(low, high)))


def box(radii: tuple[int, ...]) -> Step:
    return lambda image, rng: image.filter(ImageFilter.BoxBlur(int(rng.choice(radii))))


def median(radii: tuple[int, ...]) -> Step:
    return lambda image, rng: image.filter(ImageFilter.MedianFilter(2 * int(rng.choice(radii)) + 1))


def sharpness(low: float, high: float) -> Step:
    return lambda image, rng: ImageEnhance.Sharpness(image).enhance(rng.uniform(low, high))


def unsharp_mask(radius: float, low: float, high: float) -> Step:
    return lambda image, rng: image.filter(ImageFilter.UnsharpMask(radius, round(rng.uniform(low, high) * 100), 0))


def downscale(low: float, high: float) -> Step:
    def apply(image, rng):
        factor = rng.uniform(low, high)
        small = image.resize((round(image.width * factor), round(image.height * factor)), Image.Resampling.BOX)
        return small.resize(image.size, Image.Resampling.NEAREST)

    return apply


def jpeg(low: int, high: int) -> Step:
    def apply(image, rng):
        file = io.BytesIO()
        image.save(file, "JPEG", quality=int(rng.integers(low, high + 1)))
        read = Image.open(file)
        read.load()
        return read

    return apply


def cutout(share: float) -> Step:
    def apply(image, rng):
        width, height = round(image.width * share), round(image.height * share)
        left, top = int(rng.integers(image.width - width + 1)), int(rng.integers(image.height - height + 1))
        result = image.copy()
        result.paste(0, (left, top, left + width, top + height))
        return result

    return apply


def channel_shuffle() -> Step:
    return lambda image, rng: Image.merge("RGB", [image.getchannel(int(one)) for one in rng.permutation(3)])


def rgb_shift(limit: float) -> Step:
    def apply(image, rng):
        tables = np.clip(np.rint(LEVELS + rng.uniform(-limit, limit, (3, 1)) * 255), 0, 255)
        return image.point(tables.astype(int).ravel().tolist())

    return apply
