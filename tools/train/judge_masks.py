# SPDX-License-Identifier: LGPL-3.0-or-later
"""The second independent check: a small network that tells objects from background.

    python judge_masks.py --data DIR --out judge-masks.pt [--steps 600]

Trained on renders and their masks only.  Starting it again goes on from the checkpoint.
"""

import argparse
import os

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

import common
from judge import disturb
from train_vae import Pictures

WIDTHS = (16, 32, 64, 64)


def _layer(before, width, stride=1):
    return nn.Sequential(
        nn.Conv2d(before, width, 3, stride, 1, bias=False), nn.GroupNorm(8, width), nn.ReLU()
    )


class MaskJudge(nn.Module):
    """Pictures [n,3,128,128] to logits of "object" [n,128,128]."""

    def __init__(self):
        super().__init__()
        befores = (3, *WIDTHS[:-1])
        self.down = nn.ModuleList(_layer(b, w, 2) for b, w in zip(befores, WIDTHS))
        self.middle = _layer(WIDTHS[-1], WIDTHS[-1])
        self.up = nn.ModuleList(
            _layer(above + beside, beside)
            for above, beside in zip(WIDTHS[:0:-1], WIDTHS[-2::-1])
        )
        self.last = nn.Conv2d(WIDTHS[0] + 3, 1, 3, 1, 1)

    def forward(self, x):
        seen, y = [], x
        for layer in self.down:
            y = layer(y)
            seen.append(y)
        y = self.middle(y)
        for layer, beside in zip(self.up, seen[-2::-1]):
            y = layer(torch.cat([F.interpolate(y, scale_factor=2.0), beside], 1))
        y = F.interpolate(y, scale_factor=2.0, mode="bilinear")
        return self.last(torch.cat([y, x], 1))[:, 0]


@torch.no_grad()
def masks(judge, pictures):
    """uint8 pictures to boolean masks [n,128,128] of their objects."""
    parts = [
        judge(common.to_float(np.asarray(pictures[i : i + 50]))) > 0
        for i in range(0, len(pictures), 50)
    ]
    return torch.cat(parts).numpy()


def overlap(a, b):
    """Intersection over union of masks [n,h,w], one value each."""
    return (a & b).sum((1, 2)) / np.maximum((a | b).sum((1, 2)), 1)


def load(path):
    judge = MaskJudge()
    judge.load_state_dict(torch.load(path, weights_only=False)["average"])
    return judge.eval()


def accuracy(judge, folder, count=400):
    """Mean overlap with the true masks of held-out renders."""
    base = os.path.join(folder, "held-out")
    true = np.load(base + "-masks.npy", mmap_mode="r")[:count]
    found = masks(judge, np.load(base + "-pictures.npy", mmap_mode="r")[:count])
    return float(overlap(found, true.astype(int).sum(1) > 127).mean())


def loss_of(judge, x, y):
    return (F.binary_cross_entropy_with_logits(judge(x), y),)


def train(options):
    torch.set_num_threads(1)
    source = Pictures(options.data)
    true = np.load(os.path.join(options.data, "train-masks.npy"), mmap_mode="r")
    run = common.Run(
        options,
        MaskJudge,
        lambda model: common.optimisers(model, options.rate, ("last",), options.adam_rate),
    )

    def parts_of():
        pick = np.sort(run.rng.choice(source.index, options.batch))
        y = torch.from_numpy(true[pick].astype(np.float32).sum(1) / 255)
        both = torch.cat([common.to_float(source.pictures[pick]), y[:, None]], 1)
        if run.rng.random() < 0.5:
            both = both.flip(-1)
        x, y = both[:, :3], both[:, 3].clamp(0, 1)
        x = disturb(x, run.rng, shift=False)
        return list(zip(x.split(options.part), y.split(options.part)))

    def watch(step):
        return f"overlap on held-out renders {accuracy(run.model, options.data):.4f}"

    common.train(run, options, loss_of, parts_of, watch)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", required=True)
    common.add_run_options(
        parser,
        steps=600,
        batch=32,
        part=32,
        rate=3e-3,
        adam_rate=2e-3,
        average=0.98,
        seed=15,
    )
    train(parser.parse_args())


if __name__ == "__main__":
    main()
