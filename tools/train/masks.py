# SPDX-License-Identifier: LGPL-3.0-or-later
"""Regions as a painter selects them, and what a painter would write for them.

A region lies around an object (KIND_OBJECT), on the background
(KIND_BACKGROUND) or anywhere (KIND_ANY); its outline is a box, an ellipse or a
blob.  Regions are boolean arrays of the picture's size, True where to paint.
"""

import numpy as np

import captions
from render import SIZE

KIND_OBJECT, KIND_BACKGROUND, KIND_ANY = range(3)
KIND_SHARES = (0.62, 0.22, 0.16)
WHOLE_SHARE = 0.25  # of KIND_ANY: the whole picture

_Y, _X = np.mgrid[:SIZE, :SIZE] + 0.5


def box(x0, y0, x1, y1):
    return (_X > x0) & (_X < x1) & (_Y > y0) & (_Y < y1)


def ellipse(x0, y0, x1, y1):
    u = (_X - (x0 + x1) / 2) / max((x1 - x0) / 2, 1)
    v = (_Y - (y0 + y1) / 2) / max((y1 - y0) / 2, 1)
    return u * u + v * v < 1


def blob(x0, y0, x1, y1, rng):
    """An ellipse whose radius waves around the middle."""
    u = (_X - (x0 + x1) / 2) / max((x1 - x0) / 2, 1)
    v = (_Y - (y0 + y1) / 2) / max((y1 - y0) / 2, 1)
    angle, radius = np.arctan2(v, u), 1.0
    for k in range(2, 6):
        radius = radius + 0.22 / k * np.cos(k * angle + rng.uniform(0, 2 * np.pi))
    return np.hypot(u, v) < radius


def around(bounds, rng):
    """A region that holds the box `bounds` (x0 y0 x1 y1) with some space around it."""
    left, top, right, bottom = rng.uniform(3, 16, 4)
    x0, y0, x1, y1 = (float(v) for v in bounds)
    x0, y0, x1, y1 = x0 - left, y0 - top, x1 + 1 + right, y1 + 1 + bottom
    kind = rng.random()
    if kind < 0.45:
        return box(x0, y0, x1, y1)
    # An ellipse around a box needs sqrt(2) of its half axes to hold the corners.
    wide, high = 0.16 * (x1 - x0), 0.16 * (y1 - y0)
    x0, y0, x1, y1 = x0 - wide, y0 - high, x1 + wide, y1 + high
    return ellipse(x0, y0, x1, y1) if kind < 0.7 else blob(x0, y0, x1, y1, rng)


def anywhere(rng):
    """A region of 20 to 90 pixels a side, anywhere."""
    w, h = rng.uniform(20, 90, 2)
    x, y = rng.uniform(-0.2 * w, SIZE - 0.8 * w), rng.uniform(-0.2 * h, SIZE - 0.8 * h)
    kind = rng.random()
    if kind < 0.4:
        return box(x, y, x + w, y + h)
    return ellipse(x, y, x + w, y + h) if kind < 0.7 else blob(x, y, x + w, y + h, rng)


def background(inside, rng):
    """A region without objects (`inside`: True on objects), or None where none was found."""
    for _ in range(12):
        region = anywhere(rng)
        if region.any() and not (region & inside).any():
            return region
    return None


def draw(row, boxes, inside, rng):
    """One region of a scene: kind, which object (0 or 1; 0 where none) and the region."""
    kind = int(rng.choice(3, p=KIND_SHARES))
    if kind == KIND_OBJECT:
        which = int(rng.integers(row[0]))
        if boxes[which][2] > 0:
            return kind, which, around(boxes[which], rng)
    if kind == KIND_BACKGROUND:
        region = background(inside, rng)
        if region is not None:
            return kind, 0, region
    if rng.random() < WHOLE_SHARE:
        return KIND_ANY, 0, np.ones((SIZE, SIZE), bool)
    return KIND_ANY, 0, anywhere(rng)


def caption(row, kind, which, words, whole=False):
    """What a painter writes for a region: the object to appear, the place, or all of the scene.

    `whole`: the region is the whole picture, so only the scene will do.
    """
    row = [int(v) for v in row]
    if whole or kind == KIND_ANY or words.random() < 0.4:
        return captions.caption(row, words)
    if kind == KIND_OBJECT:
        text = captions.object_phrase(*row[1 + 3 * which : 4 + 3 * which], words)
        if words.random() < 0.3:
            text += captions.place_phrase(row, words)
        return text
    place = captions.place_phrase(row, words)
    return place.replace(" on ", "", 1).lstrip(", ")
