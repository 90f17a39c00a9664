"""What both libraries have under like names and compute otherwise: refused in both directions, with the reason."""

from augmentlab import transforms as T  # noqa: N812
from augmentlab.transform import Transform

# Their class, ours or None, why, and the nearest that can be had.
APART: tuple[tuple[str, type[Transform] | None, str, str], ...] = (
    ("Perspective", None, "its corners move by normal numbers there, by uniform ones here", "Affine"),
    ("ElasticTransform", T.ElasticTransform, "noise smoothed over pixels moves it there, a lattice in shares of the side here", "GridDistortion"),
    ("ThinPlateSpline", T.ThinPlateSpline, "its nodes move by normal numbers there, by uniform ones here", "GridDistortion"),
    ("PiecewiseAffine", T.PiecewiseAffine, "its nodes move by normal numbers there, by uniform ones here", "GridDistortion"),
    ("PlanckianJitter", T.ColorTemperature, "its gains are in sRGB and from a table there, in linear light here", "RGBShift"),
    ("FancyPCA", T.FancyPCA, "it stretches the colours about their mean there, and shifts them all here", "RGBShift"),
    ("MotionBlur", T.MotionBlur, "its line is in pixels, of any direction and off the middle there, in shares and centred here", "Blur, our BoxBlur"),
    ("Defocus", T.Defocus, "its disk is in pixels and smoothed once more there, in shares here", "GaussianBlur"),
    ("ZoomBlur", T.ZoomBlur, "its factors are equally spaced and cut to whole pixels there", "GaussianBlur"),
    ("Emboss", T.Emboss, "its light comes from one corner there, from any angle here", "Sharpen, our Sharpness"),
    ("Superpixels", T.Superpixels, "some superpixels are replaced there, all are blended here", "Downscale"),
    ("MultiplicativeNoise", T.SpeckleNoise, "factors for each pixel or channel are uniform there, normal here; one for all is ColorJitter's brightness", "GaussNoise, our GaussianNoise"),
    ("CLAHE", T.CLAHE, "it clips otherwise, and equalises the L of Lab there, the V of HSV here: most pixels differ by 12 levels and more", "AutoContrast and Equalize"),
    ("ShotNoise", T.ShotNoise, "its photons are counted in light of gamma 2.2 there, in the values here", "GaussNoise, our GaussianNoise"),
    ("ISONoise", T.ISONoise, "its noise is in HLS and depends on the image's spread there", "GaussNoise, our GaussianNoise"),
    ("GridDropout", T.GridDropout, "each square has a place of its own there, a lattice lies askew here", "CoarseDropout"),
    ("MaskDropout", T.MaskDropout, "a number of objects is covered there, each with a chance here", "CoarseDropout"),
    ("RandomFog", T.Fog, "it paints otherwise", "RandomBrightnessContrast, our Brightness"),
    ("RandomRain", T.Rain, "it paints otherwise", "RandomBrightnessContrast, our Brightness"),
    ("RandomSnow", T.Snow, "it paints otherwise", "RandomBrightnessContrast, our Brightness"),
    ("RandomShadow", T.Shadow, "it paints otherwise", "CoarseDropout"),
    ("RandomSunFlare", T.SunFlare, "it paints otherwise", "CoarseDropout"),
    ("Erasing", None, "the area of its one hole is drawn, and the sides are here", "CoarseDropout"),
    ("SafeRotate", None, "it shrinks what it turns so that all is seen", "Rotate"),
    ("RandomSizedCrop", None, "its window is in pixels there, in shares of the side here", "RandomResizedCrop"),
    ("RandomToneCurve", None, "its curve has two normal numbers", "RandomGamma"),
)  # fmt: skip
