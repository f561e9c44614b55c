#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-3.0-or-later
"""Runs a case inside the real GIMP, in a profile of its own, and speaks TAP.

run_gimp.py PLUG-IN ENGINE SOURCE-ROOT BUILD-ROOT GIMP-PLUG-INS CASE

The profile holds nothing but Script-Fu and the plug-in, so that GIMP starts in a second.
Cases are the test-*.scm files beside this one (without "test-"), and the functions below.
"""

import gettext
import os
import re
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import threading
import time

import png

CONSOLE = "gimp-console-3.0"
WINDOW = "gimp-3.0"
# meson terminates what takes too long; this is for those who run a case by hand
CALL_SECONDS = 3600
RC = """(show-welcome-dialog no)
(check-updates no)
(color-profile-policy keep)
(save-session-info no)
(restore-session no)
"""
SHORTCUTS = """(file-version 1)
(action "plug-in-diffusion-txt2img" "<Primary><Alt>1")
(action "plug-in-diffusion-inpaint" "<Primary><Alt>2")
(action "plug-in-diffusion-depth2img" "<Primary><Alt>3")
(action "plug-in-diffusion-repeat" "<Primary><Alt>4")
(action "plug-in-diffusion-img2img" "<Primary><Alt>5")
(action "plug-in-diffusion-unconditional" "<Primary><Alt>6")
"""


def skip_all(reason):
    print(f"1..0 # SKIP {reason}")
    sys.exit(0)


class Report:
    """TAP of checks made in Python."""

    def __init__(self):
        self.count = 0
        self.failed = False

    def check(self, name, is_good):
        self.count += 1
        self.failed |= not is_good
        print(f"{'ok' if is_good else 'not ok'} {self.count} {name}", flush=True)

    def finish(self):
        print(f"1..{self.count}")
        return 1 if self.failed else 0


def processes_of(program, folder):
    """Ids of processes that run the program and belong to the profile."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            if os.readlink(f"/proc/{pid}/exe").split(" (deleted)")[0] != program:
                continue
            with open(f"/proc/{pid}/environ", "rb") as file:
                if folder.encode() in file.read():
                    found.append(int(pid))
        except OSError:
            pass
    return found


def gimp_version():
    said = subprocess.run([CONSOLE, "--version"], capture_output=True, text=True, check=False,
                          env={**os.environ, "G_DEBUG": ""}).stdout
    return said.split()[-1] if said.split() else ""


class Profile:
    """A profile in a temporary folder, gone at the end together with its engine."""

    def __init__(self, plug_in, engine, source, build, gimp_plug_ins):
        self.plug_in = os.path.realpath(plug_in)
        self.engine = os.path.realpath(engine)
        self.source = source
        self.folder = tempfile.mkdtemp(prefix="dif-gimp-")
        for name in ("home", "config", "run", "plug-ins/gimp-diffusion", "plug-ins/test-pixels"):
            os.makedirs(os.path.join(self.folder, name), mode=0o700)
        own = os.path.join(self.folder, "plug-ins/gimp-diffusion")
        os.symlink(self.plug_in, os.path.join(own, "gimp-diffusion"))
        os.symlink(os.path.join(build, "po"), os.path.join(own, "locale"))
        os.symlink(os.path.join(source, "docs", "help"), os.path.join(own, "help"))
        os.symlink(os.path.join(build, "tests", "gimp", "test-pixels"),
                   self.path("plug-ins/test-pixels/test-pixels"))
        subprocess.run([sys.executable, os.path.join(source, "tools", "dev", "wide_gamut.py"),
                        self.path("wide.icc")], check=True)
        self.write("config/gimprc", RC + f'(config-version "{gimp_version()}")\n')
        self.write("config/shortcutsrc", SHORTCUTS)
        self.environment = self.make_environment(gimp_plug_ins)
        self.install_models()

    def make_environment(self, gimp_plug_ins):
        env = {key: value for key, value in os.environ.items()
               if key not in ("G_DEBUG", "DISPLAY", "WAYLAND_DISPLAY", "LANGUAGE")}
        env.update(HOME=self.path("home"), GIMP3_DIRECTORY=self.path("config"),
                   XDG_RUNTIME_DIR=self.path("run"), XDG_CACHE_HOME=self.path("home/.cache"),
                   XDG_DATA_HOME=self.path("data"),
                   # babl would measure tables of 256 MiB in every process (see gimp-diffusion.c)
                   BABL_LUT="0", DIF_ENGINE=self.engine, DIF_ENGINE_IDLE_SECONDS="120",
                   NO_AT_BRIDGE="1",
                   GIMP_TESTING_PLUGINDIRS=":".join(
                       [self.path("plug-ins")] + [os.path.join(gimp_plug_ins, name)
                                                  for name in ("script-fu", "file-png", "help",
                                                               "web-browser")]))
        return env

    def install_models(self):
        """Small random models by their names, besides the bundled ones."""
        models = os.path.join(self.source, "tests", "fixtures", "models")
        folder = self.path("data/gimp-diffusion/models")
        os.makedirs(folder)
        for name in os.listdir(models):
            os.symlink(os.path.join(models, name), os.path.join(folder, name))

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, text):
        with open(self.path(name), "w", encoding="utf-8") as file:
            file.write(text)

    def read(self, name):
        with open(self.path(name), encoding="utf-8") as file:
            return file.read()

    def scheme(self, name):
        here = os.path.join(self.source, "tests", "gimp")
        return (f'(define wide-profile "{self.path("wide.icc")}") '
                f'(define fixtures "{self.source}/tests/fixtures") '
                f'(define folder "{self.folder}") '
                f'(define examples "{self.source}/examples") '
                f'(load "{here}/check.scm") (load "{here}/{name}.scm")')

    def command(self, program, batch):
        arguments = [program, "--batch-interpreter=plug-in-script-fu-eval", "-b",
                     f"(begin {batch})", "--quit"]
        if program == CONSOLE:
            arguments[1:1] = ["--no-interface", "--no-data", "--no-fonts", "--console-messages"]
        else:
            arguments[1:1] = ["--no-splash", "--new-instance", "--console-messages"]
        return arguments

    def run(self, batch, **more):
        """(exit status, stdout, stderr) of a console GIMP."""
        done = subprocess.run(self.command(CONSOLE, batch), env={**self.environment, **more},
                              capture_output=True, text=True, check=False, timeout=CALL_SECONDS,
                              stdin=subprocess.DEVNULL)
        return done.returncode, done.stdout, done.stderr

    def start(self, program, batch, **more):
        return subprocess.Popen(self.command(program, batch), env={**self.environment, **more},
                                stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                                stdin=subprocess.DEVNULL)

    def close(self):
        for pid in processes_of(self.engine, self.folder):
            os.kill(pid, signal.SIGTERM)
        shutil.rmtree(self.folder, ignore_errors=True)


def tap_lines(text):
    # What Script-Fu displays and what GIMP prints may share a line.
    return [line for line in text.splitlines() if line.startswith(("ok ", "not ok ", "1.."))]


def case_script(profile, name):
    status, out, err = profile.run(profile.scheme(f"test-{name}"))
    lines = tap_lines(out)
    print("\n".join(lines))
    if status == 0 and any(line.startswith("1..") for line in lines) \
            and not any(line.startswith("not ok") for line in lines):
        return 0
    print(f"# GIMP ended with status {status}")
    print("\n".join(f"# {line}" for line in (out + err).splitlines()[-60:]))
    return 1


def case_exit_codes(profile):
    report = Report()
    good = "(script-fu-use-v3) (define image (gimp-image-new 64 64 RGB))"
    call = "(plug-in-diffusion-txt2img #:image image #:steps 1 {})"
    status, _, _ = profile.run(good + call.format(""))
    report.check("a picture ends with 0", status == 0)
    for arguments, reason in (('#:scheduler "nonsense"', "scheduler: expected one of"),
                              ('#:model "nonsense"', "nonsense: expected a path or the name"),
                              ("#:width 12", "width: expected a multiple of 8, found 12"),
                              ("#:seed 4294967296", "out of range")):
        status, _, err = profile.run(good + call.format(arguments))
        report.check(f"{arguments} ends with 70", status == 70)
        report.check(f"{arguments} says why", reason in err)
    status, _, err = profile.run(good + """(define other (gimp-image-new 64 64 RGB))
        (define layer (gimp-layer-new other "theirs" 64 64 RGB-IMAGE 100.0 LAYER-MODE-NORMAL))
        (gimp-image-insert-layer other layer 0 0)
        (plug-in-diffusion-img2img #:image image #:drawables (vector layer) #:source "layer")""")
    report.check("a layer of another image ends with 70", status == 70)
    report.check("and is named", 'drawables: expected a layer or channel of' in err
                 and 'found "theirs" of' in err)
    covered = """(define (add name)
          (let ((layer (gimp-layer-new image name 64 64 RGB-IMAGE 100.0 LAYER-MODE-NORMAL)))
            (gimp-image-insert-layer image layer 0 0)
            layer))
        (define below (add "below")) (add "above")
        (plug-in-diffusion-txt2img #:image image #:drawables (vector {}) #:steps 1
                                   #:prompt "a cube")"""
    status, _, err = profile.run(good + covered.format("below"))
    report.check("a picture below others says that it is not seen",
                 status == 0 and '"a cube" is hidden by what lies above it' in err)
    status, _, err = profile.run(good + covered.replace("64 64 RGB", "32 64 RGB").format("below"))
    report.check("but not if a part of it is", status == 0 and "is hidden by" not in err)
    with open(os.path.join(profile.source, "docs", "help", "en", "gimp-help.xml"),
              encoding="utf-8") as file:
        helped = re.findall(r'id="([^"]+)" ref="index.html#([^"]+)"', file.read())
    with open(os.path.join(profile.source, "docs", "help", "en", "index.html"),
              encoding="utf-8") as file:
        page = file.read()
    names = re.findall(r'"(plug-in-diffusion-[a-z0-9]+)"', SHORTCUTS)
    report.check("every procedure has its help",
                 len(names) >= 6 and sorted(names) == sorted(name for name, _ in helped)
                 and all(f'id="{anchor}"' in page for _, anchor in helped))
    status, _, err = profile.run(good + call.format(""), DIF_ENGINE="none")
    report.check("without an engine it works, too", status == 0)
    broken = profile.path("broken")
    os.makedirs(os.path.join(broken, "unet"))
    profile.write("broken/model_index.json", '{"_class_name": "StableDiffusionPipeline"')
    status, _, err = profile.run(good + call.format(f'#:model "{broken}"'))
    report.check("a broken model ends with 70", status == 70)
    report.check("a broken model is named", "model_index.json" in err)
    return report.finish()


def case_command_line(profile, dif):
    """What the plug-in draws of a canvas is what the command line draws of a file."""
    report = Report()
    side, cell = 128, 16
    tile = {(i, j): ((37 * i + 11) % 256, (53 * j + 90) % 256, (29 * i * j + 60) % 256)
            for i in range(side // cell) for j in range(side // cell)}
    png.write(profile.path("in.png"), [[tile[x // cell, y // cell] for x in range(side)]
                                       for y in range(side)])
    options = ["--prompt", "a red cube", "--strength", "0.6", "--steps", "5", "--seed", "9",
               "--device", "cpu", "--dtype", "f32"]
    done = subprocess.run([dif, "img2img", "--image", profile.path("in.png"), *options, "-o",
                           profile.path("out.png")], env=profile.environment, check=False,
                          capture_output=True, text=True)
    report.check("the command line draws it", done.returncode == 0)
    if done.returncode != 0:
        return report.finish()
    drawn = png.read(profile.path("out.png"))
    places = [(x, y) for x in range(3, side, 25) for y in range(7, side, 31)]
    fills = "".join(f"(gimp-image-select-rectangle image CHANNEL-OP-REPLACE {i * cell} {j * cell}"
                    f" {cell} {cell}) (gimp-context-set-foreground \"#{r:02x}{g:02x}{b:02x}\")"
                    "(gimp-drawable-edit-fill (background image) FILL-FOREGROUND)"
                    for (i, j), (r, g, b) in tile.items())
    wanted = " ".join("({} {} {} {} {})".format(x, y, *drawn[y][x]) for x, y in places)
    batch = f"""{profile.scheme("command-line")}
        (define image (test-image {side} {side} RGB PRECISION-U8-NON-LINEAR)) {fills}
        (check-picture image '({wanted}))"""
    status, out, _ = profile.run(batch)
    report.check("GIMP draws it", status == 0)
    report.check("it is the same picture", "the same" in out)
    return report.finish()


def repeat_with(profile, arguments=""):
    """(exit status, stderr) of repeating the layer on top of recipe.xcf."""
    file = profile.path("recipe.xcf")
    status, _, err = profile.run(f"""(script-fu-use-v3)
        (define image (gimp-file-load RUN-NONINTERACTIVE "{file}"))
        (define layer (vector-ref (gimp-image-get-layers image) 0))
        (plug-in-diffusion-repeat #:image image #:drawables (vector layer) {arguments})
        (gimp-image-delete image)""")
    return status, err


def case_recipe_model(profile):
    """A recipe notices that its model is another one, or gone."""
    report = Report()
    model = profile.path("data/gimp-diffusion/models/own")
    shutil.copytree(os.path.join(profile.source, "tests", "fixtures", "models", "sd15"), model)
    file = profile.path("recipe.xcf")
    status, _, _ = profile.run(f"""(script-fu-use-v3)
        (define image (gimp-image-new 64 64 RGB))
        (plug-in-diffusion-txt2img #:image image #:steps 1 #:width 64 #:height 64
                                   #:model "{model}" #:dtype "f32" #:device "cpu")
        (gimp-xcf-save RUN-NONINTERACTIVE image "{file}")""")
    report.check("a picture is drawn and saved", status == 0)
    with open(file, "rb") as saved:
        data = saved.read()
    report.check("its file holds the model's name", b'"model": "own"' in data)
    report.check("and no path", profile.folder.encode() not in data)
    here = '#:dtype "f32" #:device "cpu" '
    status, err = repeat_with(profile, here)
    report.check("the same model draws it again", status == 0)
    report.check("without a word", "recipe" not in err and "drawn" not in err)
    _, err = repeat_with(profile, '#:dtype "bf16" #:device "cpu"')
    report.check("another number format is told", "was drawn in f32, this picture in bf16" in err)
    weights = os.path.join(model, "unet", "diffusion_pytorch_model.safetensors")
    with open(weights, "rb") as source:
        data = bytearray(source.read())
    start = 8 + struct.unpack("<Q", data[:8])[0]
    for i in range(start + 2, len(data), 4):
        data[i] ^= 1
    os.remove(weights)
    with open(weights, "wb") as target:
        target.write(data)
    status, err = repeat_with(profile, here)
    report.check("another model of that name is refused", status == 70)
    report.check("and named with its fingerprint",
                 'model: expected "own" with the fingerprint' in err)
    status, err = repeat_with(profile, here + '#:model "own"')
    report.check("unless it is asked for", status == 0 and "fingerprint" not in err)
    shutil.rmtree(model)
    status, err = repeat_with(profile, here)
    report.check("a model that is gone ends with 70", status == 70)
    report.check("and is named, and what is the same",
                 'model: expected "own" to be installed, found it under the name "sd15"' in err)
    status, err = repeat_with(profile, here + '#:model "sd15"')
    report.check("a model that was asked for needs none", status == 0)
    return report.finish()


def make_locale(profile):
    """A German locale for the C library, which translates nothing without one."""
    folder = profile.path("locales")
    os.makedirs(folder)
    done = subprocess.run(["localedef", "--no-archive", "-i", "de_DE", "-f", "UTF-8",
                           os.path.join(folder, "de_DE.UTF-8")], check=False,
                          capture_output=True)
    return folder if done.returncode == 0 else None


def case_translation(profile):
    report = Report()
    batch = """(script-fu-use-v3)
        (define image (gimp-image-new 64 64 RGB))
        (define result (plug-in-diffusion-txt2img #:image image #:steps 1))
        (display (gimp-item-get-name (vector-ref (car result) 0)))
        (gimp-image-convert-indexed image CONVERT-DITHER-NONE CONVERT-PALETTE-GENERATE 4 #f #f "")
        (plug-in-diffusion-txt2img #:image image #:steps 1)"""
    _, out, err = profile.run(batch)
    report.check("names are English", "Text to Image" in out)
    report.check("errors are English", "is an indexed image" in err)
    german = gettext.translation("gimp-diffusion", profile.path("plug-ins/gimp-diffusion/locale"),
                                 ["de"], fallback=True)
    report.check("the German catalog is in its place",
                 german.gettext("Text to Image") == "Text zu Bild")
    locales = make_locale(profile) if shutil.which("localedef") else None
    if locales is None:
        for name in ("names", "errors", "the engine's errors", "libdif's errors"):
            report.check(f"{name} are German for Germans # SKIP no German locale", True)
        return report.finish()
    # An engine of their own: one that runs keeps the language it was started in.
    os.makedirs(profile.path("run-de"), mode=0o700)
    abroad = {"LOCPATH": locales, "LC_ALL": "de_DE.UTF-8", "LANGUAGE": "de",
              "XDG_RUNTIME_DIR": profile.path("run-de")}
    _, out, err = profile.run(batch, **abroad)
    report.check("names are German for Germans", "Text zu Bild" in out)
    report.check("errors are German for Germans", "ist ein indiziertes Bild" in err)
    call = "(script-fu-use-v3) (plug-in-diffusion-txt2img #:image (gimp-image-new 64 64 RGB) {})"
    _, _, err = profile.run(call.format("#:width 12"), **abroad)
    report.check("so are the engine's", "erwartet wurde ein Vielfaches von 8, gefunden 12" in err)
    _, _, err = profile.run(call.format("#:seed 1.5"), **abroad)
    report.check("and libdif's own", "erwartet wurde eine ganze Zahl von -1" in err)
    return report.finish()


def wait_until(condition, seconds=CALL_SECONDS):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.1)
    return False


class Reader(threading.Thread):
    """The lines that a process prints, as they come."""

    def __init__(self, process):
        super().__init__(daemon=True)
        self.process = process
        self.lines = []
        self.start()

    def run(self):
        for line in self.process.stdout:
            self.lines.append(line.rstrip("\n"))

    def has(self, text, start=0):
        return any(text in line for line in self.lines[start:])


def case_cancel(profile):
    report = Report()
    process = profile.start(CONSOLE, profile.scheme("test-cancel"))
    reader = Reader(process)
    report.check("the script starts", wait_until(lambda: reader.has("waiting for the kill")))
    engines = processes_of(profile.engine, profile.folder)
    report.check("one engine is there", len(engines) == 1)
    report.check("the plug-in runs", wait_until(
        lambda: processes_of(profile.plug_in, profile.folder)))
    time.sleep(1.5)
    for pid in processes_of(profile.plug_in, profile.folder):
        os.kill(pid, signal.SIGKILL)
    report.check("GIMP goes on and ends with 0", process.wait(timeout=CALL_SECONDS) == 0)
    reader.join()
    for line in tap_lines("\n".join(reader.lines)):
        if not line.startswith("1.."):
            report.check(line.split(" ", 3 if line.startswith("not") else 2)[-1],
                         line.startswith("ok"))
    report.check("all checks of the script ran", reader.has("1.."))
    report.check("the same engine is there",
                 processes_of(profile.engine, profile.folder) == engines)
    return report.finish()


def start_display(profile):
    """An X server of our own with a window manager: (processes, environment)."""
    read, write = os.pipe()
    server = subprocess.Popen(["Xvfb", "-displayfd", str(write), "-screen", "0", "1280x1000x24",
                               "-nolisten", "tcp"], pass_fds=(write,),
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    os.close(write)
    with os.fdopen(read) as file:
        display = ":" + file.readline().strip()
    env = {**profile.environment, "DISPLAY": display}
    manager = subprocess.Popen(["openbox"], env=env, stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL)
    return [manager, server], env


def catch_help(profile):
    """Pages that are opened are written to the file whose name is returned."""
    applications = profile.path("data/applications")
    os.makedirs(applications)
    catcher, pages = profile.path("catch-page"), profile.path("pages")
    profile.write("catch-page", f'#!/bin/sh\nprintf "%s\\n" "$1" >>"{pages}"\n')
    os.chmod(catcher, 0o700)
    profile.write("pages", "")
    profile.write("data/applications/catch-page.desktop",
                  f"[Desktop Entry]\nType=Application\nName=Catch\nExec={catcher} %u\n"
                  "MimeType=text/html;\n")
    profile.write("data/applications/mimeapps.list",
                  "[Default Applications]\ntext/html=catch-page.desktop\n"
                  "x-scheme-handler/file=catch-page.desktop\n")
    return "pages"


def case_window(profile, pictures):
    for tool in (WINDOW, "Xvfb", "openbox", "xdotool", "import"):
        if shutil.which(tool) is None:
            skip_all(f"no {tool}")
    os.makedirs(pictures, exist_ok=True)
    report = Report()
    servers, env = start_display(profile)
    stop = profile.path("stop")
    stranger = profile.path("stranger")
    asked_help = catch_help(profile)
    gimp = profile.start(WINDOW, f'(define stop-file "{stop}") (define stranger-file "{stranger}") '
                         + profile.scheme("window"),
                         DISPLAY=env["DISPLAY"])
    reader = Reader(gimp)

    def tool(*command):
        return subprocess.run(command, env=env, check=False, capture_output=True,
                              text=True).stdout.strip()

    def picture(name):
        tool("import", "-window", "root", os.path.join(pictures, name))

    def window(title):
        return tool("xdotool", "search", "--onlyvisible", "--name", title).split("\n")[0]

    def focus(pid):
        tool("xdotool", "windowactivate", "--sync", pid)

    def check_opens(name, keys, title):
        """A menu entry's keys open its dialog, which gets the focus."""
        tool("xdotool", "key", keys)
        report.check(name, wait_until(lambda: window(title), 120))
        focus(window(title))

    def check_keys(name, keys, state):
        """After these keys, pressed in the image's window, GIMP says that state."""
        seen = len(reader.lines)
        focus(main)
        tool("xdotool", "key", keys)
        report.check(name, wait_until(lambda: reader.has(state, seen), 60))

    try:
        report.check("the image's window opens", wait_until(
            lambda: reader.has("layers 1 clean") and window("256x200")))
        time.sleep(2)
        main = window("256x200")
        focus(main)
        picture("window-1-canvas.png")
        check_opens("the menu entry opens the dialog", "ctrl+alt+1", "^Text to Image")
        tool("xdotool", "key", "alt+p")
        tool("xdotool", "type", "a large red cube on a grey floor, under a blue sky")
        time.sleep(1)
        picture("window-2-dialog.png")
        tool("xdotool", "key", "alt+i")
        tool("xdotool", "key", "Return")
        report.check("a layer comes", wait_until(lambda: reader.has("layers 2 dirty"), 180))
        time.sleep(2)
        picture("window-3-layer.png")
        check_keys("one undo brings everything back", "ctrl+z", "layers 1 clean")
        check_keys("one redo brings the layer again", "ctrl+y", "layers 2 dirty")
        picture("window-4-redone.png")
        seen = len(reader.lines)
        check_opens("the menu entry for inpainting opens its dialog", "ctrl+alt+2", "^Inpaint")
        tool("xdotool", "key", "alt+p")
        tool("xdotool", "type", "a small yellow sphere")
        tool("xdotool", "key", "alt+a")
        time.sleep(1)
        picture("window-5-inpaint.png")
        tool("xdotool", "key", "alt+i")
        tool("xdotool", "key", "Return")
        report.check("a layer with a mask comes",
                     wait_until(lambda: reader.has("layers 3 dirty masked", seen), 180))
        time.sleep(2)
        picture("window-6-inpainted.png")
        check_keys("one undo takes layer and mask back", "ctrl+z", "layers 2 dirty")
        check_opens("the dialog with a chooser of layers opens", "ctrl+alt+3", "^Depth to Image")
        time.sleep(1)
        picture("window-7-depth.png")
        tool("xdotool", "key", "alt+a")
        time.sleep(1)
        picture("window-8-advanced.png")
        height = int(re.search(r"Geometry: \d+x(\d+)", tool(
            "xdotool", "getwindowgeometry", window("^Depth to Image")))[1])
        report.check("unfolded, it fits the screen", 700 < height < 1000)
        tool("xdotool", "key", "Escape")
        report.check("and closes", wait_until(lambda: not window("^Depth to Image"), 60))
        for number, title in ((5, "Image to Image"), (6, "Unconditional")):
            focus(main)
            check_opens(f"the dialog of {title} opens", f"ctrl+alt+{number}", f"^{title}")
            tool("xdotool", "key", "alt+a")
            time.sleep(1)
            picture(f"window-{title.split()[0].lower()}.png")
            tool("xdotool", "key", "Escape")
            report.check("and closes, too", wait_until(lambda name=title: not window(f"^{name}"),
                                                       60))
        seen = len(reader.lines)
        focus(main)
        check_opens("the dialog for repeating opens", "ctrl+alt+4", "^Repeat")
        time.sleep(1)
        picture("window-9-repeat.png")
        tool("xdotool", "key", "F1")
        report.check("F1 opens its help", wait_until(
            lambda: profile.read(asked_help).endswith("#repeat\n"), 60))
        tool("xdotool", "key", "alt+i")
        tool("xdotool", "type", "2")
        tool("xdotool", "key", "Return")
        report.check("a group comes", wait_until(lambda: reader.has("layers 3 dirty", seen), 180))
        time.sleep(2)
        picture("window-10-repeated.png")
        check_keys("one undo takes the group back", "ctrl+z", "layers 2 dirty")
        profile.write("stranger", "")
        report.check("a recipe is a stranger's", wait_until(lambda: reader.has("strange"), 60))
        focus(main)
        check_opens("the question about it opens", "ctrl+alt+4", "^Repeat")
        time.sleep(1)
        picture("window-11-question.png")
        seen = len(reader.lines)
        tool("xdotool", "key", "Return")
        report.check("and Return is no", wait_until(lambda: not window("^Repeat"), 60))
        report.check("which changes nothing", len(reader.lines) == seen)
    finally:
        profile.write("stop", "")
        try:
            gimp.wait(timeout=30)
        except subprocess.TimeoutExpired:
            gimp.kill()
        for server in servers:
            server.terminate()
            server.wait()
    return report.finish()


def main():
    plug_in, engine, source, build, gimp_plug_ins, case = sys.argv[1:7]
    if shutil.which(CONSOLE) is None:
        skip_all(f"no {CONSOLE}")
    if not os.path.isdir(os.path.join(os.environ.get("DIF_DATA_DIR", ""), "models/tiny-scenes")):
        skip_all("no bundled model")
    # A test that is out of time is terminated: everything it started goes, too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    profile = Profile(plug_in, engine, source, build, gimp_plug_ins)
    try:
        if case == "window":
            return case_window(profile, os.path.join(build, "tests", "gimp", "pictures"))
        cases = {"exit-codes": case_exit_codes, "cancel": case_cancel,
                 "translation": case_translation, "recipe-model": case_recipe_model,
                 "command-line": lambda p: case_command_line(
                     p, os.path.join(build, "cli", "dif"))}
        if case in cases:
            return cases[case](profile)
        return case_script(profile, case)
    finally:
        profile.close()


if __name__ == "__main__":
    sys.exit(main())
