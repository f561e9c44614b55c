#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-3.0-or-later
"""Files that appear whole or not at all, scarce memory and space, interruption, progress.

Arguments: path of dif, -Db_sanitize.
"""

import ctypes
import os
import pty
import re
import resource
import select
import shutil
import signal
import struct
import subprocess
import sys
import time

from harness import SANITIZE, Result, Skip, check_line, main, write
from png import read_png


def fresh(bench, name):
    folder = bench.path(name)
    os.mkdir(folder)
    return folder


def fresh_file(bench, name):
    if os.path.exists(bench.path(name)):
        os.remove(bench.path(name))


def limited(which, amount):
    return lambda: resource.setrlimit(which, (amount, amount))


def test_no_space_on_a_device(bench):
    if not os.path.exists("/dev/full"):
        raise Skip("no /dev/full here")
    bench.fails(1, ["/dev/full", "No space left"], *bench.draw("-o", "/dev/full"))
    bench.fails(1, ["/dev/full", "No space left"], *bench.draw("--dump", "/dev/full"))
    with open("/dev/full", "wb") as full:
        bench.fails(1, ["standard output"], "schedulers", "-v", stdout=full)
        bench.fails(1, ["standard output"], "txt2img", "--help", stdout=full)


def test_files_too_large_leave_nothing(bench):
    folder = fresh(bench, "small")
    bench.fails(1, ["out.png", "File too large"], *bench.draw("-o", "small/out.png"),
                preexec_fn=limited(resource.RLIMIT_FSIZE, 1000))
    bench.fails(1, ["File too large"], *bench.draw("--dump", "small/out.safetensors"),
                preexec_fn=limited(resource.RLIMIT_FSIZE, 1000))
    bench.fails(1, ["File too large"], "make-checkpoint", "--like", "tiny", "small/model",
                preexec_fn=limited(resource.RLIMIT_FSIZE, 100_000))
    assert os.listdir(folder) == []


def test_a_full_disk_leaves_nothing(bench):
    folder = fresh(bench, "disk")
    mount = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16k", "tmpfs", folder], check=False,
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    if mount.returncode != 0:
        raise Skip("no right to mount a tmpfs")
    try:
        bench.fails(1, ["out.png", "No space left"],
                    *bench.draw("--width", "256", "--height", "256", "-o", "disk/out.png"))
        bench.fails(1, ["No space left"], "make-checkpoint", "--like", "tiny", "disk/model")
        assert os.listdir(folder) == []
    finally:
        subprocess.run(["umount", folder], check=True)


def mounted(bench, name, size):
    """A small file system; None where that is not allowed."""
    folder = fresh(bench, name)
    mount = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder],
                           check=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    if mount.returncode != 0:
        raise Skip("no right to mount a tmpfs")
    return folder


def test_want_of_space_is_seen_before_the_model(bench):
    folder = mounted(bench, "tight", "16k")
    try:
        no_model = ("txt2img", "--model", "no-such-model", "--prompt", "x", "--width", "512",
                    "--height", "512")
        bench.fails(1, ["tight/out.png", "No space left", "expected about 393"], *no_model, "-o",
                    "tight/out.png")
        bench.fails(1, ["tight/out.safetensors", "No space left", "expected about"], *no_model,
                    "--dump", "tight/out.safetensors")
        assert os.listdir(folder) == []
    finally:
        subprocess.run(["umount", folder], check=True)


def test_pictures_that_cannot_be_written_are_kept_elsewhere(bench):
    # noise: its PNG is larger than the estimate for photographs
    folder = mounted(bench, "late", "28k")
    env = dict(os.environ, XDG_CACHE_HOME=bench.path("cache"))
    try:
        small = bench.draw("--width", "64", "--height", "64", "--num-images", "3")
        bench.ok(*small, "-o", "fine.png", env=env)
        assert not os.path.exists(bench.path("cache", "gimp-diffusion"))
        result = bench.fails(1, ["No space left", "written instead: "], *small, "-o",
                             "late/out.png", env=env)
        kept = result.err.strip().split("written instead: ")[1].split(", ")
        there = sorted(os.listdir(folder))
        assert there and len(there) + len(kept) == 3, f"{there} and {kept}"
        found = [os.path.join(folder, name) for name in there] + kept
        assert [read_png(path) for path in found] == \
            [read_png(bench.path(f"fine-{i}.png")) for i in (1, 2, 3)]
        assert all(os.stat(path).st_mode & 0o077 == 0 for path in kept)
        # where the cache cannot be written either, the folder for temporary files does
        write(bench.path("no-folder"), b"")
        env = dict(env, XDG_CACHE_HOME=bench.path("no-folder"), TMPDIR=fresh(bench, "temporary"))
        for name in there:
            os.remove(os.path.join(folder, name))
        bench.fails(1, [f"written instead: {bench.path('temporary')}/out-"], *small, "-o",
                    "late/out.png", env=env)
    finally:
        subprocess.run(["umount", folder], check=True)


def test_names_as_long_as_the_file_system_allows(bench):
    fresh(bench, "long")
    for length in (248, 249, 254, 255):
        stem = "n" * (length - 4)
        bench.ok(*bench.draw("-o", f"long/{stem}.png"))
        stem = "n" * (length - 12)
        bench.ok(*bench.draw("--dump", f"long/{stem}.safetensors"))
        shutil.rmtree(bench.path("long"))
        bench.ok("make-checkpoint", "--like", "tiny", "long" + "n" * (length - 4))
        fresh(bench, "long")
    no_model = ("txt2img", "--model", "no-such-model", "--prompt", "x")
    bench.fails(1, ["File name too long"], *no_model, "-o", "n" * 252 + ".png")
    bench.fails(1, ["File name too long"], *no_model, "--dump", "n" * 244 + ".safetensors")
    # of several the tenth has the longest name
    bench.fails(1, ["-10.png", "File name too long"], *no_model, "--num-images", "10", "-o",
                "n" * 249 + ".png")
    bench.ok(*bench.draw("--num-images", "2", "--width", "64", "--height", "64", "-o",
                         "n" * 249 + ".png"))


def test_every_name_is_looked_at_before_the_model(bench):
    fresh(bench, "several-2.png")
    no_model = ("txt2img", "--model", "no-such-model", "--prompt", "x", "--num-images", "3")
    bench.fails(1, ["several-2.png", "Is a directory"], *no_model, "-o", "several.png")


def test_links_stay_links(bench):
    fresh(bench, "links")
    fresh(bench, "links/far")
    os.symlink("far/target.png", bench.path("links", "out.png"))
    os.symlink("out.png", bench.path("links", "twice.png"))
    os.symlink("far/target.safetensors", bench.path("links", "out.safetensors"))
    # the first time it leads nowhere, the second time to a file
    for name in ("twice.png", "out.png"):
        bench.ok(*bench.draw("-o", f"links/{name}"))
        assert os.path.islink(bench.path("links", name))
        assert os.listdir(bench.path("links", "far")) == ["target.png"]
        read_png(bench.path("links", "far", "target.png"))
    for _ in range(2):
        bench.ok(*bench.draw("--dump", "links/out.safetensors"))
        assert os.path.islink(bench.path("links", "out.safetensors"))
        assert os.path.isfile(bench.path("links", "far", "target.safetensors"))
    os.symlink("gone/target.png", bench.path("links", "lost.png"))
    os.symlink("round.png", bench.path("links", "round.png"))
    no_model = ("txt2img", "--model", "no-such-model", "--prompt", "x")
    bench.fails(1, ["gone: No such file"], *no_model, "-o", "links/lost.png")
    bench.fails(1, ["round.png", "symbolic links"], *no_model, "-o", "links/round.png")
    fresh(bench, "links/empty")
    os.symlink("empty", bench.path("links", "model"))
    bench.ok("make-checkpoint", "--like", "tiny", "links/model")
    assert os.path.islink(bench.path("links", "model"))
    assert os.path.isfile(bench.path("links", "empty", "model_index.json"))


def test_a_descriptor_is_written_where_it_is(bench):
    bench.ok(*bench.draw("-o", "plain.png"))
    with open(bench.path("plain.png"), "rb") as file:
        expected = file.read()
    write(bench.path("descriptor.png"), b"before")
    with open(bench.path("descriptor.png"), "ab") as file:
        bench.ok(*bench.draw("-o", "/dev/stdout"), stdout=file)
    with open(bench.path("descriptor.png"), "rb") as file:
        assert file.read() == b"before" + expected
    assert os.path.islink("/dev/stdout")


def test_what_was_private_stays_private(bench):
    write(bench.path("private.png"), b"")
    os.chmod(bench.path("private.png"), 0o600)
    bench.ok(*bench.draw("-o", "private.png"))
    assert os.stat(bench.path("private.png")).st_mode & 0o777 == 0o600


def test_a_file_that_may_not_be_written_is_refused_before_loading(bench):
    if os.geteuid() == 0:
        raise Skip("root may write anything")
    write(bench.path("fixed.png"), b"")
    os.chmod(bench.path("fixed.png"), 0o400)
    bench.fails(1, ["fixed.png", "Permission denied"], "txt2img", "--model", "no-such-model",
                "--prompt", "x", "-o", "fixed.png")


class Names:
    """Every name that appears in a folder, however short."""

    CREATE, MOVED_TO = 0x100, 0x80

    def __init__(self, folder):
        libc = ctypes.CDLL(None, use_errno=True)
        self.fd = libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        if self.fd < 0 or libc.inotify_add_watch(self.fd, os.fsencode(folder),
                                                 self.CREATE | self.MOVED_TO) < 0:
            raise Skip(f"inotify: {os.strerror(ctypes.get_errno())}")

    def seen(self):
        try:
            data, names = os.read(self.fd, 65536), []
        except BlockingIOError:
            data, names = b"", []
        os.close(self.fd)
        while data:
            (length,) = struct.unpack_from("I", data, 12)
            names.append(data[16:16 + length].rstrip(b"\0").decode())
            data = data[16 + length:]
        return names


def test_a_file_has_no_name_before_it_is_whole(bench):
    """So nothing is left of it whenever the process is killed."""
    folder = fresh(bench, "nameless")
    try:
        os.close(os.open(folder, os.O_TMPFILE | os.O_WRONLY))
    except OSError as error:
        raise Skip(f"no files without a name here: {error.strerror}") from error
    names = Names(folder)
    bench.ok(*bench.draw("-o", "nameless/out.png", "--dump", "nameless/dump.safetensors"))
    assert sorted(names.seen()) == ["dump.safetensors", "out.png"]
    os.unlink(bench.path("nameless", "dump.safetensors"))
    before = read_png(bench.path("nameless", "out.png"))
    bench.ok(*bench.draw("--seed", "8", "-o", "nameless/out.png"))
    assert os.listdir(folder) == ["out.png"]
    assert read_png(bench.path("nameless", "out.png")) != before


def test_an_old_file_survives_a_failure(bench):
    bench.ok(*bench.draw("-o", "kept.png"))
    before = read_png(bench.path("kept.png"))
    bench.fails(1, ["kept.png"], *bench.draw("--width", "128", "-o", "kept.png"),
                preexec_fn=limited(resource.RLIMIT_FSIZE, 1000))
    assert read_png(bench.path("kept.png")) == before


def test_an_unwritable_folder_is_refused_before_loading(bench):
    if os.geteuid() == 0:
        raise Skip("root may write anywhere")
    os.chmod(fresh(bench, "locked"), 0o500)
    bench.fails(1, ["locked", "Permission denied"], "txt2img", "--model", "no-such-model", "-o",
                "locked/out.png")


def test_the_output_is_looked_at_before_the_model(bench):
    bench.fails(1, ["nowhere"], "txt2img", "--model", "no-such-model", "-o", "nowhere/out.png")


def test_permissions_follow_the_umask(bench):
    bench.ok(*bench.draw("-o", "mode.png"), umask=0o027)
    assert os.stat(bench.path("mode.png")).st_mode & 0o777 == 0o640


def test_out_of_memory(bench):
    if SANITIZE != "none":
        raise Skip("sanitizers reserve more memory than any limit leaves")
    lines = []
    for mebibytes in (40, 60, 80, 100, 120, 140, 180):
        for side in ("64", "512"):
            result = bench.run(*bench.draw("--width", side, "--height", side, "--steps", "1",
                                           "--device", "cpu", "--dtype", "f32", "-o", "memory.png"),
                               preexec_fn=limited(resource.RLIMIT_AS, mebibytes << 20),
                               env=dict(os.environ, OMP_NUM_THREADS="1"))
            if result.status in (0, 127):
                # enough, or so little that the loader could not map the program
                fresh_file(bench, "memory.png")
                continue
            assert result.status == 1, f"{mebibytes} MiB: expected status 1: {result}"
            check_line(result)
            lines.append(result.err)
            assert not os.path.exists(bench.path("memory.png"))
    assert any("memory" in line for line in lines), lines


# ---- interruption and progress ----

class Terminal:
    """dif with its stderr on a terminal."""

    def __init__(self, bench, *args):
        ours, theirs = pty.openpty()
        env = dict(os.environ, TERM="xterm")
        self.command, self.process = bench.start(*args, stderr=theirs, env=env)
        os.close(theirs)
        self.ours, self.seen = ours, b""

    def read(self, seconds):
        """Reads what comes; false at the end."""
        if not select.select([self.ours], [], [], seconds)[0]:
            return True
        try:
            data = os.read(self.ours, 65536)
        except OSError:
            return False
        self.seen += data
        return bool(data)

    def wait_for(self, text, seconds=120):
        end = time.monotonic() + seconds
        while text not in self.seen and time.monotonic() < end and self.read(1):
            pass
        assert text in self.seen, f"expected {text!r} on the terminal, found {self.seen!r}"

    def finish(self):
        while self.read(1) or self.process.poll() is None:
            if self.process.poll() is not None and not self.read(0.1):
                break
        out, _ = self.process.communicate(timeout=120)
        os.close(self.ours)
        return Result(self.command, self.process.returncode, out.decode(), self.seen.decode())


def shown(screen):
    """What is left on the line after carriage returns and erasing."""
    return re.sub(r".*\r\x1b\[K", "", screen.replace("\r\n", "\n"))


def test_progress_on_a_terminal_only(bench):
    result = Terminal(bench, *bench.draw("--steps", "4", "-o", "bar.png")).finish()
    assert result.status == 0, result
    for pattern in (r"load \d/3", r"denoise (\d+)/\1 ", r"decode 1/1"):
        assert re.search(pattern, result.err), f"expected {pattern}: {result}"
    assert shown(result.err) == "", f"expected a cleared line: {result}"
    quiet = Terminal(bench, *bench.draw("--quiet", "-o", "bar.png")).finish()
    assert quiet.status == 0 and quiet.err == "", quiet
    bench.ok(*bench.draw("-o", "bar.png"))


def interrupt(bench, number, name):
    folder = fresh(bench, name)
    terminal = Terminal(bench, *bench.draw("--steps", "1000", "-o", f"{name}/out.png"))
    terminal.wait_for(b"denoise 1")
    started = time.monotonic()
    terminal.process.send_signal(number)
    result = terminal.finish()
    assert result.status == 130, f"expected status 130: {result}"
    assert shown(result.err) == "dif: interrupted\n", result
    assert time.monotonic() - started < 60
    assert os.listdir(folder) == []


def test_interrupting_a_picture(bench):
    interrupt(bench, signal.SIGINT, "int")
    interrupt(bench, signal.SIGTERM, "term")


def test_interrupting_a_checkpoint(bench):
    folder = fresh(bench, "half")
    command, process = bench.start("make-checkpoint", "--like", "sd15", "half/model")
    deadline = time.monotonic() + 60
    while not os.listdir(folder) and time.monotonic() < deadline:
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=120)
    result = Result(command, process.returncode, out.decode(), err.decode())
    assert result.status == 130, result
    check_line(result)
    assert os.listdir(folder) == []


def test_a_closed_pipe_is_no_crash(bench):
    command, process = bench.start("schedulers", "--verbose")
    process.stdout.close()
    err = process.stderr.read().decode()
    process.wait(timeout=60)
    assert process.returncode in (0, 1), Result(command, process.returncode, "", err)


if __name__ == "__main__":
    sys.exit(main([value for name, value in list(globals().items()) if name.startswith("test_")]))
