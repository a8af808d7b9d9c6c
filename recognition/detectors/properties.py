"""How sharp, bright and contrasty an image is, and which colours it is made of: plain numpy, a few milliseconds."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from recognition.detectors import Findings
from recognition.image import PreparedImage
from recognition.result import DominantColor, Properties

_LONGEST_SIDE = 512
_MAX_COLORS = 6
_MIN_PERCENT = 2.0
_BINS = 16
_MERGE_DISTANCE = 18.0
"""Lab distance (CIE76) under which two colours count as one; about eight times the just noticeable difference."""

_SHARPEST_VARIANCE = 10_000.0
_LUMA = np.array([0.299, 0.587, 0.114], dtype=np.float32)

_NAMED_COLORS: Final[tuple[tuple[str, tuple[int, int, int]], ...]] = (
    ("black", (0, 0, 0)),
    ("dark grey", (64, 64, 64)),
    ("grey", (128, 128, 128)),
    ("light grey", (200, 200, 200)),
    ("white", (255, 255, 255)),
    ("red", (220, 20, 30)),
    ("red", (165, 45, 20)),
    ("dark red", (120, 10, 20)),
    ("pink", (250, 170, 190)),
    ("magenta", (210, 30, 150)),
    ("orange", (250, 140, 20)),
    ("orange", (215, 85, 35)),
    ("peach", (250, 200, 165)),
    ("brown", (120, 70, 35)),
    ("brown", (160, 95, 50)),
    ("dark brown", (60, 40, 28)),
    ("tan", (195, 160, 120)),
    ("beige", (230, 220, 195)),
    ("yellow", (250, 220, 40)),
    ("olive", (120, 115, 40)),
    ("lime", (160, 220, 50)),
    ("green", (40, 150, 60)),
    ("dark green", (20, 70, 35)),
    ("dark green", (45, 75, 30)),
    ("light green", (160, 215, 160)),
    ("teal", (20, 125, 125)),
    ("dark teal", (5, 60, 60)),
    ("turquoise", (70, 210, 205)),
    ("sky blue", (140, 195, 240)),
    ("blue", (35, 90, 210)),
    ("slate blue", (90, 115, 150)),
    ("blue", (45, 105, 165)),
    ("navy", (15, 25, 85)),
    ("navy", (40, 55, 85)),
    ("purple", (115, 40, 150)),
    ("lavender", (195, 175, 230)),
)
"""Names as people use them; a name that covers much ground has more than one row."""


class PropertiesDetector:
    """Measures the picture itself; it names nothing in it.

    All on a copy reduced by whole steps to at most 512 px. Sharpness: variance of the Laplacian of the luma
    (Pech-Pacheco et al., "Diatom autofocusing in brightfield microscopy", 2000), on a logarithmic scale where 0 is a
    variance of 1 or less and 100 one of 10,000 or more. Brightness: mean luma (ITU-R BT.601), 100 being white.
    Contrast: standard deviation of the luma, 100 being half black, half white. Colours: at most six, each the mean of
    its pixels, shares in percent of all pixels.
    """

    name: Final = "properties"
    version: Final = "1"
    paid: Final = False
    settings: Final[Mapping[str, object]] = {"colors": _MAX_COLORS, "longest_side": _LONGEST_SIDE}

    def detect(self, image: PreparedImage) -> Findings:
        pixels = _reduced(image.pixels)
        luma = pixels @ _LUMA
        properties = Properties(
            sharpness=_sharpness(luma),
            brightness=_percent(float(luma.mean()) / 255),
            contrast=_percent(float(luma.std()) / 127.5),
            dominant_colors=_dominant_colors(pixels.reshape(-1, 3)),
            detector=self.name,
        )
        return Findings(properties=properties)


def _percent(fraction: float) -> float:
    return round(min(max(fraction, 0.0), 1.0) * 100, 2)


def _reduced(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Every n-th pixel of every n-th row: averaging would hide the very blur that sharpness looks for."""
    step = math.ceil(max(pixels.shape[:2]) / _LONGEST_SIDE)
    return pixels[::step, ::step].astype(np.float32)


def _sharpness(luma: NDArray[np.float32]) -> float:
    if min(luma.shape) < 3:
        return 0.0
    center = luma[1:-1, 1:-1]
    laplacian = luma[:-2, 1:-1] + luma[2:, 1:-1] + luma[1:-1, :-2] + luma[1:-1, 2:] - 4 * center
    variance = float(laplacian.var())
    return _percent(math.log(max(variance, 1.0)) / math.log(_SHARPEST_VARIANCE))


def _dominant_colors(pixels: NDArray[np.float32]) -> tuple[DominantColor, ...]:
    """Count the pixels in a coarse RGB histogram, then merge its bins, fullest first, into colours that look alike."""
    bins = (pixels // (256 // _BINS)).astype(np.intp)
    index = (bins[:, 0] * _BINS + bins[:, 1]) * _BINS + bins[:, 2]
    counts = np.bincount(index, minlength=_BINS**3)
    sums: NDArray[np.float64] = np.stack(
        [np.bincount(index, weights=pixels[:, c], minlength=_BINS**3) for c in range(3)], axis=1
    )
    filled = np.flatnonzero(counts)
    order = filled[np.argsort(-counts[filled], kind="stable")]
    clusters = _merged(counts[order], sums[order])
    shares = [(100 * count / len(pixels), total / count) for count, total in clusters]
    kept = [share for share in shares if share[0] >= _MIN_PERCENT][:_MAX_COLORS]
    return tuple(_named(rgb, percent) for percent, rgb in kept)


def _merged(counts: NDArray[np.intp], sums: NDArray[np.float64]) -> list[tuple[int, NDArray[np.float64]]]:
    """(pixels, summed RGB) of each colour, largest first. `counts` must be in descending order."""
    lab = _lab(sums / counts[:, None])
    left = np.ones(len(counts), dtype=bool)
    clusters: list[tuple[int, NDArray[np.float64]]] = []
    for seed in range(len(counts)):
        if not left[seed]:
            continue
        near = left & (np.linalg.norm(lab - lab[seed], axis=1) <= _MERGE_DISTANCE)
        clusters.append((int(counts[near].sum()), sums[near].sum(axis=0)))
        left &= ~near
    return sorted(clusters, key=lambda cluster: -cluster[0])


def _named(rgb: NDArray[np.float64], percent: float) -> DominantColor:
    red, green, blue = (int(channel) for channel in np.rint(rgb))
    nearest = int(np.argmin(np.linalg.norm(_NAMED_LAB - _lab(rgb[None]), axis=1)))
    return DominantColor(f"#{red:02x}{green:02x}{blue:02x}", _NAMED_COLORS[nearest][0], round(percent, 2))


def _lab(rgb: NDArray[np.float64]) -> NDArray[np.float64]:
    """n x 3 sRGB (0 to 255) as CIE 1976 L*a*b* under D65 (IEC 61966-2-1)."""
    fraction = rgb / 255
    linear = np.where(fraction <= 0.04045, fraction / 12.92, ((fraction + 0.055) / 1.055) ** 2.4)
    xyz = linear @ _XYZ_FROM_RGB.T / _WHITE
    cube = np.where(xyz > (6 / 29) ** 3, np.cbrt(xyz), xyz / (3 * (6 / 29) ** 2) + 4 / 29)
    x, y, z = cube[:, 0], cube[:, 1], cube[:, 2]
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=1)


_XYZ_FROM_RGB = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
)
_WHITE = np.array([0.95047, 1.0, 1.08883])
_NAMED_LAB = _lab(np.array([rgb for _, rgb in _NAMED_COLORS], dtype=np.float64))
