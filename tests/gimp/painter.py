#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-3.0-or-later
"""The painter's window in the real GIMP, used as a painter does, and speaks TAP.

painter.py PLUG-IN ENGINE SOURCE-ROOT BUILD-ROOT GIMP-PLUG-INS CASE; it begins itself anew on a
session bus of its own, whose programs print what is no TAP.  Widgets are found by what assistive technology is told of them (AT-SPI);
keys go through the X server.  CASE is "use", or "looks": pictures in both themes, at twice the
size, from right to left, and on a small screen.  All pictures are left in the build folder.
"""

import glob
import os
import shutil
import signal
import subprocess
import sys
import time

import run_gimp
from run_gimp import Profile, Reader, Report, processes_of, skip_all, wait_until

try:
    import gi

    gi.require_version("Atspi", "2.0")
    from gi.repository import Atspi, GLib
except (ImportError, ValueError):
    Atspi = None

SHORTCUTS = """(file-version 1)
(action "plug-in-diffusion-window" "<Primary><Alt>7")
(action "plug-in-diffusion-generate" "<Primary><Alt>8")
"""
APPLICATION = "gimp-diffusion"
REPORT_FD = "PAINTER_REPORT_FD"
LOAD_SECONDS = 90  # a machine that does other things as well


class Desk:
    """GIMP with its images on a display of its own, and the window in it."""

    def __init__(self, profile, pictures, settings="{}", **environment):
        self.profile = profile
        self.pictures = pictures
        profile.environment.pop("NO_AT_BRIDGE", None)
        profile.write("config/shortcutsrc", SHORTCUTS)
        os.makedirs(profile.path("config/gimp-diffusion"), exist_ok=True)
        profile.write("config/gimp-diffusion/window.conf", f"[window]\nsettings={settings}\n")
        size = environment.pop("screen", "1280x1000")
        self.servers, self.env = start_display(profile, size, environment)
        stop, close = profile.path("stop"), profile.path("close")
        for path in (stop, close):
            if os.path.exists(path):
                os.remove(path)
        batch = f'(define stop-file "{stop}") (define close-file "{close}") '
        self.gimp = profile.start(run_gimp.WINDOW, batch + profile.scheme("painter"),
                                  DISPLAY=self.env["DISPLAY"], **environment)
        self.reader = Reader(self.gimp)

    def tool(self, *command):
        return subprocess.run(command, env=self.env, check=False, capture_output=True,
                              text=True).stdout.strip()

    def key(self, *keys):
        self.tool("xdotool", "key", *keys)

    def picture(self, name):
        self.tool("import", "-window", "root", os.path.join(self.pictures, f"painter-{name}.png"))

    def window(self, title):
        return self.tool("xdotool", "search", "--onlyvisible", "--name", title).split("\n")[0]

    def focus(self, title):
        self.tool("xdotool", "windowactivate", "--sync", self.window(title))

    def show(self, image):
        """The tab of the first or the second image, which was opened before it."""
        self.focus("GIMP$")
        self.key("alt+2" if image == "first" else "alt+1")
        size = "256x200" if image == "first" else "192x160"
        return wait_until(lambda: self.window(size), 20)

    def results(self):
        """How many results are on disk."""
        return len(glob.glob(self.profile.path("home/.cache/gimp-diffusion/history/*.json")))

    def open_window(self, image):
        wait_until(lambda: self.reader.has("first layers 1"), LOAD_SECONDS)
        self.show(image)
        time.sleep(0.5)
        self.key("ctrl+alt+7")
        return wait_until(lambda: self.window("^Diffusion$") and find_frame(), LOAD_SECONDS)

    def close(self):
        self.profile.write("stop", "")
        try:
            self.gimp.wait(timeout=30)
        except subprocess.TimeoutExpired:
            self.gimp.kill()
        for server in self.servers:
            server.terminate()
            server.wait()


def start_display(profile, size, environment):
    """run_gimp's display, of another size: (processes, environment)."""
    read, write = os.pipe()
    server = subprocess.Popen(["Xvfb", "-displayfd", str(write), "-screen", "0", f"{size}x24",
                               "-nolisten", "tcp"], pass_fds=(write,),
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    os.close(write)
    with os.fdopen(read) as file:
        display = ":" + file.readline().strip()
    env = {**profile.environment, **environment, "DISPLAY": display}
    manager = subprocess.Popen(["openbox"], env=env, stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL)
    return [manager, server], env


# ---- what assistive technology is told ----


def children(node):
    for index in range(node.get_child_count()):
        child = node.get_child_at_index(index)
        if child is not None:
            yield child


def find_frame():
    """The window, or None."""
    try:
        for application in children(Atspi.get_desktop(0)):
            if application.get_name() == APPLICATION:
                for frame in children(application):
                    if frame.get_name() == "Diffusion":
                        return frame
    except GLib.Error:
        pass
    return None


def find(role, name, node=None, shown=True):
    """The first widget of that role whose name is that or begins with it, or None."""
    try:
        node = node or find_frame()
        if node is None:
            return None
        if node.get_role_name() in role.split("|") and (node.get_name() or "").startswith(name):
            return node
        if shown and not node.get_state_set().contains(Atspi.StateType.VISIBLE):
            return None
        for child in children(node):
            found = find(role, name, child, shown)
            if found is not None:
                return found
    except GLib.Error:
        pass
    return None


def button(name):
    return find("button|push button", name)


def press(name):
    button(name).get_action_iface().do_action(0)


def write(name, text):
    find("text", name).get_editable_text_iface().set_text_contents(text)


def is_showing(node):
    try:
        return node is not None and node.get_state_set().contains(Atspi.StateType.SHOWING)
    except GLib.Error:
        return False


def is_drawing():
    return is_showing(find("progress bar", ""))


def main_button():
    """What the button says it would do."""
    for verb in ("Generate", "Fill", "Refine", "Expand", "Remove", "Restyle", "Edit"):
        found = button(verb)
        if found is not None:
            return found.get_name()
    return None


# ---- the cases ----


def say_and_draw(desk, report):
    report.check("the images' windows open",
                 wait_until(lambda: desk.reader.has("first layers 1 clean")
                            and desk.window("256x200"), LOAD_SECONDS))
    report.check("the menu entry opens the window", desk.open_window("first"))
    report.check("a selection without a prompt is removed",
                 wait_until(lambda: main_button() == "Remove", 20))
    write("Prompt", "a large red cube on a grey floor, under a blue sky")
    report.check("with a prompt it is filled", wait_until(lambda: main_button() == "Fill", 20))
    desk.picture("1-ready")
    press("Fill")
    report.check("it draws", wait_until(is_drawing, LOAD_SECONDS))
    wait_until(lambda: find("progress bar", "").get_value_iface().get_current_value() > 0.4, 60)
    desk.picture("2-drawing")
    start = time.monotonic()
    desk.focus("^Diffusion$")
    desk.key("Escape")
    report.check("Escape cancels in mid-step", wait_until(lambda: not is_drawing(), 10))
    print(f"# seen as cancelled after {1000 * (time.monotonic() - start):.0f} ms, keys, window "
          "manager and bus included")
    report.check("and leaves no result", desk.results() == 0)


def compare_and_apply(desk, report):
    press_spin("Number of images", 4)
    press_spin("Steps", 4)
    press("Fill")
    report.check("four results come", wait_until(lambda: desk.results() == 4, 2 * LOAD_SECONDS))
    strip = find("table", "Results")
    report.check("the strip has them",
                 wait_until(lambda: strip is not None and strip.get_child_count() == 4, 20))
    time.sleep(0.5)
    desk.picture("3-four")
    desk.focus("^Diffusion$")
    strip.get_child_at_index(0).get_component_iface().grab_focus()
    desk.key("Right")
    desk.key("Right")
    time.sleep(0.5)
    desk.picture("4-chosen")
    desk.key("Return")
    report.check("Enter applies one", wait_until(
        lambda: desk.reader.has("first layers 2 dirty"), 20))
    desk.picture("5-applied")
    desk.key("Left")
    desk.key("Return")
    time.sleep(0.7)
    seen = len(desk.reader.lines)
    desk.show("first")
    desk.key("ctrl+z")
    report.check("another of the same job went into its layer: one undo takes it back",
                 wait_until(lambda: desk.reader.has("first layers 1", seen), 20))
    desk.key("ctrl+y")
    report.check("one redo brings it again",
                 wait_until(lambda: desk.reader.has("first layers 2 dirty", seen), 20))


def press_spin(name, value):
    """Sets a number that stands beside its label."""
    label = find("label", name)
    for relation in label.get_relation_set():
        if relation.get_relation_type() == Atspi.RelationType.LABEL_FOR:
            relation.get_target(0).get_value_iface().set_current_value(value)
            return
    raise LookupError(name)


def two_images(desk, report):
    report.check("a call from the other image presents the same window",
                 desk.open_window("second"))
    report.check("whose button knows that nothing is selected there",
                 wait_until(lambda: main_button() == "Generate", 20))
    report.check("there is one window",
                 len(desk.tool("xdotool", "search", "--onlyvisible", "--name",
                               "^Diffusion$").split()) == 1)
    desk.show("second")
    desk.key("ctrl+alt+8")
    report.check("the shortcut of the canvas draws", wait_until(is_drawing, LOAD_SECONDS))
    desk.profile.write("close", "")
    report.check("the image is closed in mid-job",
                 wait_until(lambda: desk.reader.has("second closed"), 20))
    report.check("the window goes on with the other one",
                 wait_until(lambda: main_button() == "Fill", 20))
    report.check("and nothing is lost: its results are kept",
                 wait_until(lambda: desk.results() == 8, 2 * LOAD_SECONDS))
    desk.picture("6-other-closed")


def close_and_return(desk, report):
    press("Fill")
    wait_until(is_drawing, 20)
    desk.focus("^Diffusion$")
    desk.key("ctrl+w")
    report.check("the window closes in mid-job",
                 wait_until(lambda: not desk.window("^Diffusion$"), 20))
    report.check("and its process ends", wait_until(
        lambda: not processes_of(desk.profile.plug_in, desk.profile.folder), 20))
    report.check("GIMP is there", desk.gimp.poll() is None)
    report.check("it opens again", desk.open_window("first"))
    strip = find("table", "Results")
    report.check("with the results of before",
                 wait_until(lambda: find("text", "Prompt") is not None
                            and strip is not None, 20))
    report.check("and the prompt", "red cube" in Atspi.Text.get_text(find("text", "Prompt"), 0, -1))
    time.sleep(1)
    desk.picture("7-again")


def case_use(profile, pictures):
    report = Report()
    desk = Desk(profile, pictures, '{"steps": 60}')
    try:
        say_and_draw(desk, report)
        compare_and_apply(desk, report)
        two_images(desk, report)
        close_and_return(desk, report)
    finally:
        desk.close()
    return report.finish()


LOOKS = (
    # name, screen, gimprc, environment, what the button says
    ("light-german", "1280x720", "(theme-color-scheme light)", {"LANGUAGE": "de"}, "Entfernen"),
    ("dark-double", "2560x1440", "(theme-color-scheme dark)", {"GDK_SCALE": "2"}, "Remove"),
)


def fits(desk, size):
    """Whether the window is no larger than the screen."""
    width, height = (int(number) for number in size.split("x"))
    text = desk.tool("xdotool", "getwindowgeometry", "--shell", desk.window("^Diffusion$"))
    values = dict(line.split("=") for line in text.split("\n") if "=" in line)
    return int(values.get("WIDTH", 1 << 20)) <= width and int(values.get("HEIGHT", 0)) <= height


def case_looks(profile, pictures):
    report = Report()
    folder = run_gimp.make_locale(profile) if shutil.which("localedef") else None
    locale = {"LOCPATH": folder, "LC_ALL": "de_DE.UTF-8"} if folder else None
    for name, size, rc, environment, verb in LOOKS:
        profile.write("config/gimprc", f"{run_gimp.RC}{rc}\n"
                      f'(config-version "{run_gimp.gimp_version()}")\n')
        extra = {**environment, "screen": size}
        if "LANGUAGE" in environment:
            extra.update(locale or {})
        desk = Desk(profile, pictures, "{}", **extra)
        try:
            report.check(f"{name}: the window opens", desk.open_window("first"))
            if "LANGUAGE" not in environment or locale:
                report.check(f"{name}: it speaks the language",
                             wait_until(lambda v=verb: button(v) is not None, 20))
            time.sleep(1)
            desk.picture(name)
            report.check(f"{name}: it fits the screen", fits(desk, size))
        finally:
            desk.close()
            for pid in processes_of(profile.engine, profile.folder):
                os.kill(pid, signal.SIGTERM)
    return report.finish()


def on_own_bus():
    """Does not return unless this process is on a bus of its own already."""
    if REPORT_FD in os.environ:
        sys.stdout = os.fdopen(int(os.environ.pop(REPORT_FD)), "w")
        return
    if shutil.which("dbus-run-session") is None:
        skip_all("no dbus-run-session")
    report = os.dup(1)
    os.set_inheritable(report, True)
    os.dup2(2, 1)
    os.environ[REPORT_FD] = str(report)
    os.environ.pop("G_DEBUG", None)  # the bus warns of what it gets over
    os.execvp("dbus-run-session", ["dbus-run-session", "--", sys.executable, *sys.argv])


def main():
    on_own_bus()
    plug_in, engine, source, build, gimp_plug_ins, case = sys.argv[1:7]
    for tool in (run_gimp.WINDOW, "Xvfb", "openbox", "xdotool", "import"):
        if shutil.which(tool) is None:
            skip_all(f"no {tool}")
    if Atspi is None:
        skip_all("no AT-SPI for Python")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    pictures = os.path.join(build, "tests", "gimp", "pictures")
    os.makedirs(pictures, exist_ok=True)
    profile = Profile(plug_in, engine, source, build, gimp_plug_ins)
    try:
        return {"use": case_use, "looks": case_looks}[case](profile, pictures)
    finally:
        profile.close()


if __name__ == "__main__":
    sys.exit(main())
