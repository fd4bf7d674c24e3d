"""Colours in CIE Lab, where equal distances look about equally different, and the names people give them."""

import numpy as np

# several examples of one name, because a name covers a region: sRGB in 0..255
NAMED: tuple[tuple[str, tuple[int, int, int]], ...] = (
    ("black", (20, 20, 22)),
    ("black", (52, 52, 58)),
    ("grey", (96, 100, 106)),
    ("grey", (140, 145, 150)),
    ("grey", (190, 195, 200)),
    ("white", (240, 242, 244)),
    ("red", (221, 46, 68)),
    ("red", (165, 25, 35)),
    ("red", (245, 75, 45)),
    ("orange", (244, 144, 12)),
    ("orange", (240, 110, 40)),
    ("orange", (255, 180, 90)),
    ("yellow", (255, 204, 77)),
    ("yellow", (250, 225, 60)),
    ("yellow", (255, 236, 140)),
    ("green", (119, 178, 85)),
    ("green", (50, 120, 50)),
    ("green", (40, 170, 90)),
    ("green", (185, 205, 70)),
    ("green", (200, 225, 150)),
    ("blue", (60, 130, 220)),
    ("blue", (35, 70, 160)),
    ("light blue", (130, 200, 245)),
    ("light blue", (60, 190, 220)),
    ("purple", (140, 90, 180)),
    ("purple", (95, 40, 120)),
    ("pink", (245, 140, 185)),
    ("pink", (225, 70, 140)),
    ("pink", (250, 200, 192)),
    ("brown", (140, 85, 55)),
    ("brown", (85, 50, 35)),
    ("beige", (240, 212, 175)),
    ("beige", (205, 170, 130)),
)
_TO_XYZ = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
)
_WHITE = np.array([0.95047, 1.0, 1.08883])


def lab(srgb: np.ndarray) -> np.ndarray:
    """Return CIE Lab (D65) of sRGB colours.

    Args:
        srgb: '... 3' in [0, 1]; what lies outside is clipped.

    Returns:
        '... 3': lightness in [0, 100], then green to red and blue to yellow.

    Example:
        >>> lab(np.array([1.0, 0.0, 0.0])).round().tolist()
        [53.0, 80.0, 67.0]
    """
    srgb = np.clip(np.asarray(srgb, dtype=np.float64), 0, 1)
    linear = np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
    xyz = linear @ _TO_XYZ.T / _WHITE
    curved = np.where(xyz > (6 / 29) ** 3, np.cbrt(xyz), xyz * (29 / 6) ** 2 / 3 + 4 / 29)
    x, y, z = np.moveaxis(curved, -1, 0)
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=-1)


def colour_shares(picture: np.ndarray) -> dict[str, float]:
    """Return how much of what is not transparent has each named colour, the largest share first.

    Args:
        picture: 'h w 4', uint8, premultiplied alpha; a 16 px thumbnail is enough.

    Example:
        >>> picture = np.zeros((2, 2, 4), dtype=np.uint8)
        >>> picture[0] = (221, 46, 68, 255)
        >>> colour_shares(picture)
        {'red': 1.0}
    """
    flat = picture.reshape(-1, 4).astype(np.float64)
    solid = flat[flat[:, 3] >= 128]
    if not len(solid):
        return {}
    alpha = solid[:, 3:]
    apart = ((lab(solid[:, :3] / alpha)[:, None] - _NAMED_LAB[None]) ** 2).sum(-1)
    shares: dict[str, float] = {}
    for nearest, weight in zip(apart.argmin(1), alpha[:, 0] / alpha.sum(), strict=True):
        name = NAMED[nearest][0]
        shares[name] = shares.get(name, 0.0) + float(weight)
    return dict(sorted(shares.items(), key=lambda item: (-item[1], item[0])))


_NAMED_LAB = lab(np.array([rgb for _, rgb in NAMED]) / 255)
