"""The drawing: a handful of tensors, the same for every part of the project.

Conventions, said once and kept everywhere:

* coordinates are **canvas units**, x to the right, y down; the canvas is `width` x `height`,
  and pixel (i, j) of a render at that size covers `[j, j + 1) x [i, i + 1)`;
* `widths` are **full** stroke widths in canvas units (pydiffvg and CLIPDraw store half of it);
* colours are straight (not premultiplied) RGBA in [0, 1], with no gamma applied;
* later paths lie on top of earlier ones, and a path's stroke on top of its fill.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

# What is inside of a path that is filled; `Drawing.fill_rules` holds positions in this list.
FILL_RULES = ("none", "nonzero", "evenodd")
FLOAT_TYPES = (torch.float32, torch.float64)
# Fields with a row for each contour, and for each path, but for those that count through all.
OF_CONTOURS = ("segments", "closed")
OF_PATHS = ("widths", "colors", "stroked", "fill_rules", "fills")


@dataclass(frozen=True)
class Drawing:
    """A batch of one or more vector pictures made of paths: strokes, filled shapes, or both.

    A path is one contour or several (a ring has two). A contour is a chain of cubic Bezier
    segments: one of `n` segments owns `3 n + 1` consecutive rows of `points` (end, handle, handle,
    end, handle, ...), or `3 n` where it is closed, because its last segment leads back to its
    first point. Nothing is padded. A drawing has no resolution.

    Floats may be on any device; what counts and what belongs where stays on the CPU, so that
    nothing waits for a GPU to answer. With the last five fields left out, the drawing is made of
    open strokes, one contour each.
    """

    points: Float[Tensor, "points 2"]
    """Control points of all contours, canvas units."""
    segments: Int[Tensor, " contours"]
    """Cubic segments of each contour, at least 1."""
    widths: Float[Tensor, " paths"]
    """Full stroke width, canvas units."""
    colors: Float[Tensor, "paths 4"]
    """Of the strokes: straight RGBA, [0, 1]."""
    picture: Int[Tensor, " paths"]
    """Which picture of the batch each path belongs to; never decreases."""
    width: float
    height: float
    pictures: int = 1
    closed: Bool[Tensor, " contours"] = None
    """Whether each contour leads back to its first point."""
    path: Int[Tensor, " contours"] = None
    """The path that each contour belongs to: 0, 1, ... in order, each at least once."""
    stroked: Bool[Tensor, " paths"] = None
    """Whether each path has a stroke."""
    fill_rules: Int[Tensor, " paths"] = None
    """Whether and how each path is filled: a position in `FILL_RULES`. An open contour is filled
    as if a straight line closed it."""
    fills: Float[Tensor, "paths 4"] = None
    """Colours of the fills: straight RGBA, [0, 1]."""

    def __post_init__(self):
        contours, paths = len(self.segments), len(self.widths)
        defaults = {
            "closed": lambda: torch.zeros(contours, dtype=torch.bool),
            "path": lambda: torch.arange(contours),
            "stroked": lambda: torch.ones(paths, dtype=torch.bool),
            "fill_rules": lambda: torch.zeros(paths, dtype=torch.int64),
            "fills": lambda: torch.zeros_like(self.colors, requires_grad=False),
        }
        for name, default in defaults.items():
            # Fills that nothing shows follow the colours to their type and device.
            unseen = name == "fills" and not self.fill_rules.any()
            if getattr(self, name) is None or unseen:
                object.__setattr__(self, name, default())
        for name in ("segments", "closed", "path", "picture", "stroked", "fill_rules"):
            object.__setattr__(self, name, getattr(self, name).cpu())
        self._check_shapes(contours, paths)
        self._check_structure(paths)

    def _check_shapes(self, contours: int, paths: int) -> None:
        shapes = {
            "closed": (contours,),
            "path": (contours,),
            "widths": (paths,),
            "colors": (paths, 4),
            "fills": (paths, 4),
            "picture": (paths,),
            "stroked": (paths,),
            "fill_rules": (paths,),
        }
        for name, shape in shapes.items():
            self._check_shape(name, shape)
        self._check_shape("points", (int(self.points_of_contour.sum()), 2))
        for name in ("points", "widths", "colors", "fills"):
            values = getattr(self, name)
            if values.dtype not in FLOAT_TYPES or values.dtype != self.points.dtype:
                raise ValueError(
                    f"{name} is {values.dtype} and points is {self.points.dtype}; a drawing is "
                    "float32 or float64 throughout"
                )
            if values.device != self.points.device:
                raise ValueError(
                    f"{name} is on {values.device} and points on {self.points.device}; "
                    "move the whole drawing with .to(device)"
                )

    def _check_shape(self, name: str, shape: tuple[int, ...]) -> None:
        came = tuple(getattr(self, name).shape)
        if came != shape:
            raise ValueError(
                f"{name} has shape {list(came)}, but {self.paths} paths of "
                f"{int(self.segments.sum())} segments in all need {list(shape)}"
            )

    def _check_structure(self, paths: int) -> None:
        for name in ("segments", "path", "picture", "fill_rules", "closed", "stroked"):
            kind = getattr(self, name).dtype
            wanted = torch.bool if name in ("closed", "stroked") else torch.int64
            if kind != wanted:
                raise ValueError(f"{name} is {kind}; give {wanted}")
        if len(self.segments) and int(self.segments.min()) < 1:
            raise ValueError(f"segments holds {int(self.segments.min())}; a contour has 1 or more")
        steps = self.path.diff(prepend=torch.tensor([-1]), append=torch.tensor([paths])).tolist()
        if steps[0] != 1 or steps[-1] != 1 or not {0, 1}.issuperset(steps):
            raise ValueError(
                f"path must count 0, 1, ... {paths - 1} in order, each at least once, "
                f"got {self.path.tolist()[:20]}"
            )

    @property
    def paths(self) -> int:
        """Number of paths in all pictures together."""
        return len(self.widths)

    @property
    def points_of_contour(self) -> Int[Tensor, " contours"]:
        """How many rows of `points` each contour owns."""
        return 3 * self.segments + 1 - self.closed.long()

    @property
    def path_of_point(self) -> Int[Tensor, " points"]:
        """The path that each row of `points` belongs to."""
        return self.path.repeat_interleave(self.points_of_contour)

    @property
    def floats(self) -> dict[str, Tensor]:
        """The tensors that an optimiser moves, by name; `fills` only where something is filled."""
        floats = {"points": self.points, "widths": self.widths, "colors": self.colors}
        return floats | ({"fills": self.fills} if self.fill_rules.any() else {})

    def replace(self, **changes) -> Drawing:
        """A copy with some fields changed (they are checked again)."""
        return replace(self, **changes)

    def to(self, *args, **kwargs) -> Drawing:
        """All floats through `Tensor.to(...)`."""
        names = ("points", "widths", "colors", "fills")
        return self.replace(**{name: getattr(self, name).to(*args, **kwargs) for name in names})

    def detach(self) -> Drawing:
        """A snapshot: same values, no graph, no shared memory."""
        return self.replace(**{k: v.detach().clone() for k, v in self.floats.items()})

    def fitted(self, width: float, height: float) -> Drawing:
        """Brought to another canvas, as large as fits, in the middle."""
        scale = min(width / self.width, height / self.height)
        corner = [(width - scale * self.width) / 2, (height - scale * self.height) / 2]
        return self.replace(
            points=self.points * scale + self.points.new_tensor(corner),
            widths=self.widths * scale,
            width=float(width),
            height=float(height),
        )

    def take(self, paths: Int[Tensor, " taken"]) -> Drawing:
        """The paths with these numbers, in this order; a number may come more than once."""
        contours_of_path = torch.bincount(self.path, minlength=self.paths)
        contours = _runs(contours_of_path, paths)
        points = _runs(self.points_of_contour, contours)
        return self.replace(
            points=self.points[points],
            path=torch.arange(len(paths)).repeat_interleave(contours_of_path[paths]),
            picture=self.picture[paths],
            **{name: getattr(self, name)[contours] for name in OF_CONTOURS},
            **{name: getattr(self, name)[paths] for name in OF_PATHS},
        )

    def select(self, paths: Bool[Tensor, " paths"]) -> Drawing:
        """Only the paths for which `paths` is true, in the same order."""
        return self.take(paths.nonzero().squeeze(1))

    def repeat(self, times: int) -> Drawing:
        """Every picture so many times, its copies side by side. (Gradients add up.)"""
        paths = torch.bincount(self.picture, minlength=self.pictures).tolist()
        contours = torch.bincount(self.picture[self.path], minlength=self.pictures).tolist()
        points = torch.bincount(self.picture[self.path_of_point], minlength=self.pictures).tolist()

        def over(rows: Tensor, counts: list[int]) -> Tensor:
            each = [part.repeat(times, *[1] * (rows.dim() - 1)) for part in rows.split(counts)]
            return torch.cat(each) if each else rows

        copies = torch.arange(self.pictures * times).repeat_interleave
        contours_of_path = over(torch.bincount(self.path, minlength=self.paths), paths)
        return self.replace(
            points=over(self.points, points),
            path=torch.arange(len(contours_of_path)).repeat_interleave(contours_of_path),
            picture=copies(torch.tensor(paths).repeat_interleave(times)),
            pictures=self.pictures * times,
            **{name: over(getattr(self, name), contours) for name in OF_CONTOURS},
            **{name: over(getattr(self, name), paths) for name in OF_PATHS},
        )

    def pick(self, pictures: Sequence[int]) -> Drawing:
        """Only these pictures of the batch, whose numbers ascend."""
        numbers = torch.tensor(pictures)
        some = self.select(torch.isin(self.picture, numbers))
        renumbered = torch.searchsorted(numbers, some.picture)
        return some.replace(picture=renumbered, pictures=len(numbers))

    def split(self) -> list[Drawing]:
        """The batch as a list of single pictures."""
        return [self.pick([index]) for index in range(self.pictures)]

    def each_path(self) -> Iterator[Path]:
        """The paths one by one, with views of the drawing's tensors."""
        contours = self.points.split(self.points_of_contour.tolist())
        closed, stroked, rules = (x.tolist() for x in (self.closed, self.stroked, self.fill_rules))
        ends = torch.bincount(self.path, minlength=self.paths).cumsum(0).tolist()
        for i, (first, end) in enumerate(zip([0, *ends], ends, strict=False)):
            yield Path(
                contours=contours[first:end],
                closed=closed[first:end],
                width=self.widths[i],
                color=self.colors[i] if stroked[i] else None,
                fill=self.fills[i] if rules[i] else None,
                fill_rule=FILL_RULES[rules[i] or 1],
            )


@dataclass(frozen=True)
class Path:
    """One path on its own, for code that takes them one at a time."""

    contours: Sequence[Float[Tensor, "_ 2"]]
    """Control points of each contour."""
    closed: Sequence[bool]
    """Whether each contour leads back to its first point (which is not repeated)."""
    width: Float[Tensor, ""]
    """Full stroke width."""
    color: Float[Tensor, " 4"] | None = None
    """Straight RGBA of the stroke; None for no stroke."""
    fill: Float[Tensor, " 4"] | None = None
    """Straight RGBA of the fill; None for no fill."""
    fill_rule: str = "nonzero"


def assemble(paths: Sequence[Path], width: float, height: float) -> Drawing:
    """A single picture from its paths, in painter's order. No path gives a blank drawing."""
    contours = [points for path in paths for points in path.contours]
    closed = torch.tensor([c for path in paths for c in path.closed], dtype=torch.bool)
    counts = torch.tensor([len(points) for points in contours], dtype=torch.int64)
    nothing = torch.zeros(4)
    rules = [FILL_RULES.index(p.fill_rule) if p.fill is not None else 0 for p in paths]
    contours_of_path = torch.tensor([len(path.contours) for path in paths], dtype=torch.int64)

    def stack(rows: list[Tensor], *shape: int) -> Tensor:
        return torch.stack(rows) if rows else torch.zeros(0, *shape)

    return Drawing(
        points=torch.cat(contours) if contours else torch.zeros(0, 2),
        segments=(counts - 1 + closed.long()) // 3,
        widths=stack([p.width for p in paths]),
        colors=stack([nothing.to(p.width) if p.color is None else p.color for p in paths], 4),
        picture=torch.zeros(len(paths), dtype=torch.int64),
        width=float(width),
        height=float(height),
        closed=closed,
        path=torch.arange(len(paths)).repeat_interleave(contours_of_path),
        stroked=torch.tensor([p.color is not None for p in paths], dtype=torch.bool),
        fill_rules=torch.tensor(rules, dtype=torch.int64),
        fills=stack([nothing.to(p.width) if p.fill is None else p.fill for p in paths], 4),
    )


def join(drawings: Sequence[Drawing]) -> Drawing:
    """Several drawings on canvases of one size as one batch, in the order given."""
    canvases = {(d.width, d.height) for d in drawings}
    if len(canvases) != 1:
        raise ValueError(f"drawings to join need one canvas size, got {sorted(canvases)}")
    merged = {
        name: torch.cat([getattr(d, name) for d in drawings])
        for name in ("points", *OF_CONTOURS, *OF_PATHS)
    }
    *first_path, _ = accumulate((d.paths for d in drawings), initial=0)
    *first, pictures = accumulate((d.pictures for d in drawings), initial=0)
    path = torch.cat([d.path + start for d, start in zip(drawings, first_path, strict=True)])
    picture = torch.cat([d.picture + start for d, start in zip(drawings, first, strict=True)])
    return drawings[0].replace(**merged, path=path, picture=picture, pictures=pictures)


def _runs(lengths: Int[Tensor, " runs"], taken: Int[Tensor, " taken"]) -> Int[Tensor, " rows"]:
    """Rows of the runs `taken`, where runs of these `lengths` follow one another."""
    starts, lengths = (lengths.cumsum(0) - lengths)[taken], lengths[taken]
    shift = starts - (lengths.cumsum(0) - lengths)
    return shift.repeat_interleave(lengths) + torch.arange(int(lengths.sum()))
