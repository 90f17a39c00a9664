"""Data sets: the bundled ones, a folder of images, arrays."""

from augmentlab.data.bundled import digits, glyphs, photos, scattered_digits
from augmentlab.data.dataset import Dataset
from augmentlab.data.folder import from_arrays, from_folder

__all__ = ["Dataset", "digits", "from_arrays", "from_folder", "glyphs", "photos", "scattered_digits"]
