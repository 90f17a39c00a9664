"""Texts of classes for torchvision: what it has not, or does otherwise; an export holds those that it names."""

from augmentlab.interop.tones import TONES

CLASSES = {
    "draw": '''
def draw(low, high, how="uniform"):
    """A number from [low, high]; `how` may be "log", so that equal ratios are equally likely, or "integer"."""
    share = torch.rand(()).item()
    if how == "log":
        return low * (high / low) ** share
    return low + int(share * (high - low + 1)) if how == "integer" else low + share * (high - low)
''',
    "Drawn": '''
class Drawn(v2.Transform):
    """Done with a chance of `p`, with a number from each range (low, high), (low, high, "log") or (low, high, "integer")."""

    def __init__(self, *ranges, p=1.0):
        super().__init__()
        self.ranges, self.p = ranges, p

    def make_params(self, flat_inputs):
        return {"numbers": [draw(*one) for one in self.ranges]} if torch.rand(()) < self.p else {}

    def transform(self, inpt, params):
        return self.change(inpt, *params["numbers"]) if params else inpt
''',
    "Toned": '''
class Toned(Drawn):
    """As `Drawn`, of an image's values as floats in [0, 1], (..., C, H, W); boxes, masks and keypoints stay."""

    def transform(self, inpt, params):
        if not params or isinstance(inpt, (tv_tensors.BoundingBoxes, tv_tensors.KeyPoints, tv_tensors.Mask)):
            return inpt
        values = self.tone(F.to_dtype(inpt, torch.float32, scale=True), *params["numbers"]).clamp(0, 1)
        return tv_tensors.wrap(values if inpt.is_floating_point() else (values * 255).round().byte(), like=inpt)
''',
    "blurred": '''
def blurred(values, sigma_y, sigma_x):
    """Gaussian, cut at four sigma, of floats; the border is that of the last pixels, that of v2.GaussianBlur mirrors."""
    y, x = (int(4 * sigma + 0.5) for sigma in (sigma_y, sigma_x))
    if not y and not x:
        return values
    values = F.pad(values, [x, y, x, y], padding_mode="edge")
    values = F.gaussian_blur(values, [2 * x + 1, 2 * y + 1], [max(sigma_x, 1e-3), max(sigma_y, 1e-3)])
    return values[..., y : values.shape[-2] - y, x : values.shape[-1] - x]
''',
    "resized": '''
def resized(inpt, height, width):
    """As scikit-image does it: each side that shrinks is blurred, then interpolated; v2.Resize weighs by triangles."""
    if isinstance(inpt, (tv_tensors.BoundingBoxes, tv_tensors.KeyPoints, tv_tensors.Mask)):
        return F.resize(inpt, [height, width])
    sigmas = ((have / want - 1) / 2 for have, want in zip(inpt.shape[-2:], (height, width)))
    values = blurred(inpt.float(), *(max(sigma, 0) for sigma in sigmas))
    values = F.resize(values, [height, width], antialias=False)
    return tv_tensors.wrap(values if inpt.is_floating_point() else values.round().byte(), like=inpt)
''',
    "QuarterTurns": '''
class QuarterTurns(Drawn):
    """Counter-clockwise, without interpolation."""

    def change(self, inpt, turns):
        return F.rotate(inpt, 90 * turns, expand=True)
''',
    "Affine": '''
class Affine(Drawn):
    """Columns slide along y, rows along x; then scaled, turned counter-clockwise and moved by shares of the sides."""

    def change(self, inpt, scale, x, y, angle, shear_x, shear_y):
        height, width = v2.query_size([inpt])
        cos, sin = math.cos(math.radians(angle)), math.sin(math.radians(angle))
        slide_x, slide_y = math.tan(math.radians(shear_x)), math.tan(math.radians(shear_y))
        start = [[0, 0], [width, 0], [width, height], [0, height]]
        end = []
        for right, down in start:
            down = down - height / 2 + slide_y * (right - width / 2)
            right = right - width / 2 + slide_x * down
            end.append([
                width * (0.5 + x) + scale * (cos * right + sin * down),
                height * (0.5 + y) + scale * (cos * down - sin * right),
            ])
        return F.perspective(inpt, start, end)
''',
    "Perspective": '''
class Perspective(Drawn):
    """Shows the quadrilateral whose corners lie inward by shares of the sides, each up to `scale`."""

    def __init__(self, scale, moves=((0, 1),) * 8, p=1.0):
        super().__init__(scale, *moves, p=p)

    def change(self, inpt, scale, *moves):
        height, width = v2.query_size([inpt])
        right, bottom = max(width - 1, 1), max(height - 1, 1)
        start, end = [], []
        for (x, y), across, down in zip(((0, 0), (1, 0), (1, 1), (0, 1)), moves[::2], moves[1::2]):
            start.append([right * abs(x - scale * across) + 0.5, bottom * abs(y - scale * down) + 0.5])
            end.append([right * x + 0.5, bottom * y + 0.5])
        return F.perspective(inpt, start, end)
''',
    "ElasticTransform": '''
class ElasticTransform(Drawn):
    """Moves on a lattice of spacing `sigma`, each up to `alpha` of the side, joined by cubic B-splines."""

    def make_params(self, flat_inputs):
        params = super().make_params(flat_inputs)
        if params:
            alpha, sigma = params["numbers"]
            cells = max(round(1 / sigma), 1)
            # F.elastic counts half sides
            params["numbers"] = [cells, 2 * alpha * (2 * torch.rand(2, cells + 3, cells + 3) - 1)]
        return params

    def change(self, inpt, cells, knots):
        rows, columns = (self.weights(side, cells) for side in v2.query_size([inpt]))
        return F.elastic(inpt, (rows @ knots @ columns.T).permute(1, 2, 0)[None].to(inpt.device))

    def weights(self, side, cells):
        place = (torch.arange(side) + 0.5) / side * cells
        first = place.long().clamp(max=cells - 1)
        t = place - first
        basis = torch.stack([(1 - t) ** 3, 3 * t**3 - 6 * t**2 + 4, -3 * t**3 + 3 * t**2 + 3 * t + 1, t**3], 1) / 6
        return torch.zeros(side, cells + 3).scatter_(1, first[:, None] + torch.arange(4), basis)
''',
    "Crop": '''
class Crop(Drawn):
    """A window of shares of the sides, and where it lies between top and bottom, left and right."""

    def change(self, inpt, rows, columns, x, y):
        height, width = v2.query_size([inpt])
        kept = max(round(height * rows), 1), max(round(width * columns), 1)
        top = max(math.ceil((height - kept[0] + 1) * y) - 1, 0)
        left = max(math.ceil((width - kept[1] + 1) * x) - 1, 0)
        return F.crop(inpt, top, left, *kept)
''',
    "ResizedCrop": '''
class ResizedCrop(Drawn):
    """A window of a share of the area, in proportion to the image; resized to `size`, without it to the image's."""

    def __init__(self, *ranges, size=(0, 0), p=1.0):
        super().__init__(*ranges, p=p)
        self.size = size

    def change(self, inpt, scale, ratio, x, y):
        height, width = v2.query_size([inpt])
        rows = min(max(round(height * math.sqrt(scale / ratio)), 1), height)
        columns = min(max(round(width * math.sqrt(scale * ratio)), 1), width)
        window = F.crop(inpt, round((height - rows) * y), round((width - columns) * x), rows, columns)
        return resized(window, self.size[0] or height, self.size[1] or width)
''',
    "Resize": '''
class Resize(v2.Transform):
    """To a height and a width, 0 meaning the image's; or fitted into that frame on a gray level."""

    def __init__(self, height, width, keep_aspect=False, fill=0.0):
        super().__init__()
        self.height, self.width, self.keep_aspect, self.fill = height, width, keep_aspect, fill

    def transform(self, inpt, params):
        have = v2.query_size([inpt])
        height, width = self.height or have[0], self.width or have[1]
        if not self.keep_aspect:
            return resized(inpt, height, width)
        factor = min(height / have[0], width / have[1])
        inner = [min(max(round(side * factor), 1), most) for side, most in zip(have, (height, width))]
        top, left = (height - inner[0]) // 2, (width - inner[1]) // 2
        around = [left, top, width - inner[1] - left, height - inner[0] - top]
        fill = self.fill if inpt.is_floating_point() else round(self.fill * 255)
        return F.pad(resized(inpt, *inner), around, 0 if isinstance(inpt, tv_tensors.Mask) else fill)
''',
    "Rescale": '''
class Rescale(Drawn):
    """Both sides by one factor."""

    def change(self, inpt, factor):
        height, width = v2.query_size([inpt])
        return resized(inpt, max(round(height * factor), 1), max(round(width * factor), 1))
''',
    "SideResize": '''
class SideResize(v2.Transform):
    """Resized so that the longer side, or the shorter, has a given length; the other is rounded."""

    def __init__(self, longer=None, shorter=None):
        super().__init__()
        self.longer, self.shorter = longer, shorter

    def transform(self, inpt, params):
        height, width = v2.query_size([inpt])
        factor = self.longer / max(height, width) if self.longer else self.shorter / min(height, width)
        return resized(inpt, max(round(height * factor), 1), max(round(width * factor), 1))
''',
    "Pad": '''
class Pad(Drawn):
    """Shares of the sides added all around; `fill` in [0, 1]."""

    def __init__(self, *ranges, mode="constant", fill=0.0, p=1.0):
        super().__init__(*ranges, p=p)
        self.mode, self.fill = mode, fill

    def change(self, inpt, rows, columns):
        height, width = v2.query_size([inpt])
        y, x = round(height * rows), round(width * columns)
        fill = self.fill if inpt.is_floating_point() else round(self.fill * 255)
        return F.pad(inpt, [x, y, x, y], 0 if isinstance(inpt, tv_tensors.Mask) else fill, self.mode)
''',
    "LogColorJitter": '''
class LogColorJitter(v2.ColorJitter):
    """Some of its factors drawn so that equal ratios are equally likely."""

    def __init__(self, logs, **ranges):
        super().__init__(**ranges)
        self.logs = logs

    def make_params(self, flat_inputs):
        factors = {f"{name}_factor": draw(*getattr(self, name), "log") for name in self.logs}
        return super().make_params(flat_inputs) | factors
''',
    "AutoContrast": '''
class AutoContrast(Toned):
    """Quantiles of each channel, or of all together, become black and white."""

    def __init__(self, cutoff, together=False, p=1.0):
        super().__init__(cutoff, p=p)
        self.together = together

    def tone(self, values, cutoff):
        planes = values.reshape(1, -1) if self.together else values.flatten(-2)
        low, high = torch.quantile(planes, planes.new_tensor([cutoff, 1 - cutoff]), dim=-1, keepdim=True)
        flat = high - low <= 1e-6
        spread = (planes - torch.where(flat, 0, low)) / torch.where(flat, 1, high - low)
        return spread.reshape(values.shape)
''',
    "ChannelOrder": '''
class ChannelOrder(Drawn):
    """The channels of an image in another order."""

    def __init__(self, order, p=1.0):
        super().__init__(p=p)
        self.order = order

    def change(self, inpt):
        three = v2.query_chw([inpt])[0] == 3 if not isinstance(inpt, tv_tensors.Mask) else False
        return F.permute_channels(inpt, self.order) if three else inpt
''',
    "GaussianBlur": '''
class GaussianBlur(Toned):
    """Of a standard deviation in pixels."""

    def tone(self, values, sigma):
        return blurred(values, sigma, sigma)
''',
    "UnsharpMask": '''
class UnsharpMask(Toned):
    """Some of the difference from a blur added."""

    def tone(self, values, amount, sigma):
        return values + amount * (values - blurred(values, sigma, sigma))
''',
    "CoarseDropout": '''
class CoarseDropout(Toned):
    """Rectangles of shares of the sides covered with a constant, the mean colour or noise ("mean", "noise")."""

    def __init__(self, *ranges, content="constant", p=1.0):
        super().__init__(*ranges, p=p)
        self.content = content

    def tone(self, values, holes, rows, columns, fill):
        height, width = values.shape[-2:]
        rows, columns = max(round(height * rows), 1), max(round(width * columns), 1)
        covered = torch.zeros(height, width, dtype=torch.bool)
        for _ in range(holes):
            top, left = round(draw(0, height - rows)), round(draw(0, width - columns))
            covered[top : top + rows, left : left + columns] = True
        cover = {
            "constant": lambda: torch.tensor(float(fill)),
            "mean": lambda: values.mean((-2, -1), keepdim=True),
            "noise": lambda: torch.rand_like(values),
        }[self.content]()
        return torch.where(covered.to(values.device), cover, values)
''',
    "SomeOf": '''
class SomeOf(v2.Transform):
    """Different ones of some transforms in their order, or with `replace` any in any; as many as drawn from `n`."""

    def __init__(self, transforms, n, replace=False, p=1.0):
        super().__init__()
        self.transforms, self.n, self.replace, self.p = transforms, n, replace, p

    def forward(self, *inputs):
        inputs = inputs if len(inputs) > 1 else inputs[0]
        if torch.rand(()) >= self.p:
            return inputs
        count, many = draw(*self.n, "integer"), len(self.transforms)
        picked = torch.randint(many, (count,)) if self.replace else torch.randperm(many)[:count].sort().values
        for index in picked.tolist():
            inputs = self.transforms[index](inputs)
        return inputs
''',
    **TONES,
}
