#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-3.0-or-later
"""`dif pull` against a server on this machine, good and bad.  TAP.

test-pull.py DIF SOURCE-ROOT
"""

import hashlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

from hub_server import COMMIT, Hub, git_hash

PROGRAM, SOURCE = os.path.abspath(sys.argv[1]), sys.argv[2]
MODEL = os.path.join(os.environ["DIF_FIXTURES"], "models", "sd15")
TESTS = []


def test(function):
    TESTS.append(function)
    return function


def read_model():
    files = {}
    for where, _, names in os.walk(MODEL):
        for name in names:
            path = os.path.join(where, name)
            with open(path, "rb") as file:
                files[os.path.relpath(path, MODEL)] = file.read()
    return files


class Place:
    """A hub, and a home that knows it."""

    def __init__(self, files=None):
        self.folder = tempfile.mkdtemp(prefix="dif-pull-")
        self.hub = Hub(dict(files if files is not None else read_model()))
        self.cache = os.path.join(self.folder, "hub")
        self.env = {name: value for name, value in os.environ.items()
                    if not name.startswith(("HF_", "HUGGING")) and not name.endswith("_proxy")}
        self.env.update(HOME=self.folder, XDG_DATA_HOME=os.path.join(self.folder, "share"),
                        HF_HUB_CACHE=self.cache, HF_ENDPOINT=self.hub.endpoint)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.hub.close()
        shutil.rmtree(self.folder)

    def run(self, *args, **env):
        return subprocess.run([PROGRAM, *args], env={**self.env, **env}, capture_output=True,
                              text=True, timeout=120, cwd=self.folder, check=False)

    def ok(self, *args, **env):
        done = self.run(*args, **env)
        assert done.returncode == 0 and not done.stderr, (args, done)
        return done.stdout

    def fails(self, words, *args, status=1, **env):
        done = self.run(*args, **env)
        assert done.returncode == status, (args, done)
        assert done.stderr.count("\n") == 1, done.stderr
        for word in words:
            assert word in done.stderr, (word, done.stderr)
        return done.stderr

    def repository(self, *names):
        return os.path.join(self.cache, "models--owner--name", *names)

    def snapshot(self, *names):
        return self.repository("snapshots", COMMIT, *names)

    def visible(self):
        """Whether anybody would take the repository for whole."""
        return os.path.exists(self.repository("refs", "main"))


def weights():
    return "unet/diffusion_pytorch_model.safetensors"


@test
def a_pipeline_is_fetched_and_drawn_with():
    with Place() as p:
        p.hub.files["unet/diffusion_pytorch_model.bin"] = b"a pickle"
        p.hub.files["flax/config.json"] = b"{}"
        p.hub.files["README.md"] = b"words"
        out = p.ok("pull", "owner/name")
        assert "--model owner/name" in out and "licence: mit" in out, out
        for path in read_model():
            target = p.snapshot(path)
            if os.path.exists(target):
                with open(target, "rb") as file:
                    assert file.read() == p.hub.files[path], path
        assert os.path.islink(p.snapshot("model_index.json"))
        for absent in ("unet/diffusion_pytorch_model.bin", "flax", "README.md"):
            assert not os.path.exists(p.snapshot(absent)), absent
        for blob in os.listdir(p.repository("blobs")):
            with open(p.repository("blobs", blob), "rb") as file:
                data = file.read()
            assert blob in (git_hash(data), hashlib.sha256(data).hexdigest()), blob
        p.ok("txt2img", "--model", "owner/name", "--prompt", "a red cube", "--steps", "1",
             "--device", "cpu", "--dtype", "f32", "--quiet", "-o", "x.png")
        before = len(p.hub.requests)
        p.ok("pull", "owner/name")
        again = [path for path, _ in p.hub.requests[before:] if path.endswith(".safetensors")]
        assert not again, again


@test
def the_variant_is_preferred_where_there_is_one():
    with Place() as p:
        plain = p.hub.files[weights()]
        p.hub.files["unet/diffusion_pytorch_model.fp16.safetensors"] = plain
        p.hub.files["unet/diffusion_pytorch_model.non_ema.safetensors"] = plain + b"x"
        out = p.ok("pull", "owner/name", "--dry-run")
        assert "model.fp16.safetensors" in out and "non_ema" not in out, out
        assert "unet/diffusion_pytorch_model.safetensors" not in out, out
        assert "vae/diffusion_pytorch_model.safetensors" in out, out
        out = p.ok("pull", "owner/name", "--dry-run", "--variant", "none")
        assert "model.fp16.safetensors" not in out, out
        assert not os.path.exists(p.repository("blobs")), "a dry run fetched something"


@test
def a_short_body_is_gone_on_from():
    with Place() as p:
        p.hub.faults[weights()] = ["short", "short"]
        p.ok("pull", "owner/name")
        count, headers = p.hub.asked(weights())
        assert count == 3 and headers["Range"].startswith("bytes="), (count, headers)


@test
def a_server_without_ranges_sends_it_again():
    with Place() as p:
        p.hub.faults[weights()] = ["short", "whole"]
        p.ok("pull", "owner/name")
        assert p.hub.asked(weights())[0] == 2


@test
def other_bytes_are_thrown_away():
    with Place() as p:
        p.hub.faults[weights()] = ["wrong"]
        p.fails([weights(), "expected contents with the hash", "found"], "pull", "owner/name")
        assert not p.visible()
        left = os.listdir(p.repository("blobs"))
        sha = hashlib.sha256(p.hub.files[weights()]).hexdigest()
        assert sha not in left and sha + ".incomplete" not in left, left
        p.ok("pull", "owner/name")


@test
def more_bytes_than_announced_are_refused():
    with Place() as p:
        p.hub.faults[weights()] = ["long"]
        p.fails([weights(), "found more"], "pull", "owner/name")
        assert not p.visible()


@test
def busy_servers_are_asked_again():
    with Place() as p:
        p.hub.faults[weights()] = [("status", 503, {}), ("status", 429, {"Retry_After": 1})]
        began = time.monotonic()
        p.ok("pull", "owner/name")
        assert time.monotonic() - began >= 1, "Retry-After was not heeded"


@test
def refusals_say_why():
    with Place() as p:
        p.hub.refusal = (403, {"X_Error_Code": "GatedRepo", "X_Error_Message": "Access denied"})
        p.fails(["answers 403", "conditions accepted", "HF_TOKEN"], "pull", "owner/name")
        p.hub.refusal = (401, {"X_Error_Code": "RepoNotFound"})
        p.fails(["answers 401", "does not exist, or HF_TOKEN"], "pull", "owner/name")
        p.hub.refusal = None
        p.fails(["answers 404", "Invalid rev id"], "pull", "owner/name", "--revision", "x")
        p.fails(["answers 404", "RepoNotFound"], "pull", "owner/other")
        p.hub.faults[weights()] = [("status", 404, {"X_Error_Code": "EntryNotFound"})]
        p.fails(["answers 404", weights()], "pull", "owner/name")
        assert not p.visible()
        assert p.hub.asked(weights())[0] == 1, "a 404 was asked again"


@test
def nothing_is_contacted_offline():
    with Place() as p:
        p.fails(["HF_HUB_OFFLINE"], "pull", "owner/name", HF_HUB_OFFLINE="1")
        assert not p.hub.requests


@test
def the_token_stays_with_its_server():
    with Place() as p, Place() as other:
        p.hub.stored_at = other.hub.endpoint
        p.ok("pull", "owner/name", HF_TOKEN="hf_secret")
        assert all(headers.get("Authorization") == "Bearer hf_secret"
                   for _, headers in p.hub.requests)
        assert other.hub.requests, "nobody was sent to the store"
        for path, headers in other.hub.requests:
            assert "Authorization" not in headers, path


@test
def redirections_go_nowhere_odd():
    with Place() as p:
        for address in ("file:///etc/passwd", "ftp://localhost/x", "gopher://x/"):
            p.hub.faults[weights()] = [("redirect", address)]
            p.fails([weights(), "safe address"], "pull", "owner/name")
        p.hub.faults[weights()] = [("redirect", f"{p.hub.endpoint}/store/{weights()}")] * 20
        p.fails(["redirections, found more"], "pull", "owner/name")


@test
def names_of_the_server_stay_in_the_snapshot():
    with Place() as p:
        bad = ["../../evil.json", "/etc/evil.json", "unet/../../evil.json", "unet/.hidden.json",
               "unet/a\\b.json", "unet/new\nline.json", "unet//x.json", ""]
        p.hub.extra_entries = [{"type": "file", "path": path, "oid": "0" * 40, "size": 1}
                               for path in bad]
        p.ok("pull", "owner/name")
        for where, _, names in os.walk(p.folder):
            assert not any("evil" in name or "hidden" in name for name in names), where


@test
def answers_that_make_no_sense_are_refused():
    with Place() as p:
        p.hub.extra_entries = [{"type": "file", "path": "unet/x.json", "oid": "../x", "size": 1}]
        p.fails(["oid", "expected a hash"], "pull", "owner/name")
        p.hub.extra_entries = [{"type": "file", "path": "unet/x.json", "oid": "0" * 40}]
        p.fails(["expected a size"], "pull", "owner/name")
        p.hub.extra_entries = []
        p.hub.commit = "../../x"
        p.fails(["expected a commit of 40 digits"], "pull", "owner/name")
    for name in ("../x", "a/b/c", "-o/x", "a/..", "owner/na me", "own\ner/x"):
        with Place() as p:
            p.fails(["OWNER/NAME"], "pull", "--", name)
            assert not p.hub.requests


@test
def a_repository_of_loose_files_asks_which():
    files = {"a.safetensors": b"aaa", "b.safetensors": b"bbb", "c.bin": b"c"}
    with Place(files) as p:
        p.fails(["--file", "a.safetensors, b.safetensors"], "pull", "owner/name")
        p.fails(["matches \"z*\"", "a.safetensors"], "pull", "owner/name", "--file", "z*")
        p.ok("pull", "owner/name", "--file", "b.*", "--kind", "loras")
        with open(os.path.join(p.folder, "share/gimp-diffusion/loras/b.safetensors"),
                  "rb") as file:
            assert file.read() == b"bbb"
        p.fails(["--kind"], "pull", "owner/name", "--kind", "../x", status=2)


@test
def a_killed_download_is_gone_on_from():
    with Place() as p:
        p.hub.faults[weights()] = ["stall"]
        process = subprocess.Popen([PROGRAM, "pull", "owner/name"], env=p.env,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        assert p.hub.stalled.wait(60)
        sha = hashlib.sha256(p.hub.files[weights()]).hexdigest()
        partial = p.repository("blobs", sha + ".incomplete")
        until = time.monotonic() + 30
        while not (os.path.exists(partial) and os.path.getsize(partial)) \
                and time.monotonic() < until:
            time.sleep(0.05)
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert not p.visible()
        size = os.path.getsize(partial)
        assert size > 0
        p.ok("pull", "owner/name")
        assert p.hub.asked(weights())[1]["Range"] == f"bytes={size}-"
        assert not os.path.exists(partial)


@test
def damage_on_the_disk_is_noticed():
    with Place() as p:
        sha = hashlib.sha256(p.hub.files[weights()]).hexdigest()
        os.makedirs(p.repository("blobs"))
        with open(p.repository("blobs", sha + ".incomplete"), "wb") as file:
            file.write(b"not what was there")
        p.fails(["expected contents with the hash"], "pull", "owner/name")
        p.ok("pull", "owner/name")


@test
def an_interrupt_ends_at_once():
    with Place() as p:
        p.hub.faults[weights()] = ["stall"]
        process = subprocess.Popen([PROGRAM, "pull", "owner/name"], env=p.env,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        assert p.hub.stalled.wait(60)
        began = time.monotonic()
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
        assert process.returncode == 130 and time.monotonic() - began < 10
        assert not p.visible()


@test
def two_at_once_fetch_once():
    with Place() as p:
        p.hub.slowness = 0.01
        results = []
        threads = [threading.Thread(target=lambda: results.append(p.run("pull", "owner/name")))
                   for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert [done.returncode for done in results] == [0, 0], results
        assert p.hub.asked(weights())[0] == 1, p.hub.asked(weights())


@test
def an_address_becomes_a_file():
    data = os.urandom(200000)
    with Place({"x/my.safetensors": data}) as p:
        address = f"{p.hub.endpoint}/store/x/my.safetensors"
        path = os.path.join(p.folder, "share/gimp-diffusion/embeddings/my.safetensors")
        p.hub.faults["x/my.safetensors"] = ["wrong"]
        good = hashlib.sha256(data).hexdigest()
        p.fails(["expected contents with the hash"], "pull", address, "--sha256", good)
        p.hub.faults["x/my.safetensors"] = ["short"]
        p.ok("pull", address, "--sha256", good.upper(), "--kind", "embeddings")
        with open(path, "rb") as file:
            assert file.read() == data
        p.fails(["is there already"], "pull", address, "--kind", "embeddings")
        p.fails(["NAME.safetensors"], "pull", p.hub.endpoint + "/store/x/my.bin")
        p.fails(["64 hexadecimal digits"], "pull", address + "/y.safetensors", "--sha256", "12",
                status=2)
        p.fails(["https:// or http://"], "pull", "file:///etc/x.safetensors")


@test
def a_full_disk_is_said():
    with Place() as p:
        if os.geteuid() != 0 or shutil.which("mount") is None:
            return "needs root to mount a small file system"
        os.makedirs(p.cache)
        if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "none", p.cache],
                          capture_output=True, check=False).returncode != 0:
            return "may not mount here"
        try:
            p.fails(["of free space, found"], "pull", "owner/name")
            assert not p.visible()
        finally:
            subprocess.run(["umount", "-l", p.cache], check=False)
    return None


@test
def the_list_is_whole():
    with Place() as p:
        out = p.ok("pull", "--list", DIF_DATA_DIR=os.path.join(SOURCE, "data"))
        for word in ("sd15:", "sdxl:", "lcm-lora-sd15:", "RAIL", "of memory at the least"):
            assert word in out, word
        p.fails(["dif pull --list"], "pull", "no-such-name",
                DIF_DATA_DIR=os.path.join(SOURCE, "data"))
        assert not p.hub.requests


def main():
    failed = False
    print(f"1..{len(TESTS)}")
    for number, function in enumerate(TESTS, 1):
        name = function.__name__.replace("_", "-")
        try:
            skip = function()
            print(f"ok {number} {name}{f' # SKIP {skip}' if skip else ''}", flush=True)
        except Exception as error:  # pylint: disable=broad-except
            failed = True
            print(f"not ok {number} {name}\n# {type(error).__name__}: {error!r}"[:2000], flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
