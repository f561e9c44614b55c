# SPDX-License-Identifier: LGPL-3.0-or-later
"""Runs `dif`, checks how it ends, and speaks TAP."""

import json
import os
import random
import shutil
import struct
import subprocess
import sys
import tempfile

PROGRAM, SANITIZE = os.path.abspath(sys.argv[1]), sys.argv[2]
TASKS = ("txt2img", "img2img", "inpaint", "depth2img", "unconditional")
MODELS = os.path.join(os.environ["DIF_FIXTURES"], "models")


class Skip(Exception):
    """Something this machine lacks; says what."""


class Result:
    def __init__(self, command, status, out, err):
        self.command, self.status, self.out, self.err = command, status, out, err

    def __str__(self):
        parts = [os.fsdecode(part) for part in self.command]
        shown = " ".join(part if len(part) < 200 else part[:60] + "..." for part in parts)
        return (f"{shown}\n  exit status {self.status}\n  stdout: {self.out[-600:]!r}\n"
                f"  stderr: {self.err[-1500:]!r}")


def settled(args):
    """What draws says where and in what: `auto` depends on the machine.  The last one counts, so
    that a test may say otherwise."""
    if args and args[0] in TASKS:
        return (args[0], "--device", "cpu", "--dtype", "f32", *args[1:])
    return args


class Bench:
    """A folder to work in, and a small model of random weights."""

    def __init__(self, folder):
        self.folder = folder
        self.model = os.path.join(folder, "model")
        self.ok("make-checkpoint", "--like", "tiny", "--dtype", "f32", self.model)

    def path(self, *names):
        return os.path.join(self.folder, *names)

    def start(self, *args, **more):
        command = [PROGRAM, *settled(args)]
        more.setdefault("stdout", subprocess.PIPE)
        more.setdefault("stderr", subprocess.PIPE)
        more.setdefault("stdin", subprocess.DEVNULL)
        return command, subprocess.Popen(command, cwd=self.folder, **more)

    def run(self, *args, **more):
        command, process = self.start(*args, **more)
        out, err = process.communicate(timeout=240)
        return Result(command, process.returncode, (out or b"").decode("utf-8", "replace"),
                      (err or b"").decode("utf-8", "replace"))

    def ok(self, *args, **more):
        result = self.run(*args, **more)
        assert result.status == 0 and not result.err, f"expected success: {result}"
        return result

    def fails(self, status, words, *args, **more):
        """One line on stderr that has all of @words in it, and this exit status."""
        result = self.run(*args, **more)
        assert result.status == status, f"expected status {status}: {result}"
        check_line(result)
        for word in words:
            assert word in result.err, f"expected {word!r} in the message: {result}"
        return result

    def draw(self, *args):
        """The arguments of a small picture."""
        return ("txt2img", "--model", self.model, "--prompt", "a red cube", "--steps", "2",
                "--seed", "7", *args)

    def copy_model(self, name="copy"):
        target = self.path(name)
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(self.model, target)
        return target


def check_line(result):
    assert result.err.startswith("dif: ") and result.err.endswith("\n") and \
        result.err.count("\n") == 1, f"expected one line that begins with dif: {result}"


class Safetensors:
    """A safetensors file taken apart, to be put together wrongly."""

    def __init__(self, path):
        with open(path, "rb") as file:
            data = file.read()
        (length,) = struct.unpack_from("<Q", data)
        self.path = path
        self.header = json.loads(data[8:8 + length])
        self.data = data[8 + length:]

    def names(self):
        return [name for name in self.header if name != "__metadata__"]

    def floats(self, name):
        entry = self.header[name]
        begin, end = entry["data_offsets"]
        assert entry["dtype"] == "F32"
        return struct.unpack(f"<{(end - begin) // 4}f", self.data[begin:end])

    def write(self, header=None, length=None):
        text = (json.dumps(self.header) if header is None else header).encode()
        with open(self.path, "wb") as file:
            file.write(struct.pack("<Q", len(text) if length is None else length))
            file.write(text + self.data)


def edit_json(path, change):
    with open(path, encoding="utf-8") as file:
        value = json.load(file)
    change(value)
    with open(path, "w", encoding="utf-8") as file:
        json.dump(value, file)


def write(path, data):
    with open(path, "wb") as file:
        file.write(data)


def flip_bits(path, count, begin, end, seed):
    numbers = random.Random(seed)
    with open(path, "r+b") as file:
        for _ in range(count):
            at = numbers.randrange(begin, end)
            file.seek(at)
            byte = file.read(1)[0] ^ 1 << numbers.randrange(8)
            file.seek(at)
            file.write(bytes([byte]))


def main(tests):
    print(f"1..{len(tests)}", flush=True)
    failed = False
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(folder)
        for number, test in enumerate(tests, 1):
            title = test.__name__.replace("_", "-")
            try:
                test(bench)
                print(f"ok {number} - {title}", flush=True)
            except Skip as reason:
                print(f"ok {number} - {title} # SKIP {reason}", flush=True)
            except Exception as problem:  # pylint: disable=broad-except
                failed = True
                print(f"not ok {number} - {title}")
                for line in f"{type(problem).__name__}: {problem}".splitlines():
                    print(f"# {line}", flush=True)
    return failed
