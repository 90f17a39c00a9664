"""MATLAB, in what it and GNU Octave have in common.

MATLAB itself was not available: the text is run and compared by GNU Octave 7.3 with octave-image 2.14, which stand for
it. It calls nothing that only one of the two has (so no ``imwarp``, ``imgaussfilt``, ``adapthisteq``), nor anything by
a default in which they differ, and needs MATLAB R2016b or newer with the Image Processing Toolbox.
"""

import functools
import shutil
import subprocess
import tempfile
import textwrap
from pathlib import Path

import numpy as np

import augmentlab
from augmentlab.interop import operations as ops
from augmentlab.interop.explicit import Explicit, Image, Row, called
from augmentlab.interop.grades import ONE, SUMS, Grade, RefusedError
from augmentlab.pixels import Array
from augmentlab.transform import Transform

_FUNCTIONS = {
    "rounded": """
function image = rounded(values)
% To the nearest level, halves to the even one, and clipped.
  image = round(values);
  halves = mod(values, 1) == 0.5;
  image(halves) = 2 * round(values(halves) / 2);
  image = uint8(image);
end
""",
    "folded": """
function places = folded(places, count, border)
% Which of count pixels, from 0, is seen at each place, with the borders of numpy.pad.
% One pixel beyond is left to who calls: of 'constant' on both sides, of 'wrap' behind.
  switch border
    case 'constant'
      places = min(max(places, -1), count);
      return
    case 'wrap'
      places = mod(places, count);
      return
    case 'reflect'
      places = mod(places, 2 * count - 2);
      places = min(places, 2 * count - 2 - places);
    case 'symmetric'
      places = mod(places, 2 * count);
      places = min(places, 2 * count - 1 - places);
  end
  places = min(max(places, 0), count - 1);
end
""",
    "bordered": """
function image = bordered(image, top, bottom, left, right, border)
% Whole pixels added around, with the borders of numpy.pad.
  rows = folded(-top:size(image, 1) + bottom - 1, size(image, 1), border);
  columns = folded(-left:size(image, 2) + right - 1, size(image, 2), border);
  image = image(rows + 1, columns + 1, :);
end
""",
    "seen_through": """
function seen = seen_through(image, matrix, height, width, border, fill)
% Interpolated linearly where the matrix sends each pixel (x, y, 1), counted from 0, with the borders of numpy.pad.
  [columns, rows] = meshgrid(0:width - 1, 0:height - 1);
  there = matrix * [columns(:)'; rows(:)'; ones(1, height * width)];
  x = folded(reshape(there(1, :) ./ there(3, :), height, width), size(image, 2), border) + 2;
  y = folded(reshape(there(2, :) ./ there(3, :), height, width), size(image, 1), border) + 2;
  switch border
    case 'constant'
      ring = fill;
    case 'wrap'
      ring = 'circular';
    otherwise
      ring = 'replicate';
  end
  seen = zeros(height, width, size(image, 3));
  for channel = 1:size(image, 3)
    seen(:, :, channel) = interp2(padarray(double(image(:, :, channel)), [1 1], ring), x, y, 'linear');
  end
end
""",
    "shares": """
function weights = shares(have, want)
% How much each of have pixels, a column each, counts in the mean over the area of each of want.
  edges = (0:want)' * have / want;
  weights = min(edges(2:end), 1:have) - max(edges(1:end - 1), 0:have - 1);
  weights = max(weights, 0) * want / have;
end
""",
    "shuffle_tiles": """
function shown = shuffle_tiles(image, height, width, count, order)
% The place number k, row by row, shows tile order(k); what fills no tile stays.
  shown = image;
  for place = 0:count ^ 2 - 1
    tile = order(place + 1);
    to_rows = floor(place / count) * height + (1:height);
    to_columns = mod(place, count) * width + (1:width);
    rows = floor(tile / count) * height + (1:height);
    columns = mod(tile, count) * width + (1:width);
    shown(to_rows, to_columns, :) = image(rows, columns, :);
  end
end
""",
    "median_of_squares": """
function image = median_of_squares(image, radius)
% The median over a square, with the border repeated.
  side = 2 * radius + 1;
  for channel = 1:size(image, 3)
    middle = medfilt2(padarray(image(:, :, channel), [radius radius], 'replicate'), [side side]);
    image(:, :, channel) = middle(radius + 1:end - radius, radius + 1:end - radius);
  end
end
""",
    "equalized": """
function image = equalized(image)
% Each channel's histogram spread evenly; a channel of one value stays.
  for channel = 1:size(image, 3)
    plane = image(:, :, channel);
    counts = accumarray(double(plane(:)) + 1, 1, [256 1]);
    if max(counts) < numel(plane)
      image(:, :, channel) = intlut(plane, rounded(cumsum(counts) / numel(plane) * 255));
    end
  end
end
""",
    "quantile_of": """
function value = quantile_of(ranked, share)
% Between the two values whose ranks are nearest, down each column.
  place = share * (size(ranked, 1) - 1);
  low = ranked(floor(place) + 1, :);
  value = low + (place - floor(place)) * (ranked(ceil(place) + 1, :) - low);
end
""",
    "stretched": """
function image = stretched(image, cutoff, together)
% The values from the quantile cutoff to 1 - cutoff spread over all levels; what has one value stays.
  values = reshape(double(image), size(image, 1) * size(image, 2), []);
  if together
    values = values(:);
  end
  ranked = sort(values, 1);
  low = quantile_of(ranked, cutoff);
  span = quantile_of(ranked, 1 - cutoff) - low;
  flat = span <= 1e-6 * 255;
  low(flat) = 0;
  span(flat) = 255;
  image = reshape(rounded(min(max((values - low) ./ span, 0), 1) * 255), size(image));
end
""",
    "across_channels": """
function mixed = across_channels(image, matrix)
% Each pixel's channels times the matrix, as floats.
  values = reshape(double(image), [], size(image, 3)) * matrix';
  mixed = reshape(values, size(image, 1), size(image, 2), size(matrix, 1));
end
""",
}


def _numbers(values: object) -> str:
    """A vector or a matrix, in lines of 100 characters, with a line or more for each row."""
    rows = np.atleast_2d(np.asarray(values)).tolist()
    lines = [textwrap.wrap(" ".join(map(repr, row)), 100) for row in rows]
    if len(lines) == len(lines[0]) == 1:
        return f"[{lines[0][0]}]"
    return "[ ...\n  {} ]".format("; ...\n  ".join(" ...\n  ".join(row) for row in lines))


def _along_channels(values: tuple[float, ...]) -> str:
    return repr(values[0]) if len(values) == 1 else f"reshape({_numbers(values)}, 1, 1, [])"


def _back(values: str, image: Image) -> str:
    return f"single({values})" if image.floats else f"rounded({values})"


def _slice(one: ops.Slice, image: Image) -> list[str]:
    lines = []
    if one.cuts(image.shape):
        rows = f"{one.top + 1}:{one.top + one.height}"
        lines.append(f"image = image({rows}, {one.left + 1}:{one.left + one.width}, :);")
    lines += [f"image = flip(image, {axis});" for axis, turned in ((1, one.flip_rows), (2, one.flip_columns)) if turned]
    return [*lines, "image = permute(image, [2 1 3]);"] if one.transpose else lines


def _tiles(one: ops.Tiles, image: Image) -> list[str]:
    return [f"image = shuffle_tiles(image, {one.height}, {one.width}, {one.count}, {_numbers(one.order)});"]


def _pad(one: ops.Padding, image: Image) -> list[str]:
    if one.border != "constant":
        return [f"image = bordered(image, {one.top}, {one.bottom}, {one.left}, {one.right}, '{one.border}');"]
    lines = []
    for sides, where in (((one.top, one.left), "pre"), ((one.bottom, one.right), "post")):
        if any(sides):
            lines.append(f"image = padarray(image, [{sides[0]} {sides[1]}], {one.fill:.9g}, '{where}');")
    return lines


def _warp(one: ops.Warp, image: Image) -> list[str]:
    seen = f"seen_through(image, matrix, {one.height}, {one.width}, '{one.border}', {one.fill:.9g})"
    return [f"matrix = {_numbers(one.matrix)};", f"image = {_back(seen, image)};"]


def _resize(one: ops.Resizing, image: Image) -> list[str]:
    lines = ["values = double(image);"]
    for taps, turned in ((one.taps_y, "'"), (one.taps_x, "")):
        if len(taps) > 1:
            lines.append(f"values = imfilter(values, {_numbers(taps)}{turned}, 'replicate');")
    resized = f"imresize(values, [{one.height} {one.width}], 'bilinear', 'Antialiasing', false)"
    return [*lines, f"image = {_back(resized, image)};"]


def _area(one: ops.AreaResizing, image: Image) -> list[str]:
    height, width = image.shape[:2]
    lines = [f"rows = shares({height}, {one.height});", f"columns = shares({width}, {one.width})';"]
    if image.channels == 1:
        return [*lines, f"image = {_back('rows * double(image) * columns', image)};"]
    return [
        *lines,
        f"values = zeros({one.height}, {one.width}, 3);",
        "for channel = 1:3",
        "  values(:, :, channel) = rows * double(image(:, :, channel)) * columns;",
        "end",
        f"image = {_back('values', image)};",
    ]


def _nearest(one: ops.NearestResizing, image: Image) -> list[str]:
    rows, columns = (
        f"floor((2 * (1:{want}) - 1) * {have} / {2 * want}) + 1"
        for have, want in zip(image.shape, (one.height, one.width), strict=False)
    )
    return [f"rows = {rows};", f"columns = {columns};", "image = image(rows, columns, :);"]


def _table(one: ops.Table, image: Image) -> list[str]:
    if one.values.shape[1] == 1:
        return [f"table = uint8({_numbers(one.values[:, 0])});", "image = intlut(image, table);"]
    lines = []
    for channel, values in enumerate(one.values.T, start=1):
        lines.append(f"table = uint8({_numbers(values)});")
        lines.append(f"image(:, :, {channel}) = intlut(image(:, :, {channel}), table);")
    return lines


def _separable(one: ops.Separable, image: Image) -> list[str]:
    return [
        f"taps = {_numbers(one.taps)};",
        "image = rounded(imfilter(imfilter(double(image), taps', 'replicate'), taps, 'replicate'));",
    ]


def _sharpen(one: ops.Sharpening, image: Image) -> list[str]:
    return [
        f"taps = {_numbers(one.taps)};",
        "values = double(image);",
        "smooth = imfilter(imfilter(values, taps', 'replicate'), taps, 'replicate');",
        f"image = rounded(values + {one.amount!r} * (values - smooth));",
    ]


def _correlate(one: ops.Correlation, image: Image) -> list[str]:
    return [f"kernel = {_numbers(one.kernel)};", "image = rounded(imfilter(double(image), kernel, 'replicate'));"]


def _mix(one: ops.ChannelMix, image: Image) -> list[str]:
    lines = [
        f"matrix = {_numbers(one.matrix)};",
        "mixed = min(max(across_channels(image, matrix), 0), 255);",
    ]
    if one.blend == 1:
        return [*lines, "image = rounded(mixed);"]
    return [*lines, f"image = rounded(double(image) + {one.blend!r} * (mixed - double(image)));"]


def _order(one: ops.ChannelOrder, image: Image) -> list[str]:
    return [f"image = image(:, :, [{' '.join(str(channel + 1) for channel in one.order)}]);"]


def _gray(one: ops.ToGray, image: Image) -> list[str]:
    return [f"image = rounded(across_channels(image, {_numbers(one.weights)}));"]


def _fill(one: ops.Fill, image: Image) -> list[str]:
    return [
        f"image({top + 1}:{top + height}, {left + 1}:{left + width}, :) = {one.value:.9g};"
        for top, left, height, width in one.rectangles
    ]


def _hue(one: ops.HueSaturation, image: Image) -> list[str]:
    return [
        "hsv = rgb2hsv(double(image) / 255);",
        f"hsv(:, :, 1) = mod(hsv(:, :, 1) + {one.hue!r}, 1);",
        f"hsv(:, :, 2) = min(hsv(:, :, 2) * {one.saturation!r}, 1);",
        "image = rounded(hsv2rgb(hsv) * 255);",
    ]


def _contrast(one: ops.GrayMeanContrast, image: Image) -> list[str]:
    gray = "across_channels(image, [0.299 0.587 0.114])" if image.channels == 3 else "double(image)"
    return [
        f"gray = {gray};",
        "middle = mean(gray(:));",
        f"image = rounded(middle + {one.factor!r} * (double(image) - middle));",
    ]


def _own_table(one: ops.OwnTable, image: Image) -> list[str]:
    if one.kind == "equalize":
        return ["image = equalized(image);"]
    return [f"image = stretched(image, {one.cutoff!r}, {str(one.together).lower()});"]


def _scale(one: ops.Scaling, image: Image) -> list[str]:
    return [f"image = single(double(image) .* {_along_channels(one.scale)} + {_along_channels(one.shift)});"]


def _own_scale(one: ops.OwnScaling, image: Image) -> list[str]:
    lines = ["values = double(image);" if image.floats else "values = double(image) / 255;"]
    if one.kind == "minmax":
        lines += [
            "values = values - min(values(:));",
            "if any(values(:))",
            "  values = values / max(values(:));",
            "end",
        ]
    else:
        centre, spread = (
            ("mean(mean(values, 1), 2)", "sqrt(mean(mean(values .^ 2, 1), 2))")
            if one.per_channel
            else ("mean(values(:))", "sqrt(mean(values(:) .^ 2))")
        )
        lines.append(f"values = values - {centre};")
        if one.kind == "standardize":
            count = image.shape[0] * image.shape[1] * (1 if one.per_channel else image.channels)
            lines.append(f"values = values ./ max({spread}, 1 / sqrt({count}));")
    return [*lines, "image = single(values);"]


def _size(shape: tuple[int, ...]) -> str:
    """MATLAB's: a last side of 1 is none."""
    return "[" + " ".join(map(str, shape[:2] if shape[2:] == (1,) else shape)) + "]"


def _frame(pipeline: Transform, shape: tuple[int, ...], image: Image, body: list[str], whole: Grade) -> str:
    lines = "\n".join(body).splitlines()
    functions = "".join(f"\n{text.strip()}\n" for text in called(_FUNCTIONS, "\n".join(lines)))
    indented = "".join(f"  {line}\n" for line in lines)
    dtype = "single" if image.floats else "uint8"
    return (
        f"function image = pipeline(image)\n"
        f"% MATLAB for {type(pipeline).__name__}, drawn, made by augmentlab {augmentlab.__version__}.\n"
        f"% The whole pipeline agrees with augmentlab: {whole}.\n"
        f"% RGB or gray: {_size(shape)} uint8 -> {_size(image.shape)} {dtype}. With the Image Processing Toolbox, or in\n"
        f"% GNU Octave after: pkg load image\n"
        f"  if ~isa(image, 'uint8') || ~isequal(size(image), {_size(shape)})\n"
        f"    error('image must be {_size(shape)} uint8; got %s %s', mat2str(size(image)), class(image));\n"
        f"  end\n"
        f"{indented}end\n"
        f"{functions}"
    )


# --- GNU Octave ------------------------------------------------------------------------------------------------------

_SCRIPT = """
pkg load image
for number = 1:{count}
  cd(fullfile('{folder}', sprintf('%d', number)));
  clear -f pipeline  % else that of the folder before
  try
    load('input.mat');
    image = pipeline(image);
    save('-v6', 'output.mat', 'image');
  catch problem
    file = fopen('problem.txt', 'w');
    fputs(file, problem.message);
    fclose(file);
  end
end
"""


@functools.cache
def is_installed() -> bool:
    """Whether there is GNU Octave, and its image package loads."""
    if shutil.which("octave-cli") is None:
        return False
    return _octave("pkg load image", seconds=60).returncode == 0


def _octave(code: str, seconds: float) -> subprocess.CompletedProcess[str]:
    command = shutil.which("octave-cli")
    if command is None:
        raise RuntimeError("octave-cli must be on the path (Debian: octave and octave-image); got none")
    call = [command, "--no-init-file", "--no-history", "--no-window-system", "--eval", code]
    try:
        return subprocess.run(call, capture_output=True, text=True, timeout=seconds, check=False)  # noqa: S603  (our own code)  # nosec B603
    except subprocess.TimeoutExpired as error:
        raise RuntimeError(f"Octave must be done within {seconds:g} seconds; got no result") from error


def run(text: str, image: Array) -> Array:
    """What exported `text` makes of `image`, (H, W) or (H, W, C) uint8, in GNU Octave.

    Raises
    ------
    RuntimeError
        With Octave's own message.
    """
    return run_all([(text, image)])[0]


def run_all(jobs: list[tuple[str, Array]]) -> list[Array]:
    """As `run`, for texts with an image each, in one process: starting Octave takes longer than most pipelines."""
    from scipy import io

    with tempfile.TemporaryDirectory() as name:
        folders = [Path(name, str(number)) for number in range(1, len(jobs) + 1)]
        for folder, (text, image) in zip(folders, jobs, strict=True):
            folder.mkdir()
            (folder / "pipeline.m").write_text(text, encoding="utf-8")
            io.savemat(folder / "input.mat", {"image": image})
        code = _SCRIPT.format(count=len(jobs), folder=name.replace("'", "''"))
        done = _octave(code, seconds=60 + 5 * len(jobs))
        results = []
        for folder, (_, image) in zip(folders, jobs, strict=True):
            if not (folder / "output.mat").exists():
                problem = folder / "problem.txt"
                said = problem.read_text(encoding="utf-8", errors="replace") if problem.exists() else done.stderr
                raise RuntimeError(f"Octave could not run the pipeline: {' '.join(said.split())}")
            result = np.ascontiguousarray(io.loadmat(folder / "output.mat")["image"])
            results.append(result[..., None] if image.ndim == 3 and result.ndim == 2 else result)
    return results


TARGET = Explicit(
    "matlab",
    "MATLAB",
    (),
    (),
    rows={
        ops.Slice: Row("indexing, flip, permute", _slice),
        ops.Tiles: Row("indexing", _tiles),
        ops.Padding: Row("padarray; indexing for borders that are not constant", _pad),
        ops.Warp: Row("interp2", _warp, ONE, SUMS),
        ops.Resizing: Row("imfilter and imresize(..., 'bilinear', 'Antialiasing', false)", _resize, ONE, SUMS),
        ops.AreaResizing: Row("matrices of shares", _area, ONE, SUMS),
        ops.NearestResizing: Row("indexing", _nearest),
        ops.Table: Row("intlut", _table),
        ops.Separable: Row("imfilter(..., 'replicate')", _separable, ONE, SUMS),
        ops.Sharpening: Row("imfilter(..., 'replicate')", _sharpen, ONE, SUMS),
        ops.Correlation: Row("imfilter(..., 'replicate')", _correlate, ONE, SUMS),
        ops.Median: Row("medfilt2", lambda one, _: [f"image = median_of_squares(image, {one.radius});"]),
        ops.ChannelMix: Row("matrix product", _mix, ONE, SUMS),
        ops.ChannelOrder: Row("indexing", _order),
        ops.ToGray: Row("matrix product", _gray, ONE, SUMS),
        ops.ToRGB: Row("repmat", lambda *_: ["image = repmat(image, [1 1 3]);"]),
        ops.Fill: Row("indexing", _fill),
        ops.HueSaturation: Row("rgb2hsv, hsv2rgb", _hue, ONE, SUMS),
        ops.GrayMeanContrast: Row("mean", _contrast, ONE, SUMS),
        ops.OwnTable: Row("accumarray, intlut, sort", _own_table, ONE, SUMS),
        ops.Scaling: Row("arithmetic", _scale),
        ops.OwnScaling: Row("mean", _own_scale),
    },
    refusals={
        ops.JPEG: RefusedError("its imwrite does not say how it subsamples colours", "Pillow and OpenCV can"),
    },
    functions=_FUNCTIONS,
    comment="%",
    frame=_frame,
    run=run,
    is_installed=is_installed,
)
