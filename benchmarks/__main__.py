"""Time augmentlab beside its peers: ``python -m benchmarks --help``."""

# ruff: noqa: E402 -- the environment comes first

# One thread for everybody: these are read when the libraries load.
import os

for _name in ("OMP", "OPENBLAS", "MKL", "NUMBA", "VECLIB_MAXIMUM", "NUMEXPR"):
    os.environ[f"{_name}_NUM_THREADS"] = "1"
os.environ.setdefault("MPLBACKEND", "Agg")

import argparse
import gc
import importlib.util
import re
import sys
import warnings
from pathlib import Path

from augmentlab import engines
from benchmarks import report
from benchmarks.peers import NAMES, installed
from benchmarks.run import Result, Run, command, machine, measured, today, versions
from benchmarks.works import WORKS

DOCS = Path(__file__).parents[1] / "docs"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__.partition(":")[0])
    parser.add_argument("--only", metavar="PATTERN", default="", help="works or families that match it")
    parser.add_argument("--peers", metavar="NAMES", help=f"beside these only, by commas: {', '.join(NAMES)}")
    parser.add_argument("--rounds", type=int, default=21, help="measurements of each library; 21 unless given")
    parser.add_argument("--quick", action="store_true", help="3 short rounds, nothing above 512 px: a first look")
    parser.add_argument("--json", metavar="PATH", type=Path, help="write all that was measured")
    parser.add_argument("--read", metavar="PATH", type=Path, help="report what --json wrote instead of measuring")
    parser.add_argument("--write-docs", action="store_true", help="write the page and its plot")
    parser.add_argument("--docs", metavar="FOLDER", type=Path, default=DOCS, help="where --write-docs writes")
    return parser


def _measured(arguments: argparse.Namespace) -> Run:
    works = [work for work in WORKS if re.search(arguments.only, f"{work.name}, {work.family}", re.IGNORECASE)]
    if not works:
        raise SystemExit(f"--only must match a work or a family; got {arguments.only!r}")
    libraries, missing = installed()
    if arguments.peers is not None:
        asked = {name.strip().lower() for name in arguments.peers.split(",")}
        if unknown := asked - {name.lower() for name in NAMES}:
            raise SystemExit(f"--peers must be some of {', '.join(NAMES)}; got {', '.join(sorted(unknown))}")
        missing |= {name: "not asked for" for name in libraries if name.lower() not in asked}
        libraries = {name: value for name, value in libraries.items() if name.lower() in asked}
    if importlib.util.find_spec("cv2"):
        importlib.import_module("cv2").setNumThreads(1)
    for name, why in missing.items():
        print(f"{name} is left out: {why}")
    stringzilla = importlib.util.find_spec("stringzilla") is not None
    print(f"engine {engines.current_name()}\n\n{report.heading()}", flush=True)
    gc.collect()
    gc.freeze()  # what the libraries hold is not searched for garbage during a measurement

    def told(result: Result) -> None:
        print(report.line(result, stringzilla=stringzilla), flush=True)

    results = measured(
        works,
        libraries,
        rounds=3 if arguments.quick else arguments.rounds,
        target=0.002 if arguments.quick else 0.01,
        largest=512 if arguments.quick else 4096,
        told=told,
    )
    return Run(today(), command(), machine(), versions(libraries), missing, stringzilla, results)


def main() -> int:
    """Measure or read, and report."""
    arguments = _parser().parse_args()
    if arguments.rounds < 1:
        raise SystemExit(f"--rounds must be at least 1; got {arguments.rounds}")
    # What the libraries warn of is told once, by their own tests.
    warnings.simplefilter("ignore")
    if arguments.read is None:
        run = _measured(arguments)
    else:
        run = report.from_json(arguments.read.read_text(encoding="utf-8"))
        print(report.heading())
        for result in run.results:
            print(report.line(result, stringzilla=run.stringzilla))
    if arguments.json is not None:
        arguments.json.write_text(report.to_json(run), encoding="utf-8")
    if arguments.write_docs:
        report.write(run, arguments.docs)
    return 0


if __name__ == "__main__":
    sys.exit(main())
