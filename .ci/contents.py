"""Look at what is handed out: ``contents.py DIST`` fails with a sentence for each thing that is wrong with it."""

import re
import sys
import tarfile
import zipfile
from email.parser import Parser
from pathlib import Path

ROOT = Path(__file__).parents[1]
WHEEL_MIB = 1.5
INSIDE_WHEEL = re.compile(
    r"augmentlab/(.+\.(py|pyi|js|css|json|html|j2)|py\.typed|notebooks/[^/]+\.ipynb)"
    r"|augmentlab-[\d.]+\.dist-info/(METADATA|RECORD|WHEEL|entry_points\.txt|licenses/LICENSE)"
)
BESIDE = {"augmentlab", "benchmarks", "docs", "notebooks", "tests", "LICENSE", "README.md", "CHANGELOG.md", "PKG-INFO"}
NEVER = re.compile(
    r"(^|/)(__pycache__|\.ci|\.github|shared|_build|api|tutorials|strips|figures)(/|$)|\.(db|pyc|whl)$|~$"
)


def complaints(folder: Path) -> list[str]:
    """What is wrong with the wheel and the source distribution of a folder, a sentence each."""
    wheels, sources = sorted(folder.glob("*.whl")), sorted(folder.glob("*.tar.gz"))
    if len(wheels) != 1 or len(sources) != 1:
        return [f"{folder} must hold one wheel and one source distribution; got {len(wheels)} and {len(sources)}"]
    found = []
    with zipfile.ZipFile(wheels[0]) as archive:
        names = archive.namelist()
        metadata = next(name for name in names if name.endswith("/METADATA"))
        about = Parser().parsestr(archive.read(metadata).decode())
    with tarfile.open(sources[0]) as archive:
        inside = [name.split("/", 1)[1] for name in archive.getnames() if "/" in name]
    size = wheels[0].stat().st_size / 2**20
    if size >= WHEEL_MIB:
        found.append(f"the wheel must be below {WHEEL_MIB} MiB; it has {size:.2f}")
    found += [
        f"the wheel must hold nothing but the package; it has {one}" for one in names if not INSIDE_WHEEL.fullmatch(one)
    ]
    wanted = {"augmentlab/py.typed", "augmentlab/__init__.pyi"}
    wanted |= {f"augmentlab/notebooks/{path.name}" for path in (ROOT / "notebooks").glob("*.ipynb")}
    wanted |= {str(path.relative_to(ROOT)) for path in (ROOT / "augmentlab").rglob("*.py")}
    found += [f"the wheel must hold {one}" for one in sorted(wanted - set(names))]
    found += [
        f"the source distribution must hold {one}" for one in sorted(BESIDE - {one.split("/")[0] for one in inside})
    ]
    found += [f"the source distribution must not hold {one}" for one in inside if NEVER.search(one)]
    description = str(about.get_payload())
    found += [
        f"the long description must not point into the repository; it has {one}"
        for one in re.findall(r"\]\((?!https?:|#)[^)]*\)", description)
    ]
    version = re.search(r'__version__ = "(.+)"', (ROOT / "augmentlab" / "__init__.py").read_text(encoding="utf-8"))
    if version is None or about["Version"] != version[1]:
        found.append(f"the wheel's version must be that of the package; it is {about['Version']}")
    print(f"{wheels[0].name}: {size:.2f} MiB, {len(names)} files; {sources[0].name}: {len(inside)} files")
    return found


if __name__ == "__main__":
    wrong = complaints(Path(sys.argv[1]))
    print("\n".join(wrong))
    sys.exit(bool(wrong))
