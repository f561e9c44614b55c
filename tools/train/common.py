# SPDX-License-Identifier: LGPL-3.0-or-later
"""What the trainers share: optimiser, running average, schedule, control files, checkpoints."""

import copy
import math
import os
import random
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


def noise_levels(alphas, count, snr_cap):
    """Timesteps, factors of picture and of noise, weights of the loss; every batch covers all levels.

    The weights are 1 up to the cap of the signal-to-noise ratio and fall beyond it; their mean is 1.
    """
    steps = len(alphas)
    t = ((torch.randperm(count) + torch.rand(count)) * (steps / count)).long().clamp(0, steps - 1)
    alpha = alphas[t]
    keep, add = alpha.sqrt()[:, None, None, None], (1 - alpha).sqrt()[:, None, None, None]
    snr = alpha / (1 - alpha)
    weight = snr.clamp(max=snr_cap) / snr
    return t, keep, add, weight * count / weight.sum()


def to_float(pictures):
    """uint8 pictures to floats in -1..1."""
    return torch.from_numpy(np.ascontiguousarray(pictures)).float().div_(127.5).sub_(1)


def psnr(difference):
    """Mean over pictures of the PSNR of differences between pictures in -1..1."""
    error = (difference / 2).pow(2).mean((1, 2, 3))
    return (-10 * torch.log10(error)).mean().item()


class Run:
    """A training run that goes on from its checkpoint (`options.out`) when there is one."""

    def __init__(self, options, make_model, make_optimisers):
        self.path, self.step, self.clock = options.out, 0, Clock()
        torch.manual_seed(options.seed)
        self.rng = np.random.default_rng(options.seed)
        self.words = random.Random(options.seed)
        self.model = make_model()
        self.optimisers = make_optimisers(self.model)
        self.trained = [p for p in self.model.parameters() if p.requires_grad]
        self.average = Average(self.model, options.average)
        if os.path.exists(self.path):
            self._go_on(torch.load(self.path, weights_only=False))

    def _go_on(self, kept):
        self.model.load_state_dict(kept["model"])
        self.average.weights = kept["average"]
        for optimiser, content in zip(self.optimisers, kept["optimisers"]):
            optimiser.load_state_dict(content)
        set_random_state(self.rng, kept["random"])
        self.words.setstate(kept["words"])
        self.step, self.clock = kept["step"], Clock(kept["cpu"])

    def update(self, crew):
        """One step of Muon and AdamW with the gradients of the model, which are cleared."""
        torch.nn.utils.clip_grad_norm_(self.trained, 1.0)
        self.optimisers[0].step(crew)
        for optimiser in self.optimisers[1:]:
            optimiser.step()
        for optimiser in self.optimisers:
            optimiser.zero_grad()
        self.average.update(self.model, self.step)
        self.step += 1

    def save(self):
        save_checkpoint(
            self.path,
            {
                "model": self.model.state_dict(),
                "average": self.average.weights,
                "optimisers": [optimiser.state_dict() for optimiser in self.optimisers],
                "random": random_state(self.rng),
                "words": self.words.getstate(),
                "step": self.step,
                "cpu": self.clock.used(),
            },
        )


def add_run_options(parser, steps, batch, part, rate, adam_rate, average, seed):
    """Options that every trainer built on `Run` has, with its own defaults."""
    parser.add_argument("--out", required=True, help="checkpoint; an existing one is continued")
    parser.add_argument("--steps", type=int, default=steps)
    parser.add_argument("--batch", type=int, default=batch)
    parser.add_argument(
        "--part", type=int, default=part, help="samples that a worker takes at a time"
    )
    parser.add_argument("--rate", type=float, default=rate)
    parser.add_argument("--adam-rate", type=float, default=adam_rate)
    parser.add_argument("--average", type=float, default=average)
    parser.add_argument("--warm-up", type=int, default=100)
    parser.add_argument("--flat", type=float, default=0.3)
    parser.add_argument("--report", type=int, default=50)
    parser.add_argument("--watch", type=int, default=400, help="look every so many steps")
    parser.add_argument("--threads", type=int, default=2, help="workers, one core each")
    parser.add_argument("--control", default="", help="prefix of the control files")
    parser.add_argument("--seed", type=int, default=seed)


def train(run, options, loss_of, parts_of, watch=None):
    """Run to `options.steps`, reporting, saving and looking (`watch`) now and then.

    parts_of() gives the parts of a batch for `Crew.gradients`; watch(step),
    called while the model holds the averaged weights, gives a line to print.
    """
    control = Control(options.control, options.steps)
    crew = Crew(run.model, options.threads)
    print(f"{sum(p.numel() for p in run.trained)} parameters to train", flush=True)
    total, count, since, saved = 0.0, 0, time.time(), time.time()
    while run.step < control.total:
        if run.step % 20 == 0:
            control.poll(crew)
        share = learning_rate(run.step, control.total, options.warm_up, options.flat)
        set_rate(run.optimisers, (options.rate, options.adam_rate), share)
        total += crew.gradients(loss_of, parts_of())[0]
        run.update(crew)
        count += 1
        last = run.step >= control.total
        if run.step % options.report == 0 or last:
            print(
                f"step {run.step} of {control.total} cpu {run.clock.used():.0f} s "
                f"loss {total / count:.4f} rate {share:.3f} "
                f"{count * options.batch / (time.time() - since):.0f} samples/s",
                flush=True,
            )
            total, count, since = 0.0, 0, time.time()
        if time.time() - saved > 60 or last:
            run.save()
            saved = time.time()
        if watch and (run.step % options.watch == 0 or last):
            run.average.swap(run.model)
            print("   ", watch(run.step), flush=True)
            run.average.swap(run.model)
