# SPDX-License-Identifier: LGPL-3.0-or-later
"""Train the inpainting or the depth2img U-Net, starting from the text model's.

    python train_edit.py --task inpaint --prepared DIR --model ../../data/models/tiny-scenes \\
        --out inpaint.pt [--steps 1000]

The first convolution gets further input channels, with small random weights at
first: mask and masked picture (9 channels), or the depth map (5).  Text encoder and
autoencoder stay as they are.  Starting it again goes on from the checkpoint.
"""

import argparse
import glob
import os

import numpy as np
import torch
from diffusers import DDPMScheduler, UNet2DConditionModel
from diffusers.models.attention_processor import AttnProcessor
from torch import nn
from transformers import CLIPTextModel, CLIPTokenizer

import captions
import common
import masks
from tokenizer import Encoder

CHANNELS = {"inpaint": 9, "depth2img": 5}
SNR_CAP = 5.0
EMPTY_SHARE = 0.1
FURTHER_SCALE = 0.5  # of the further channels' first weights, over those of the text model


def make_unet(task, folder):
    """The text model's U-Net with more input channels.

    From zero their weights grow too slowly: what lies behind the first
    convolution learns nothing of a depth map that it cannot see.
    """
    plain = UNet2DConditionModel.from_pretrained(f"{folder}/unet", torch_dtype=torch.float32)
    unet = UNet2DConditionModel.from_config({**plain.config, "in_channels": CHANNELS[task]})
    weights = plain.state_dict()
    known = weights["conv_in.weight"]
    first = torch.randn_like(unet.conv_in.weight) * FURTHER_SCALE * known.std()
    first[:, :4] = known
    unet.load_state_dict({**weights, "conv_in.weight": first})
    unet.set_attn_processor(AttnProcessor())
    return unet.to(memory_format=torch.channels_last)


class Text(nn.Module):
    """Captions to what the U-Net attends to."""

    def __init__(self, folder):
        super().__init__()
        self.encode = Encoder(CLIPTokenizer.from_pretrained(f"{folder}/tokenizer"))
        self.model = CLIPTextModel.from_pretrained(
            f"{folder}/text_encoder", torch_dtype=torch.float32, attn_implementation="eager"
        ).eval()

    @torch.no_grad()
    def forward(self, texts):
        ids = torch.tensor([self.encode(text) for text in texts])
        with common.autocast():
            return self.model(input_ids=ids).last_hidden_state.float()


def loss_of(model, x, t, context, target, weight):
    with common.autocast():
        found = model(x, t, context).sample
    return (((found.float() - target).pow(2).mean((1, 2, 3)) * weight).mean(),)


class Batches:
    """Noisy latents with what the task shows beside them, captions and targets."""

    def __init__(self, options):
        self.task, self.folder = options.task, options.prepared
        self.text = Text(options.model)
        scheduler = DDPMScheduler.from_pretrained(f"{options.model}/scheduler")
        self.alphas = scheduler.alphas_cumprod
        self.size, self.part, self.files = options.batch, options.part, 0
        self.refresh()

    def refresh(self):
        """Take what `prepare_edit.py` has written so far."""
        files = sorted(glob.glob(os.path.join(self.folder, "[0-9]???.npz")))
        if len(files) == self.files:
            return
        parts = [dict(np.load(path)) for path in files]
        self.data = {name: np.concatenate([p[name] for p in parts]) for name in parts[0]}
        self.files = len(files)

    def _latents(self, name, index):
        mean = torch.from_numpy(self.data[name + "mean"][index]).float()
        deviation = torch.from_numpy(self.data[name + "deviation"][index]).float()
        return mean + deviation * torch.randn_like(mean)

    def _beside(self, pick, rng, words):
        """Further input channels and captions of the scenes `pick`."""
        data, rows = self.data, self.data["rows"][pick]
        if self.task == "depth2img":
            from_estimate = (rng.random(len(pick)) < 0.7).astype(int)
            extra = torch.from_numpy(data["depth"][pick, from_estimate]).float()[:, None]
            return extra, [captions.caption(row, words) for row in rows]
        index = pick, rng.integers(0, data["kind"].shape[1], len(pick))
        extra = torch.cat(
            [torch.from_numpy(data["mask"][index]).float(), self._latents("masked_", index)], 1
        )
        told = zip(rows, data["kind"][index], data["object"][index], data["whole"][index])
        return extra, [masks.caption(row, kind, k, words, whole) for row, kind, k, whole in told]

    def draw(self, rng, words):
        n = self.size
        pick = rng.choice(len(self.data["rows"]), n)
        clean = self._latents("", pick)
        extra, texts = self._beside(pick, rng, words)
        texts = ["" if words.random() < EMPTY_SHARE else text for text in texts]
        t, keep, add, weight = common.noise_levels(self.alphas, n, SNR_CAP)
        noise = torch.randn_like(clean)
        x = torch.cat([keep * clean + add * noise, extra], 1)
        x = x.contiguous(memory_format=torch.channels_last)
        columns = x, t, self.text(texts), keep * noise - add * clean, weight
        return list(zip(*(c.split(self.part) for c in columns)))


def train(options):
    torch.set_num_threads(1)
    batches = Batches(options)
    run = common.Run(
        options,
        lambda: make_unet(options.task, options.model),
        lambda model: common.optimisers(
            model, options.rate, ("conv_in", "conv_out"), options.adam_rate
        ),
    )

    def parts_of():
        if run.step % 100 == 0:
            batches.refresh()
        return batches.draw(run.rng, run.words)

    common.train(run, options, loss_of, parts_of)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--task", choices=CHANNELS, required=True)
    parser.add_argument("--prepared", required=True, help="folder of prepare_edit.py")
    parser.add_argument("--model", required=True, help="text model to start from")
    common.add_run_options(
        parser,
        steps=1000,
        batch=64,
        part=32,
        rate=1e-3,
        adam_rate=1e-3,
        average=0.99,
        seed=14,
    )
    train(parser.parse_args())


if __name__ == "__main__":
    main()
