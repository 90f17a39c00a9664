"""The works as one writes them by hand with OpenCV and NumPy: makers of functions of an image and a generator."""

# ruff: noqa: ARG001, ARG005 -- many steps draw nothing, and all have one signature

from collections.abc import Callable
from typing import Any

import cv2
import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]
Step = Callable[[Array, np.random.Generator], Array]

LEVELS = np.arange(256, dtype=np.float32)


def chance(step: Step, p: float) -> Step:
    return lambda image, rng: step(image, rng) if rng.random() < p else image


def sequence(*steps: Step) -> Step:
    def apply(image, rng):
        for step in steps:
            image = step(image, rng)
        return image

    return apply


# --- geometry ----------------------------------------------------------------------------------------------------------


def flip(code: int) -> Step:
    return lambda image, rng: cv2.flip(image, code)


def transpose() -> Step:
    return lambda image, rng: cv2.transpose(image)


def quarter_turn() -> Step:
    codes = (None, cv2.ROTATE_90_COUNTERCLOCKWISE, cv2.ROTATE_180, cv2.ROTATE_90_CLOCKWISE)

    def apply(image, rng):
        code = codes[rng.integers(4)]
        return image.copy() if code is None else cv2.rotate(image, code)

    return apply


def rotate(limit: float) -> Step:
    def apply(image, rng):
        height, width = image.shape[:2]
        matrix = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), rng.uniform(-limit, limit), 1.0)
        return cv2.warpAffine(image, matrix, (width, height), flags=cv2.INTER_LINEAR)

    return apply


def affine(scale: tuple[float, float], shift: float, angle: float, shear: float) -> Step:
    def apply(image, rng):
        height, width = image.shape[:2]
        turn, slope_x, slope_y = np.deg2rad(rng.uniform([-angle, -shear, -shear], [angle, shear, shear]))
        rotation = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
        linear = rng.uniform(*scale) * rotation @ [[1, np.tan(slope_x)], [np.tan(slope_y), 1]]
        centre = np.array([(width - 1) / 2, (height - 1) / 2])
        move = centre - linear @ centre + rng.uniform(-shift, shift, 2) * [width, height]
        return cv2.warpAffine(image, np.column_stack([linear, move]), (width, height), flags=cv2.INTER_LINEAR)

    return apply


def perspective(low: float, high: float) -> Step:
    inward = np.array([[1, 1], [-1, 1], [-1, -1], [1, -1]])

    def apply(image, rng):
        height, width = image.shape[:2]
        frame = np.array([[0, 0], [width - 1, 0], [width - 1, height - 1], [0, height - 1]], np.float32)
        moves = rng.uniform(0, rng.uniform(low, high), (4, 2)) * [width, height] * inward
        matrix = cv2.getPerspectiveTransform((frame + moves).astype(np.float32), frame)
        return cv2.warpPerspective(image, matrix, (width, height), flags=cv2.INTER_LINEAR)

    return apply


def _grid(shape: tuple[int, ...]) -> tuple[Array, Array]:
    return np.meshgrid(np.arange(shape[1], dtype=np.float32), np.arange(shape[0], dtype=np.float32))


def elastic(alpha: float, cells: int) -> Step:
    def apply(image, rng):
        height, width = image.shape[:2]
        coarse = rng.uniform(-alpha, alpha, (cells, cells, 2)).astype(np.float32) * np.float32([width, height])
        moves = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
        x, y = _grid(image.shape)
        return cv2.remap(image, x + moves[..., 0], y + moves[..., 1], cv2.INTER_LINEAR)

    return apply


def grid_distortion(cells: int, limit: float) -> Step:
    def along(side, rng):
        shares = 1 + rng.uniform(-limit, limit, cells)
        lines = np.concatenate([[0], np.cumsum(shares)]) / shares.sum() * (side - 1)
        return np.interp(np.arange(side), np.linspace(0, side - 1, cells + 1), lines).astype(np.float32)

    def apply(image, rng):
        x, y = np.meshgrid(along(image.shape[1], rng), along(image.shape[0], rng))
        return cv2.remap(image, x, y, cv2.INTER_LINEAR)

    return apply


def center_crop(side: int) -> Step:
    def apply(image, rng):
        top, left = (image.shape[0] - side) // 2, (image.shape[1] - side) // 2
        return image[top : top + side, left : left + side]

    return apply


def crop(side: int) -> Step:
    def apply(image, rng):
        top, left = rng.integers(image.shape[0] - side + 1), rng.integers(image.shape[1] - side + 1)
        return image[top : top + side, left : left + side]

    return apply


def resized_crop(low: float) -> Step:
    def apply(image, rng):
        height, width = image.shape[:2]
        side, ratio = np.sqrt(rng.uniform(low, 1)), np.exp(rng.uniform(np.log(3 / 4), np.log(4 / 3)) / 2)
        rows, columns = min(round(height * side / ratio), height), min(round(width * side * ratio), width)
        top, left = rng.integers(height - rows + 1), rng.integers(width - columns + 1)
        window = image[top : top + rows, left : left + columns]
        return cv2.resize(window, (width, height), interpolation=cv2.INTER_LINEAR)

    return apply


def resize(side: int) -> Step:
    return lambda image, rng: cv2.resize(image, (side, side), interpolation=cv2.INTER_AREA)


def resize_gaussian(side: int) -> Step:
    def apply(image, rng):
        sigma = max((image.shape[0] / side - 1) / 2, 1e-6)
        return cv2.resize(cv2.GaussianBlur(image, (0, 0), sigma), (side, side), interpolation=cv2.INTER_LINEAR)

    return apply


def enlarge(low: float, high: float) -> Step:
    def apply(image, rng):
        factor = rng.uniform(low, high)
        return cv2.resize(image, None, fx=factor, fy=factor, interpolation=cv2.INTER_LINEAR)

    return apply


def pad(width: int) -> Step:
    return lambda image, rng: cv2.copyMakeBorder(image, width, width, width, width, cv2.BORDER_CONSTANT, value=0)


# --- colour and tone ---------------------------------------------------------------------------------------------------


def _looked_up(image: Array, values: Array) -> Array:
    return cv2.LUT(image, np.clip(np.rint(values), 0, 255).astype(np.uint8))


def brightness_contrast(brightness: float, contrast: tuple[float, float]) -> Step:
    def apply(image, rng):
        shift, factor = rng.uniform(-brightness, brightness) * 255, rng.uniform(*contrast)
        return _looked_up(image, (LEVELS - 127.5) * factor + 127.5 + shift)

    return apply


def gamma(low: float, high: float) -> Step:
    return lambda image, rng: _looked_up(image, (LEVELS / 255) ** rng.uniform(low, high) * 255)


def posterize(low: int, high: int) -> Step:
    def apply(image, rng):
        dropped = 8 - int(rng.integers(low, high + 1))
        return cv2.bitwise_and(image, np.full_like(image, 255 >> dropped << dropped))

    return apply


def solarize(low: float, high: float) -> Step:
    return lambda image, rng: _looked_up(image, np.where(rng.uniform(low, high) * 255 < LEVELS, 255 - LEVELS, LEVELS))


def invert() -> Step:
    return lambda image, rng: cv2.bitwise_not(image)


def rgb_shift(limit: float) -> Step:
    def apply(image, rng):
        return cv2.add(image, (*(rng.uniform(-limit, limit, 3) * 255), 0.0))

    return apply


def _turned(image: Array, hue: float, saturation: float) -> Array:
    hsv = cv2.cvtColor(image, cv2.COLOR_RGB2HSV_FULL)
    tables = np.stack([(LEVELS + round(hue / 360 * 256)) % 256, LEVELS * saturation, LEVELS], axis=-1)
    turned = cv2.LUT(hsv, np.clip(np.rint(tables), 0, 255).astype(np.uint8)[None])
    return cv2.cvtColor(turned, cv2.COLOR_HSV2RGB_FULL)


def hue_saturation(hue: float, saturation: tuple[float, float]) -> Step:
    return lambda image, rng: _turned(image, rng.uniform(-hue, hue), rng.uniform(*saturation))


def color_jitter(factor: tuple[float, float], saturation: tuple[float, float], hue: float) -> Step:
    def apply(image, rng):
        image = _looked_up(image, LEVELS * rng.uniform(*factor))
        steeper = rng.uniform(*factor)
        mean = cv2.mean(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY))[0]
        image = _looked_up(image, LEVELS * steeper + mean * (1 - steeper))
        vivid = rng.uniform(*saturation)
        gray = cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
        return _turned(cv2.addWeighted(image, vivid, gray, 1 - vivid, 0), rng.uniform(-hue, hue), 1.0)

    return apply


def gray() -> Step:
    return lambda image, rng: cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)


def equalize() -> Step:
    return lambda image, rng: cv2.merge([cv2.equalizeHist(plane) for plane in cv2.split(image)])


def clahe(clip_limit: float, tiles: int) -> Step:
    def apply(image, rng):
        lab = cv2.cvtColor(image, cv2.COLOR_RGB2LAB)
        lightness = cv2.createCLAHE(clip_limit, (tiles, tiles)).apply(np.ascontiguousarray(lab[..., 0]))
        return cv2.cvtColor(cv2.merge([lightness, *cv2.split(lab)[1:]]), cv2.COLOR_LAB2RGB)

    return apply


def sepia() -> Step:
    matrix = np.array([[0.393, 0.769, 0.189], [0.349, 0.686, 0.168], [0.272, 0.534, 0.131]])
    return lambda image, rng: cv2.transform(image, matrix)


# --- blur, noise, occlusion, preprocessing -----------------------------------------------------------------------------


def gaussian(low: float, high: float) -> Step:
    return lambda image, rng: cv2.GaussianBlur(image, (0, 0), rng.uniform(low, high))


def box(radii: tuple[int, ...]) -> Step:
    def apply(image, rng):
        side = 2 * int(rng.choice(radii)) + 1
        return cv2.blur(image, (side, side))

    return apply


def median(radii: tuple[int, ...]) -> Step:
    return lambda image, rng: cv2.medianBlur(image, 2 * int(rng.choice(radii)) + 1)


def motion_blur(side: int) -> Step:
    def apply(image, rng):
        kernel, middle = np.zeros((side, side), np.float32), (side - 1) / 2
        angle = rng.uniform(-np.pi / 2, np.pi / 2)
        reach = np.array([np.cos(angle), -np.sin(angle)]) * middle
        ends = [tuple(np.rint(middle + sign * reach).astype(int).tolist()) for sign in (-1, 1)]
        cv2.line(kernel, ends[0], ends[1], 1.0)
        return cv2.filter2D(image, -1, kernel / kernel.sum())

    return apply


def downscale(low: float, high: float) -> Step:
    def apply(image, rng):
        factor = rng.uniform(low, high)
        small = cv2.resize(image, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
        return cv2.resize(small, image.shape[1::-1], interpolation=cv2.INTER_NEAREST)

    return apply


def noise(low: float, high: float) -> Step:
    def apply(image, rng):
        field = rng.standard_normal(image.shape, np.float32) * np.float32(rng.uniform(low, high) * 255)
        return cv2.add(image, field, dtype=cv2.CV_8U)

    return apply


def salt_and_pepper(low: float, high: float) -> Step:
    def apply(image, rng):
        amount, result = rng.uniform(low, high), image.copy()
        field = rng.random(image.shape[:2], np.float32)
        result[field < amount / 2] = 0
        result[field > 1 - amount / 2] = 255
        return result

    return apply


def pixel_dropout(amount: float) -> Step:
    def apply(image, rng):
        result = image.copy()
        result[rng.random(image.shape[:2], np.float32) < amount] = 0
        return result

    return apply


def jpeg(low: int, high: int) -> Step:
    def apply(image, rng):
        # cv2 takes the channels as BGR: the colours of both conversions are only swapped twice.
        bgr = cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
        _, code = cv2.imencode(".jpg", bgr, (cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(low, high + 1))))
        return cv2.cvtColor(cv2.imdecode(code, cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)

    return apply


def cutout(share: float) -> Step:
    def apply(image, rng):
        rows, columns = round(image.shape[0] * share), round(image.shape[1] * share)
        top, left = rng.integers(image.shape[0] - rows + 1), rng.integers(image.shape[1] - columns + 1)
        result = image.copy()
        result[top : top + rows, left : left + columns] = 0
        return result

    return apply


def normalize(mean: tuple[float, ...], std: tuple[float, ...]) -> Step:
    scale = (1 / (255 * np.array(std))).astype(np.float32)
    shift = (-np.array(mean) / std).astype(np.float32)

    def apply(image, rng):
        result = image.astype(np.float32)
        result *= scale
        result += shift
        return result

    return apply


def to_float() -> Step:
    return lambda image, rng: image.astype(np.float32) * np.float32(1 / 255)
