# SPDX-License-Identifier: LGPL-3.0-or-later
"""Train the small DPT that estimates depth, on renders and their true depth.

    python train_depth.py --data DIR --out depth.pt [--steps 1200]

What it learns to give is inverse depth, as MiDaS does: NEAR over the distance
along the line of sight's middle, so that a floor rises evenly from the horizon.
Starting it again goes on from the checkpoint.
"""

import argparse
import os

import numpy as np
import torch
from torch.nn import functional as F
from transformers import DPTConfig, DPTForDepthEstimation

import common
from render import HALF_VIEW, SIZE
from train_vae import Pictures

NEAR = 4.0  # distance whose inverse depth is 1
PROCESSOR = {
    "do_normalize": True,
    "do_rescale": True,
    "do_resize": True,
    "ensure_multiple_of": 1,
    "image_mean": [0.5, 0.5, 0.5],
    "image_processor_type": "DPTImageProcessor",
    "image_std": [0.5, 0.5, 0.5],
    "keep_aspect_ratio": False,
    "resample": 3,
    "rescale_factor": 1 / 255,
    "size": {"height": SIZE, "width": SIZE},
}


def make_dpt():
    config = DPTConfig(
        hidden_size=96,
        num_hidden_layers=4,
        num_attention_heads=4,
        intermediate_size=256,
        image_size=SIZE,
        patch_size=16,
        backbone_out_indices=[0, 1, 2, 3],
        neck_hidden_sizes=[24, 32, 48, 64],
        fusion_hidden_size=32,
        use_bias_in_fusion_residual=True,
        attn_implementation="eager",
    )
    model = DPTForDepthEstimation(config)
    last = model.head.head[4]
    torch.nn.init.constant_(last.bias, 0.5)  # away from where the last ReLU has no slope
    model.to(memory_format=torch.channels_last)
    return model


def inverse_depth(distance):
    """Distances along the rays [n,s,s] to NEAR over depth along the line of sight."""
    place = ((np.arange(SIZE) + 0.5) / SIZE * 2 - 1) * HALF_VIEW
    slant = np.sqrt(1 + place[None, :] ** 2 + place[:, None] ** 2).astype(np.float32)
    return torch.from_numpy(NEAR * slant / np.asarray(distance).astype(np.float32))


class Views(Pictures):
    """Pictures with inverse depth."""

    def __init__(self, folder, split="train"):
        super().__init__(folder, split)
        self.depth = np.load(os.path.join(folder, split + "-depth.npy"), mmap_mode="r")

    def draw(self, count, rng):
        pick = np.sort(rng.choice(self.index, count))
        return self.pair(pick, torch.from_numpy(rng.random(count) < 0.5))

    def pair(self, pick, mirrored=None):
        x, y = common.to_float(self.pictures[pick]), inverse_depth(self.depth[pick])
        if mirrored is not None:
            x = torch.where(mirrored[:, None, None, None], x.flip(-1), x)
            y = torch.where(mirrored[:, None, None], y.flip(-1), y)
        return x.contiguous(memory_format=torch.channels_last), y


def vary(x, rng):
    """Brightness, colour cast and blur, so that pictures from elsewhere do no harm."""
    n = len(x)
    x = x * (1 + 0.1 * (torch.rand(n, 1, 1, 1) - 0.5)) + 0.06 * (torch.rand(n, 3, 1, 1) - 0.5)
    if rng.random() < 0.2:
        x = F.avg_pool2d(F.pad(x, (1, 1, 1, 1), mode="replicate"), 3, 1)
    return x


def loss_of(model, x, y):
    """Error and error of the slopes, on the whole and at half the size."""
    d = model(x).predicted_depth - y
    loss = d.abs().mean()
    for _ in range(2):
        loss = loss + 0.5 * (
            (d[..., 1:] - d[..., :-1]).abs().mean() + (d[..., 1:, :] - d[..., :-1, :]).abs().mean()
        )
        d = F.avg_pool2d(d[:, None], 2)[:, 0]
    return (loss,)


@torch.no_grad()
def held_out_error(model, folder, count=200):
    """Mean error on held-out renders as a share of each picture's range, scale and shift fitted.

    Also the correlation between both maps.
    """
    views = Views(folder, "held-out")
    errors, likeness = [], []
    for i in range(0, count, 20):
        x, y = views.pair(np.arange(i, i + 20))
        found = model(x).predicted_depth.flatten(1).double()
        y = y.flatten(1).double()
        a, b = found - found.mean(1, keepdim=True), y - y.mean(1, keepdim=True)
        scale = (a * b).sum(1, keepdim=True) / (a * a).sum(1, keepdim=True).clamp(min=1e-9)
        extent = y.amax(1) - y.amin(1)
        errors.append((scale * a - b).abs().mean(1) / extent)
        likeness.append((a * b).sum(1) / (a.norm(dim=1) * b.norm(dim=1)).clamp(min=1e-9))
    return torch.cat(errors).mean().item(), torch.cat(likeness).mean().item()


def train(options):
    torch.set_num_threads(1)
    views = Views(options.data)
    run = common.Run(
        options,
        make_dpt,
        lambda model: common.optimisers(
            model, options.rate, ("embeddings", "head.head.4"), options.adam_rate
        ),
    )

    def parts_of():
        if run.step % 20 == 0:
            views.refresh()
        x, y = views.draw(options.batch, run.rng)
        return list(zip(vary(x, run.rng).split(options.part), y.split(options.part)))

    def watch(step):
        error, likeness = held_out_error(run.model, options.data)
        return f"held-out error {error:.4f} correlation {likeness:.4f}"

    common.train(run, options, loss_of, parts_of, watch)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", required=True)
    common.add_run_options(
        parser,
        steps=1200,
        batch=16,
        part=16,
        rate=3e-3,
        adam_rate=2e-3,
        average=0.99,
        seed=11,
    )
    train(parser.parse_args())


if __name__ == "__main__":
    main()
