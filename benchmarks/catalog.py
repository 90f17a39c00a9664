"""What each transform costs on a photo of 256 x 256 x 3 pixels, on one thread.

Run ``python -m benchmarks.catalog``. A transform is measured at both far ends of its typical ranges, and the dearer one
counts. The rounds are interleaved, so that a disturbance falls on all transforms alike, and the median is printed. Exits
with 1 when one takes more than LIMIT milliseconds and its docstring does not say that it is slow.
"""

import sys
import time

import numpy as np
import skimage.data
from threadpoolctl import threadpool_limits

from augmentlab import Sample, engines, transforms
from augmentlab.params import parameters
from augmentlab.transform import Transform

LIMIT = 150.0  # ms
ROUNDS = 7
BATCH = 4  # what mixes samples gets as many, and its cost is divided by them


def ends(cls: type[Transform]) -> list[Transform]:
    """The transform at the low and at the high end of all its typical ranges, drawn."""
    drawn = [one for one in parameters(cls) if one.drawn]
    fields = [{one.name: one.typical_value().support[end] for one in drawn} for end in (0, 1)]
    return [step for one in fields if (step := cls(**one).sample(1)) is not None]


def photo() -> Sample:
    """A photo with a mask, for what looks at masks."""
    y, x = np.mgrid[:256, :256]
    image = np.ascontiguousarray(skimage.data.astronaut()[:256, 100:356])
    return Sample(image, mask=((x + y) % 64 < 32).astype(np.uint8))


def milliseconds(step: Transform, sample: Sample) -> float:
    """Time of one application to one image."""
    given = {"image": sample.image, "mask": sample, "batch": [sample.moved(mask=None)] * BATCH}[step.needs]
    start = time.perf_counter()
    step.apply(given)
    return (time.perf_counter() - start) * 1000 / (BATCH if step.needs == "batch" else 1)


def main() -> int:
    """Measure and print; 1 if a transform is slow and does not say so."""
    sample = photo()
    steps = [(name, step) for name in transforms.__all__ for step in ends(getattr(transforms, name))]
    for _, step in steps:
        milliseconds(step, sample)  # loads what is imported at the first use
    with threadpool_limits(1):
        rounds = np.array([[milliseconds(step, sample) for _, step in steps] for _ in range(ROUNDS)])
    costs: dict[str, float] = {}
    for (name, _), cost in zip(steps, np.median(rounds, axis=0), strict=True):
        costs[name] = max(costs.get(name, 0.0), float(cost))
    says_so = {name: "slow" in (getattr(transforms, name).__doc__ or "").lower() for name in costs}
    print(f"{len(costs)} transforms, engine {engines.current_name()}, ms per image of 256 x 256 x 3")
    for name, cost in sorted(costs.items(), key=lambda pair: -pair[1]):
        print(f"{name:24}{cost:9.2f}{'  named slow' if says_so[name] else ''}")
    unnamed = [name for name, cost in costs.items() if cost > LIMIT and not says_so[name]]
    if unnamed:
        print(f"above {LIMIT:g} ms and not named slow: {', '.join(unnamed)}", file=sys.stderr)
    return int(bool(unnamed))


if __name__ == "__main__":
    sys.exit(main())
