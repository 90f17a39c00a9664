"""The code of the pages: of the README and of what lies in docs/."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGES = ["README.md", *sorted(str(path.relative_to(ROOT)) for path in (ROOT / "docs").glob("*.md"))]

# What a block needs beyond what every test has, by the words that only such a block holds.
NEEDED = {
    "torch": r"\bimport torch\b|\btorch_cnn\b|augmentlab\.torch",
    "torchvision": r"\bfrom torchvision\b",
    "keras": r"\bimport keras\b",
    "tensorflow": r"\bimport tensorflow\b",
    "imblearn": r"\bfrom imblearn\b",
    "datasets": r"\bimport datasets\b",
}
OPTIONAL = {  # of these no environment is made that must have them
    "albumentations": r"\bimport albumentations\b",
    "distributed": r"\bfrom dask\.distributed\b",
    "mlflow": r"\bto_mlflow\b",
    "optuna": r"\bto_optuna\b",
}


def blocks(page, language="python"):
    """The text of each fenced block in a language, in order."""
    return re.findall(
        rf"^```{language}\n(.*?)^```$", (ROOT / page).read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE
    )


def named(block, words):
    """The names of a table whose words a block holds."""
    return [name for name, word in words.items() if re.search(word, block)]
