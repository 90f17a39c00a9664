"""How near another library comes to a transform, and why it may not come near at all."""

from dataclasses import dataclass
from typing import Literal, Self


@dataclass(frozen=True)
class Grade:
    """How near a target's pixels are to those of augmentlab, in levels of 255.

    Parameters
    ----------
    kind : {"exact", "within", "approximate", "distribution"}
        ``within`` is a bound that follows from how the two compute; ``approximate`` the largest difference measured on
        the two images of ``docs/frameworks.md``; ``distribution`` says that the target draws its own random numbers,
        from the same distribution.
    levels : float
        The bound or the measured maximum.
    """

    kind: Literal["exact", "within", "approximate", "distribution"]
    levels: float = 0

    def __str__(self) -> str:
        plural = "" if self.levels == 1 else "s"
        return {
            "exact": "exact",
            "within": f"within {self.levels:g} level{plural}",
            "approximate": f"approximate (measured maximum {self.levels:g} level{plural}, on photographs)",
            "distribution": "same distribution, other random numbers",
        }[self.kind]


EXACT = Grade("exact")
ONE = Grade("within", 1)
DRAWN = Grade("distribution")

SUMS = "sums of floats in another order round the other way at halves"  # the cause of many a last bit


def approximate(levels: float) -> Grade:
    """Measured, and more than rounding."""
    return Grade("approximate", levels)


@dataclass(frozen=True)
class Finding:
    """What a target does for some steps of a pipeline.

    Parameters
    ----------
    steps : tuple of Transform
        Computed together.
    call : str
        The calls of the target.
    grade : Grade
        How near it comes.
    cause : str
        Why it differs; empty where it is exact.
    """

    steps: tuple[object, ...]
    call: str
    grade: Grade
    cause: str


class RefusedError(ValueError):
    """A target cannot do a step.

    Parameters
    ----------
    reason : str
        Why, as the end of a sentence that begins with the target's name.
    alternative : str
        The nearest thing that can be exported.
    """

    def __init__(self, reason: str, alternative: str = "") -> None:
        super().__init__(reason)
        self.reason, self.alternative = reason, alternative

    def of(self, step: object) -> str:
        """A line about the step that was refused."""
        return f"{step!r:.120}: {self.reason}" + (f"; {self.alternative}" if self.alternative else "")


class ExportError(ValueError):
    """All that a target cannot do of a pipeline, at once."""

    @classmethod
    def of(cls, target: str, lines: list[str]) -> Self:
        """Of the lines of `RefusedError.of`."""
        listed = "\n".join(f"- {line}" for line in lines)
        return cls(f"{target} cannot do all of this pipeline; strict=False leaves out\n{listed}")
