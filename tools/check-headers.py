#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-3.0-or-later
"""Headers stand alone: each compiles by itself, and dif-parts.h as C++ too.

check-headers.py [ROOT [FOLDER-OF-CONFIG_H]]
"""

import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

from check_common import Report, find, source_root

PLAIN = ("gio-2.0", "gio-unix-2.0", "gmodule-2.0", "gdk-pixbuf-2.0")
WINDOWS = ("gtk+-3.0",)
GIMP = ("gimpui-3.0",)


def flags(packages):
    """Compiler flags of pkg-config packages, or None when one is not installed."""
    result = subprocess.run(["pkg-config", "--cflags", *packages], check=False,
                            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    return result.stdout.split() if result.returncode == 0 else None


def compile_alone(root, path, extra, language="c"):
    compiler, standard = ("g++", "c++17") if language == "c++" else ("gcc", "gnu11")
    command = [compiler, "-fsyntax-only", "-x", language, f"-std={standard}", "-Wall", "-Werror",
               "-Wno-pragma-once-outside-header", f"-I{root}/core", f"-I{root}",
               f"-I{os.path.dirname(os.path.join(root, path))}"]
    command += [f"-I{folder}" for folder in sys.argv[2:]] + extra + [os.path.join(root, path)]
    result = subprocess.run(command, check=False, capture_output=True, text=True)
    return path, result.returncode, result.stderr


def first_error(said):
    return next((line for line in said.splitlines() if "error" in line), said.strip())


def check(root, report, rule, folders, packages, pool):
    extra = flags(packages)
    if extra is None:
        report.skip(rule, f"needs the development files of {', '.join(packages)}")
        return
    paths = find(root, folders, (".h",))
    for path, status, said in pool.map(lambda path: compile_alone(root, path, extra), paths):
        if status != 0:
            report.add(rule, path, first_error(said))


def check_cxx(root, report, rule):
    extra = flags(PLAIN)
    if extra is None or shutil.which("g++") is None:
        report.skip(rule, f"needs g++ and the development files of {', '.join(PLAIN)}")
    elif os.path.exists(os.path.join(root, "core/dif-parts.h")):
        path, status, said = compile_alone(root, "core/dif-parts.h", extra, "c++")
        if status != 0:
            report.add(rule, path, first_error(said))
    else:
        report.add(rule, "core/dif-parts.h", "not there")


def main():
    root = source_root()
    report = Report("core, cli, engine", "dif-parts.h as C++", "ui", "plugin")
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        check(root, report, "core, cli, engine", ("core", "cli", "engine", "fetch"), PLAIN, pool)
        check_cxx(root, report, "dif-parts.h as C++")
        check(root, report, "ui", ("ui",), PLAIN + WINDOWS, pool)
        check(root, report, "plugin", ("plugin",), PLAIN + WINDOWS + GIMP, pool)
    return report.finish()


if __name__ == "__main__":
    sys.exit(main())
