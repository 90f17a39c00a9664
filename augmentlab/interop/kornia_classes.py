"""Texts of classes for Kornia: what it has not, or does otherwise; an export holds those that it names."""

from augmentlab.interop.tones import TONES

CLASSES = {
    "draw": '''
def draw(count, low, high, how="uniform"):
    """Numbers (count, 1, 1, 1) from [low, high]; with "log" equal ratios are equally likely."""
    share = torch.rand(count, 1, 1, 1)
    return low * (high / low) ** share if how == "log" else low + share * (high - low)
''',
    "Toned": '''
class Toned(K.IntensityAugmentationBase2D):
    """Values in [0, 1], (N, C, H, W), changed by numbers from ranges (low, high) or (low, high, "log"), anew for each image."""

    def __init__(self, *ranges, p=1.0):
        super().__init__(p=p)
        self.ranges = ranges

    def generate_parameters(self, batch_shape):
        return {f"number{index}": draw(batch_shape[0], *one) for index, one in enumerate(self.ranges)}

    def apply_transform(self, input, params, flags, transform=None):
        return self.tone(input, *(params[f"number{index}"].to(input) for index in range(len(self.ranges)))).clamp(0, 1)
''',
    "Moved": '''
class Moved(K.GeometricAugmentationBase2D):
    """Seen through a matrix from numbers as those of `Toned`; beyond the border "zeros", "border" or "reflection"."""

    def __init__(self, *ranges, padding_mode="zeros", p=1.0):
        super().__init__(p=p)
        self.ranges, self.padding_mode = ranges, padding_mode
        self.flags = {"resample": kornia.constants.Resample.BILINEAR, "align_corners": True}

    def generate_parameters(self, batch_shape):
        return {f"number{index}": draw(batch_shape[0], *one) for index, one in enumerate(self.ranges)}

    def compute_transformation(self, input, params, flags):
        numbers = (params[f"number{index}"].flatten().double() for index in range(len(self.ranges)))
        return self.matrix(*input.shape[-2:], *numbers).to(input)

    def apply_transform(self, input, params, flags, transform=None):
        mode = flags["resample"].name.lower()
        return kornia.geometry.warp_perspective(input, transform, input.shape[-2:], mode, self.padding_mode, align_corners=True)
''',
    "Affine": '''
class Affine(Moved):
    """Columns slide along y, rows along x; then scaled, turned counter-clockwise and moved by shares of the sides."""

    def matrix(self, height, width, scale, x, y, angle, shear_x, shear_y):
        cos, sin = torch.cos(torch.deg2rad(angle)), torch.sin(torch.deg2rad(angle))
        slide_x, slide_y = torch.tan(torch.deg2rad(shear_x)), torch.tan(torch.deg2rad(shear_y))
        b, d = scale * (cos * slide_x + sin), scale * (cos - sin * slide_x)
        a, c = scale * cos + b * slide_y, d * slide_y - scale * sin
        centre_x, centre_y, none = (width - 1) / 2, (height - 1) / 2, torch.zeros_like(a)
        right = centre_x + x * width - a * centre_x - b * centre_y
        down = centre_y + y * height - c * centre_x - d * centre_y
        return torch.stack([a, b, right, c, d, down, none, none, none + 1], 1).reshape(-1, 3, 3)
''',
    "Perspective": '''
class Perspective(Moved):
    """Shows the quadrilateral whose corners lie inward by shares of the sides, each up to `scale`."""

    def __init__(self, scale, moves=((0, 1),) * 8, **options):
        super().__init__(scale, *moves, **options)

    def matrix(self, height, width, scale, *moves):
        size = torch.tensor([max(width - 1, 1), max(height - 1, 1)])
        corners = torch.tensor([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]], dtype=torch.float64)
        inward = scale[:, None, None] * torch.stack(moves, 1).reshape(-1, 4, 2)
        start = (corners - inward).abs() * size
        return kornia.geometry.get_perspective_transform(start, (corners * size).expand_as(start))
''',
    "Crop": '''
class Crop(K.GeometricAugmentationBase2D):
    """A window of shares of the sides; `x` and `y` say where it lies, drawn from their ranges."""

    def __init__(self, rows, columns, x, y, p=1.0):
        super().__init__(p=p)
        self.rows, self.columns, self.x, self.y = rows, columns, x, y
        self.flags = {"resample": kornia.constants.Resample.BILINEAR, "align_corners": True}

    def generate_parameters(self, batch_shape):
        count, _, height, width = batch_shape
        kept = max(round(height * self.rows), 1), max(round(width * self.columns), 1)
        rooms = (height - kept[0] + 1, width - kept[1] + 1)
        shares = (draw(count, *self.y).flatten(), draw(count, *self.x).flatten())
        top, left = (((room * share).ceil() - 1).clamp(0).long() for room, share in zip(rooms, shares))
        return {"top": top, "left": left, "size": torch.tensor([kept] * count)}

    def compute_transformation(self, input, params, flags):
        matrix = torch.eye(3).repeat(len(input), 1, 1)
        matrix[:, 0, 2], matrix[:, 1, 2] = -params["left"], -params["top"]
        return matrix.to(input)

    def apply_transform(self, input, params, flags, transform=None):
        height, width = params["size"][0].tolist()
        places = zip(input, params["top"].tolist(), params["left"].tolist())
        return torch.stack([one[:, top : top + height, left : left + width] for one, top, left in places])
''',
    "ResizedCrop": '''
class ResizedCrop(K.GeometricAugmentationBase2D):
    """A window of a share of the area, in proportion to the image, resized to the image's size."""

    def __init__(self, *ranges, p=1.0):
        super().__init__(p=p)
        self.ranges = ranges
        self.flags = {"resample": kornia.constants.Resample.BILINEAR, "align_corners": False}

    def generate_parameters(self, batch_shape):
        count, _, height, width = batch_shape
        scale, ratio, x, y = (draw(count, *one).flatten() for one in self.ranges)
        rows = (height * (scale / ratio).sqrt()).round().clamp(1, height).long()
        columns = (width * (scale * ratio).sqrt()).round().clamp(1, width).long()
        top, left = ((height - rows) * y).round().long(), ((width - columns) * x).round().long()
        return {"top": top, "left": left, "rows": rows, "columns": columns}

    def compute_transformation(self, input, params, flags):
        matrix = torch.eye(3).repeat(len(input), 1, 1)
        for axis, (start, kept, side) in enumerate((("left", "columns", -1), ("top", "rows", -2))):
            zoom = input.shape[side] / params[kept]
            matrix[:, axis, axis], matrix[:, axis, 2] = zoom, (0.5 - params[start]) * zoom - 0.5
        return matrix.to(input)

    def apply_transform(self, input, params, flags, transform=None):
        nearest = flags["resample"] == kornia.constants.Resample.NEAREST
        how = {"mode": "nearest-exact"} if nearest else {"mode": "bilinear", "align_corners": False}
        windows = zip(input, *(params[name].tolist() for name in ("top", "left", "rows", "columns")))
        return torch.cat([
            torch.nn.functional.interpolate(one[None, :, top : top + rows, left : left + columns], input.shape[-2:], **how)
            for one, top, left, rows, columns in windows
        ])
''',
    "AutoContrast": '''
class AutoContrast(Toned):
    """Quantiles of each channel, or of all together, become black and white."""

    def __init__(self, cutoff, together=False, p=1.0):
        super().__init__(p=p)
        self.cutoff, self.together = cutoff, together

    def tone(self, values):
        planes = values.flatten(1) if self.together else values.flatten(2)
        ends = values.new_tensor([self.cutoff, 1 - self.cutoff])
        low, high = torch.quantile(planes, ends, dim=-1, keepdim=True)
        flat = high - low <= 1e-6
        spread = (planes - torch.where(flat, 0, low)) / torch.where(flat, 1, high - low)
        return spread.reshape(values.shape)
''',
    "LogColorJitter": '''
class LogColorJitter(K.ColorJitter):
    """Some of its factors drawn so that equal ratios are equally likely."""

    def __init__(self, logs, **ranges):
        super().__init__(**ranges)
        self.logs = {name: ranges[name] for name in logs}

    def generate_parameters(self, batch_shape):
        factors = {f"{name}_factor": draw(batch_shape[0], *ends, "log").flatten() for name, ends in self.logs.items()}
        return super().generate_parameters(batch_shape) | factors
''',
    "ChannelOrder": '''
class ChannelOrder(Toned):
    """The channels in another order."""

    def __init__(self, order, p=1.0):
        super().__init__(p=p)
        self.order = order

    def tone(self, values):
        return values[:, self.order] if values.shape[1] == 3 else values
''',
    "UnsharpMask": '''
class UnsharpMask(Toned):
    """Some of the difference from a Gaussian blur added."""

    def __init__(self, amount, sigma, p=1.0):
        super().__init__(amount, p=p)
        self.sigma = sigma

    def tone(self, values, amount):
        side = 2 * max(int(4 * self.sigma + 0.5), 1) + 1
        return values + amount * (values - kornia.filters.gaussian_blur2d(values, side, (self.sigma, self.sigma), "replicate"))
''',
    "CoarseDropout": '''
class CoarseDropout(Toned):
    """A number of rectangles of shares of the sides covered with a constant; holes is (least, most)."""

    def __init__(self, holes, rows, columns, fill=0.0, p=1.0):
        super().__init__(p=p)
        self.holes, self.rows, self.columns, self.fill = holes, rows, columns, fill

    def tone(self, values):
        height, width = values.shape[-2:]
        covered = torch.zeros(len(values), 1, height, width, dtype=torch.bool)
        for one in covered[:, 0]:
            rows, columns = (draw(1, *span).item() for span in (self.rows, self.columns))
            rows, columns = max(round(height * rows), 1), max(round(width * columns), 1)
            for _ in range(int(torch.randint(self.holes[0], self.holes[1] + 1, ()))):
                top, left = (round(draw(1, 0, room).item()) for room in (height - rows, width - columns))
                one[top : top + rows, left : left + columns] = True
        return torch.where(covered.to(values.device), torch.tensor(self.fill).to(values), values)
''',
    "Unit": '''
class Unit(torch.nn.Identity):
    """The floats are in [0, 1] already."""
''',
    **TONES,
}
