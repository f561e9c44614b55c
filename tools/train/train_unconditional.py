# SPDX-License-Identifier: LGPL-3.0-or-later
"""Train the unconditional model: a UNet2DModel that draws small scenes in pixels.

    python train_unconditional.py --data DIR [DIR ...] --out unconditional.pt [--steps 10000]

Scenes with one large object, 32x32, half of them mirrored.  Starting it again goes
on from the checkpoint.  With --sheets it saves some samples now and then.
"""

import argparse
import os

import numpy as np
import torch
from diffusers import DDIMScheduler, UNet2DModel
from diffusers.models.attention_processor import AttnProcessor
from torch.nn import functional as F

import captions
import common

SIDE = 32
CHANNELS = (32, 64, 64)
SNR_CAP = 5.0
LARGE = captions.SIZES.index("large")
NOISE = dict(
    num_train_timesteps=1000,
    prediction_type="v_prediction",
    clip_sample=True,
    # begins where there is nothing but noise: Lin et al. 2023, "Common diffusion noise schedules"
    timestep_spacing="trailing",
)


def make_unet():
    model = UNet2DModel(
        sample_size=SIDE,
        in_channels=3,
        out_channels=3,
        layers_per_block=1,
        block_out_channels=CHANNELS,
        down_block_types=("DownBlock2D", "DownBlock2D", "AttnDownBlock2D"),
        up_block_types=("AttnUpBlock2D", "UpBlock2D", "UpBlock2D"),
        attention_head_dim=32,
        norm_num_groups=8,
    )
    for module in model.modules():
        if hasattr(module, "set_processor"):
            module.set_processor(AttnProcessor())
    return model.to(memory_format=torch.channels_last)


def loss_of(model, noisy, t, target, weight):
    with common.autocast():
        found = model(noisy, t).sample
    return (((found.float() - target).pow(2).mean((1, 2, 3)) * weight).mean(),)


def shrink(pictures):
    """Floats [n,3,128,128] to [n,3,SIDE,SIDE], by means."""
    return F.avg_pool2d(pictures, pictures.shape[-1] // SIDE)


def large_objects(folder):
    """The scenes of a folder with one large object, shrunk: uint8 [n,3,SIDE,SIDE]."""
    base = os.path.join(folder, "train")
    pictures = np.load(base + "-pictures.npy", mmap_mode="r")
    count, size = np.load(base + "-rows.npy")[:, [0, 3]].T
    fitting = np.flatnonzero((count == 1) & (size == LARGE))
    parts = [
        shrink(torch.from_numpy(pictures[some]).float()).round().to(torch.uint8)
        for some in np.array_split(fitting, max(1, len(fitting) // 200))
    ]
    return torch.cat(parts)


class Batches:
    """Noisy small pictures and what to predict from them."""

    def __init__(self, options):
        self.alphas = DDIMScheduler(**NOISE).alphas_cumprod
        self.size, self.part = options.batch, options.part
        self.pictures = torch.cat([large_objects(folder) for folder in options.data])
        print(f"{len(self.pictures)} pictures", flush=True)

    def draw(self, rng):
        n = self.size
        clean = common.to_float(self.pictures[rng.integers(0, len(self.pictures), n)].numpy())
        mirrored = torch.from_numpy(rng.random(n) < 0.5)
        clean = torch.where(mirrored[:, None, None, None], clean.flip(-1), clean)
        t, keep, add, weight = common.noise_levels(self.alphas, n, SNR_CAP)
        noise = torch.randn_like(clean)
        noisy = (keep * clean + add * noise).contiguous(memory_format=torch.channels_last)
        columns = noisy, t, keep * noise - add * clean, weight
        return list(zip(*(c.split(self.part) for c in columns)))


@torch.no_grad()
def sample(model, count, seed, steps=50):
    """Pictures as uint8 [n,3,SIDE,SIDE], drawn with DDIM."""
    scheduler = DDIMScheduler(**NOISE)
    scheduler.set_timesteps(steps)
    x = torch.randn(count, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(seed))
    for t in scheduler.timesteps:
        x = scheduler.step(model(x, t).sample, t, x).prev_sample
    return ((x.clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8)


def train(options):
    torch.set_num_threads(1)
    batches = Batches(options)
    run = common.Run(
        options,
        make_unet,
        lambda model: common.optimisers(
            model, options.rate, ("conv_in", "conv_out"), options.adam_rate
        ),
    )

    def watch(step):
        from PIL import Image
        from render import sheet

        os.makedirs(options.sheets, exist_ok=True)
        path = os.path.join(options.sheets, f"step-{step:05d}.png")
        Image.fromarray(sheet(sample(run.model, 24, 1), 8)).save(path)
        return f"drew {path}"

    common.train(run, options, loss_of, lambda: batches.draw(run.rng), watch if options.sheets else None)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", required=True, nargs="+")
    parser.add_argument("--sheets", default="", help="folder for samples")
    common.add_run_options(
        parser,
        steps=10000,
        batch=32,
        part=16,
        rate=2e-3,
        adam_rate=1e-3,
        average=0.999,
        seed=12,
    )
    train(parser.parse_args())


if __name__ == "__main__":
    main()
