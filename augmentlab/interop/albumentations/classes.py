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
}
