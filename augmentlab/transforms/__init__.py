"""The catalog: every transform of augmentlab, by family."""

from augmentlab.transforms import blur, color, distort, erase, geometric, mix, noise, preprocess, size, weather
from augmentlab.transforms.blur import *
from augmentlab.transforms.color import *
from augmentlab.transforms.distort import *
from augmentlab.transforms.erase import *
from augmentlab.transforms.geometric import *
from augmentlab.transforms.mix import *
from augmentlab.transforms.noise import *
from augmentlab.transforms.preprocess import *
from augmentlab.transforms.size import *
from augmentlab.transforms.weather import *

FAMILIES = {
    "Geometric": geometric.__all__,
    "Distortion": distort.__all__,
    "Size": size.__all__,
    "Colour and tone": color.__all__,
    "Blur and detail": blur.__all__,
    "Noise and compression": noise.__all__,
    "Occlusion": erase.__all__,
    "Weather": weather.__all__,
    "Mixing": mix.__all__,
    "Preprocessing": preprocess.__all__,
}

__all__ = [name for names in FAMILIES.values() for name in names]
