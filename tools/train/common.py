# SPDX-License-Identifier: LGPL-3.0-or-later
"""What the trainers share: optimiser, running average, schedule, control files, checkpoints."""

import copy
import math
import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch


# Without the instructions bfloat16 is slower than float32.
BFLOAT16 = torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()


def autocast():
    """bfloat16 for what bears it, where the processor has it."""
    return torch.autocast("cpu", dtype=torch.bfloat16, enabled=BFLOAT16)


def orthogonal(matrices):
    """Nearest (semi-)orthogonal matrices, roughly: five Newton-Schulz steps on [k,m,n]."""
    x = matrices.bfloat16() if BFLOAT16 else matrices.float()
    tall = x.shape[1] > x.shape[2]
    if tall:
        x = x.transpose(1, 2)
    x = x / (x.float().norm(dim=(1, 2), keepdim=True).to(x.dtype) + 1e-7)
    for _ in range(5):
        gram = x @ x.transpose(1, 2)
        x = 3.4445 * x + (-4.7750 * gram + 2.0315 * gram @ gram) @ x
    return (x.transpose(1, 2) if tall else x).float()


class Muon(torch.optim.Optimizer):
    """Momentum whose update is made orthogonal, for weights with two or more axes.

    The update is scaled to AdamW's usual size, so both can share a learning rate.
    """

    def __init__(self, parameters, lr, momentum=0.95, weight_decay=0.01):
        super().__init__(parameters, dict(lr=lr, momentum=momentum, weight_decay=weight_decay))

    def step(self, crew=None):
        """One update; with a crew, its workers share the weights by shape."""
        jobs = []
        for group in self.param_groups:
            shapes = {}
            for p in group["params"]:
                if p.grad is not None:
                    shapes.setdefault((p.shape[0], p[0].numel()), []).append(p)
            jobs += [(group, shape, same) for shape, same in shapes.items()]
        jobs.sort(key=lambda job: -job[1][0] * job[1][1] * len(job[2]))
        if crew:
            crew.each(lambda worker, job: self._step_same_shape(*job), jobs)
        else:
            for job in jobs:
                self._step_same_shape(*job)

    @torch.no_grad()
    def _step_same_shape(self, group, shape, same):
        directions = []
        for p in same:
            state = self.state[p]
            if not state:
                state["average"] = torch.zeros_like(p)
            state["average"].lerp_(p.grad, 1 - group["momentum"])
            look_ahead = torch.lerp(p.grad, state["average"], group["momentum"])
            directions.append(look_ahead.reshape(shape))
        updates = orthogonal(torch.stack(directions))
        scale = group["lr"] * 0.2 * math.sqrt(max(shape))
        for p, update in zip(same, updates):
            p.mul_(1 - group["lr"] * group["weight_decay"])
            p.sub_(update.reshape(p.shape), alpha=scale)


def optimisers(model, lr, adam_only=(), adam_lr=None):
    """Muon for matrices and filters, AdamW for the rest and for names in `adam_only`."""
    muon, adam = [], []
    for name, p in model.named_parameters():
        if p.requires_grad:
            plain = p.ndim < 2 or any(part in name for part in adam_only)
            (adam if plain else muon).append(p)
    return [
        Muon(muon, lr),
        torch.optim.AdamW(adam, adam_lr or lr, betas=(0.9, 0.99), weight_decay=1e-4, fused=True),
    ]


def learning_rate(step, total, warm_up=100, flat=0.0):
    """Share of the full rate: linear up, flat for a share of the run, half a cosine to zero."""
    progress = min(1.0, step / max(1, total))
    down = max(0.0, (progress - flat) / (1 - flat))
    return min(1.0, (step + 1) / warm_up) * max(1e-3, 0.5 * (1 + math.cos(math.pi * down)))


def set_rate(optimiser_list, base_rates, share):
    for optimiser, base in zip(optimiser_list, base_rates):
        for group in optimiser.param_groups:
            group["lr"] = base * share


class Crew:
    """Workers, one core each, that share the parts of every batch.

    Each worker takes the next part when it is free, so a core that others use
    too slows training by no more than what it cannot do.  Workers have their
    own gradients but the same weights.
    """

    def __init__(self, model, count):
        self.models = [model]
        for _ in range(count - 1):
            twin = copy.deepcopy(model)
            for p, q in zip(twin.parameters(), model.parameters()):
                p.data = q.data
            self.models.append(twin)
        self.active = count
        self.pool = ThreadPoolExecutor(count, initializer=torch.set_num_threads, initargs=(1,))

    def each(self, function, items):
        """function(worker, item) for every item; the results in the items' order."""
        results, lock, waiting = (
            [None] * len(items),
            threading.Lock(),
            list(range(len(items)))[::-1],
        )

        def work(worker):
            while True:
                with lock:
                    if not waiting:
                        return
                    k = waiting.pop()
                results[k] = function(worker, items[k])

        for job in [self.pool.submit(work, k) for k in range(self.active)]:
            job.result()
        return results

    def gradients(self, loss_of, parts):
        """Mean gradient over the parts, left in the first model; what loss_of returned.

        loss_of(model, *part) gives a tuple that begins with the loss.
        """

        def one(worker, part):
            values = loss_of(self.models[worker], *part)
            (values[0] / len(parts)).backward()
            return [v.item() for v in values]

        results = self.each(one, parts)
        for twin in self.models[1:]:
            pairs = [
                (p, q)
                for p, q in zip(self.models[0].parameters(), twin.parameters())
                if q.grad is not None
            ]
            for p, q in pairs:
                if p.grad is None:
                    p.grad = q.grad
                else:
                    p.grad += q.grad
                q.grad = None
        return np.mean(results, 0)


class Average:
    """Exponential running average of a model's weights."""

    def __init__(self, model, decay):
        self.decay = decay
        self.weights = {
            k: v.detach().clone() for k, v in model.state_dict().items() if v.is_floating_point()
        }

    @torch.no_grad()
    def update(self, model, step):
        decay = min(self.decay, (1 + step) / (20 + step))
        now = model.state_dict()
        names = list(self.weights)
        torch._foreach_lerp_([self.weights[k] for k in names], [now[k] for k in names], 1 - decay)

    def swap(self, model):
        """Exchange the model's weights with the averaged ones; call again to undo."""
        for name, value in model.state_dict().items():
            if name in self.weights:
                kept = value.clone()
                value.copy_(self.weights[name])
                self.weights[name].copy_(kept)


class Control:
    """Outside control of a running trainer through two small files, both optional.

    PREFIX.threads holds the number of cores to use, PREFIX.budget the total
    number of steps of the run.
    """

    def __init__(self, prefix, total):
        self.prefix, self.total = prefix, total

    def _read(self, name):
        try:
            with open(f"{self.prefix}.{name}", encoding="ascii") as file:
                return int(file.read())
        except (OSError, ValueError):
            return None

    def poll(self, crew=None):
        if not self.prefix:
            return
        wanted = self._read("threads")
        if crew and wanted:
            crew.active = max(1, min(wanted, len(crew.models)))
        self.total = self._read("budget") or self.total


class Clock:
    """Processor time of the whole run, carried through checkpoints."""

    def __init__(self, used=0.0):
        self.begin = time.process_time() - used
        self.wall = time.time()

    def used(self):
        return time.process_time() - self.begin


def save_checkpoint(path, content):
    torch.save(content, path + ".new")
    os.replace(path + ".new", path)


def random_state(rng):
    return {"torch": torch.get_rng_state(), "numpy": rng.bit_generator.state}


def set_random_state(rng, state):
    torch.set_rng_state(state["torch"])
    rng.bit_generator.state = state["numpy"]


def to_float(pictures):
    """uint8 pictures to floats in -1..1."""
    return torch.from_numpy(np.ascontiguousarray(pictures)).float().div_(127.5).sub_(1)


def psnr(difference):
    """Mean over pictures of the PSNR of differences between pictures in -1..1."""
    error = (difference / 2).pow(2).mean((1, 2, 3))
    return (-10 * torch.log10(error)).mean().item()
