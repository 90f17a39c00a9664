"""The figure that all plots are drawn on, and its gray."""

import io

from matplotlib.figure import Figure

__all__ = ["GRAY", "Canvas"]

GRAY = "#444444"


class Canvas(Figure):
    """A figure that a notebook shows by itself, without pyplot and its global state."""

    def _repr_png_(self) -> tuple[bytes, dict[str, int]]:
        buffer = io.BytesIO()
        self.savefig(buffer, format="png")
        width, height = (round(inches * 96) for inches in self.get_size_inches())
        return buffer.getvalue(), {"width": width, "height": height}
