"""Draws become pictures: what a notebook widget or a figure shows is an array that one of these functions returned."""

from augmentlab.render.draws import (
    Tile,
    closer,
    columns_for,
    draw_all,
    grid,
    spread,
    sweep,
    text_of,
    tiles,
)
from augmentlab.render.pictures import (
    PALETTE,
    RGB,
    difference,
    encode,
    histogram,
    layout,
    montage,
    overlay,
    thumbnail,
    to_rgb,
)

__all__ = [
    "PALETTE",
    "RGB",
    "Tile",
    "closer",
    "columns_for",
    "difference",
    "draw_all",
    "encode",
    "grid",
    "histogram",
    "layout",
    "montage",
    "overlay",
    "spread",
    "sweep",
    "text_of",
    "thumbnail",
    "tiles",
    "to_rgb",
]
