"""Renders and gradients against exact ones; the figures are those of the README.

Where the data comes from is said in tests/data/README.md.
"""

from pathlib import Path

import numpy as np
import pytest
import torch

from clipdraw import Drawing, render
from clipdraw.drawing import Path as OnePath
from clipdraw.drawing import assemble
from tests.scenes import disc

DATA = Path(__file__).parent / "data"


def scene_of_strokes(seed: int) -> tuple[Drawing, dict[str, torch.Tensor]]:
    with np.load(DATA / f"parity_strokes_{seed}.npz") as file:
        data = {key: torch.from_numpy(file[key]).double() for key in file.files}
    points = data["offsets"].long().diff()
    drawing = Drawing(
        points=data["points"],
        segments=(points - 1) // 3,
        widths=2 * data["half_width"],
        colors=data["color"],
        picture=torch.zeros(len(points), dtype=torch.int64),
        width=224,
        height=224,
    )
    return drawing, data


def cosine(a, b) -> float:
    return float(torch.cosine_similarity(a.flatten(), b.flatten(), dim=0))


@pytest.mark.parametrize("seed", [0, 1])
def test_truth_of_strokes(seed):
    """Against exact pictures and exact gradients; the figures are those of the README."""
    drawing, data = scene_of_strokes(seed)
    leaves = {name: x.clone().requires_grad_() for name, x in drawing.floats.items()}
    picture = render(drawing.replace(**leaves))[0].permute(1, 2, 0)
    (picture * data["dL_dimg_white"]).sum().backward()
    noise = (picture.detach() - data["img_exact_white"]).square().mean()
    figures = {
        "psnr": float(-10 * noise.log10()),
        "points": cosine(leaves["points"].grad, data["exact_points"]),
        "widths": cosine(leaves["widths"].grad, data["exact_half_width"]),
        "colors": cosine(leaves["colors"].grad, data["fd_color"]),
        "pydiffvg's points": cosine(data["gwhite_points"], data["exact_points"]),
    }
    print("  ".join(f"{name} {value:.5f}" for name, value in figures.items()))
    assert figures["psnr"] > 58
    assert figures["points"] > 0.998
    assert figures["widths"] > 0.9999
    assert figures["colors"] > 0.99999
    assert figures["pydiffvg's points"] < 0.9


def test_truth_of_fills():
    """Discs, polygons with curved sides and a ring; the exact gradients are central differences."""
    with np.load(DATA / "parity_fills_0.npz") as file:
        data = {key: torch.from_numpy(file[key]) for key in file.files if key != "kinds"}
        data = {key: value.double() for key, value in data.items()}
        kinds = file["kinds"].tolist()
    leaves, paths = {}, []

    def leaf(name: str) -> torch.Tensor:
        leaves[name] = data[name].requires_grad_()
        return leaves[name]

    for k, kind in enumerate(kinds):
        if kind == "circle":
            unit = torch.tensor(disc(0, 0, 1.0), dtype=torch.float64)
            contours = [leaf(f"center{k}") + leaf(f"radius{k}") * unit]
        else:
            contours = [leaf(f"points{k}_{j}") for j in range(2) if f"points{k}_{j}" in data]
        paths.append(
            OnePath(
                contours=contours,
                closed=[True] * len(contours),
                width=torch.tensor(0.0, dtype=torch.float64),
                fill=leaf(f"color{k}"),
                fill_rule="evenodd" if kind in ("evenodd", "donut") else "nonzero",
            )
        )
    picture = render(assemble(paths, 224, 224))[0].permute(1, 2, 0)
    (picture * data["dL_dimg_white"]).sum().backward()

    def against(source: str, kind: str) -> float:
        names = [name for name in leaves if name.startswith(kind)]
        ours = torch.cat([leaves[name].grad.flatten() for name in names])
        return cosine(ours, torch.cat([data[f"{source}_{name}"].flatten() for name in names]))

    noise = (picture.detach() - data["img_exact_white"]).square().mean()
    figures = {
        "psnr": float(-10 * noise.log10()),
        "points": against("fd", "points"),
        "centres": against("fd", "center"),
        "radii": against("fd", "radius"),
        "colors": against("fd", "color"),
        "points, by pydiffvg": against("gwhite", "points"),
    }
    print("  ".join(f"{name} {value:.5f}" for name, value in figures.items()))
    assert figures["psnr"] > 60
    # Central differences over a fifth of a pixel are only so exact themselves; pydiffvg's are not
    # biased for fills.
    assert figures["points"] > 0.999
    assert figures["centres"] > 0.999
    assert figures["radii"] > 0.999
    assert figures["colors"] > 0.9999
    assert figures["points, by pydiffvg"] > 0.999
