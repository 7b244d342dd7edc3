"""The figures as one HTML page that stands alone: no script, nothing from elsewhere.

All that people named (prompts, files, models) goes through `text`, and the page forbids itself to
load or run anything, should something slip through.
"""

import base64
import html
import io
from collections.abc import Sequence
from typing import Any

from torch import Tensor

from clipdraw.film import to_image
from losses.geometry import THRESHOLD
from predictors.drawings import Handed
from predictors.score.score import GUIDE, JUDGE, PERHAPS

CLASSES = {JUDGE: "judge", GUIDE: "guide", PERHAPS: "perhaps"}
# Of the curves: colours that are told apart by those who see no red or green (Okabe and Ito 2008),
# and dashes for who sees none at all.
PENS = (("#0072b2", "none"), ("#c24d00", "7 4"), ("#00795c", "2 3"))
# Of a chart in units of its own: its size, its margins, and the least distance between two labels.
CHART, LEFT, RIGHT, TOP, BOTTOM, APART = (360, 150), 38, 96, 10, 34, 13

STYLE = """
:root { color-scheme: light; }
* { box-sizing: border-box; }
body { font: 16px/1.5 system-ui, sans-serif; color: #1b1b1f; background: #fff; margin: 0 auto;
  max-width: 62rem; padding: 1.5rem; overflow-wrap: anywhere; }
h1 { font-size: 1.7rem; line-height: 1.2; margin: 0 0 .5rem; }
h2 { font-size: 1.15rem; margin: 0 0 .25rem; }
h3 { font-size: .95rem; margin: .9rem 0 .25rem; }
p { margin: .25rem 0 .6rem; max-width: 46rem; }
table { border-collapse: collapse; overflow-wrap: break-word; margin: .5rem 0 1rem;
  font-variant-numeric: tabular-nums; }
caption { text-align: left; font-weight: 600; padding-bottom: .25rem; }
th, td { text-align: left; padding: .25rem .9rem .25rem 0; border-bottom: 1px solid #dcdce2;
  vertical-align: top; }
thead th { font-weight: 500; color: #55555f; }
td.n, th.n { text-align: right; }
article { display: grid; grid-template-columns: 16rem 1fr; gap: 0 1.75rem; padding: 1.5rem 0;
  border-top: 2px solid #1b1b1f; }
figure { margin: 0; position: relative; }
figure .sheet { position: relative; border: 1px solid #b9b9c3; }
figure img, figure .over { display: block; width: 100%; height: auto; }
figure .over { position: absolute; inset: 0; height: 100%; }
figcaption { font-size: .85rem; color: #45454f; margin: .4rem 0 .8rem; }
.models { display: grid; grid-template-columns: repeat(auto-fit, minmax(14rem, 1fr)); gap: 0 2rem; }
.role { display: inline-block; font-size: .78rem; font-weight: 600; padding: 0 .5em;
  border: 1px solid; border-radius: 1em; white-space: nowrap; }
.role.judge { color: #0b5d34; background: #e7f5ec; }
.role.guide { color: #8a3a00; background: #fdf0e2; }
.role.perhaps { color: #45454f; background: #f0f0f4; border-style: dashed; }
ol { list-style: none; margin: .25rem 0; padding: 0; font-size: .9rem; }
ol li { display: grid; grid-template-columns: 1fr 3.5rem; position: relative; isolation: isolate;
  padding: 0 .3rem; margin-bottom: 2px; }
ol li.own { font-weight: 700; }
ol .bar { position: absolute; inset: 0 auto 0 0; background: #dfe6f5; z-index: -1;
  print-color-adjust: exact; -webkit-print-color-adjust: exact; }
ol .n { text-align: right; font-variant-numeric: tabular-nums; }
.chart { width: 100%; max-width: 30rem; height: auto; display: block;
  font: 11px system-ui, sans-serif; }
footer { border-top: 2px solid #1b1b1f; padding: 1.5rem 0; font-size: .92rem; }
dl { columns: 20rem; column-gap: 2rem; margin: 0; }
dt { font-weight: 600; break-after: avoid; } dd { margin: 0 0 .4rem; break-inside: avoid; }
@media (max-width: 44rem) { article { grid-template-columns: 1fr; } figure { max-width: 20rem; } }
@media print { body { padding: 0; font-size: 9.5pt; } article, footer { break-inside: avoid; }
  article { grid-template-columns: 4.5cm 1fr; padding: .75rem 0; } .chart { max-width: 9cm; } }
"""

WORDS = """<footer><h2>What the words mean</h2><dl>
<dt>similarity</dt><dd>The cosine between what a model makes of a drawing and of a prompt, at most
1. Cosines of two models cannot be compared; ranks can.</dd>
<dt>rank</dt><dd>The place of a drawing’s own prompt among all prompts by similarity; 1 is right.
</dd>
<dt>R-precision</dt><dd>The share of drawings whose own prompt has rank 1.</dd>
<dt>margin</dt><dd>How much more similar the own prompt is than the best other one; below 0, less.
</dd>
<dt><span class="role judge">judge</span></dt><dd>The drawing’s file says who guided it, and this
model is none of them.</dd>
<dt><span class="role guide">guide</span></dt><dd>This model pulled the drawing towards a prompt. It
likes what it asked for: its figures say how far it got, not how good the drawing is.</dd>
<dt><span class="role perhaps">unknown whether it guided</span></dt><dd>The file does not say who
guided the drawing, as no PNG does, or a guide was built as this model is.</dd>
<dt>ink</dt><dd>How far pixels are from the colour of the paper. The dashed circle is the one in
which the centre penalty leaves strokes alone; the cross is the ink’s centroid.</dd>
</dl></footer>"""


def page(scores: dict[str, Any], handed: Sequence[Handed]) -> str:
    """The page of what `score` found."""
    drawings = len(scores["drawings"])
    parts = [
        "<!DOCTYPE html>",
        '<html lang="en"><head><meta charset="utf-8">',
        '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; '
        "img-src data:; style-src 'unsafe-inline'\">",
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>Scores of {counted(drawings, 'drawing')}</title><style>{STYLE}</style></head>",
        "<body><header><h1>What models see in "
        f"{'this drawing' if drawings == 1 else f'these {drawings} drawings'}</h1>",
        f"<p>{text(scores['matching'])}</p>",
        precision_table(scores["models"]),
        "</header><main>",
        *(article(*pair) for pair in zip(scores["drawings"], handed, strict=True)),
        f"</main>{WORDS}</body></html>\n",
    ]
    return "\n".join(part for part in parts if part)


def text(value: str) -> str:
    """Something that people wrote, so that it is text and nothing else wherever it stands."""
    return html.escape("".join(c for c in value if c.isprintable()))


def counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'s' * (number != 1)}"


def signed(value: float, plus: str = "+") -> str:
    """Three decimals, with a minus that is one."""
    return f"{value:{plus}.3f}".replace("-", "−")


def chip(role: str) -> str:
    return f'<span class="role {CLASSES[role]}">{role}</span>'


def precision_table(models: dict[str, list[dict[str, Any]]]) -> str:
    """R-precision model by model; nothing where it means nothing."""
    if not any(models.values()):
        return ""
    rows = [
        f'<tr><th scope="row">{text(name)}</th><td>{chip(row["role"])}</td>'
        f'<td class="n">{row["drawings"]}</td><td class="n">{row["R-precision"]:.0%}</td>'
        f'<td class="n">{row["among the first five"]:.0%}</td>'
        f'<td class="n">{signed(row["margin"])}</td></tr>'
        for name, found in models.items()
        for row in found
    ]
    heads = "".join(
        f'<th scope="col"{kind}>{head}</th>'
        for head, kind in (
            ("model", ""), ("is to them", ""), ("drawings", ' class="n"'),
            ("R-precision", ' class="n"'), ("in the first five", ' class="n"'),
            ("mean margin", ' class="n"'),
        )
    )  # fmt: skip
    return (
        f"<table><caption>Over all drawings</caption><thead><tr>{heads}</tr></thead>"
        f"<tbody>{''.join(rows)}</tbody></table>"
    )


def article(found: dict[str, Any], one: Handed) -> str:
    """One drawing: its picture, what each model makes of it, and its curves."""
    belongs = f"<p>Its prompt: <b>{text(found['prompt'])}</b></p>" if found["prompt"] else ""
    models = "".join(opinion(name, seen, found["prompt"]) for name, seen in found["models"].items())
    curves = {n: seen["prefix_curve"] for n, seen in found["models"].items()}
    return (
        f"<article><figure>{sheet(found, one)}<figcaption>{about(found)}</figcaption></figure>"
        f"<div><h2><bdi>{text(found['name'])}</bdi></h2>{belongs}"
        f'<div class="models">{models}</div>{chart(curves) if found["strokes"] else ""}</div>'
        "</article>"
    )


def sheet(found: dict[str, Any], one: Handed) -> str:
    """The picture, and over it the circle and the ink's centroid."""
    _, height, width = one.picture.shape
    radius = THRESHOLD * min(height, width)
    cross = ""
    if centroid := found["composition"]["ink_centroid"]:
        x, y = centroid[0] * width, centroid[1] * height
        cross = "".join(
            f'<path d="M{x - 7:.1f} {y:.1f}h14M{x:.1f} {y - 7:.1f}v14" stroke="{colour}" '
            f'stroke-width="{wide}"/>'
            for colour, wide in (("#fff", 4), ("#1b1b1f", 1.5))
        )
    name = text(found["name"])
    return (
        f'<div class="sheet"><img src="{data_uri(one.picture)}" width="{width}" height="{height}" '
        f'alt="The drawing {name}"><svg class="over" viewBox="0 0 {width} {height}" '
        f'aria-hidden="true" fill="none"><circle cx="{width / 2}" cy="{height / 2}" '
        f'r="{radius:.1f}" stroke="#1b1b1f" stroke-opacity=".55" stroke-dasharray="4 4"/>{cross}'
        "</svg></div>"
    )


def data_uri(picture: Tensor) -> str:
    """A small picture inside of the page."""
    packed = io.BytesIO()
    to_image(picture).save(packed, format="WEBP", quality=85)
    return f"data:image/webp;base64,{base64.b64encode(packed.getvalue()).decode()}"


def about(found: dict[str, Any]) -> str:
    """What a drawing is and where it is on its canvas, in sentences."""
    made, where = found["composition"], []
    if found["strokes"]:
        where.append(f"{counted(found['strokes'], 'path')}.")
    if made["ink_centroid"]:
        x, y = made["ink_centroid"]
        where.append(f"The ink’s centroid is at {x:.0%} from the left and {y:.0%} from the top.")
        where.append(f"{made['ink_in_circle']:.0%} of the ink is within the circle.")
    else:
        where.append("There is no ink to be seen.")
    if made["points_off_canvas"] is not None:
        where.append(f"{made['points_off_canvas']:.0%} of the control points are off the canvas.")
    where += [f"The file {text(told)}." for told in found["left_out"]]
    return " ".join(where)


def opinion(name: str, seen: dict[str, Any], own: str | None) -> str:
    """What one model makes of one drawing."""
    likest = [(prompt, seen["similarity"][prompt]) for prompt in seen["retrieved"]]
    if own and own not in seen["retrieved"]:
        likest.append((own, seen["similarity"][own]))
    items = "".join(
        f'<li{" class=own" if prompt == own else ""}><span class="bar" '
        f'style="width:{100 * min(max(value, 0), 1):.1f}%"></span><span>{text(prompt)}</span>'
        f'<span class="n">{signed(value, "")}</span></li>'
        for prompt, value in likest
    )
    verdict = f"Sees <b>{text(seen['retrieved'][0])}</b>."
    if own:
        right = "✓ right" if seen["rank"] == 1 else f"✗ its own prompt has rank {seen['rank']}"
        lead = "" if seen["margin"] is None else f", margin {signed(seen['margin'])}"
        verdict = f"Sees <b>{text(seen['retrieved'][0])}</b>: {right}{lead}."
    return (
        f"<section><h3>{text(name)} {chip(seen['role'])}</h3><p>{verdict}</p>"
        f"<ol>{items}</ol></section>"
    )


def chart(curves: dict[str, dict[str, Any]]) -> str:
    """How similar the first strokes are to a prompt, model by model."""
    first = next(iter(curves.values()))["first"]
    values = [value for curve in curves.values() for value in curve["similarity"]]
    low, high = min(0.0, *values), max(0.1, *values)
    (width, height), steps = CHART, max(len(first) - 1, 1)
    right, bottom = width - RIGHT, height - BOTTOM

    def x(step: int) -> float:
        return LEFT + (right - LEFT) * step / steps

    def y(value: float) -> float:
        return bottom - (bottom - TOP) * (value - low) / (high - low)

    lines = [
        f'<path d="M{LEFT} {y(at):.1f}H{right}" stroke="#dcdce2"/>'
        f'<text x="{LEFT - 5}" y="{y(at) + 4:.1f}" text-anchor="end">{at:.2f}</text>'
        for at in sorted({0.0, round(high, 2)})
    ]
    lines += [
        f'<text x="{x(i):.1f}" y="{bottom + 14}" text-anchor="middle">{count}</text>'
        for i, count in enumerate(first)
    ]
    lines.append(
        f'<text x="{(LEFT + right) / 2}" y="{height - 4}" text-anchor="middle">first paths</text>'
    )
    ends = {name: y(curve["similarity"][-1]) for name, curve in curves.items()}
    labels = spread(ends, TOP, bottom)
    for (name, curve), (colour, dashes) in zip(curves.items(), PENS, strict=False):
        dots = [(x(i), y(value)) for i, value in enumerate(curve["similarity"])]
        points = " ".join(f"{a:.1f},{b:.1f}" for a, b in dots)
        lines.append(
            f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2" '
            f'stroke-dasharray="{dashes}"/>'
        )
        lines += [f'<circle cx="{a:.1f}" cy="{b:.1f}" r="2.5" fill="{colour}"/>' for a, b in dots]
        lines.append(
            f'<text x="{right + 8}" y="{labels[name] + 4:.1f}" fill="{colour}">{text(name[:16])}'
            "</text>"
        )
    followed = {name: curve["prompt"] for name, curve in curves.items()}
    if len(set(followed.values())) == 1:
        said = f"Similarity of the first paths to <b>{text(next(iter(followed.values())))}</b>"
    else:
        each = "; ".join(f"{text(n)}: <b>{text(p)}</b>" for n, p in followed.items())
        said = f"Similarity of the first paths to what each model sees in the end ({each})"
    told = "; ".join(
        f"{name} from {c['similarity'][0]:.3f} to {c['similarity'][-1]:.3f}"
        for name, c in curves.items()
    )
    return (
        f'<h3>In painter’s order</h3><p>{said}.</p><svg class="chart" role="img" '
        f'viewBox="0 0 {width} {height}" aria-label="{text(told)}">{"".join(lines)}</svg>'
    )


def spread(ends: dict[str, float], top: float, bottom: float) -> dict[str, float]:
    """Places for labels, near the ends of their lines and apart from each other."""
    placed, above = {}, top - APART
    for name in sorted(ends, key=ends.get):
        above = placed[name] = max(ends[name], above + APART)
    over = max(above - bottom, 0)
    return {name: at - over for name, at in placed.items()}
