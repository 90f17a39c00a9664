"""What a report is made of: a study, read once, and the tables that came with it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import augmentlab
from augmentlab.data import scattered_digits
from augmentlab.plots.frames import Unit

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

    from augmentlab.study import Study

TABLES = ("effects", "learning_curve", "robustness", "diagnostics", "label_safety")


@dataclass(frozen=True, kw_only=True, eq=False)
class Source:
    """What a report is made of.

    Parameters
    ----------
    study : Study
        Without its data.
    spec : dict
        Its description.
    table : DataFrame
        Its comparison.
    given : dict of str to DataFrame
        Tables that need not be read from the study.
    """

    study: Study
    spec: dict[str, Any]
    table: pd.DataFrame
    given: Mapping[str, pd.DataFrame]

    @classmethod
    def of(cls, study: Study, tables: Mapping[str, pd.DataFrame]) -> Source:
        """Read a study.

        Raises
        ------
        ValueError
            A table that no section shows.
        RuntimeError
            There is nothing to compare.
        """
        for name in tables:
            if name not in TABLES:
                raise ValueError(f"tables must be named {', '.join(TABLES)}; got {name!r}")
        stored = study.as_stored()
        table = stored.compare(warn=False)  # the note is shown
        return cls(study=stored, spec=stored.spec, table=table, given=tables)

    def asked(self, name: str) -> pd.DataFrame | None:
        """A table that was given, or is stored."""
        if name in self.given:
            return self.given[name]
        try:
            found: pd.DataFrame = getattr(self.study, name)()
        except (RuntimeError, ValueError):  # never asked, or no question for this study
            return None
        return found

    @property
    def version(self) -> str:
        """Of augmentlab."""
        return augmentlab.__version__

    @property
    def unit(self) -> Unit:
        """How numbers are written."""
        return Unit.of(self.table)

    @cached_property
    def best(self) -> str | None:
        """Label of the best arm that helps."""
        helping = self.table[(self.table["verdict"] == "helps") & (self.table["role"] == "arm")]
        return None if helping.empty else str(helping["arm"].iloc[0])

    @property
    def documents(self) -> dict[str, dict[str, Any]]:
        """Description of each arm, by its label."""
        return {arm["label"]: arm for arm in self.spec["arms"]}

    @property
    def question(self) -> str:
        """What the study asks, in words."""
        count = len(self.study.labels)
        which = (
            f"Which of {count} augmentation pipelines improve" if count > 1 else "Does an augmentation pipeline improve"
        )
        context = self.spec["context"]
        return (
            f"{which} the {self.study.metric.name} of a model that is trained on {context['train_size']} images of "
            f"{self.study.name}, by how much, and how sure is that? Each was trained in {self.study.draws} draws, beside a "
            "control with unchanged copies of the same images."
        )

    @cached_property
    def is_made_to_be_augmented(self) -> bool:
        """Whether the data are the bundled digits that were scattered by the package itself."""
        if self.spec["classes"] != [str(digit) for digit in range(10)]:
            return False
        named = self.study.name.startswith("scattered digits")
        return named or self.spec["context"]["data"] == scattered_digits().fingerprint
