"""Weather and light: fog, rain, snow, shadows and glare, painted from a seed and a few fractions of the side.

Nothing here is measured in pixels, so a draw looks the same on a thumbnail as on the full image. Positions and lengths are
in units of the image's longer side.
"""

from dataclasses import dataclass
from typing import Annotated

import numpy as np
from annotated_types import Interval
from numpy.typing import NDArray

from augmentlab import engines
from augmentlab.bases import PixelTransform
from augmentlab.params import SEED_MAX, Typical, Unit, integers, uniform
from augmentlab.pixels import Array, to_unit

__all__ = ["Fog", "Rain", "Shadow", "Snow", "SunFlare"]

Field = NDArray[np.float64]
Seed = Annotated[int, Interval(ge=0, le=SEED_MAX), "Which of all patterns; drawn anew unless given."]


@dataclass(frozen=True, kw_only=True, repr=False)
class Fog(PixelTransform):
    """Veil the image: x * (1 - t) + level * t, where the thickness t varies smoothly (Koschmieder 1924).

    t is `density` where the fog is thickest, and ``(1 - patchiness) * density`` where it is thinnest.
    """

    density: Annotated[
        float, Interval(ge=0, le=1), Typical(0.2, 0.8), Unit("fraction"), "Of what is seen, how much is fog."
    ] = 0.0
    patchiness: Annotated[
        float,
        Interval(ge=0, le=1),
        Typical(0, 1, draw=False),
        Unit("fraction"),
        "0 is an even haze, 1 are banks of fog.",
    ] = 0.6
    level: Annotated[
        float, Interval(ge=0, le=1), Typical(0.6, 1, draw=False), Unit("fraction"), "Gray level of the fog."
    ] = 0.85
    seed: Seed = integers(0, SEED_MAX)

    def apply_image(self, image: Array) -> Array:
        if self.density == 0:
            return image
        banks = _clouds(image.shape, 3, self.seed)
        thickness = _planes(self.density * (1 - self.patchiness * (1 - banks)), image)
        return to_unit(image) * (1 - thickness) + self.level * thickness


@dataclass(frozen=True, kw_only=True, repr=False)
class Rain(PixelTransform):
    """Draw falling streaks over a scene that is darker, flatter and slightly blurred.

    Streaks are of three distances: the near ones are longer, wider and fewer.
    """

    amount: Annotated[
        float, Interval(ge=0, le=1), Typical(0.2, 0.9), Unit("fraction"), "From a drizzle to a downpour."
    ] = 0.0
    slant: Annotated[
        float,
        Interval(ge=-60, le=60),
        Typical(-20, 20),
        Unit("deg"),
        "From the vertical; above 0 it falls to the right.",
    ] = 0.0
    length: Annotated[
        float, Interval(ge=0.01, le=0.5), Typical(0.04, 0.15, draw=False), Unit("fraction"), "Of the nearest streaks."
    ] = 0.1
    seed: Seed = integers(0, SEED_MAX)

    def apply_image(self, image: Array) -> Array:
        if self.amount == 0:
            return image
        side = max(image.shape[:2])
        scene = to_unit(image)
        scene = engines.current().gaussian(scene, 0.002 * side * self.amount)
        scene = 0.45 + (scene * (1 - 0.25 * self.amount) - 0.45) * (1 - 0.2 * self.amount)
        veil = np.zeros(image.shape[:2])
        for distance, (size, drops) in enumerate(((0.35, 700), (0.6, 350), (1.0, 120))):
            rng = np.random.default_rng((self.seed, distance))
            streaks = _streaks(image.shape, round(drops * self.amount), self.length * size, self.slant, rng)
            veil = np.maximum(veil, (0.35 + 0.35 * size) * _covering(streaks, 0.0035 * size * side))
        return scene * (1 - _planes(veil, image)) + 0.85 * _planes(veil, image)


@dataclass(frozen=True, kw_only=True, repr=False)
class Snow(PixelTransform):
    """Whiten the bright surfaces, as lying snow does, and let flakes fall.

    What lies is a smooth step of the brightness about ``1 - 0.6 * amount``, broken by a fine pattern.
    """

    amount: Annotated[
        float,
        Interval(ge=0, le=1),
        Typical(0.2, 0.9),
        Unit("fraction"),
        "How dark a surface may be and still be covered.",
    ] = 0.0
    flakes: Annotated[
        float, Interval(ge=0, le=1), Typical(0, 0.8), Unit("fraction"), "From none in the air to a blizzard."
    ] = 0.0
    seed: Seed = integers(0, SEED_MAX)

    def apply_image(self, image: Array) -> Array:
        if self.amount == 0 and self.flakes == 0:
            return image
        scene = to_unit(image)
        if self.amount > 0:
            bright = scene.mean(axis=2, dtype=np.float64) if scene.ndim == 3 else scene.astype(np.float64)
            pattern = _clouds(image.shape, 24, self.seed) - 0.5
            lying = _smooth_step((bright + 0.25 * pattern - (1 - 0.6 * self.amount)) / 0.35 + 0.5)
            lying *= 0.9 * min(1, 4 * self.amount)  # some of what lies below is seen, and all at the end of the range
            scene = scene + (0.97 - scene).clip(0) * _planes(lying, image)
        if self.flakes > 0:
            side = max(image.shape[:2])
            for distance, (size, drops) in enumerate(((0.003, 900), (0.006, 350), (0.012, 80))):
                rng = np.random.default_rng((self.seed, distance))
                flakes = _streaks(image.shape, round(drops * self.flakes), size, 0.0, rng)
                air = _planes(_covering(2.5 * flakes, size * side), image)
                scene = scene * (1 - air) + air
        return np.asarray(scene)


@dataclass(frozen=True, kw_only=True, repr=False)
class Shadow(PixelTransform):
    """Darken soft-edged convex polygons: x * (1 - darkness) inside; where they overlap, it is as dark as in one."""

    darkness: Annotated[
        float, Interval(ge=0, le=1), Typical(0.2, 0.7), Unit("fraction"), "Of the light, how much is taken."
    ] = 0.0
    count: Annotated[int, Interval(ge=1, le=16), Typical(1, 4, draw=False), "Number of polygons."] = 2
    softness: Annotated[
        float, Interval(ge=0, le=0.5), Typical(0, 0.1, draw=False), Unit("fraction"), "Width of the edge."
    ] = 0.02
    seed: Seed = integers(0, SEED_MAX)

    def apply_image(self, image: Array) -> Array:
        if self.darkness == 0:
            return image
        x, y, pixel = _grid(image.shape)
        rng = np.random.default_rng(self.seed)
        shade = np.zeros(image.shape[:2])
        for _ in range(self.count):
            centre = rng.random(2) * [image.shape[1] * pixel, image.shape[0] * pixel]
            corners = np.sort(rng.random(6)) * 2 * np.pi
            turn, reach, narrow = rng.random() * np.pi, rng.uniform(0.25, 0.5), rng.uniform(0.3, 0.8)
            # On an ellipse, so that the polygon is convex: the depth inside is the least over its sides.
            points = reach * np.stack([np.cos(corners), narrow * np.sin(corners)], axis=1)
            points = points @ [[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]] + centre
            depth = np.full(image.shape[:2], np.inf)
            for (x0, y0), (x1, y1) in zip(points, np.roll(points, -1, axis=0), strict=True):
                across = ((x1 - x0) * (y - y0) - (y1 - y0) * (x - x0)) / max(np.hypot(x1 - x0, y1 - y0), 1e-9)
                depth = np.minimum(depth, across)
            shade = np.maximum(shade, _smooth_step(depth / max(self.softness, pixel) + 0.5))
        return to_unit(image) * (1 - self.darkness * _planes(shade, image))


@dataclass(frozen=True, kw_only=True, repr=False)
class SunFlare(PixelTransform):
    """Look into the sun: a glowing disc with halo and rays, and its reflections in the lens.

    The light is added by the screen blend 1 - (1 - x) * (1 - light).
    """

    strength: Annotated[float, Interval(ge=0, le=1), Typical(0.3, 1), Unit("fraction"), "Brightness of the light."] = (
        0.0
    )
    x: Annotated[
        float, Interval(ge=0, le=1), Typical(0, 1, draw=False), Unit("fraction"), "Place of the sun, of the width."
    ] = uniform(0.1, 0.9)
    y: Annotated[
        float, Interval(ge=0, le=1), Typical(0, 1, draw=False), Unit("fraction"), "Place of the sun, of the height."
    ] = uniform(0.05, 0.4)
    radius: Annotated[
        float, Interval(ge=0.005, le=0.5), Typical(0.03, 0.2, draw=False), Unit("fraction"), "Of the glow."
    ] = 0.1
    reflections: Annotated[
        int, Interval(ge=0, le=16), Typical(0, 8, draw=False), "Discs on the line to the centre."
    ] = 5
    seed: Seed = integers(0, SEED_MAX)

    def apply_image(self, image: Array) -> Array:
        if self.strength == 0:
            return image
        x, y, pixel = _grid(image.shape)
        rng = np.random.default_rng(self.seed)
        size = np.array([image.shape[1], image.shape[0]]) * pixel
        sun = size * [self.x, self.y]
        away, angle = np.hypot(x - sun[0], y - sun[1]) / self.radius, np.arctan2(y - sun[1], x - sun[0])
        rays = np.cos(6 * angle + rng.random() * 6) * np.cos(4 * angle + rng.random() * 6) * (1 - np.exp(-(away**2)))
        glow = np.exp(-(away**2)) + 0.55 * (1 + 0.5 * rays) * np.exp(-away / 1.6)
        ring = 0.12 * np.exp(-(((away - 2.6) / 0.25) ** 2))
        light = glow[..., None] * [1.0, 0.93, 0.78] + ring[..., None] * [1.0, 0.7, 0.5]
        for _ in range(self.reflections):
            place, spread = rng.uniform(0.4, 2.2), self.radius * rng.uniform(0.15, 0.9)
            tint, dim = rng.dirichlet([4, 4, 4]) * 3, rng.uniform(0.05, 0.2)
            centre = sun + (size / 2 - sun) * place
            inside = np.hypot(x - centre[0], y - centre[1])
            light += (dim * _smooth_step((spread - inside) / max(0.1 * spread, pixel) + 0.5))[..., None] * tint
        light = np.clip(self.strength * light, 0, 1)
        light = light if image.ndim == 3 and image.shape[2] == 3 else light.mean(axis=2).reshape(image.shape)
        return 1 - (1 - to_unit(image)) * (1 - light)


def _planes(field: Field, image: Array) -> Field:
    """A field (H, W) that broadcasts against the image."""
    return field[..., None] if image.ndim == 3 else field


def _grid(shape: tuple[int, ...]) -> tuple[Field, Field, float]:
    """Positions x (1, W) and y (H, 1) of the pixel centres and the size of a pixel, the longer side being 1."""
    pixel = 1 / max(shape[:2])
    x, y = (np.arange(side, dtype=np.float64) + 0.5 for side in (shape[1], shape[0]))
    return x[None] * pixel, y[:, None] * pixel, pixel


def _smooth_step(x: Field) -> Field:
    """0 below 0, 1 above 1, and 3 x^2 - 2 x^3 between."""
    x = np.clip(x, 0, 1)
    return np.asarray(x * x * (3 - 2 * x))


def _clouds(shape: tuple[int, ...], cells: int, seed: int) -> Field:
    """A smooth random field (H, W) in [0, 1]: four octaves of uniform cubic B-splines, the first with `cells` to a side."""
    x, y, _ = _grid(shape)
    total, field = 0.0, np.zeros(shape[:2])
    for octave in range(4):
        knots = np.random.default_rng((seed, octave)).random((cells * 2**octave + 3,) * 2)
        field += (
            _spline_weights(y[:, 0], cells * 2**octave)
            @ knots
            @ _spline_weights(x[0], cells * 2**octave).T
            * 0.5**octave
        )
        total += 0.5**octave
    # A cubic B-spline of uniform noise stays near the middle; the step spreads it over [0, 1].
    return _smooth_step((field / total - 0.5) * 2.2 + 0.5)


def _spline_weights(x: Field, cells: int) -> Field:
    """The weights (N, cells + 3) of uniform cubic B-splines at positions `x` (N,) in [0, 1]."""
    away = np.abs(x[:, None] * cells - np.arange(-1, cells + 2))
    return np.where(away < 1, 2 / 3 - away**2 * (1 - away / 2), np.clip(2 - away, 0, None) ** 3 / 6)


def _streaks(shape: tuple[int, ...], count: int, length: float, slant: float, rng: np.random.Generator) -> Field:
    """How much of a streak's length, in pixels, falls on each pixel (H, W), for `count` straight streaks to a square."""
    height, width = shape[:2]
    side = max(height, width)
    # The same for every count, so that more streaks are those that were and others.
    draws = rng.random((1024, 4))[: round(count * min(height, width) / side)]
    long = length * side * (0.6 + 0.4 * draws[:, 2])
    turn = np.deg2rad(slant + 4 * (draws[:, 3] - 0.5))
    steps = max(int(np.ceil(2 * length * side)), 1)
    along = (np.arange(steps) + 0.5) / steps - 0.5
    x = draws[:, [0]] * width - 0.5 + (long * np.sin(turn))[:, None] * along
    y = draws[:, [1]] * height - 0.5 + (long * np.cos(turn))[:, None] * along
    mass = np.broadcast_to((long / steps)[:, None], x.shape)
    left, top = np.floor(x).astype(int), np.floor(y).astype(int)
    field = np.zeros((height + 2, width + 2))
    for down in (0, 1):
        for across in (0, 1):
            weight = mass * np.abs(1 - across - (x - left)) * np.abs(1 - down - (y - top))
            rows, columns = np.clip(top + down + 1, 0, height + 1), np.clip(left + across + 1, 0, width + 1)
            field += np.bincount((rows * (width + 2) + columns).ravel(), weight.ravel(), field.size).reshape(
                field.shape
            )
    return field[1:-1, 1:-1]


def _covering(streaks: Field, width: float) -> Field:
    """The share of each pixel that soft streaks, `width` pixels wide, cover."""
    return 1 - np.exp(-engines.current().gaussian(streaks * width, 0.4 * width))
