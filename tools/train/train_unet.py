# SPDX-License-Identifier: LGPL-3.0-or-later
"""Train the U-Net and the text encoder together on encoded pictures.

    python train_unet.py --latents latents.npz --tokenizer DIR --out unet.pt [--steps 9000]

Starting it again goes on from the checkpoint, also with another number of
steps.  With --init DIR a new run starts from an exported model's weights.  With --vae, --judge and --sheets it draws held-out scenes now and then
and counts how many are right.
"""

import argparse
import os
import random
import time

import numpy as np
import torch
from diffusers import DPMSolverMultistepScheduler, UNet2DConditionModel
from diffusers.models.attention_processor import AttnProcessor
from torch import nn
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

import captions
import common
from captions import SHAPES
from tokenizer import LENGTH, Encoder

WIDTH = 96  # text encoder, and what the U-Net attends to
CHANNELS = (64, 96, 88)
SNR_CAP = 5.0
NOISE = dict(
    num_train_timesteps=1000,
    beta_start=0.00085,
    beta_end=0.012,
    beta_schedule="scaled_linear",
    prediction_type="v_prediction",
    steps_offset=1,
)


class TextToLatents(nn.Module):
    """Text encoder and U-Net as one model."""

    def __init__(self, vocabulary, end, start):
        super().__init__()
        self.text = CLIPTextModel(
            CLIPTextConfig(
                vocab_size=vocabulary,
                hidden_size=WIDTH,
                intermediate_size=4 * WIDTH,
                num_hidden_layers=2,
                num_attention_heads=4,
                max_position_embeddings=LENGTH,
                projection_dim=WIDTH,
                bos_token_id=start,
                eos_token_id=end,
                pad_token_id=end,
                attn_implementation="eager",
            )
        )
        self.unet = UNet2DConditionModel(
            sample_size=16,
            in_channels=4,
            out_channels=4,
            block_out_channels=CHANNELS,
            down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
            up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
            layers_per_block=1,
            cross_attention_dim=WIDTH,
            attention_head_dim=2,
            norm_num_groups=8,
        )
        self.unet.set_attn_processor(AttnProcessor())
        self.unet.to(memory_format=torch.channels_last)

    def forward(self, x, t, ids):
        with common.autocast():
            context = self.text(input_ids=ids).last_hidden_state
            return self.unet(x, t, context).sample.float()


def make_model(tokenizer):
    vocabulary = tokenizer.get_vocab()
    encode = Encoder(tokenizer)
    return TextToLatents(len(vocabulary), encode.end, encode.start)


def noise_levels():
    """Cumulated alphas of Stable Diffusion's schedule."""
    return DPMSolverMultistepScheduler(**NOISE).alphas_cumprod


def loss_of(model, noisy, t, ids, target, weight):
    return (((model(noisy, t, ids) - target).pow(2).mean((1, 2, 3)) * weight).mean(),)


class Batches:
    """Noisy latents with captions and targets."""

    def __init__(self, options, tokenizer):
        with np.load(options.latents) as file:
            self.mean, self.deviation, self.rows = file["mean"], file["deviation"], file["rows"]
        two = self.rows[:, 0] == 2
        self.one, self.two = np.flatnonzero(~two), np.flatnonzero(two)
        self.odds = [self._odds(kind, options.large_cubes) for kind in (self.one, self.two)]
        assert not captions.held_out(self.rows.astype(int)).any()
        self.encode, self.alphas = Encoder(tokenizer), noise_levels()
        self.two_share, self.size, self.part = options.two_share, options.batch, options.part

    def _odds(self, kind, weight):
        """How probable each scene is; those with a large cube `weight` times as much."""
        rows = self.rows[kind]
        cube = SHAPES.index("cube")
        large = ((rows[:, 1] == cube) & (rows[:, 3] == 1)) | (
            (rows[:, 4] == cube) & (rows[:, 6] == 1)
        )
        odds = np.where(large, weight, 1.0)
        return odds / odds.sum()

    def ids(self, rows, right_share, words):
        texts = [
            "" if words.random() < 0.1 else captions.caption(row, words, right_share)
            for row in rows
        ]
        return torch.tensor([self.encode(text) for text in texts])

    def draw(self, rng, words, right_share):
        n = self.size
        pairs = rng.binomial(n, self.two_share)
        pick = np.concatenate(
            [
                rng.choice(kind, count, p=odds)
                for kind, count, odds in zip(
                    (self.two, self.one), (pairs, n - pairs), self.odds[::-1]
                )
            ]
        )
        rng.shuffle(pick)
        mean = torch.from_numpy(self.mean[pick]).float()
        deviation = torch.from_numpy(self.deviation[pick]).float()
        clean = mean + deviation * torch.randn_like(mean)
        # Every batch covers all noise levels evenly.
        t = ((torch.randperm(n) + torch.rand(n)) * (1000 / n)).long().clamp(0, 999)
        alpha = self.alphas[t]
        keep, add = alpha.sqrt()[:, None, None, None], (1 - alpha).sqrt()[:, None, None, None]
        noise = torch.randn_like(clean)
        snr = alpha / (1 - alpha)
        weight = snr.clamp(max=SNR_CAP) / snr
        weight = weight * n / weight.sum()
        columns = (
            keep * clean + add * noise,
            t,
            self.ids(self.rows[pick], right_share, words),
            keep * noise - add * clean,
            weight,
        )
        return list(zip(*(c.split(self.part) for c in columns)))


def right_share(options, progress):
    """Share of "right of" among captions with sides: none at first, at last a half."""
    return 0.5 if options.init else float(np.clip((progress - 0.25) / 0.25, 0, 1)) * 0.5


@torch.no_grad()
def draw_latents(model, ids, empty, seed, steps=20, guidance=3.0):
    scheduler = DPMSolverMultistepScheduler(**NOISE)
    scheduler.set_timesteps(steps)
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(len(ids), 4, 16, 16, generator=generator)
    both = torch.cat([empty.expand(len(ids), -1), ids])
    for t in scheduler.timesteps:
        without, with_text = model(torch.cat([x, x]), t, both).chunk(2)
        x = scheduler.step(without + guidance * (with_text - without), t, x).prev_sample
    return x


class Watch:
    """Draws held-out scenes from time to time, has them judged and saves a sheet."""

    def __init__(self, options, tokenizer):
        import judge
        from train_vae import make_vae

        self.judge, self.name = judge.load(options.judge), judge.name
        self.vae = make_vae().eval()
        self.vae.load_state_dict(torch.load(options.vae)["average"])
        self.folder = options.sheets
        os.makedirs(self.folder, exist_ok=True)
        rng, encode = np.random.default_rng(7), Encoder(tokenizer)
        rows = [
            captions.sample_scenes(24, rng, two_share=share, want_held_out=True) for share in (0, 1)
        ]
        self.rows = np.concatenate(rows)
        words = random.Random(7)
        self.ids = torch.tensor([encode(captions.caption(r, words, full=True)) for r in self.rows])
        self.empty = torch.tensor([encode("")])

    @torch.no_grad()
    def look(self, crew, step):
        from PIL import Image
        from render import sheet

        def part(worker, k):
            x = draw_latents(crew.models[worker], self.ids[k : k + 12], self.empty, k)
            return self.vae.decode(x).sample.clamp(-1, 1)

        pictures = torch.cat(crew.each(part, [0, 12, 24, 36]))
        pictures = ((pictures + 1) * 127.5).round().to(torch.uint8)
        Image.fromarray(sheet(pictures, 8)).save(f"{self.folder}/step-{step:05d}.png")
        same = self.name(self.judge, pictures.numpy()) == self.rows
        one = same[:24, :3].all(1).sum()
        two = same[24:, [0, 1, 2, 4, 5]]
        return f"one {one}/24, two {two.all(1).sum()}/24 (by attribute {two.mean():.2f})"


def start_from(model, folder):
    """Take the weights of an exported model."""
    text = CLIPTextModel.from_pretrained(f"{folder}/text_encoder", torch_dtype=torch.float32)
    unet = UNet2DConditionModel.from_pretrained(f"{folder}/unet", torch_dtype=torch.float32)
    model.text.load_state_dict(text.state_dict())
    model.unet.load_state_dict(unet.state_dict())


def load_or_start(options, tokenizer):
    torch.manual_seed(options.seed)
    model = make_model(tokenizer)
    if options.init:
        start_from(model, options.init)
    rng = np.random.default_rng(options.seed)
    tools = common.optimisers(
        model, options.rate, ("embed", "conv_in", "conv_out"), options.adam_rate
    )
    state = {
        "model": model,
        "rng": rng,
        "optimisers": tools,
        "step": 0,
        "clock": common.Clock(),
        "average": common.Average(model, options.average),
        "words": random.Random(options.seed),
    }
    if os.path.exists(options.out):
        kept = torch.load(options.out, weights_only=False)
        model.load_state_dict(kept["model"])
        state["average"].weights = kept["average"]
        for tool, content in zip(tools, kept["optimisers"]):
            tool.load_state_dict(content)
        common.set_random_state(rng, kept["random"])
        state["words"].setstate(kept["words"])
        state["step"], state["clock"] = kept["step"], common.Clock(kept["cpu"])
    return state


def save(state, path):
    common.save_checkpoint(
        path,
        {
            "model": state["model"].state_dict(),
            "average": state["average"].weights,
            "optimisers": [tool.state_dict() for tool in state["optimisers"]],
            "random": common.random_state(state["rng"]),
            "words": state["words"].getstate(),
            "step": state["step"],
            "cpu": state["clock"].used(),
        },
    )


def train(options):
    torch.set_num_threads(1)
    tokenizer = CLIPTokenizer.from_pretrained(options.tokenizer)
    control = common.Control(options.control, options.steps)
    batches = Batches(options, tokenizer)
    state = load_or_start(options, tokenizer)
    model, tools = state["model"], state["optimisers"]
    crew = common.Crew(model, options.threads)
    watch = Watch(options, tokenizer) if options.judge else None
    print(
        *(
            f"{name} {sum(p.numel() for p in part.parameters())} parameters"
            for name, part in model.named_children()
        ),
        flush=True,
    )
    total, count, since, saved = 0.0, 0, time.time(), time.time()
    while state["step"] < control.total:
        if state["step"] % 20 == 0:
            control.poll(crew)
        progress = state["step"] / control.total
        share = common.learning_rate(state["step"], control.total, 200, options.flat)
        common.set_rate(tools, (options.rate, options.adam_rate), share)
        right = right_share(options, progress)
        parts = batches.draw(state["rng"], state["words"], right)
        total += crew.gradients(loss_of, parts)[0]
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        tools[0].step(crew)
        tools[1].step()
        for tool in tools:
            tool.zero_grad()
        state["average"].update(model, state["step"])
        state["step"] += 1
        count += 1
        last = state["step"] >= control.total
        if state["step"] % options.report == 0 or last:
            print(
                f"step {state['step']} of {control.total} cpu {state['clock'].used():.0f} s "
                f"loss {total / count:.4f} rate {share:.3f} right-of {right:.2f} "
                f"{count * options.batch / (time.time() - since):.0f} samples/s",
                flush=True,
            )
            total, count, since = 0.0, 0, time.time()
        if time.time() - saved > 120 or last:
            save(state, options.out)
            saved = time.time()
        if watch and (state["step"] % options.watch == 0 or last):
            state["average"].swap(model)
            print("   ", watch.look(crew, state["step"]), flush=True)
            state["average"].swap(model)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--latents", required=True)
    parser.add_argument("--tokenizer", required=True)
    parser.add_argument("--out", required=True, help="checkpoint; an existing one is continued")
    parser.add_argument("--steps", type=int, default=9000)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument(
        "--part", type=int, default=32, help="samples that a worker takes at a time"
    )
    parser.add_argument(
        "--two-share", type=float, default=0.6, help="share of scenes with two objects"
    )
    parser.add_argument("--init", default="", help="exported model to start from")
    parser.add_argument(
        "--large-cubes", type=float, default=1.0, help="how much more often large cubes are shown"
    )
    parser.add_argument("--rate", type=float, default=2e-3)
    parser.add_argument("--adam-rate", type=float, default=1e-3)
    parser.add_argument("--average", type=float, default=0.999)
    parser.add_argument("--flat", type=float, default=0.3)
    parser.add_argument("--report", type=int, default=100)
    parser.add_argument("--threads", type=int, default=2, help="workers, one core each")
    parser.add_argument("--control", default="", help="prefix of the control files")
    parser.add_argument("--seed", type=int, default=4)
    parser.add_argument("--vae", help="autoencoder, to draw with")
    parser.add_argument("--judge", help="classifier, to judge with")
    parser.add_argument("--sheets", default="sheets")
    parser.add_argument("--watch", type=int, default=1500, help="draw every so many steps")
    train(parser.parse_args())


if __name__ == "__main__":
    main()
