"""How long a plot takes, and how far the pens go."""

import numpy as np
import vpype
from jaxtyping import Float

from predictors.plotter.sheet import MM

# Of an AxiDraw, by its axidraw_conf.py of version 3.4.0 and its default settings: accelerations of
# 40 and 60 in/s², at 75 %, with the pen down and up, mm/s²; and the servo's 45 ms and 2.69 ms for
# each of 30 % of its way, to raise a pen or to lower it, s. (Its speeds are the defaults of
# draw_speed and travel_speed: 25 % and 75 % of 8.7 in/s, where 110 % is full speed.)
DRAWING, TRAVELLING = 0.75 * 40 * 25.4, 0.75 * 60 * 25.4
LIFT = 0.045 + 30 * 0.00269


def travels(drawn: vpype.Document) -> dict[int, Float[np.ndarray, " ways"]]:
    """The ways of each pen through the air, mm: to each line, where it is from the one before. The
    first pen starts in the sheet's lower left corner, and the last one's last way leads back."""
    corner = complex(0, drawn.page_size[1])
    here, found = corner, {}
    for number in sorted(drawn.layers):
        lines = drawn.layers[number]
        ends = [here, *(line[-1] for line in lines)]
        found[number] = np.abs(np.array(ends[:-1]) - [line[0] for line in lines]) / MM
        here = ends[-1]
    found[number] = np.append(found[number], abs(here - corner) / MM)
    return found


def lengths(lines: vpype.LineCollection) -> Float[np.ndarray, " lines"]:
    """Of each line, mm."""
    return np.array([np.abs(np.diff(line)).sum() / MM for line in lines])


def seconds(ways: Float[np.ndarray, " ways"], speed: float, acceleration: float) -> float:
    """For all ways together, each from rest to rest, by constant acceleration up to a speed.

    On a short way, v² / a and less, the speed is not reached: 2 √(d / a). On a long one d / v is
    the time, and v / a more for speeding up and slowing down. Corners are taken at full speed.
    """
    short = ways < speed**2 / acceleration
    return float(
        np.where(short, 2 * np.sqrt(ways / acceleration), ways / speed + speed / acceleration).sum()
    )
