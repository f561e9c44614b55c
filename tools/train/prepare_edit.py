# SPDX-License-Identifier: LGPL-3.0-or-later
"""Encode what inpainting and depth2img are trained on: pictures, masked pictures, depth maps.

    python prepare_edit.py --data DIR --model ../../data/models/tiny-scenes \\
        --depth depth.pt --out DIR --count 6000

Writes one file for PER_FILE pictures; those that are there are kept, so an
interrupted run goes on, and the trainer takes what is there.  Each picture has
REGIONS regions (masks.py), and two depth maps at the latents' size, scaled as the
pipeline does: from the true depth and from what the depth model estimates.
"""

import argparse
import os
import time

import numpy as np
import torch
from diffusers import AutoencoderKL
from torch.nn import functional as F

import common
import masks
from train_depth import Views, inverse_depth, make_dpt

PER_FILE = 250
REGIONS = 2
BATCH = 10


def map_of(depth, size):
    """Depth maps [n,h,w] to the latents' size and to -1..1, as the depth2img pipeline does."""
    depth = F.interpolate(depth[:, None], size=size, mode="bicubic", align_corners=False)
    low, high = depth.amin((1, 2, 3), keepdim=True), depth.amax((1, 2, 3), keepdim=True)
    return 2 * (depth - low) / (high - low).clamp(min=1e-6) - 1


def encode(vae, x):
    """Mean and deviation of the latents."""
    with torch.no_grad(), common.autocast():
        moments = vae.quant_conv(vae.encoder(x).float()).float()
    mean, log_variance = moments.chunk(2, 1)
    return mean, torch.exp(0.5 * log_variance.clamp(-20, 10))


def regions_of(rows, boxes, solid, rng):
    """Kinds, objects and regions of some scenes, REGIONS each."""
    drawn = [
        masks.draw(rows[k], boxes[k], solid[k], rng)
        for k in range(len(rows))
        for _ in range(REGIONS)
    ]
    kinds, objects, regions = zip(*drawn)
    return np.array(kinds, np.int8), np.array(objects, np.int8), np.stack(regions)


class Source:
    """The rendered pictures and the networks that they go through."""

    def __init__(self, options):
        self.views = Views(options.data)
        base = os.path.join(options.data, "train")
        self.rows = np.load(base + "-rows.npy", mmap_mode="r")
        self.masks = np.load(base + "-masks.npy", mmap_mode="r")
        self.vae = AutoencoderKL.from_pretrained(
            f"{options.model}/vae", torch_dtype=torch.float32
        ).eval()
        self.dpt = make_dpt().eval()
        self.dpt.load_state_dict(torch.load(options.depth, weights_only=False)["average"])

    @torch.no_grad()
    def prepare(self, pick, rng):
        """The arrays of one file for the pictures `pick`."""
        views = self.views
        x, depth = views.pair(pick)
        solid = (self.masks[pick] > 127).any(1)
        kinds, objects, regions = regions_of(self.rows[pick], views.boxes[pick], solid, rng)
        region = torch.from_numpy(regions)[:, None]
        hidden = torch.where(region, 0.0, x.repeat_interleave(REGIONS, 0))
        latents, masked = [], []
        for i in range(0, len(pick), BATCH):
            latents.append(encode(self.vae, x[i : i + BATCH]))
            masked.append(encode(self.vae, hidden[REGIONS * i : REGIONS * (i + BATCH)]))
        latents, masked = ([torch.cat(c) for c in zip(*parts)] for parts in (latents, masked))
        estimated = torch.cat([self.dpt(part).predicted_depth for part in x.split(BATCH)])
        size = latents[0].shape[-2:]
        maps = torch.cat([map_of(depth, size), map_of(estimated, size)], 1)
        # As the pipeline: the nearest pixel of the mask for each latent.
        small = F.interpolate(region.float(), size=size).bool()
        return {
            "rows": self.rows[pick],
            "mean": latents[0].half().numpy(),
            "deviation": latents[1].half().numpy(),
            "depth": maps.half().numpy(),
            "kind": kinds.reshape(-1, REGIONS),
            "object": objects.reshape(-1, REGIONS),
            "whole": regions.all((1, 2)).reshape(-1, REGIONS),
            "mask": small.numpy().reshape(-1, REGIONS, 1, *size),
            "masked_mean": masked[0].half().numpy().reshape(-1, REGIONS, 4, *size),
            "masked_deviation": masked[1].half().numpy().reshape(-1, REGIONS, 4, *size),
        }


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", required=True)
    parser.add_argument("--model", required=True, help="text model, whose autoencoder is used")
    parser.add_argument("--depth", required=True, help="checkpoint of train_depth.py")
    parser.add_argument("--out", required=True)
    parser.add_argument("--count", type=int, default=6000)
    parser.add_argument("--seed", type=int, default=13)
    options = parser.parse_args()
    torch.set_num_threads(1)
    os.makedirs(options.out, exist_ok=True)
    source = Source(options)
    usable, begin = source.views.index, time.time()
    for k in range(min(options.count, len(usable)) // PER_FILE):
        path = os.path.join(options.out, f"{k:04d}.npz")
        if os.path.exists(path):
            continue
        rng = np.random.default_rng([options.seed, k])
        content = source.prepare(usable[k * PER_FILE : (k + 1) * PER_FILE], rng)
        np.savez(path + ".new.npz", **content)
        os.replace(path + ".new.npz", path)
        print(f"{path} {time.time() - begin:.0f} s", flush=True)


if __name__ == "__main__":
    main()
