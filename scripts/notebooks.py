"""Run the notebooks and keep in them what they print and show: `scripts/notebooks [NAME ...]`.

Cells run as Jupyter runs them, one after the other in the notebook's folder, but without Jupyter:
its kernels are a hundred packages, and what we need of them is a loop.
"""

import ast
import base64
import hashlib
import io
import json
import os
import sys
from contextlib import chdir, redirect_stdout
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parent.parent / "notebooks"


def main(argv: list[str], folder: Path = FOLDER) -> int:
    """The command line; returns the exit code."""
    known = {file.stem: file for file in sorted(folder.glob("*.ipynb"))}
    if unknown := [name for name in argv if name not in known]:
        print(
            f"scripts/notebooks: there is no notebook {unknown[0]!r}; choose of {', '.join(known)}",
            file=sys.stderr,
        )
        return 2
    for name in argv or known:
        notebook = load(known[name])
        with chdir(folder):
            run(notebook, folder)
        save(notebook, known[name])
        print(f"{name}: {known[name].stat().st_size / 1000:.0f} kB")
    return 0


def load(file: Path) -> dict[str, Any]:
    return json.loads(file.read_text(encoding="utf-8"))


def save(notebook: dict[str, Any], file: Path) -> None:
    """Write a notebook as Jupyter does, so that a look at it there changes nothing."""
    file.write_text(json.dumps(notebook, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def run(notebook: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Run all cells where we are, and put what they print and show in their place.

    Args:
        notebook: as `load` gives it; changed.
        folder: where the notebook finds its own modules.

    Returns:
        what the cells have defined.
    """
    names: dict[str, Any] = {"__name__": "__main__"}
    sys.path.insert(0, os.fspath(folder))
    try:
        for number, cell in enumerate(code_cells(notebook), start=1):
            cell["outputs"] = outputs("".join(cell["source"]), names, number)
            cell["execution_count"] = number
    finally:
        sys.path.remove(os.fspath(folder))
    notebook["metadata"]["ran"] = fingerprint(notebook)
    return names


def code_cells(notebook: dict[str, Any]) -> list[dict[str, Any]]:
    return [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]


def fingerprint(notebook: dict[str, Any]) -> str:
    """Of the code: what a notebook shows is out of date when this is not in its metadata."""
    code = "\n\n".join("".join(cell["source"]) for cell in code_cells(notebook))
    return hashlib.sha256(code.encode()).hexdigest()[:16]


def outputs(source: str, names: dict[str, Any], number: int) -> list[dict[str, Any]]:
    """What a cell prints, and its last expression, as nbformat 4 has them."""
    tree = ast.parse(source)
    shown = [tree.body.pop()] if tree.body and isinstance(tree.body[-1], ast.Expr) else []
    printed = io.StringIO()
    with redirect_stdout(printed):
        exec(compile(tree, f"cell {number}", "exec"), names)
        values = [
            eval(compile(ast.Expression(last.value), f"cell {number}", "eval"), names)
            for last in shown
        ]
    found = []
    if text := printed.getvalue():
        found.append(
            {"output_type": "stream", "name": "stdout", "text": text.splitlines(keepends=True)}
        )
    for value in values:
        if value is not None:
            found.append(
                {
                    "output_type": "execute_result",
                    "execution_count": number,
                    "data": data(value),
                    "metadata": {},
                }
            )
    return found


def data(value: Any) -> dict[str, Any]:
    """A value by MIME type, as IPython asks for it."""
    png = value._repr_png_() if hasattr(value, "_repr_png_") else None
    if png is None:
        return {"text/plain": repr(value).splitlines(keepends=True)}
    # Without an address in memory, which would be another one each time.
    text = f"<{type(value).__name__}>"
    return {"image/png": base64.b64encode(png).decode(), "text/plain": [text]}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
