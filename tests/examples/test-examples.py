#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-3.0-or-later
"""Installs the library into a folder of its own, builds every example against it as its
README says, and runs them.

Arguments: build folder, examples folder, path of dif, -Db_sanitize, the C compiler.
"""

import glob
import os
import re
import shlex
import subprocess
import sys
import tempfile

BUILD, EXAMPLES, DIF, SANITIZE, CC = sys.argv[1:6]
DIF = os.path.abspath(DIF)
MODEL = os.path.join(os.environ["DIF_FIXTURES"], "models", "odd")
UNCONDITIONAL = os.path.join(os.environ["DIF_FIXTURES"], "models", "ddpm")
PROMPT = "a red cube"
# What is compared says where it was computed and in what; `auto` depends on the machine.
SETTLED = ("cpu", "f32")

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "cli"))
from png import read_png  # noqa: E402


def run(command, folder, **more):
    return subprocess.run(command, cwd=folder, check=False, text=True, timeout=280,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, **more)


def must(command, folder, **more):
    done = run(command, folder, **more)
    if done.returncode != 0:
        raise AssertionError(f"{shlex.join(command)}: exit status {done.returncode}\n"
                             f"{done.stdout}{done.stderr}")
    return done.stdout


def options():
    return ("--device", SETTLED[0], "--dtype", SETTLED[1])


class Stage:
    """An installed copy, and the environment to build and run against it."""

    def __init__(self, folder):
        self.folder = folder
        must(["meson", "install", "-C", BUILD, "--no-rebuild", "--quiet", "--destdir", folder],
             folder)
        pc = glob.glob(os.path.join(folder, "**", "libdif.pc"), recursive=True)
        if not pc:
            raise AssertionError("meson install put no libdif.pc down")
        self.prefix = self.relocate(pc[0])
        self.library = os.path.dirname(os.path.dirname(pc[0]))
        self.env = dict(os.environ, LD_LIBRARY_PATH=self.library,
                        PKG_CONFIG_PATH=os.path.dirname(pc[0]))

    def relocate(self, pc):
        """Makes the .pc file point below DESTDIR, as a package manager's would after it."""
        with open(pc, encoding="utf-8") as file:
            text = file.read()
        prefix = re.search(r"^prefix=(.*)$", text, re.M)[1]
        if "pcfiledir" in prefix:
            return os.path.normpath(prefix.replace("${pcfiledir}", os.path.dirname(pc)))
        staged = self.folder + prefix
        with open(pc, "w", encoding="utf-8") as file:
            file.write(text.replace(f"prefix={prefix}", f"prefix={staged}", 1))
        return staged

    def build(self, name):
        flags = must(["pkg-config", "--cflags", "--libs", "libdif", "gdk-pixbuf-2.0"], self.folder,
                     env=self.env).split()
        sanitize = [] if SANITIZE == "none" else [f"-fsanitize={SANITIZE}"]
        source = os.path.join(EXAMPLES, name + ".c")
        must(shlex.split(CC) + ["-Wall", "-Wextra", "-Werror", "-Wno-unused-parameter", *sanitize,
                                "-o", name, source, *flags, "-lm"], self.folder, env=self.env)

    def run(self, name, *args):
        return run([os.path.join(self.folder, name), *args], self.folder, env=self.env)


def test_headers(stage):
    """dif.h and what it includes are all there, and can be used from C alone."""
    with open(os.path.join(stage.folder, "empty.c"), "w", encoding="utf-8") as file:
        file.write("#include <dif-parts.h>\nint main (void) { return DIF_F32; }\n")
    flags = must(["pkg-config", "--cflags", "libdif"], stage.folder, env=stage.env).split()
    must(shlex.split(CC) + ["-fsyntax-only", "-Wall", "-Werror", "-std=c11", "empty.c", *flags],
         stage.folder, env=stage.env)


def test_soname(stage):
    names = os.listdir(stage.library)
    assert "libdif.so" in names and "libdif.so.0" in names, names


def test_hello(stage):
    stage.build("hello")
    done = stage.run("hello", MODEL, PROMPT, "hello.png")
    assert done.returncode == 0, done.stderr
    width, height, _ = read_png(os.path.join(stage.folder, "hello.png"))
    assert width == height == 64, (width, height)
    done = stage.run("hello", "no-such-model", PROMPT, "none.png")
    assert done.returncode == 1 and "no-such-model" in done.stderr, done.stderr


def test_schedulers(stage):
    stage.build("schedulers")
    done = stage.run("schedulers", MODEL, PROMPT)
    assert done.returncode == 0, done.stderr
    names = must([DIF, "schedulers"], stage.folder).split()
    for long, short in zip(names[::2], names[1::2]):
        assert f"{short}.png: {{" in done.stdout and f'"{long}"' in done.stdout, long
        assert os.path.exists(os.path.join(stage.folder, short + ".png")), short


def test_loop(stage):
    """The loop by hand draws what the pipeline draws."""
    stage.build("loop")
    done = stage.run("loop", MODEL, PROMPT, "loop.png", *SETTLED)
    assert done.returncode == 0, done.stderr
    must([DIF, "txt2img", "--model", MODEL, "--prompt", PROMPT, "--steps", "10", "--seed", "7",
          "--guidance-scale", "7.5", *options(), "-o", "pipeline.png", "--quiet"], stage.folder)
    by_hand = read_png(os.path.join(stage.folder, "loop.png"))
    by_dif = read_png(os.path.join(stage.folder, "pipeline.png"))
    assert by_hand[:2] == by_dif[:2]
    worst = max(abs(a - b) for a, b in zip(by_hand[2], by_dif[2]))
    assert worst <= 1, f"expected the same picture, found pixels {worst}/255 apart"


def test_unconditional(stage):
    """A look every 50 steps and at the end, which is the pipeline's picture."""
    stage.build("unconditional")
    done = stage.run("unconditional", UNCONDITIONAL, "120", "seen", *SETTLED)
    assert done.returncode == 0, done.stderr
    assert '"AttnDownBlock2D"' in done.stdout, done.stdout
    names = sorted(name for name in os.listdir(stage.folder) if name.startswith("seen-"))
    assert names == ["seen-0050.png", "seen-0100.png", "seen-0120.png"], names
    must([DIF, "unconditional", "--model", UNCONDITIONAL, "--scheduler", "DDPMScheduler",
          "--steps", "120", "--seed", "0", *options(), "-o", "drawn.png", "--quiet"],
         stage.folder)
    seen, drawn = (read_png(os.path.join(stage.folder, name)) for name in (names[-1], "drawn.png"))
    assert seen[:2] == drawn[:2]
    worst = max(abs(a - b) for a, b in zip(seen[2], drawn[2]))
    assert worst <= 1, f"expected the same picture, found pixels {worst}/255 apart"
    done = stage.run("unconditional", MODEL)
    assert done.returncode == 1 and "UNet2DModel" in done.stderr, done.stderr


def main():
    tests = [test_headers, test_soname, test_hello, test_schedulers, test_loop,
             test_unconditional]
    print(f"1..{len(tests)}")
    failed = False
    with tempfile.TemporaryDirectory() as folder:
        try:
            stage = Stage(folder)
        except AssertionError as problem:
            print(f"Bail out! {problem}".replace("\n", " | "))
            return 1
        for number, test in enumerate(tests, 1):
            title = test.__name__.replace("_", "-")
            try:
                test(stage)
                print(f"ok {number} - {title}", flush=True)
            except AssertionError as problem:
                failed = True
                print(f"not ok {number} - {title}")
                for line in str(problem).splitlines():
                    print(f"# {line}")
    return failed


if __name__ == "__main__":
    sys.exit(main())
