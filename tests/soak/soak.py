#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-3.0-or-later
"""Harm at random moments, and what is left of it.

soak.py PLUG-IN ENGINE SOURCE-ROOT BUILD-ROOT GIMP-PLUG-INS [--minutes M | --rounds N]
        [--seed S] [--first K] [--results FILE]

Every round draws one picture (by a client of the engine, by dif, inside GIMP) while one process
is killed, stopped or starved of memory, or a folder is a small file system that fills up.
Afterwards: nothing hangs, no process is left, no file is half, no canvas has changed but by
the layer that was asked for, and the next picture comes from an engine and is the known one, bit
by bit, in f32 on the CPU.  A round depends on the seed and its number alone, as far as chance
is ours: --first K --rounds 1 does round K again.  Speaks TAP.
"""

import argparse
import collections
import hashlib
import json
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "gimp"))
import run_gimp  # noqa: E402

ROUND_SECONDS = 240
MIB = 1 << 20
LETHAL = ("kill", "memory", "cgroup")  # what a process may die of
FROZEN_SECONDS = 25  # a client waits 20 s for an engine that does not say hello


class Harmed(Exception):
    """Something that must not have happened."""


def parse():
    parser = argparse.ArgumentParser()
    for name in ("plug_in", "engine", "source", "build", "gimp_plug_ins"):
        parser.add_argument(name)
    parser.add_argument("--minutes", type=float)
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--seed", default="0")
    parser.add_argument("--first", type=int, default=1)
    parser.add_argument("--results")
    return parser.parse_args()


def alive(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
            return file.read().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


class Cgroup:
    """A control group whose processes get little memory from now on; the kernel kills those that
    want more.  None where there is no right to make one."""

    KINDS = (("/sys/fs/cgroup/memory", "memory.limit_in_bytes"), ("/sys/fs/cgroup", "memory.max"))

    def __init__(self):
        self.path = None
        for root, limit in self.KINDS:
            path = os.path.join(root, f"dif-soak-{os.getpid()}")
            try:
                os.mkdir(path)
            except OSError:
                continue
            if os.path.exists(os.path.join(path, limit)):
                self.root, self.limit, self.path = root, limit, path
                return
            os.rmdir(path)

    def take(self, pid, size):
        self.write(os.path.join(self.path, self.limit), size)
        self.write(os.path.join(self.path, "cgroup.procs"), pid)

    def release(self):
        with open(os.path.join(self.path, "cgroup.procs"), encoding="ascii") as file:
            for pid in file.read().split():
                try:
                    self.write(os.path.join(self.root, "cgroup.procs"), pid)
                except ProcessLookupError:
                    pass

    def close(self):
        if self.path:
            self.release()
            os.rmdir(self.path)

    @staticmethod
    def write(path, value):
        with open(path, "w", encoding="ascii") as file:
            file.write(str(value))


class Place:
    """A profile for GIMP with room for everything else, and the pictures that are known."""

    def __init__(self, args):
        self.profile = run_gimp.Profile(args.plug_in, args.engine, args.source, args.build,
                                        args.gimp_plug_ins)
        build = args.build
        self.gimp = shutil.which(run_gimp.CONSOLE)
        self.programs = {
            "engine": os.path.realpath(args.engine), "plug-in": os.path.realpath(args.plug_in),
            "dif": os.path.realpath(os.path.join(build, "cli", "dif")),
            "client": os.path.realpath(os.path.join(build, "tests", "soak", "soak-client")),
            "gimp": os.path.realpath(self.gimp) if self.gimp else "",
        }
        self.model = os.path.join(args.source, "tests", "fixtures", "models", "sd15")
        self.out = self.profile.path("out")
        self.cache = self.profile.path("cache")
        os.makedirs(self.out)
        os.makedirs(self.cache)
        self.env = {**self.profile.environment, "OMP_NUM_THREADS": "1",
                    "XDG_CACHE_HOME": self.cache}
        self.folder = self.profile.folder
        self.can_mount = self.try_mount()
        self.cgroup = Cgroup()
        self.known = {}
        self.seconds = {}

    def try_mount(self):
        if os.geteuid() != 0 or not self.mount(self.out, "64k"):
            return False
        self.unmount(self.out)
        return True

    @staticmethod
    def mount(folder, size):
        return subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size},mode=700", "tmpfs",
                               folder], check=False, stderr=subprocess.DEVNULL).returncode == 0

    @staticmethod
    def unmount(folder):
        subprocess.run(["umount", "-l", folder], check=False)

    def command(self, work):
        if work == "client":
            return [self.programs["client"], self.model, "6"]
        if work == "dif":
            return [self.programs["dif"], "txt2img", "--model", self.model, "--prompt",
                    "a red cube", "--steps", "6", "--seed", "7", "--width", "64", "--height", "64",
                    "--device", "cpu", "--dtype", "f32", "--quiet", "-o",
                    os.path.join(self.out, "out.png")]
        return self.profile.command(run_gimp.CONSOLE, self.profile.scheme("../soak/soak"))

    def start(self, work):
        return subprocess.Popen(self.command(work), env=self.env, stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                errors="replace")

    def pids(self, role):
        return run_gimp.processes_of(self.programs[role], self.folder)

    def picture(self):
        """(checksum, whether an engine drew it) of a picture without harm."""
        done = subprocess.run(self.command("client"), env=self.env, capture_output=True, text=True,
                              check=False, timeout=ROUND_SECONDS)
        if done.returncode != 0:
            raise Harmed(f"the next picture does not come: {done.stderr.strip()}")
        checksum, pid = done.stdout.split()
        return checksum, pid != "0"

    def quit(self):
        """Ends the engine as a client does."""
        done = subprocess.run([self.programs["client"], "quit"], env=self.env, check=False,
                              capture_output=True, text=True, timeout=ROUND_SECONDS)
        if done.returncode != 0:
            raise Harmed(f"the engine cannot be ended: {done.stderr.strip()}")

    def learn(self):
        """What undisturbed work makes, and how long it takes."""
        for work in ("client", "dif", "gimp"):
            if work == "gimp" and not self.gimp:
                continue
            if work == "gimp":
                self.make_canvas()
            started = time.monotonic()
            process = self.start(work)
            said, _ = process.communicate(timeout=ROUND_SECONDS)
            self.seconds[work] = time.monotonic() - started
            if process.returncode != 0 or (work == "gimp" and "drawn, and" not in said):
                raise Harmed(f"{work}: undisturbed work fails: {said}")
        self.known["picture"] = self.picture()[0]
        self.known["png"] = digest(os.path.join(self.out, "out.png"))
        if self.gimp:
            self.known["canvas"] = digest(self.profile.path("canvas.xcf"))
        self.quit()
        os.remove(os.path.join(self.out, "out.png"))

    def make_canvas(self):
        batch = self.profile.scheme("check") + f"""
            (define image (test-image 96 80 RGB PRECISION-U8-NON-LINEAR)) (paint-pattern image)
            (gimp-image-select-rectangle image CHANNEL-OP-REPLACE 20 20 40 40)
            (gimp-xcf-save RUN-NONINTERACTIVE image "{self.profile.path("canvas.xcf")}")"""
        status, _, err = self.profile.run(batch)
        if status != 0:
            raise Harmed(f"no canvas: {err}")


def digest(path):
    with open(path, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()


class Round:
    """One picture and one harm, both chosen by the seed and the round's number."""

    def __init__(self, place, seed, number):
        self.place = place
        self.dice = dice = random.Random(f"{seed}/{number}")
        works = ["client"] * 5 + ["dif"] * 3 + (["gimp"] * 2 if place.gimp else [])
        self.work = dice.choice(works)
        self.harm = dice.choice(["kill", "kill", "stop", "memory", "cgroup", "disk"])
        self.warm = dice.random() < 0.5
        self.victim = dice.choice({"client": ["engine", "client"], "dif": ["dif"],
                                   "gimp": ["engine", "plug-in", "gimp"]}[self.work])
        self.moment = dice.random() * place.seconds[self.work] * (0.7 if self.warm else 1.0)
        self.pause = dice.choice([0.05, 0.2, 0.5, 1.0, FROZEN_SECONDS])
        self.spare = dice.choice([0, 1, 4, 16, 64]) * MIB
        self.size = dice.choice(["4k", "16k", "64k", "1m"])
        self.disk = dice.choice(["out", "cache", "run"] if self.work == "dif" else ["cache", "run"])
        # a kill of dif is often meant for the moment at which it writes
        self.at_file = self.work == "dif" and self.harm == "kill" and dice.random() < 0.5
        self.pid = 0

    def __str__(self):
        moment = "its first file" if self.at_file else f"{self.moment:.2f} s"
        detail = {"kill": f"kill {self.victim} at {moment}",
                  "stop": f"stop {self.victim} at {self.moment:.2f} s for {self.pause} s",
                  "memory": f"{self.victim} gets {self.spare // MIB} MiB more at "
                            f"{self.moment:.2f} s",
                  "cgroup": f"{self.victim} in a cgroup gets {self.spare // MIB + 1} MiB more at "
                            f"{self.moment:.2f} s",
                  "disk": f"{self.disk} folder of {self.size}"}[self.harm]
        return f"{self.work}, {'warm' if self.warm else 'cold'}: {detail}"

    def kind(self):
        if self.harm == "disk":
            return f"disk/{self.disk}"
        return f"{self.harm}/{self.victim}"

    def run(self):
        place = self.place
        if self.harm == "disk" and not place.can_mount:
            return "skipped: may not mount a file system"
        if self.harm == "cgroup" and not place.cgroup.path:
            return "skipped: may not make a control group"
        if self.warm:
            place.picture()
        folder = {"out": place.out, "cache": place.cache, "run": place.profile.path("run")}
        if self.harm == "disk":
            if self.disk == "run":
                place.quit()
            place.mount(folder[self.disk], self.size)
        try:
            said, status = self.work_under_harm()
            self.check_result(said, status)
            self.check_processes()
            self.check_files()
            if self.harm == "disk" and self.disk == "run":
                place.quit()
        finally:
            if self.harm == "disk":
                place.unmount(folder[self.disk])
        self.check_next()
        told = [line for line in said.splitlines() if "nothing" in line] or said.splitlines()[-1:]
        return told[0].strip() if told else f"status {status}"

    def work_under_harm(self):
        place, process = self.place, None
        process = place.start(self.work)
        try:
            if self.harm != "disk":
                self.do_harm(process)
            said, _ = process.communicate(timeout=ROUND_SECONDS)
        except subprocess.TimeoutExpired as late:
            process.kill()
            process.communicate()
            raise Harmed(f"it hangs: no end within {ROUND_SECONDS} s") from late
        finally:
            self.undo()
        return said, process.returncode

    def find_victim(self, process):
        """The victim's process at the moment, or as soon as there is one."""
        while self.at_file and process.poll() is None and not os.listdir(self.place.out):
            pass
        end = time.monotonic() + (0 if self.at_file else self.moment)
        while process.poll() is None and time.monotonic() < end:
            time.sleep(min(0.01, max(0.0, end - time.monotonic())))
        while process.poll() is None:
            pids = [process.pid] if self.victim == self.work else self.place.pids(self.victim)
            if pids:
                return pids[0]
            time.sleep(0.005)
        return 0

    def do_harm(self, process):
        self.pid = pid = self.find_victim(process)
        if not pid:
            return
        try:
            if self.harm == "kill":
                os.kill(pid, signal.SIGKILL)
            elif self.harm == "stop":
                os.kill(pid, signal.SIGSTOP)
                end = time.monotonic() + self.pause
                while time.monotonic() < end and (process.poll() is None or pid != process.pid):
                    time.sleep(0.02)
                os.kill(pid, signal.SIGCONT)
            elif self.harm == "cgroup":
                self.place.cgroup.take(pid, self.spare + MIB)
            else:
                with open(f"/proc/{pid}/statm", encoding="ascii") as file:
                    used = int(file.read().split()[0]) * resource.getpagesize()
                limit = used + self.spare
                resource.prlimit(pid, resource.RLIMIT_AS, (limit, resource.RLIM_INFINITY))
        except (ProcessLookupError, FileNotFoundError):
            self.pid = 0

    def undo(self):
        """The engine outlives the round: it gets back what was taken."""
        try:
            if self.pid and self.harm == "memory":
                resource.prlimit(self.pid, resource.RLIMIT_AS,
                                 (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
            if self.harm == "cgroup":
                self.place.cgroup.release()
            if self.pid and self.harm == "stop":
                os.kill(self.pid, signal.SIGCONT)
        except (ProcessLookupError, PermissionError):
            pass

    def check_result(self, said, status):
        ours = self.pid and self.victim == self.work
        if status < 0 and not (ours and self.harm in LETHAL):
            raise Harmed(f"{self.work} died of signal {-status}: {said[-300:]}")
        if self.work == "client" and status == 0 and said.split()[0] != self.place.known["picture"]:
            raise Harmed(f"another picture: {said}")
        if self.work == "gimp" and "the canvas has changed" in said:
            raise Harmed("the canvas has changed")
        gimp_is_well = self.work == "gimp" and not (ours and self.harm in LETHAL)
        if gimp_is_well and "nothing" not in said:
            raise Harmed(f"GIMP did not come to an end: status {status}: {said[-300:]}")
        path = os.path.join(self.place.out, "out.png")
        if self.work == "dif" and status == 0 and not os.path.exists(path):
            raise Harmed("dif says it has drawn, and there is no picture")

    def check_processes(self):
        """Nothing but an engine outlives the work, and that but once."""
        end = time.monotonic() + 15
        while time.monotonic() < end:
            left = [f"{role} {pid}" for role in ("gimp", "plug-in", "dif", "client")
                    for pid in (self.place.pids(role) if self.place.programs[role] else ())
                    if alive(pid)]
            if not left and len(self.place.pids("engine")) <= 1:
                return
            time.sleep(0.05)
        raise Harmed(f"left behind: {left}, engines {self.place.pids('engine')}")

    def check_files(self):
        names = sorted(os.listdir(self.place.out))
        for name in names:
            path = os.path.join(self.place.out, name)
            whole = name == "out.png" and digest(path) == self.place.known["png"]
            os.remove(path)
            if not whole:
                raise Harmed(f"a file that is not whole: {name}")
        if self.place.gimp and digest(self.place.profile.path("canvas.xcf")) != \
                self.place.known["canvas"]:
            raise Harmed("the canvas's file has changed")

    def check_next(self):
        checksum, by_engine = self.place.picture()
        if checksum != self.place.known["picture"]:
            raise Harmed(f"the next picture is another: {checksum}")
        if not by_engine:
            raise Harmed("the next picture comes from no engine")
        if self.dice.random() < 0.5:
            self.place.quit()
            if self.place.pids("engine"):
                time.sleep(1)
            if self.place.pids("engine"):
                raise Harmed("the engine says goodbye and stays")


def clean_up(place):
    """After a failure the next round begins afresh; at the end nothing is left, however it came."""
    for role in ("engine", "plug-in", "gimp", "dif", "client"):
        for pid in place.pids(role) if place.programs[role] else ():
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
    for name in os.listdir(place.out):
        os.remove(os.path.join(place.out, name))


def rounds(args):
    number, end = args.first, time.monotonic() + 60 * (args.minutes or 1e6)
    while time.monotonic() < end and (args.rounds is None or number < args.first + args.rounds):
        yield number
        number += 1


def soak(place, args, lines):
    counts, failed = collections.Counter(), 0

    def say(line):
        lines.append(line)
        print(line, flush=True)

    done = 0
    for number in rounds(args):
        this = Round(place, args.seed, number)
        done += 1
        started = time.monotonic()
        try:
            end = this.run()
            reason = f" # SKIP {end[9:]}" if end.startswith("skipped: ") else ""
            say(f"ok {done} round {number}: {this}{reason}")
            say(f"# {time.monotonic() - started:.1f} s, {end}")
            counts[this.kind()] += 1
        except (Harmed, subprocess.TimeoutExpired) as problem:
            failed += 1
            say(f"not ok {done} round {number}: {this}")
            say(f"# {str(problem).strip()}".replace("\n", "\n# "))
            clean_up(place)
    say(f"1..{done}")
    say("# harm done: " + ", ".join(f"{kind} {n}" for kind, n in sorted(counts.items())))
    say(f"# seed {args.seed}, {done} rounds, {failed} failed")
    return 1 if failed or not done else 0


def main():
    args = parse()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    started, lines = time.monotonic(), []
    place = Place(args)
    try:
        place.learn()
        status = soak(place, args, lines)
    except Harmed as problem:
        print(f"Bail out! {problem}".replace("\n", " | "), flush=True)
        lines.append(f"not ok 1 {problem}")
        status = 1
    finally:
        clean_up(place)
        place.cgroup.close()
        place.profile.close()
    if args.results:
        with open(args.results, "w", encoding="utf-8") as file:
            json.dump({"name": "soak / soak", "result": "FAIL" if status else "OK",
                       "duration": time.monotonic() - started, "returncode": status,
                       "stdout": "\n".join(lines)}, file)
            file.write("\n")
    return status


if __name__ == "__main__":
    sys.exit(main())
