"""How often a search that stops arms early keeps the best one, and what it saves: ``python -m benchmarks.search``.

Simulated studies of the 15 combinations of 4 steps, 10 draws and 300 validation images, in which images, draws and arms have effects of their
own, as in `tests/test_statistics.py`. `Outcome` says what is counted.
"""

import argparse
from dataclasses import dataclass

import numpy as np
from scipy import stats

from augmentlab import Rotate
from augmentlab.study import combinations, search

STEPS, DRAWS, IMAGES = 4, 10, 300
ARMS = 2**STEPS - 1
# How many points of accuracy each arm is above the control, over all draws and images that there could be.
TRUTHS = {
    "equal": np.zeros(ARMS),
    "one better by 2": np.eye(1, ARMS, 7)[0] * 2,
    "one better by 4": np.eye(1, ARMS, 7)[0] * 4,
    "0 to 7 in steps of 0.5": np.arange(ARMS) / 2,
    "one step helps, the others spoil it": np.array([18.5, 10, 0, -0.5, 16, 9, 15.5, 3, 8, 0, 8, 15, 7, 2.5, 6.5]),
}
SEARCHES = ("grid", "random", "halving", "race", "tpe")


@dataclass(frozen=True)
class Outcome:
    """What one search of one simulated study came to."""

    kept: bool  # the truly best arm (where all are equal, the middle one) has all its draws
    chosen: float  # points that the arm with the best mean, of those with all draws, is truly below the best
    optimism: float  # points by which that arm's measured difference exceeds its true one
    cells: int  # trials, the control's among them
    stopped: int  # arms without all draws


def hits(rng, points, *, draws=DRAWS, images=IMAGES, draw=0.15, image=0.5):
    """Return (arms + 1, draws, images) of 0 and 1, the control last, so that index -1 is the control."""
    spread = np.sqrt(2 + draw**2 + image**2)
    base = stats.norm.cdf(0.8 / spread)
    level = spread * stats.norm.ppf(base + np.append(points, 0.0) / 100)
    arms = len(level)
    score = (
        level[:, None, None]
        + rng.normal(0, 1, (1, 1, images))
        + rng.normal(0, draw, (arms, draws, 1))
        + rng.normal(0, image, (arms, 1, images))
        + rng.normal(0, 1, (arms, draws, images))
    )
    return (score > 0).astype(float)


def run(seeker, table):
    """Compute what a search asks for until it asks for nothing."""
    results = {}
    while cells := seeker.plan(results, set()):
        results |= {cell: table[cell] for cell in cells}
    return results


def outcome(name, seed, points):
    """Search one simulated study."""
    table = hits(np.random.default_rng((seed, 11)), points)
    arms = combinations({f"step {place}": Rotate(angle=place + 1) for place in range(STEPS)})
    n_trials = (len(points) // 2 + 1) * DRAWS if name in ("random", "tpe") else None
    results = run(search.named(name, arms, DRAWS, seed=seed, n_trials=n_trials), table)
    whole = [arm for arm in range(len(points)) if all((arm, draw) in results for draw in range(DRAWS))]
    gains = {arm: 100 * float((table[arm] - table[-1]).mean()) for arm in whole}
    best = int(np.argmax(points)) if points.any() else len(points) // 2
    chosen = max(gains, key=gains.get) if gains else None
    return Outcome(
        kept=best in whole,
        chosen=np.nan if chosen is None else float(points.max() - points[chosen]),
        optimism=np.nan if chosen is None else gains[chosen] - float(points[chosen]),
        cells=len(results),
        stopped=len(points) - len(whole),
    )


def main():
    """Print one row a truth and search."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--studies", type=int, default=500)
    parser.add_argument("--searches", nargs="+", default=SEARCHES, choices=SEARCHES)
    options = parser.parse_args()
    print(
        "| true differences (points) | search | best arm kept | trials of 160 | arms stopped | chosen below best | optimism |"
    )
    print("|---|---|---|---|---|---|---|")
    for truth, points in TRUTHS.items():
        for name in options.searches:
            all_of_them = [outcome(name, seed, points) for seed in range(options.studies)]
            mean = {
                field: np.nanmean([getattr(one, field) for one in all_of_them]) for field in Outcome.__annotations__
            }
            print(
                f"| {truth} | {name} | {100 * mean['kept']:.1f} % | {mean['cells']:.0f} | {mean['stopped']:.1f} "
                f"| {mean['chosen']:.2f} | {mean['optimism']:+.2f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
