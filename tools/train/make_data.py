# SPDX-License-Identifier: LGPL-3.0-or-later
"""Render the training and the held-out pictures into memory-mapped arrays.

    python make_data.py --out DIR --split train --count 40000
    python make_data.py --out DIR --split held-out --count 2000

Pictures are drawn in chunks.  A chunk's scenes depend on the seed, the split
and its number only, so several workers (--worker 0/2, --worker 1/2) can share
the job, in any order, and an interrupted run goes on where it stopped.

Files: SPLIT-pictures.npy uint8 [n,3,128,128], SPLIT-rows.npy int8 [n,10]
(captions.COLUMNS), SPLIT-boxes.npy uint8 [n,2,4] (x0 y0 x1 y1 of each
object), SPLIT-done.npy (1 for each finished chunk), and with --depth also
SPLIT-depth.npy f16 and SPLIT-masks.npy uint8.
"""

import argparse
import os
import time

import numpy as np
import torch

from captions import sample_scenes
from render import SIZE, render, scene_parameters

CHUNK = 200
BATCH = 20
SPLITS = {"train": 0, "held-out": 1}


def boxes(masks):
    """Bounding boxes of masks [n,2,s,s] as uint8 [n,2,4]; zeros where empty."""
    solid = masks > 0.5
    ends = []
    for axis in (2, 3):
        seen = solid.any(axis).byte().numpy()  # axis 2: along x; 3: along y
        low = seen.argmax(-1)
        high = SIZE - 1 - seen[..., ::-1].argmax(-1)
        ends += [low, np.where(seen.any(-1), high, 0)]
    x0, x1, y0, y1 = ends
    return np.stack([x0, y0, x1, y1], -1).astype(np.uint8)


def chunk_scenes(seed, split, chunk):
    rng = np.random.default_rng([seed, SPLITS[split], chunk])
    rows = sample_scenes(CHUNK, rng, want_held_out=split == "held-out")
    return rows, scene_parameters(rows, rng)


def open_arrays(folder, split, count, depth):
    """The arrays of a split, made when they are not there yet."""
    shapes = {
        "pictures": ((count, 3, SIZE, SIZE), np.uint8),
        "rows": ((count, 10), np.int8),
        "boxes": ((count, 2, 4), np.uint8),
        "done": ((count // CHUNK,), np.uint8),
    }
    if depth:
        shapes["depth"] = ((count, SIZE, SIZE), np.float16)
        shapes["masks"] = ((count, 2, SIZE, SIZE), np.uint8)
    arrays = {}
    for name, (shape, kind) in shapes.items():
        path = os.path.join(folder, f"{split}-{name}.npy")
        if not os.path.exists(path):
            fresh = f"{path}.{os.getpid()}"
            np.lib.format.open_memmap(fresh, "w+", kind, shape).flush()
            try:
                os.link(fresh, path)
            except FileExistsError:
                pass
            os.remove(fresh)
        arrays[name] = np.lib.format.open_memmap(path, "r+")
        assert arrays[name].shape == shape, f"{path} was made with other options"
    return arrays


def draw_chunk(arrays, seed, split, chunk):
    rows, parameters = chunk_scenes(seed, split, chunk)
    start = chunk * CHUNK
    for i in range(0, CHUNK, BATCH):
        rgb, depth, masks = render(parameters[i : i + BATCH], compiled=True)
        part = slice(start + i, start + i + BATCH)
        arrays["pictures"][part] = rgb.numpy()
        arrays["boxes"][part] = boxes(masks)
        if "depth" in arrays:
            arrays["depth"][part] = depth.half().numpy()
            arrays["masks"][part] = (masks * 255 + 0.5).to(torch.uint8).numpy()
    arrays["rows"][start : start + CHUNK] = rows
    arrays["done"][chunk] = 1


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--out", required=True)
    parser.add_argument("--split", choices=SPLITS, default="train")
    parser.add_argument("--count", type=int, default=40000)
    parser.add_argument("--seed", type=int, default=2026)
    parser.add_argument("--worker", default="0/1", help="this worker / number of workers")
    parser.add_argument("--depth", action="store_true", help="keep depth and masks too")
    options = parser.parse_args()
    torch.set_num_threads(1)
    os.makedirs(options.out, exist_ok=True)
    count = options.count // CHUNK * CHUNK
    arrays = open_arrays(options.out, options.split, count, options.depth)
    worker, workers = map(int, options.worker.split("/"))
    begin, drawn = time.time(), 0
    for chunk in range(worker, count // CHUNK, workers):
        if arrays["done"][chunk]:
            continue
        draw_chunk(arrays, options.seed, options.split, chunk)
        drawn += CHUNK
        if drawn % (10 * CHUNK) == 0:
            print(f"{drawn} drawn, {drawn / (time.time() - begin):.0f}/s", flush=True)
    print(f"done: {drawn} in {time.time() - begin:.0f} s", flush=True)


if __name__ == "__main__":
    main()
