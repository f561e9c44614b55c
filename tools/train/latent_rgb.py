#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-3.0-or-later
"""Fits the "latent-rgb" of a model's dif.json: colors of its latents, for previews.

Give it dumps of whole pictures (`dif txt2img --dump FILE.safetensors`): the last latents
of each against its picture, shrunk to their size.  Prints the rows, one a channel and one
for what is there without any, and how well they do.
"""
import json
import sys

import numpy as np
from safetensors.numpy import load_file


def samples(path):
    """Latents [N, C + 1], the last channel being 1, and colors [N, 3] in [-1, 1]."""
    dump = load_file(path)
    last = max((n for n in dump if n.startswith("latents.")), key=lambda n: int(n.split(".")[1]))
    latents, image = dump[last], dump["image"] * 2 - 1
    n, c, h, w = latents.shape
    factor = image.shape[2] // h
    image = image.reshape(n, 3, h, factor, w, factor).mean(axis=(3, 5))
    latents = np.concatenate([latents, np.ones((n, 1, h, w), latents.dtype)], axis=1)
    return (
        latents.transpose(0, 2, 3, 1).reshape(-1, c + 1),
        image.transpose(0, 2, 3, 1).reshape(-1, 3),
    )


def main():
    both = [samples(path) for path in sys.argv[1:]]
    x = np.concatenate([b[0] for b in both]).astype(np.float64)
    y = np.concatenate([b[1] for b in both]).astype(np.float64)
    rows = np.linalg.lstsq(x, y, rcond=None)[0]
    error = np.clip(x @ rows, -1, 1) - y
    print(json.dumps([[round(v, 4) for v in row] for row in rows.tolist()]))
    print("PSNR %.1f dB" % (10 * np.log10(4 / np.mean(error**2))), file=sys.stderr)


if __name__ == "__main__":
    main()
