"""The layers and functions that text for Keras calls where Keras has none: each draws anew for every image of a batch.

All of them work on batches (N, H, W, C) of `keras.ops`, so that they run eagerly, in a model and inside `tf.data`.
"""

LAYERS = {
    "PerImage": '''
class PerImage(keras.layers.Layer):
    """Something done to each image of a batch, or to one image, with random numbers of its own."""

    def __init__(self):
        super().__init__()
        self.seeds = keras.random.SeedGenerator()
        self.built = True  # without weights, there is nothing to wait for

    def call(self, images, training=True):
        images = ops.cast(images, "float32")
        return self.batch(images, training) if len(images.shape) == 4 else self.batch(images[None], training)[0]

    def uniform(self, images, low, high, shape=(1, 1, 1), kind=keras.random.uniform):
        return kind((ops.shape(images)[0], *shape), low, high, seed=self.seeds)
''',
    "EachImage": '''
class EachImage(PerImage):
    """`function(x, draw)` of images x in [0, 1], where draw(low, high) is a number for each of them.

    Whole levels come out unless `floats`; it acts in training alone unless `always`; `rgb` leaves other images as they are.
    """

    def __init__(self, function, always=False, floats=False, rgb=False):
        super().__init__()
        self.function, self.always, self.floats, self.rgb = function, always, floats, rgb

    def batch(self, images, training):
        if not (training or self.always) or (self.rgb and images.shape[-1] != 3):
            return images

        def draw(low, high, shape=(1, 1, 1), kind=keras.random.uniform, log=False):
            if log:
                return ops.exp(draw(math.log(low), math.log(high)))
            return self.uniform(images, low, high, shape, kind) if training else (low + high) / 2

        x = self.function(ops.round(images) / 255, draw)
        return x if self.floats else ops.round(ops.clip(x, 0, 1) * 255)
''',
    "RandomChoice": '''
class RandomChoice(PerImage):
    """One of the layers for each image, each with its share of the probability; with what is left, the image stays."""

    def __init__(self, layers, shares):
        super().__init__()
        self.layers, self.shares = layers, shares

    def batch(self, images, training):
        ticket, passed, result = self.uniform(images, 0, 1), 0, images
        for layer, share in zip(self.layers, self.shares):
            chosen = (ticket >= passed) & (ticket < passed + share)
            result, passed = ops.where(chosen, layer(images, training=training), result), passed + share
        return result
''',
    "RandomSome": '''
class RandomSome(PerImage):
    """From `least` to `most` of the layers for each image, different ones in their order."""

    def __init__(self, layers, least, most):
        super().__init__()
        self.layers, self.least, self.most = layers, least, most

    def batch(self, images, training):
        count = ops.floor(self.uniform(images, self.least, self.most + 1))
        places = ops.argsort(ops.argsort(self.uniform(images, 0, 1, (1, 1, len(self.layers)))))
        for index, layer in enumerate(self.layers):
            chosen = ops.cast(places[..., index : index + 1], "float32") < count
            images = ops.where(chosen, layer(images, training=training), images)
        return images
''',
    "RandomTurns": '''
class RandomTurns(PerImage):
    """From `least` to `most` turns for each image, each of any of the layers; without numbers, all in a random order."""

    def __init__(self, layers, least=None, most=None):
        super().__init__()
        self.layers, self.least, self.most = layers, least, most

    def batch(self, images, training):
        kinds = len(self.layers)
        if self.most is None:
            turns, count = ops.argsort(self.uniform(images, 0, 1, (1, 1, kinds))), kinds
        else:
            turns = ops.cast(self.uniform(images, 0, kinds, (1, 1, self.most)), "int32")
            count = ops.floor(self.uniform(images, self.least, self.most + 1))
        for turn in range(turns.shape[-1]):
            result = images
            for index, layer in enumerate(self.layers):
                chosen = (turns[..., turn : turn + 1] == index) & (turn < count)
                result = ops.where(chosen, layer(images, training=training), result)
            images = result
        return images
''',
    "warped": '''
def warped(x, numbers, border, fill):
    """Each image seen through a matrix, from output (x, y, 1) to input, given by its first eight numbers."""
    columns = [ops.reshape(number + 0 * x[:, :1, :1, :1], (-1, 1)) for number in numbers]
    return ops.image.affine_transform(x, ops.concatenate(columns, axis=1), "bilinear", border, fill)
''',
    "affine": '''
def affine(x, border, fill, scale=1.0, right=0.0, down=0.0, angle=0.0, shear_x=0.0, shear_y=0.0):
    """Slid, turned counter-clockwise (degrees) and grown about the centre, then moved by fractions of the side."""
    height, width = (ops.cast(side, "float32") for side in ops.shape(x)[1:3])
    turn, slide_x, slide_y = (one * math.pi / 180 for one in (angle, shear_x, shear_y))
    cos, sin, slide_x, slide_y = ops.cos(turn), ops.sin(turn), ops.tan(slide_x), ops.tan(slide_y)
    b, d = (cos * slide_x + sin) / scale, (cos - sin * slide_x) / scale
    a, c = (cos + b * scale * slide_y) / scale, (d * scale * slide_y - sin) / scale
    middle_x, middle_y = (width - 1) / 2, (height - 1) / 2
    seen_x, seen_y = middle_x + right * width, middle_y + down * height
    numbers = [d, -b, middle_x - d * seen_x + b * seen_y, -c, a, middle_y + c * seen_x - a * seen_y, 0, 0]
    return warped(x, numbers, border, fill)
''',
    "perspective": '''
def perspective(x, draw, border, fill, scale):
    """Each corner moved inward by up to `scale` of each side."""
    height, width = (ops.cast(side, "float32") for side in ops.shape(x)[1:3])
    right, bottom = width - 1, height - 1
    (x0, x1, x2, x3), (y0, y1, y2, y3) = ([draw(0, 1) * scale * side for _ in range(4)] for side in (right, bottom))
    x1, x2, y2, y3 = right - x1, right - x2, bottom - y2, bottom - y3
    away_x, away_y = x0 - x1 + x2 - x3, y0 - y1 + y2 - y3
    area = (x1 - x2) * (y3 - y2) - (y1 - y2) * (x3 - x2)
    g = (away_x * (y3 - y2) - away_y * (x3 - x2)) / area
    h = ((x1 - x2) * away_y - (y1 - y2) * away_x) / area
    numbers = [(x1 - x0 + g * x1) / right, (x3 - x0 + h * x3) / bottom, x0]
    numbers += [(y1 - y0 + g * y1) / right, (y3 - y0 + h * y3) / bottom, y0, g / right, h / bottom]
    return warped(x, numbers, border, fill)
''',
    "cut": '''
def cut(x, height, width, across, down):
    """A window of these shares of the sides, at these shares of the room that there is."""
    for axis, size, share in ((1, height, down), (2, width, across)):
        length = max(round(x.shape[axis] * size), 1)
        start = ops.maximum(ops.ceil((x.shape[axis] - length + 1) * share) - 1, 0)
        shape = (1, length, 1, 1) if axis == 1 else (1, 1, length, 1)
        places = ops.cast(start, "int32") + ops.reshape(ops.arange(length), shape)
        x = ops.take_along_axis(x, places, axis=axis)
    return x
''',
    "gaussian": '''
def gaussian(sigma):
    """The weights of a Gaussian, by the distance in pixels, cut off at four sigma."""
    sigma = ops.maximum(sigma, 1e-3)
    return lambda away: ops.where(abs(away) <= ops.floor(4 * sigma + 0.5), ops.exp(-0.5 * (away / sigma) ** 2), 0.0)
''',
    "smoothed": '''
def smoothed(x, weight, reach):
    """Weighted mean along columns and rows, `weight` being that of a distance; beyond the border lies its last pixel."""
    weights = [weight(away) for away in range(-reach, reach + 1)]
    for axis in (1, 2):
        side = ops.shape(x)[axis]
        places = [ops.clip(ops.arange(side) + away, 0, side - 1) for away in range(-reach, reach + 1)]
        x = sum(one * ops.take(x, place, axis=axis) for one, place in zip(weights, places)) / sum(weights)
    return x
''',
    "part": '''
def part(x, axis, start, length, out):
    """What lies from `start` on, `length` pixels, resized to `out` pixels: linear, smoothed before where it shrinks."""
    weight, reach = gaussian(ops.maximum((length / out - 1) / 2, 0)), int(2 * max(x.shape[axis] / out - 1, 0) + 0.5)
    places = ops.clip((ops.arange(out, dtype="float32") + 0.5) * length / out - 0.5, 0, length - 1)
    places = ops.reshape(places, (-1, out, 1, 1) if axis == 1 else (-1, 1, out, 1))
    weights = [weight(away) for away in range(-reach, reach + 1)]

    def at(whole):
        seen = [ops.clip(whole + away, 0, length - 1) + start for away in range(-reach, reach + 1)]
        seen = [ops.take_along_axis(x, ops.cast(one, "int32"), axis=axis) for one in seen]
        return sum(one * values for one, values in zip(weights, seen)) / sum(weights)

    low = ops.floor(places)
    near = at(low)
    return near + (places - low) * (at(low + 1) - near)
''',
    "resized": '''
def resized(x, height, width):
    """Linear, smoothed before where it shrinks; 0 is the side as it is."""
    height, width = height or x.shape[1], width or x.shape[2]
    return part(part(x, 1, 0, x.shape[1], height), 2, 0, x.shape[2], width)
''',
    "rescaled": '''
def rescaled(x, factor):
    """Both sides resized by one factor."""
    return resized(x, *(max(round(side * factor), 1) for side in x.shape[1:3]))
''',
    "window": '''
def window(x, scale, ratio, across, down, height, width):
    """A window of this area and of this width to height, at these shares of the room, resized."""
    sides = (scale / ratio) ** 0.5, (scale * ratio) ** 0.5
    for axis, size, share, out in ((1, sides[0], down, height), (2, sides[1], across, width)):
        side = x.shape[axis]
        length = ops.clip(ops.round(side * ops.convert_to_tensor(size, "float32")), 1, side)
        x = part(x, axis, ops.round((side - length) * share), length, out or side)
    return x
''',
    "padded": '''
def padded(x, height, width, border, fill):
    """Shares of the sides added on both ends."""
    for axis, share in ((1, height), (2, width)):
        wide = round(x.shape[axis] * share)
        if border == "constant":
            x = ops.pad(x, [(wide, wide) if each == axis else (0, 0) for each in range(4)], constant_values=fill)
        else:
            x = ops.take(x, np.pad(np.arange(x.shape[axis]), wide, mode=border), axis=axis)
    return x
''',
    "moved": '''
def moved(x, down, right):
    """Each pixel shows that so many pixels away; beyond the border lies its last pixel."""
    for axis, away in ((1, down), (2, right)):
        side = ops.shape(x)[axis]
        x = ops.take(x, ops.clip(ops.arange(side) + away, 0, side - 1), axis=axis)
    return x
''',
    "median": '''
def median(x, radius):
    """The median over a square."""
    reach = range(-radius, radius + 1)
    values = ops.sort(ops.stack([moved(x, down, right) for down in reach for right in reach]), axis=0)
    return values[len(reach) ** 2 // 2]
''',
    "embossed": '''
def embossed(x, amount, angle):
    """Relief added, lit from an angle in degrees."""
    near = ((-1, 1), (0, 2), (1, 1))
    across = sum(weight * (moved(x, row, 1) - moved(x, row, -1)) for row, weight in near) / 4
    down = sum(weight * (moved(x, 1, column) - moved(x, -1, column)) for column, weight in near) / 4
    turn = angle * math.pi / 180
    return x - amount * (ops.cos(turn) * across - ops.sin(turn) * down)
''',
    "grayed": '''
def grayed(x, weights):
    """The weighted sum of the colours, one channel."""
    return ops.sum(x * ops.convert_to_tensor(weights, "float32"), axis=-1, keepdims=True)
''',
    "turned": '''
def turned(x, hue, saturation):
    """Hue turned by degrees and saturation scaled, in HSV."""
    there = ops.image.rgb_to_hsv(x)
    there = [(there[..., :1] + hue / 360 + 1) % 1, ops.clip(there[..., 1:2] * saturation, 0, 1), there[..., 2:]]
    return ops.image.hsv_to_rgb(ops.concatenate(there, axis=-1))
''',
    "jittered": '''
def jittered(x, order, brightness, contrast, saturation, hue):
    """Brightness, contrast about the mean gray, saturation and hue in degrees, in an order given by first letters."""
    for letter in order:
        gray = grayed(x, [0.299, 0.587, 0.114]) if x.shape[-1] == 3 else x
        if letter == "b":
            x = x * brightness
        elif letter == "c":
            mean = ops.mean(gray, axis=(1, 2, 3), keepdims=True)
            x = mean + contrast * (x - mean)
        elif letter == "s":
            x = gray + saturation * (x - gray)
        elif x.shape[-1] == 3:
            x = turned(x, hue, 1)
        x = ops.clip(x, 0, 1)
    return x
''',
    "jittered_anyhow": '''
def jittered_anyhow(x, draw, *factors):
    """The same in an order drawn for each image."""
    turns = ops.argsort(draw(0, 1, (1, 1, 4)))
    for turn in range(4):
        for place, done in enumerate([jittered(x, letter, *factors) for letter in "bcsh"]):
            result = ops.where(turns[..., turn : turn + 1] == place, done, result if place else x)
        x = result
    return x
''',
    "stretched": '''
def stretched(x, cutoff, axes):
    """The values from the quantile `cutoff` to 1 - `cutoff` spread over all levels; what has one value stays."""
    low, high = (ops.quantile(x, share, axis=axes, keepdims=True) for share in (cutoff, 1 - cutoff))
    flat = high - low < 1e-6
    return ops.where(flat, x, (x - low) / ops.where(flat, 1, high - low))
''',
    "equalized": '''
def equalized(x):
    """The histogram of each channel of each image spread evenly; a channel of one value stays."""
    levels = ops.cast(ops.round(255 * ops.transpose(x, (0, 3, 1, 2))), "int32")
    planes = ops.reshape(levels, (-1, ops.shape(x)[1] * ops.shape(x)[2]))
    count = ops.shape(planes)[0]
    places = planes + 256 * ops.arange(count)[:, None]
    counts = ops.reshape(ops.bincount(ops.reshape(places, (-1,)), minlength=256 * count), (-1, 256))
    total = ops.sum(counts, axis=1, keepdims=True)
    flat = ops.max(counts, axis=1, keepdims=True) == total
    table = ops.where(flat, ops.arange(256) / 255, ops.cast(ops.cumsum(counts, axis=1) / total, "float32"))
    found = ops.take(ops.reshape(table, (-1,)), places)
    return ops.transpose(ops.reshape(found, ops.shape(levels)), (0, 2, 3, 1))
''',
    "covered": '''
def covered(x, hidden, content, fill, draw):
    """What is hidden shows a constant, the mean colour or noise."""
    if content == "noise":
        return ops.where(hidden, ops.floor(draw(0, 256, ops.shape(x[0]))) / 255, x)
    return ops.where(hidden, ops.mean(x, axis=(1, 2), keepdims=True) if content == "mean" else fill, x)
''',
    "holes": '''
def holes(x, draw, count, most, height, width):
    """Which pixels lie in one of `count`, at most `most`, rectangles of these shares of the sides."""
    hidden = x[..., :1] < 0
    for number in range(most):
        inside = number < count
        for axis, share in ((1, height), (2, width)):
            side = ops.cast(ops.shape(x)[axis], "float32")
            places = ops.reshape(ops.arange(ops.shape(x)[axis], dtype="float32"), (1, -1, 1, 1) if axis == 1 else (1, 1, -1, 1))
            length = ops.maximum(ops.round(side * share), 1)
            start = ops.round(draw(0, 1) * (side - length))
            inside = (places >= start) & (places < start + length) & inside
        hidden = hidden | inside
    return hidden
''',
    "lattice": '''
def lattice(x, draw, ratio, spacing, angle):
    """Which pixels lie in the squares of a lattice turned by an angle in degrees."""
    height, width = ops.shape(x)[1:3]
    step, turn = spacing * ops.cast(ops.maximum(height, width), "float32"), ops.cast(angle * math.pi / 180, "float32")
    rows, columns = (ops.arange(side, dtype="float32") - (ops.cast(side, "float32") - 1) / 2 for side in (height, width))
    rows, columns = ops.reshape(rows, (1, -1, 1, 1)) / step, ops.reshape(columns, (1, 1, -1, 1)) / step
    across = columns * ops.cos(turn) - rows * ops.sin(turn) + draw(0, 1)
    down = columns * ops.sin(turn) + rows * ops.cos(turn) + draw(0, 1)
    return (across % 1 < ratio) & (down % 1 < ratio)
''',
    "standardized": '''
def standardized(x, axes):
    """Less the mean, divided by the standard deviation, which is taken to be at least 1 / sqrt(number of values)."""
    x = x - ops.mean(x, axis=axes, keepdims=True)
    count = ops.cast(ops.prod([ops.shape(x)[axis] for axis in axes]), "float32")
    return x / ops.maximum(ops.sqrt(ops.mean(x**2, axis=axes, keepdims=True)), 1 / ops.sqrt(count))
''',
}
