# SPDX-License-Identifier: LGPL-3.0-or-later
"""The independent check: a small classifier that names what a picture shows.

    python judge.py --data DIR --out judge.pt [--steps 2500]

Trained on renders only; it never sees a generated picture, a latent or a caption.
"""

import argparse
import os
import time

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

import common

HEADS = {
    "count": 2,
    "shape1": 4,
    "colour1": 8,
    "size1": 2,
    "shape2": 4,
    "colour2": 8,
    "size2": 2,
    "floor": 5,
    "sky": 3,
    "night": 2,
}
WIDTHS = (24, 48, 64, 96, 128)


class Judge(nn.Module):
    def __init__(self):
        super().__init__()
        layers, before = [], 3
        for k, width in enumerate(WIDTHS):
            layers += [
                nn.Conv2d(before, width, 3, 2, 1, bias=False),
                nn.BatchNorm2d(width),
                nn.ReLU(),
            ]
            if k in (1, 2, 3):
                layers += [
                    nn.Conv2d(width, width, 3, 1, 1, bias=False),
                    nn.BatchNorm2d(width),
                    nn.ReLU(),
                ]
            before = width
        self.body = nn.Sequential(
            *layers, nn.Flatten(), nn.Dropout(0.1), nn.Linear(before * 16, 256), nn.ReLU()
        )
        self.head = nn.Linear(256, sum(HEADS.values()))

    def forward(self, x):
        return self.head(self.body(x)).split(list(HEADS.values()), 1)


def targets(rows):
    """Scenes to class numbers; -1 where there is nothing to name."""
    wanted = torch.from_numpy(np.asarray(rows).astype(np.int64)).clone()
    wanted[:, 0] -= 1
    wanted[wanted[:, 9] == 1, 8] = -1  # no sky to name by night
    return wanted


@torch.no_grad()
def name(judge, pictures):
    """uint8 pictures to rows as in captions.COLUMNS (object 2 only where there is one)."""
    judge.eval()
    parts = []
    for i in range(0, len(pictures), 50):
        scores = judge(common.to_float(np.asarray(pictures[i : i + 50])))
        parts.append(torch.stack([s.argmax(1) for s in scores], 1))
    rows = torch.cat(parts).numpy()
    rows[:, 0] += 1
    rows[rows[:, 0] == 1, 4:7] = -1
    return rows


def load(path):
    judge = Judge()
    judge.load_state_dict(torch.load(path)["judge"])
    return judge.eval()


def disturb(x, rng, shift=True):
    """Small shifts, blur, brightness, colour cast and noise, so that it looks at the scene."""
    n = len(x)
    dx, dy = rng.integers(-4, 5, 2) if shift else (0, 0)
    x = F.pad(x, (4, 4, 4, 4), mode="replicate")[:, :, 4 + dy : 132 + dy, 4 + dx : 132 + dx]
    if rng.random() < 0.25:
        x = F.avg_pool2d(F.pad(x, (1, 1, 1, 1), mode="replicate"), 3, 1)
    x = x * (1 + 0.08 * (torch.rand(n, 1, 1, 1) - 0.5)) + 0.05 * (torch.rand(n, 3, 1, 1) - 0.5)
    if rng.random() < 0.3:
        x = x + 0.05 * torch.rand(1) * torch.randn_like(x)
    return x


def accuracy(judge, folder):
    """Shares of held-out renders that are named rightly."""
    rows = np.load(os.path.join(folder, "held-out-rows.npy")).astype(int)
    found = name(judge, np.load(os.path.join(folder, "held-out-pictures.npy"), mmap_mode="r"))
    same = found == rows
    one = rows[:, 0] == 1
    day = rows[:, 9] == 0
    return {
        "renders": len(rows),
        "one object: count, shape, colour": float(same[one][:, :3].all(1).mean()),
        "two objects: count, shapes, colours, sides": float(
            same[~one][:, [0, 1, 2, 4, 5]].all(1).mean()
        ),
        "all renders: the same": float(same[:, [0, 1, 2, 4, 5]].all(1).mean()),
        "size": float(same[:, 3].mean()),
        "floor": float(same[:, 7].mean()),
        "sky": float(same[day, 8].mean()),
        "night": float(same[:, 9].mean()),
    }


def train(options):
    torch.manual_seed(options.seed)
    rng = np.random.default_rng(options.seed)
    torch.set_num_threads(options.threads)
    pictures = np.load(os.path.join(options.data, "train-pictures.npy"), mmap_mode="r")
    wanted = targets(np.load(os.path.join(options.data, "train-rows.npy")))
    done = np.load(os.path.join(options.data, "train-done.npy"))
    usable = np.flatnonzero(np.repeat(done, len(pictures) // len(done)))
    judge = Judge()
    tools = common.optimisers(judge, 2e-3, ("head",))
    begin, total = time.time(), 0.0
    for step in range(options.steps):
        common.set_rate(tools, (2e-3, 2e-3), common.learning_rate(step, options.steps))
        pick = np.sort(rng.choice(usable, options.batch))
        x = disturb(common.to_float(pictures[pick]), rng)
        with common.autocast():
            scores = judge(x)
        loss = (
            sum(
                F.cross_entropy(s.float(), wanted[pick, k], ignore_index=-1, reduction="sum")
                for k, s in enumerate(scores)
            )
            / options.batch
        )
        loss.backward()
        for tool in tools:
            tool.step()
            tool.zero_grad()
        total += loss.item()
        if (step + 1) % 100 == 0:
            print(f"step {step + 1} loss {total / 100:.4f} {time.time() - begin:.0f} s", flush=True)
            total = 0.0
    judge.eval()
    torch.save({"judge": judge.state_dict()}, options.out)
    for key, value in accuracy(judge, options.data).items():
        print(f"{key}: {value:.4f}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", required=True)
    parser.add_argument("--out", required=True)
    parser.add_argument("--steps", type=int, default=1200)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seed", type=int, default=3)
    train(parser.parse_args())


if __name__ == "__main__":
    main()
