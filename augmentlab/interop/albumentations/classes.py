"""Classes that exported text defines, for what Albumentations can do and has no parameters for."""

CLASSES = {
    "ExactAffine": '''
import math

import numpy as np


class ExactAffine(A.Affine):
    """Shear along y, then along x, then turn; shifts keep their fractions of a pixel."""

    def get_params_dependent_on_data(self, params, data):
        height, width = params["shape"][:2]
        draw = self.py_random.uniform
        scale, angle = draw(*self.scale["x"]), draw(*self.rotate)
        across, down = (math.tan(math.radians(draw(*self.shear[axis]))) for axis in "xy")
        shift = np.array([draw(*self.translate_percent["x"]) * width, draw(*self.translate_percent["y"]) * height])
        cos, sin = math.cos(math.radians(angle)), math.sin(math.radians(angle))
        turned = scale * np.array([[cos, sin], [-sin, cos]]) @ [[1, across], [0, 1]] @ [[1, 0], [down, 1]]

        def about(x, y):
            return np.vstack([np.column_stack([turned, shift + [x, y] - turned @ [x, y]]), [0, 0, 1]])

        return {
            "rotate": angle,
            "scale": {"x": scale, "y": scale},
            "matrix": about((width - 1) / 2, (height - 1) / 2),
            "bbox_matrix": about(width / 2, height / 2),
            "output_shape": (height, width),
        }
''',
    "ShareCrop": '''
import math


class ShareCrop(A.Crop):
    """A window by shares: its sides, of those of the image, and its place, 0 being the left and the top."""

    def __init__(self, height, width, x, y, p=1.0):
        super().__init__(p=p)
        self.height, self.width, self.x, self.y = height, width, x, y

    def get_params_dependent_on_data(self, params, data):
        ends = []
        for side, share, place in zip(params["shape"][:2], (self.height, self.width), (self.y, self.x)):
            kept = max(round(side * self.py_random.uniform(*share)), 1)
            start = max(math.ceil((side - kept + 1) * self.py_random.uniform(*place)) - 1, 0)
            ends.append((start, start + kept))
        (top, bottom), (left, right) = ends
        return {"crop_coords": (left, top, right, bottom), "pad_params": None}

    def get_transform_init_args_names(self):
        return ("height", "width", "x", "y", "p")
''',
    "SharePad": '''
class SharePad(A.Pad):
    """A border by shares of the sides, rounded."""

    def __init__(self, height, width, border_mode, fill, p=1.0):
        super().__init__(border_mode=border_mode, fill=fill, p=p)
        self.height, self.width = height, width

    def get_params_dependent_on_data(self, params, data):
        rows, columns = params["shape"][:2]
        y = round(rows * self.py_random.uniform(*self.height))
        x = round(columns * self.py_random.uniform(*self.width))
        return {"pad_top": y, "pad_bottom": y, "pad_left": x, "pad_right": x}

    def get_transform_init_args_names(self):
        return ("height", "width", "border_mode", "fill", "p")
''',
    "EvenPerspective": '''
import numpy as np


class EvenPerspective(A.Perspective):
    """Each corner moves inward by a uniform share of each side, up to the scale."""

    def get_params_dependent_on_data(self, params, data):
        height, width = params["shape"][:2]
        away = self.random_generator.random((4, 2)) * self.py_random.uniform(*self.scale)
        corners = np.array([[0, 0], [1, 0], [1, 1], [0, 1]])
        ends = np.array([max(width - 1, 1), max(height - 1, 1)])
        shown = np.abs(corners - away) * ends
        matrix = cv2.getPerspectiveTransform(shown.astype(np.float32), (corners * ends).astype(np.float32))
        half = np.array([[1, 0, 0.5], [0, 1, 0.5], [0, 0, 1]])  # boxes count from the border of a pixel, not its centre
        return {
            "matrix": matrix,
            "matrix_bbox": half @ matrix @ np.linalg.inv(half),
            "max_height": height,
            "max_width": width,
        }
''',
}
