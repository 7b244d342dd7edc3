"""Drawings made of pen strokes, rendered so that they can be moved downhill."""

from clipdraw.drawing import Drawing
from clipdraw.film import save_film, save_png, stroke_by_stroke
from clipdraw.loop import Scene, Weighted, optimise
from clipdraw.renderers import render
from clipdraw.scribble import scribble
from clipdraw.svg import to_svg
from clipdraw.svg_reader import from_svg
from clipdraw.views import RasterViews

__all__ = [
    "Drawing",
    "RasterViews",
    "Scene",
    "Weighted",
    "from_svg",
    "optimise",
    "render",
    "save_film",
    "save_png",
    "scribble",
    "stroke_by_stroke",
    "to_svg",
]
