"""The colour of an icon: its name, and the icon in other colours."""

import numpy as np
from PIL import Image

from . import things

# An icon's main hue is all that lies within 40 degrees of the peak, in Pillow's 256 steps.
HUE_WINDOW = 40 * 256 // 360


def main_hue(hsv: np.ndarray, alpha: np.ndarray) -> tuple[int, np.ndarray] | None:
    """The hue (0..255) that most of a picture's saturated ink has, and the mask of that ink; None
    where there is none.

    Asked of it: a third of the ink is saturated, and 70 % of that lies within the window, so that
    "a red house" is red to the eye as well.
    """
    hue, saturation = hsv[..., 0].astype(int), hsv[..., 1]
    inked = alpha > 127
    vivid = inked & (saturation > 64) & (hsv[..., 2] > 40)
    if vivid.sum() < max(1, 0.33 * inked.sum()):
        return None
    counts = np.bincount(hue[vivid], minlength=256).astype(float)
    reach = range(-HUE_WINDOW, HUE_WINDOW + 1)
    # Weights that fall off, or a single hue would have a plateau of peaks around it.
    peak = int(sum((HUE_WINDOW - abs(by)) * np.roll(counts, by) for by in reach).argmax())
    near = np.abs((hue - peak + 128) % 256 - 128) <= HUE_WINDOW
    return (peak, near & (saturation > 40)) if (vivid & near).sum() >= 0.7 * vivid.sum() else None


def recolour(picture: np.ndarray) -> tuple[str | None, dict[str, np.ndarray]]:
    """Straight RGBA `[h, w, 4]` -> name of its main colour, and the picture in each other colour;
    (None, {}) if mixed."""
    hsv = np.asarray(Image.fromarray(picture[..., :3]).convert("HSV"))
    found = main_hue(hsv, picture[..., 3])
    if found is None:
        return None, {}
    peak, mask = found
    strong = hsv[mask & (picture[..., 3] > 127)]
    saturation, value = np.percentile(strong[:, 1], 80), np.percentile(strong[:, 2], 80)
    own = colour_name(peak * 360 / 256, saturation / 255, value / 255)
    variants = {}
    for name, (hue, saturate, brighten) in things.COLOURS.items():
        if name != own:
            new = hsv.astype(float)
            new[..., 0] = (
                peak
                if hue is None
                else hue * 256 / 360 + 0.3 * ((new[..., 0] - peak + 128) % 256 - 128)
            )
            new[..., 1] *= (
                saturate * 215 / saturation
            )  # 0.85 and 0.95: as vivid as the icon sets' own colours
            new[..., 2] *= brighten * 242 / value
            new = np.where(mask[..., None], new, hsv)
            new[..., 0] %= 256
            rgb = Image.fromarray(new.clip(0, 255).astype(np.uint8), "HSV").convert("RGB")
            variants[name] = np.dstack([np.asarray(rgb), picture[..., 3]])
    return own, variants


def colour_name(hue: float, saturation: float, value: float) -> str:
    """The everyday name of a vivid colour; hue in degrees, the others in [0, 1]."""
    if 5 <= hue < 38 and value < 0.75:
        return "brown"
    if hue < 15 or hue >= 345:
        return "pink" if saturation < 0.5 else "red"
    if hue < 38:
        return "orange"
    for limit, name in ((68, "yellow"), (170, "green"), (252, "blue"), (300, "purple")):
        if hue < limit:
            return name
    return "pink"
