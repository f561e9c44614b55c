# SPDX-License-Identifier: LGPL-3.0-or-later
"""What a scene can hold, and the grammar that puts a scene into words.

A scene is one row of ten small integers (see COLUMNS).  Object 1 stands left
of object 2; a scene with one object has -1 in the columns of object 2.

Some combinations are held out: they are never rendered for training, only for
the evaluation (see `held_out`).
"""

import random

import numpy as np

SHAPES = ("sphere", "cube", "cylinder", "cone")
COLOURS = ("red", "green", "blue", "yellow", "orange", "purple", "white", "black")
SIZES = ("small", "large")
FLOORS = ("grey", "brown", "green", "blue", "pink")
SKIES = ("blue", "pink", "grey")

COLUMNS = (
    "count",
    "shape1",
    "colour1",
    "size1",
    "shape2",
    "colour2",
    "size2",
    "floor",
    "sky",
    "night",
)

# Other words for the same thing, used now and then.
SIZE_WORDS = (("small", "small", "small", "tiny"), ("large", "large", "large", "big"))
# Openings that say nothing about the scene.
OPENINGS = ("a picture of ", "a photo of ", "a render of ")
HOLD_OUT_SEED = 90
HOLD_OUT_SHARE = 0.10


def _hold_out_tables():
    """Two boolean tables: one-object combinations, unordered two-object pairs."""
    rng = np.random.default_rng(HOLD_OUT_SEED)
    one = rng.random((4, 8, 2, len(FLOORS), len(SKIES) + 1)) < HOLD_OUT_SHARE
    pair = np.triu(rng.random((32, 32)) < HOLD_OUT_SHARE)
    np.fill_diagonal(pair, False)
    return one, pair | pair.T


_ONE, _PAIR = _hold_out_tables()


def held_out(rows):
    """True for each scene whose combination is kept away from training.

    One object: 10 % of the combinations of shape, colour, size, floor and sky
    (night counts as one more sky).  Two objects: 10 % of the pairs of
    coloured shapes, whichever of them is on the left.
    """
    rows = np.asarray(rows)
    sky = np.where(rows[:, 9] == 1, len(SKIES), rows[:, 8])
    one = _ONE[rows[:, 1], rows[:, 2], rows[:, 3], rows[:, 7], sky]
    first, second = rows[:, 1] * 8 + rows[:, 2], rows[:, 4] * 8 + rows[:, 5]
    return np.where(rows[:, 0] == 1, one, _PAIR[first, second])


def sample_scenes(count, rng, two_share=0.5, night_share=0.28, want_held_out=False):
    """`count` scenes, all from the training part or all from the held-out part."""
    kept, total = [], 0
    while total < count:
        n = 2 * count if not want_held_out else 16 * count
        two = rng.random(n) < two_share
        rows = np.stack(
            [
                1 + two,
                rng.integers(0, 4, n),
                rng.integers(0, 8, n),
                rng.integers(0, 2, n),
                rng.integers(0, 4, n),
                rng.integers(0, 8, n),
                rng.integers(0, 2, n),
                rng.integers(0, len(FLOORS), n),
                rng.integers(0, len(SKIES), n),
                rng.random(n) < night_share,
            ],
            1,
        ).astype(np.int64)
        rows[~two, 4:7] = -1
        rows = rows[held_out(rows) == want_held_out]
        kept.append(rows)
        total += len(rows)
    return np.concatenate(kept)[:count]


def article(words):
    return ("an " if words[0] in "aeiou" else "a ") + words


def object_phrase(shape, colour, size, rng, full=False):
    """ "a large red cube", sometimes without the size, seldom without the colour."""
    words = []
    if full:
        words.append(SIZES[size])
    elif rng.random() < 0.5:
        words.append(rng.choice(SIZE_WORDS[size]))
    if full or rng.random() < 0.94:
        words.append(COLOURS[colour])
    words.append(SHAPES[shape])
    return article(" ".join(words))


def place_phrase(row, rng, full=False):
    """Where it stands and what the sky is like, each named about half the time."""
    text = ""
    if full or rng.random() < 0.55:
        text += f" on {article(FLOORS[row[7]])} floor"
    if row[9]:
        if full or rng.random() < 0.85:
            text += ", at night"
    elif full or rng.random() < 0.45:
        text += f", under {article(SKIES[row[8]])} sky"
    elif rng.random() < 0.3:
        text += ", by day"
    return text


def relation_phrase(first, second, rng, right_share):
    """Object 1 (on the left) and object 2 (on the right) in one phrase.

    `right_share` is the share of "right of" among the phrases that name a
    side.  Training raises it from 0 to one half: a model that first learns
    "the object named first is on the left" learns the opposite order later
    without trouble, one that sees both from the beginning learns neither.
    """
    kind = rng.random()
    if kind < 0.06:
        pair = [first, second]
        rng.shuffle(pair)
        return " and ".join(pair)
    to_the = "to the " if kind < 0.25 else ""
    if rng.random() < right_share:
        return f"{second} {to_the}right of {first}"
    return f"{first} {to_the}left of {second}"


def caption(row, rng=random, right_share=0.5, full=False):
    """One caption of a scene; `full` names size, colour, floor and sky."""
    row = [int(v) for v in row]
    text = object_phrase(*row[1:4], rng, full)
    if row[0] == 2:
        other = object_phrase(*row[4:7], rng, full)
        text = relation_phrase(text, other, rng, right_share)
    text += place_phrase(row, rng, full)
    if not full and rng.random() < 0.06:
        text = rng.choice(OPENINGS) + text
    return text


# Words of the grammar, and words that people are likely to write beside them.
GRAMMAR_WORDS = sorted(
    set(
        SHAPES
        + COLOURS
        + SIZES
        + FLOORS
        + SKIES
        + ("big", "tiny", "picture", "photo", "render")
        + tuple("a an left right of to the and on floor under sky by day at night".split())
    )
)
EXTRA_WORDS = sorted(set("""
about above abstract all animal another any background ball beach beautiful behind below beside
between big bird block boat bottle bottom bowl box bright building car cartoon castle cat center chair
city clean clear close clouds cloudy color colored colorful colour coloured colourful cubes cones
cylinders cup dark dawn desert detailed dog door drawing dusk evening eye face far field fire fish
flat flower food forest from front fruit garden girl glass gold grass gray hand hill horse house ice
image in inside is it lake landscape light little long man many metal middle modern moon morning
mountain near new next no not object objects ocean old one over paint painting paper people person
photo photograph picture plain plant portrait pyramid rain realistic render rendered river road rock
room round scene sea shadow shape shapes shiny ship side simple sketch smooth snow soft some
spheres square stars stone street style summer sun sunny sunrise sunset table tall that there this
three toy tree trees two up violet wall warm water wide wild window winter with without woman wood
wooden yellow young
""".split()) - set(GRAMMAR_WORDS))

# What dif.json says of the models, for people (plugin and po/ have the same sentences).
REAL_MODEL = (
    "A real model: dif pull sd15, or a checkpoint of your own in gimp-diffusion/models "
    "(see README)."
)
ABOUT_SCENES = (
    "A small demonstration that knows eight colors, four solids (sphere, cube, cylinder, cone), "
    "floors and skies. " + REAL_MODEL
)
ABOUT_RANDOM = (
    "A small demonstration that draws scenes of colored solids at random and follows no prompt. "
    + REAL_MODEL
)


# Colors of the latents of the autoencoder that these models share: latent_rgb.py.
LATENT_RGB = [
    [0.0752, 0.0108, 0.2678],
    [-0.2419, -0.5323, -0.5517],
    [-0.4654, -0.4131, -0.3285],
    [-0.2711, 0.01, -0.2615],
    [-0.0953, -0.1252, -0.1098],
]


def settings(defaults, has_prompt=True):
    """The content of a model's dif.json: its defaults, what it is, and all words it was taught."""
    if not has_prompt:
        return {**defaults, "about": ABOUT_RANDOM}
    return {
        **defaults,
        "about": ABOUT_SCENES,
        "latent-rgb": LATENT_RGB,
        "words": GRAMMAR_WORDS,
    }
