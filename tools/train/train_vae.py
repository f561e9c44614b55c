# SPDX-License-Identifier: LGPL-3.0-or-later
"""Train the autoencoder: crops near the objects first, whole pictures at the end.

    python train_vae.py --data DIR --out vae.pt [--steps 9000] [--control PREFIX]

Starting it again goes on from the checkpoint.  --decoder-from FILE polishes
only the decoder of a finished autoencoder (its latents stay what they were).
"""

import argparse
import os
import time

import numpy as np
import torch
from diffusers import AutoencoderKL

import common

CHANNELS = (16, 32, 64, 96)
CROP = 64


def make_vae():
    return AutoencoderKL(
        in_channels=3,
        out_channels=3,
        latent_channels=4,
        sample_size=128,
        down_block_types=["DownEncoderBlock2D"] * 4,
        up_block_types=["UpDecoderBlock2D"] * 4,
        block_out_channels=CHANNELS,
        layers_per_block=1,
        norm_num_groups=8,
        scaling_factor=1.0,
    )


class Pictures:
    """Training pictures; while they are still being drawn, those that are there."""

    def __init__(self, folder, split="train"):
        base = os.path.join(folder, split)
        self.pictures = np.load(base + "-pictures.npy", mmap_mode="r")
        self.boxes = np.load(base + "-boxes.npy", mmap_mode="r")
        self.done = np.load(base + "-done.npy", mmap_mode="r")
        self.refresh()

    def refresh(self):
        per_chunk = len(self.pictures) // len(self.done)
        chunks = np.flatnonzero(self.done)
        self.index = (chunks[:, None] * per_chunk + np.arange(per_chunk)).ravel()

    def whole(self, count, rng):
        return self._floats(self.pictures[np.sort(rng.choice(self.index, count))], rng)

    def crops(self, count, rng):
        """Crops of CROP pixels, seven of eight with an edge of an object inside."""
        out = np.empty((count, 3, CROP, CROP), np.uint8)
        side = self.pictures.shape[-1]
        for k, i in enumerate(rng.choice(self.index, count)):
            place = rng.integers(0, side - CROP + 1, 2)
            boxes = self.boxes[i]
            boxes = boxes[boxes[:, 2] > 0].astype(int)
            if len(boxes) and rng.random() < 0.875:
                x0, y0, x1, y1 = boxes[rng.integers(len(boxes))]
                centre = [rng.integers(x0 - 4, x1 + 5), rng.integers(y0 - 4, y1 + 5)]
                place = np.clip(np.array(centre) - CROP // 2, 0, side - CROP)
            x, y = place
            out[k] = self.pictures[i, :, y : y + CROP, x : x + CROP]
        return self._floats(out, rng)

    @staticmethod
    def _floats(pictures, rng):
        x = common.to_float(pictures)
        mirrored = torch.from_numpy(rng.random(len(x)) < 0.5)
        return torch.where(mirrored[:, None, None, None], x.flip(-1), x)


def loss_of(vae, x, noise, kl_weight, train_encoder=True):
    """Loss, squared error and KL; accuracy first, edges second, latents near N(0, 1)."""
    with common.autocast():
        with torch.set_grad_enabled(train_encoder):
            moments = vae.quant_conv(vae.encoder(x)).float()
            mean, log_variance = moments.chunk(2, 1)
            log_variance = log_variance.clamp(-20, 10)
            z = mean + torch.exp(0.5 * log_variance) * noise
        y = vae.decoder(vae.post_quant_conv(z))
    d = y.float() - x
    slopes = (d[..., 1:] - d[..., :-1]).abs().mean() + (d[..., 1:, :] - d[..., :-1, :]).abs().mean()
    kl = 0.5 * (mean**2 + log_variance.exp() - 1 - log_variance).mean()
    square = d.pow(2).mean()
    return 0.5 * d.abs().mean() + 12 * square + 0.5 * slopes + kl_weight * kl, square, kl


def parts_of(x, size, options):
    """A batch cut for the workers, with the noise of its latents."""
    noise = torch.randn(len(x), 4, x.shape[-1] // 8, x.shape[-1] // 8)
    flags = (options.kl, not options.decoder_from)
    return [(a, b, *flags) for a, b in zip(x.split(size), noise.split(size))]


@torch.no_grad()
def held_out_psnr(vae, folder, count=96):
    """PSNR in f32 without noise on held-out pictures, and the latents' spread."""
    pictures = np.load(os.path.join(folder, "held-out-pictures.npy"), mmap_mode="r")[:count]
    values, latents = [], []
    for i in range(0, count, 16):
        x = common.to_float(pictures[i : i + 16])
        z = vae.encode(x).latent_dist.mode()
        values.append(common.psnr(vae.decode(z).sample.clamp(-1, 1) - x))
        latents.append(z)
    return float(np.mean(values)), torch.cat(latents).std().item()


def report(state, options, log):
    state["average"].swap(state["vae"])
    value, spread = held_out_psnr(state["vae"], options.data)
    state["average"].swap(state["vae"])
    loss, square, kl, count = log
    print(
        f"step {state['step']} cpu {state['clock'].used():.0f} s "
        f"loss {loss / count:.4f} train {-10 * np.log10(square / count / 4):.2f} dB kl {kl / count:.2f} "
        f"held-out {value:.2f} dB latent std {spread:.2f} "
        f"{count / (time.time() - state['since']):.2f} steps/s",
        flush=True,
    )
    state["since"] = time.time()


def load_or_start(options):
    torch.manual_seed(options.seed)
    rng = np.random.default_rng(options.seed)
    vae = make_vae()
    if options.decoder_from:
        vae.load_state_dict(torch.load(options.decoder_from)["average"])
        for module in (vae.encoder, vae.quant_conv):
            module.requires_grad_(False)
    tools = common.optimisers(
        vae, options.rate, ("conv_in", "conv_out", "quant_conv"), options.adam_rate
    )
    state = {
        "vae": vae,
        "rng": rng,
        "optimisers": tools,
        "step": 0,
        "clock": common.Clock(),
        "average": common.Average(vae, 0.998),
    }
    if os.path.exists(options.out):
        kept = torch.load(options.out, weights_only=False)
        vae.load_state_dict(kept["vae"])
        state["average"].weights = kept["average"]
        for tool, content in zip(tools, kept["optimisers"]):
            tool.load_state_dict(content)
        common.set_random_state(rng, kept["random"])
        state["step"], state["clock"] = kept["step"], common.Clock(kept["cpu"])
    return state


def save(state, path):
    common.save_checkpoint(
        path,
        {
            "vae": state["vae"].state_dict(),
            "average": state["average"].weights,
            "optimisers": [tool.state_dict() for tool in state["optimisers"]],
            "random": common.random_state(state["rng"]),
            "step": state["step"],
            "cpu": state["clock"].used(),
        },
    )


def train(options):
    control = common.Control(options.control, options.steps)
    data = Pictures(options.data)
    state = load_or_start(options)
    vae, tools = state["vae"], state["optimisers"]
    crew = common.Crew(vae, options.threads)
    parameters = [p for p in vae.parameters() if p.requires_grad]
    print(f"{sum(p.numel() for p in vae.parameters())} parameters", flush=True)
    log, saved = np.zeros(4), time.time()
    state["since"] = time.time()
    while state["step"] < control.total:
        step = state["step"]
        if step % 20 == 0:
            control.poll(crew)
        if step % 200 == 0:
            data.refresh()
        share = common.learning_rate(step, control.total, flat=options.flat)
        common.set_rate(tools, (options.rate, options.adam_rate or options.rate), share)
        whole = step >= options.whole_from * control.total
        if whole:
            parts = parts_of(data.whole(options.batch // 3, state["rng"]), 1, options)
        else:
            parts = parts_of(data.crops(options.batch, state["rng"]), options.part, options)
        log += (*crew.gradients(loss_of, parts), 1)
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        tools[0].step(crew)
        tools[1].step()
        for tool in tools:
            tool.zero_grad()
        state["step"] += 1
        state["average"].update(vae, step)
        if state["step"] % options.report == 0 or state["step"] >= control.total:
            report(state, options, log)
            log[:] = 0
        if time.time() - saved > 120 or state["step"] >= control.total:
            save(state, options.out)
            saved = time.time()


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", required=True)
    parser.add_argument("--out", required=True, help="checkpoint; an existing one is continued")
    parser.add_argument("--steps", type=int, default=9000)
    parser.add_argument(
        "--batch", type=int, default=24, help="crops a step; a third of it whole pictures"
    )
    parser.add_argument("--rate", type=float, default=2e-3)
    parser.add_argument("--adam-rate", type=float)
    parser.add_argument("--flat", type=float, default=0.2)
    parser.add_argument("--kl", type=float, default=1e-4)
    parser.add_argument("--whole-from", type=float, default=0.75, help="share of the run on crops")
    parser.add_argument("--decoder-from", help="train only the decoder of this checkpoint")
    parser.add_argument("--report", type=int, default=300)
    parser.add_argument("--part", type=int, default=4, help="crops that a worker takes at a time")
    parser.add_argument("--threads", type=int, default=2, help="workers, one core each")
    parser.add_argument("--control", default="", help="prefix of the control files")
    parser.add_argument("--seed", type=int, default=1)
    train(parser.parse_args())


if __name__ == "__main__":
    main()
