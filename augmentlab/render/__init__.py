"""Draws become pictures: what a notebook widget or a figure shows is an array that one of these functions returned."""

from augmentlab.render.draws import (
    Tile,
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
    "columns_for",
    "difference",
    "draw_all",
    "encode",
    "grid",
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
