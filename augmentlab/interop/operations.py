"""The few kinds of operations on explicit numbers that every library can do in its own words.

`augmentlab.interop.lowering` makes them of a drawn pipeline.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from augmentlab.engines import reference
from augmentlab.interop.grades import RefusedError
from augmentlab.transform import Transform

Numbers = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Operation:
    """Something done to an image (H, W) or (H, W, C) with explicit numbers."""

    @property
    def is_bounded(self) -> bool:
        """Whether `spread` is sure, whatever the image."""
        return True

    def spread(self, levels: float) -> float:
        """How far apart the results for two images may be that are `levels` apart at each value."""
        return levels

    def shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """The shape of the result for an image of `shape`."""
        return shape


@dataclass(frozen=True, eq=False)
class Slice(Operation):
    """Whole pixels moved: cut a window, turn over its rows or columns, then swap rows and columns."""

    top: int
    left: int
    height: int  # of the window
    width: int
    flip_rows: bool  # top to bottom
    flip_columns: bool
    transpose: bool

    def shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        size = (self.width, self.height) if self.transpose else (self.height, self.width)
        return (*size, *shape[2:])

    def cuts(self, shape: tuple[int, ...]) -> bool:
        """Whether the window is less than an image of `shape`."""
        return (self.height, self.width) != shape[:2]


@dataclass(frozen=True, eq=False)
class Tiles(Operation):
    """Equal tiles shuffled: the place number k, row by row, shows tile ``order[k]``; what fills no tile stays."""

    height: int  # of a tile
    width: int
    count: int  # along each side
    order: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Padding(Operation):
    """A border of whole pixels added."""

    top: int
    bottom: int
    left: int
    right: int
    border: str  # with numpy.pad's meaning
    fill: float  # on the image's own scale

    def shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        return (shape[0] + self.top + self.bottom, shape[1] + self.left + self.right, *shape[2:])


@dataclass(frozen=True, eq=False)
class Warp(Operation):
    """The image seen through a matrix, interpolated linearly."""

    matrix: Numbers  # (3, 3): from output (x, y, 1) to input, pixel centres at integers
    height: int
    width: int
    border: str
    fill: float  # on the image's own scale

    def shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        return (self.height, self.width, *shape[2:])

    def check_horizon(self) -> None:
        """Refuse a perspective whose horizon is in sight, for targets whose positions may not be infinite."""
        if reference.shows_horizon(self.matrix, (self.height, self.width)):
            raise RefusedError("it looks beyond the horizon of its perspective", "a weaker perspective can be exported")


@dataclass(frozen=True, eq=False)
class Resizing(Operation):
    """Linear resize with pixel borders aligned, after a Gaussian blur along each side that shrinks, border ``edge``."""

    height: int
    width: int
    taps_y: tuple[float, ...]  # of the blur before; one where there is none
    taps_x: tuple[float, ...]

    def shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        return (self.height, self.width, *shape[2:])


@dataclass(frozen=True, eq=False)
class AreaResizing(Operation):
    """Resize by the mean over the area that each pixel covers."""

    height: int
    width: int

    def shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        return (self.height, self.width, *shape[2:])


@dataclass(frozen=True, eq=False)
class NearestResizing(Operation):
    """Resize with pixel borders aligned: each pixel shows the one in which its centre lies."""

    height: int
    width: int

    def shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        return (self.height, self.width, *shape[2:])


@dataclass(frozen=True, eq=False)
class Table(Operation):
    """A new value for each of the 256 levels."""

    values: NDArray[np.uint8]  # (256, C), or (256, 1) for all channels

    def spread(self, levels: float) -> float:
        reach, values = min(math.floor(levels), 255), self.values.astype(int)
        if not reach:
            return 0
        return float(max(np.abs(values[step:] - values[:-step]).max() for step in range(1, reach + 1)))


@dataclass(frozen=True, eq=False)
class Separable(Operation):
    """Weighted mean along columns, then along rows, with the same taps; border ``edge``."""

    taps: tuple[float, ...]


@dataclass(frozen=True, eq=False)
class Sharpening(Operation):
    """``x + amount * (x - m)``, clipped, where m is the weighted mean of `Separable`."""

    taps: tuple[float, ...]
    amount: float

    def spread(self, levels: float) -> float:
        return math.ceil(levels * (1 + 2 * self.amount))


@dataclass(frozen=True, eq=False)
class Correlation(Operation):
    """Weighted sum of the neighbours, clipped; border ``edge``."""

    kernel: Numbers  # (odd, odd), correlated, not convolved

    def spread(self, levels: float) -> float:
        return math.ceil(levels * float(np.abs(self.kernel).sum()) - 1e-9)


@dataclass(frozen=True, eq=False)
class Median(Operation):
    """Median over a square; border ``edge``."""

    radius: int


@dataclass(frozen=True, eq=False)
class ChannelMix(Operation):
    """``x + blend * (clip(matrix @ x) - x)`` of the three colours of each pixel, clipped."""

    matrix: Numbers  # (3, 3)
    blend: float = 1.0

    def spread(self, levels: float) -> float:
        rows = np.abs(self.matrix).sum(axis=1).max()
        return math.ceil(levels * (1 + self.blend * (rows - 1)) - 1e-9)


@dataclass(frozen=True, eq=False)
class ChannelOrder(Operation):
    """The three channels in another order."""

    order: tuple[int, int, int]


@dataclass(frozen=True, eq=False)
class ToGray(Operation):
    """One channel (H, W, 1), the weighted sum of three."""

    weights: tuple[float, float, float]

    def shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        return (*shape[:2], 1)


@dataclass(frozen=True, eq=False)
class ToRGB(Operation):
    """Three equal channels from one."""

    def shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        return (*shape[:2], 3)


@dataclass(frozen=True, eq=False)
class Fill(Operation):
    """Rectangles (top, left, height, width) covered by a constant."""

    rectangles: tuple[tuple[int, int, int, int], ...]
    value: float  # on the image's own scale


@dataclass(frozen=True, eq=False)
class HueSaturation(Operation):
    """In HSV: hue turned, saturation scaled and clipped; the value stays."""

    hue: float  # in turns
    saturation: float

    def spread(self, levels: float) -> float:
        return math.ceil(levels * (1 + 8 * max(self.saturation, 1)))


@dataclass(frozen=True, eq=False)
class GrayMeanContrast(Operation):
    """Stretched about the mean of the gray (ITU-R BT.601) of the whole image, clipped."""

    factor: float

    def spread(self, levels: float) -> float:
        return math.ceil(levels * (self.factor + abs(1 - self.factor)))


@dataclass(frozen=True, eq=False)
class OwnTable(Operation):
    """A table that the image itself gives: `kind` is ``equalize`` or ``stretch``."""

    kind: str
    cutoff: float = 0.0  # of a stretch: the shares of the pixels that become black and white
    together: bool = False  # one table for all channels

    def spread(self, levels: float) -> float:
        return 255 if levels else 0


@dataclass(frozen=True, eq=False)
class Scaling(Operation):
    """``x * scale + shift`` as float32, from whatever scale the image has."""

    scale: tuple[float, ...]  # one, or one a channel
    shift: tuple[float, ...]
    gain: float = 1.0  # the largest scale, as if the image were in [0, 1]

    def spread(self, levels: float) -> float:
        return levels * self.gain


@dataclass(frozen=True, eq=False)
class OwnScaling(Operation):
    """As float32 in [0, 1], less the image's own mean and, for ``standardize``, divided by its own standard deviation
    (at least 1 / sqrt(number of values)); ``minmax`` is ``(x - min) / (max - min)``, 0 where that is 0 / 0.
    """

    kind: str  # center, standardize, minmax
    per_channel: bool

    @property
    def is_bounded(self) -> bool:
        return self.kind == "center"

    def spread(self, levels: float) -> float:
        # The image's own numbers move too. How small its deviation or its range may be is not known: these are for a
        # deviation of a tenth and a range of half of full scale.
        return levels * {"center": 2, "standardize": 20, "minmax": 6}[self.kind]


@dataclass(frozen=True, eq=False)
class JPEG(Operation):
    """Compressed and read again."""

    quality: int
    subsampling: str

    def spread(self, levels: float) -> float:
        return 255 if levels else 0


@dataclass(frozen=True, eq=False)
class Own(Operation):
    """A transform as it is, for the target that has it by name."""

    step: Transform

    def spread(self, levels: float) -> float:
        return 255 if levels else 0


def gaussian_taps(sigma: float) -> tuple[float, ...]:
    """Those of `scipy.ndimage.gaussian_filter1d`, cut at four sigma."""
    radius = int(4 * sigma + 0.5)
    if not radius:
        return (1.0,)
    taps = np.exp(-0.5 * (np.arange(-radius, radius + 1) / sigma) ** 2)
    return tuple((taps / taps.sum()).tolist())


def sigma_of(taps: tuple[float, ...]) -> float | None:
    """The standard deviation of a Gaussian that has these taps; None where none has."""
    middle = len(taps) // 2
    if not 0 < taps[0] < taps[middle]:
        return None
    sigma = float(f"{middle / math.sqrt(2 * math.log(taps[middle] / taps[0])):.12g}")
    own = gaussian_taps(sigma)
    return sigma if len(own) == len(taps) and np.allclose(own, taps, rtol=0, atol=1e-9) else None
