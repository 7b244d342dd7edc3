"""SVG's shapes, path data, transforms and lengths: text in, contours of cubics out.

Points are complex numbers here, x + iy: rotations, reflections and arcs are one product each. All
patterns are matched possessively, so that no text takes longer than its length.
"""

import cmath
import math
import re
from collections.abc import Iterator
from itertools import pairwise
from xml.etree.ElementTree import Element

import numpy as np

# Control points, and whether the last segment leads back to the first (which is not repeated).
Contour = tuple[list[complex], bool]

NUMBER = r"(?>[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)"
COMMA = r"\s*+,?\s*+"
# How many numbers each command of path data takes at a time; an arc's flags need no space.
_PAIR = f"{COMMA}({NUMBER})" * 2
ARGUMENTS = {
    **{letter: re.compile(_PAIR) for letter in "MLT"},
    **{letter: re.compile(_PAIR * 2) for letter in "SQ"},
    **{letter: re.compile(f"{COMMA}({NUMBER})") for letter in "HV"},
    "C": re.compile(_PAIR * 3),
    "A": re.compile(f"{COMMA}({NUMBER})" * 3 + f"{COMMA}([01])" * 2 + _PAIR),
}
# Beyond this a number is taken for a mistake; its square and its cube still fit a float.
LARGEST_NUMBER = 1e9
# What is shorter is rounding: relative path data adds up to its start within a few 1e-16.
NO_LENGTH = 1e-9
# In characters. More of it would be digits that a float has not.
LONGEST_LENGTH = 100
# CSS pixels in a unit. An em is a browser's 16 pixels, since there is no text here.
UNITS = {
    "": 1, "px": 1, "pt": 4 / 3, "pc": 16, "in": 96, "mm": 96 / 25.4, "cm": 96 / 2.54,
    "q": 96 / 101.6, "em": 16, "rem": 16, "ex": 8,
}  # fmt: skip


class Pen:
    """Collects contours as it is moved."""

    def __init__(self):
        self.contours: list[Contour] = []
        self.at = self.start = 0j
        self._points: list[complex] = []
        self._set_down = False

    def move(self, to: complex) -> None:
        """Lift the pen and set it down elsewhere."""
        self.lift()
        self.at = self.start = to
        self._set_down = True

    def lift(self) -> None:
        """End the contour, open."""
        if self._points:
            self.contours.append((self._points, False))
        self._points = []

    def close(self) -> None:
        """Lead back to where the contour began, and end it; without a segment it is a dot."""
        if self._points or self._set_down:
            if not self._points or abs(self.at - self.start) > NO_LENGTH:
                self.line(self.start)
            self.contours.append((self._points[:-1], True))
        self._points = []
        self.at, self._set_down = self.start, False

    def cubic(self, one: complex, two: complex, to: complex) -> None:
        """A Bezier segment with two handles."""
        self._points = self._points or [self.at]
        self._points += [one, two, to]
        self.at = to

    def line(self, to: complex) -> None:
        """A straight segment, its handles at the thirds."""
        third = (to - self.at) / 3
        self.cubic(self.at + third, to - third, to)

    def quadratic(self, handle: complex, to: complex) -> None:
        """A Bezier segment with one handle, the same curve as a cubic."""
        self.cubic((self.at + 2 * handle) / 3, (to + 2 * handle) / 3, to)

    def arc(self, rx: float, ry: float, turn: float, large: bool, right: bool, to: complex) -> None:
        """A piece of an ellipse turned by `turn` degrees, as SVG 1.1 appendix F.6 finds it."""
        rx, ry = abs(rx), abs(ry)
        if abs(to - self.at) < NO_LENGTH or min(rx, ry) < NO_LENGTH:
            return self.line(to)
        axis = cmath.exp(1j * math.radians(turn))
        # Where the ellipse is the unit circle:
        a, b = (complex((z / axis).real / rx, (z / axis).imag / ry) for z in (self.at, to))
        half = (b - a) / 2
        grow = max(abs(half), 1.0)  # radii that do not reach are enlarged until they just do
        a, b, half, rx, ry = a / grow, b / grow, half / grow, rx * grow, ry * grow
        aside = half / abs(half) * 1j * math.sqrt(max(1 - abs(half) ** 2, 0))
        centre = (a + b) / 2 + (aside if large != right else -aside)
        sweep = cmath.phase((b - centre) / (a - centre)) % (2 * math.pi)
        sweep -= 0 if right else 2 * math.pi

        def back(z: complex) -> complex:
            return axis * complex(rx * z.real, ry * z.imag)

        # A quarter as a cubic strays by 0.03 % of the radius: what every drawing program does.
        pieces = max(math.ceil(abs(sweep) / (math.pi / 2) - 1e-6), 1)
        reach = 4j / 3 * math.tan(sweep / pieces / 4)
        spokes = [(a - centre) * cmath.exp(1j * sweep * i / pieces) for i in range(pieces + 1)]
        for i, (here, there) in enumerate(pairwise(spokes), 1):
            end = to if i == pieces else back(centre + there)
            self.cubic(back(centre + here * (1 + reach)), back(centre + there * (1 - reach)), end)


def path(data: str) -> list[Contour]:
    """The contours that the `d` of a `<path>` describes.

    Raises:
        ValueError: what cannot be read; the caller says in which file.
    """
    first, *rest = re.split(r"([MmZzLlHhVvCcSsQqTtAa])", data)
    if first.strip() or (rest and rest[0] not in "Mm"):
        raise ValueError(f"has path data that starts with {data.strip()[:20]!r}, not with a move")
    pen = Pen()
    before, handle = "Z", 0j
    for letter, text in zip(rest[::2], rest[1::2], strict=True):
        command = letter.upper()
        if command == "Z":
            if text.strip():
                raise _unreadable(letter + text)
            pen.close()
        else:
            for numbers in _arguments(command, text):
                # A smooth curve leaves as the one before it arrived, if that was of its kind.
                same = before in ("CS" if command == "S" else "QT")
                mirrored = 2 * pen.at - handle if same else pen.at
                handle = _draw(pen, command, numbers, pen.at * letter.islower(), mirrored)
                before, command = command, "L" if command == "M" else command
        before = command
    pen.lift()
    return pen.contours


def _draw(pen: Pen, command: str, numbers: list[float], base: complex, mirrored: complex):
    """Do one command, counted from `base`; returns the last handle of a curve."""
    if command == "H":
        return pen.line(complex(base.real + numbers[0], pen.at.imag))
    if command == "V":
        return pen.line(complex(pen.at.real, base.imag + numbers[0]))
    if command == "A":
        rx, ry, turn, large, right, x, y = numbers
        return pen.arc(rx, ry, turn, bool(large), bool(right), base + complex(x, y))
    points = [base + complex(x, y) for x, y in zip(numbers[::2], numbers[1::2], strict=True)]
    if command == "M":
        return pen.move(*points)
    if command == "L":
        return pen.line(*points)
    if command in "ST":
        points = [mirrored, *points]
    draw = pen.cubic if command in "CS" else pen.quadratic
    draw(*points)
    return points[-2]


def _arguments(command: str, text: str) -> Iterator[list[float]]:
    """The numbers after a command, as many at a time as it takes, once at least."""
    text = text.rstrip()
    position = 0
    while position < len(text) or not position:
        match = ARGUMENTS[command].match(text, position)
        if match is None:
            raise _unreadable(command + text[position:])
        yield [_finite(number) for number in match.groups()]
        position = match.end()


def _finite(number: str) -> float:
    value = float(number)
    if abs(value) > LARGEST_NUMBER:
        raise ValueError(f"has the number {number[:20]}, which is not finite or beyond 1e9")
    return value


def _unreadable(text: str) -> ValueError:
    return ValueError(f"has path data that cannot be read at {text[:20]!r}")


def length(text: str, whole: float) -> float:
    """A length in user units; percentages are of `whole`.

    Raises:
        ValueError: what cannot be read.
    """
    match = re.fullmatch(rf"\s*+({NUMBER})([A-Za-z]*+|%)\s*+", text[:LONGEST_LENGTH])
    unit = match[2].lower() if match else None
    if unit == "%":
        return _finite(match[1]) * whole / 100
    if unit not in UNITS:
        raise ValueError(f"has the length {text[:20]!r}; a number is expected, a unit may follow")
    return _finite(match[1]) * UNITS[unit]


def shape(element: Element, tag: str, viewport: tuple[float, float]) -> list[Contour]:
    """The contours of a shape in its own coordinates; none where its size is not positive."""
    width, height = viewport
    diagonal = math.hypot(width, height) / math.sqrt(2)  # of which a radius is a share

    def get(name: str, whole: float) -> float:
        return length(element.get(name, "0"), whole)

    if tag == "path":
        return path(element.get("d", ""))
    if tag in ("polyline", "polygon"):
        return _polygon(element.get("points", ""), closed=tag == "polygon")
    if tag == "line":
        pen = Pen()
        pen.move(complex(get("x1", width), get("y1", height)))
        pen.line(complex(get("x2", width), get("y2", height)))
        pen.lift()
        return pen.contours
    if tag == "circle":
        rx = ry = get("r", diagonal)
    else:  # a radius that is missing is like the other
        rx = get("rx" if "rx" in element.attrib else "ry", width)
        ry = get("ry" if "ry" in element.attrib else "rx", height)
    if tag == "rect":
        corner = get("x", width), get("y", height)
        return _rectangle(*corner, get("width", width), get("height", height), rx, ry)
    return _rectangle(get("cx", width) - rx, get("cy", height) - ry, 2 * rx, 2 * ry, rx, ry)


def _rectangle(
    x: float, y: float, width: float, height: float, rx: float, ry: float
) -> list[Contour]:
    """Clockwise from the top left; as round as can be it is an ellipse."""
    if width <= 0 or height <= 0:
        return []
    rx, ry = min(max(rx, 0), width / 2), min(max(ry, 0), height / 2)
    if not rx or not ry:
        rx = ry = 0.0
    pen = Pen()
    pen.move(complex(x + rx, y))
    right, bottom = x + width, y + height
    for here, there in (
        (complex(right - rx, y), complex(right, y + ry)),
        (complex(right, bottom - ry), complex(right - rx, bottom)),
        (complex(x + rx, bottom), complex(x, bottom - ry)),
        (complex(x, y + ry), complex(x + rx, y)),
    ):
        if abs(here - pen.at) > NO_LENGTH:
            pen.line(here)
        if rx:
            pen.arc(rx, ry, 0, False, True, there)
    pen.close()
    return pen.contours


def _polygon(text: str, closed: bool) -> list[Contour]:
    if not text.strip():
        return []
    first, *rest = [complex(*xy) for xy in _arguments("L", text)]
    pen = Pen()
    pen.move(first)
    for point in rest:
        pen.line(point)
    pen.close() if closed else pen.lift()
    return pen.contours


def transform(text: str) -> np.ndarray:
    """The 3 x 3 matrix of a list of transforms, `text` as in `transform="..."`.

    Raises:
        ValueError: what cannot be read.
    """
    matrix = np.eye(3)
    call = re.compile(rf"{COMMA}(\w++)\s*+\(([^()]*+)\)\s*+")
    position = 0
    while position < len(text.rstrip()):
        match = call.match(text, position)
        step = _step(match[1].lower(), _angles_or_lengths(match[2])) if match else None
        if step is None:
            raise ValueError(f"has the transform {text[position:][:40]!r}, which cannot be read")
        matrix = matrix @ step
        position = match.end()
    return matrix


def _angles_or_lengths(text: str) -> list[float]:
    """Numbers of user units or degrees; none at all if one cannot be read."""
    numbers = re.compile(rf"{COMMA}({NUMBER})(?:px|deg)?\s*+")
    values, position = [], 0
    while match := numbers.match(text, position):
        values.append(_finite(match[1]))
        position = match.end()
    return values if position == len(text) else []


def _step(name: str, values: list[float]) -> np.ndarray | None:
    """One transform as a matrix; None for an unknown one or a wrong count of numbers."""
    a, b, c, d, e, f = 1.0, 0.0, 0.0, 1.0, 0.0, 0.0
    match name, values:
        case "matrix", [a, b, c, d, e, f]:
            pass
        case "translate", [e, *rest] if len(rest) < 2:
            f = rest[0] if rest else 0.0
        case "scale", [a, *rest] if len(rest) < 2:
            d = rest[0] if rest else a
        case "rotate", [degrees, *centre] if len(centre) in (0, 2):
            turn = cmath.exp(1j * math.radians(degrees))
            shift = complex(*centre) * (1 - turn)
            a, b, c, d, e, f = turn.real, turn.imag, -turn.imag, turn.real, shift.real, shift.imag
        case "skewx", [degrees]:
            c = math.tan(math.radians(degrees))
        case "skewy", [degrees]:
            b = math.tan(math.radians(degrees))
        case _:
            return None
    return np.array([[a, c, e], [b, d, f], [0, 0, 1]])


def fit(
    box: tuple[float, float, float, float], place: tuple[float, float, float, float], how: str
) -> np.ndarray:
    """The matrix that brings a viewBox to its place, both as x, y, width, height.

    `how` is the text of preserveAspectRatio.
    """
    scale = np.array([place[2] / box[2], place[3] / box[3]])
    align, *meet = how.split() or ["xMidYMid"]
    if align != "none":
        scale[:] = scale.max() if meet == ["slice"] else scale.min()
    share = np.array([
        0.0 if axis + "Min" in align else 1.0 if axis + "Max" in align else 0.5
        for axis in ("x", "Y")
    ])  # fmt: skip
    spare = np.array(place[2:]) - scale * np.array(box[2:])
    matrix = np.diag([*scale, 1.0])
    matrix[:2, 2] = np.array(place[:2]) - scale * np.array(box[:2]) + share * spare
    return matrix
