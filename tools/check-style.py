#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-3.0-or-later
"""The rules of style that a formatter does not know."""

import os
import re
import sys

from check_common import Report, bare_code, c_files, find, line_of, read, source_root

COLUMNS = 100
TEXT_FOLDERS = ("core", "cli", "engine", "fetch", "ui", "plugin", "po", "tests", "bench",
                "examples", "tools", "data")
TEXT_SUFFIXES = (".c", ".h", ".cu", ".cuh", ".py", ".sh", ".scm", "meson.build", ".xml.in")
NARROW = (".c", ".h", ".cu", ".cuh", ".sh", ".scm", "dev")
TOP_FILES = ("dev", ".ci/run", "meson.build", "meson.options")
LICENSES = ("LGPL-3.0-or-later", "GPL-3.0-or-later")

# What a library must not do: talk, or end the process.
FORBIDDEN = re.compile(
    r"\b(v?f?printf|putchar|f?puts|perror|g_print(?:err)?|g_warning|g_message|g_critical"
    r"|_?exit|_Exit|quick_exit|abort|g_error|g_abort)\s*\(")
DEVICE_SWITCH = re.compile(r"^[ \t]*#[ \t]*if.*(CUDA|__AVX|__AMX|__SSE|__ARM|NEON)", re.M)
UNFINISHED = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")
# In pieces, so that this file passes its own test.
MACHINE_PATH = re.compile("(^|[\\s\"'=(:])/(" + "wo" + "rk|ho" + "me/[a-z])/?")

RULES = ("license in the first line", "at most 100 columns", "no tabs", "no trailing blanks",
         "final newline", "include guards", "core neither talks nor exits",
         "no extern in a source", "no device switches outside backends", "nothing unfinished",
         "no paths of one machine")


def check_lines(path, text, report):
    for number, line in enumerate(text.split("\n"), 1):
        where = f"{path}:{number}"
        # Python is laid out by black, which leaves long strings alone.
        if len(line) > COLUMNS and not path.endswith(".py"):
            report.add("at most 100 columns", where, f"{len(line)} columns")
        if "\t" in line:
            report.add("no tabs", where, "tab")
        if line != line.rstrip():
            report.add("no trailing blanks", where, "blank or carriage return at the end")
        if MACHINE_PATH.search(line):
            report.add("no paths of one machine", where, line.strip())
    if text and (not text.endswith("\n") or text.endswith("\n\n")):
        report.add("final newline", path, "needs exactly one at its end")


def check_license(path, text, report):
    lines = text.split("\n")
    first = 1 if lines[0].startswith(("#!", "<?xml")) else 0
    match = re.search(r"SPDX-License-Identifier: ([\w.-]+)", lines[first] if lines[first:] else "")
    if not match or match[1] not in LICENSES:
        report.add("license in the first line", path, f"expected SPDX and one of {LICENSES}")
        return
    gpl = path.startswith(("plugin/", "ui/"))
    if path.startswith(("core/", "cli/", "engine/", "fetch/", "plugin/", "ui/")) \
            and (match[1] == "GPL-3.0-or-later") != gpl:
        report.add("license in the first line", path, f"{match[1]} is not this folder's license")


def check_guard(path, text, report):
    match = re.search(r"^#ifndef (\w+)\n#define (\w+)\n", text, re.M)
    if not match or match[1] != match[2]:
        report.add("include guards", path, "expected #ifndef X, #define X")
        return
    stem = re.sub(r"\W", "_", os.path.splitext(os.path.basename(path))[0]).upper()
    guard = match[1]
    if not guard.endswith(f"{stem}_H") or guard.startswith("_"):
        report.add("include guards", path, f"expected a name that ends in {stem}_H, found {guard}")
    if not text.endswith(f"#endif /* {guard} */\n"):
        report.add("include guards", path, f"expected #endif /* {guard} */ as the last line")


def check_unique_guards(root, report):
    owner = {}
    for path in find(root, ("core", "cli", "engine", "fetch", "ui", "plugin"), (".h",)):
        match = re.search(r"^#ifndef (\w+)$", read(root, path), re.M)
        if match and owner.setdefault(match[1], path) != path:
            report.add("include guards", path, f"{match[1]} is the guard of {owner[match[1]]} too")


def check_code(path, text, report):
    code = bare_code(text)

    def find_all(rule, pattern):
        for match in pattern.finditer(code):
            report.add(rule, f"{path}:{line_of(code, match.start())}",
                       match[0].strip().rstrip("("))

    if path.startswith("core/"):
        find_all("core neither talks nor exits", FORBIDDEN)
        find_all("no extern in a source", re.compile(r"^extern\b(?! *\")", re.M)
                 if not path.endswith(".h") else re.compile(r"(?!)"))
    if not path.startswith(("core/backends/", "bench/", "tests/")):
        find_all("no device switches outside backends", DEVICE_SWITCH)
    find_all("nothing unfinished", re.compile(r"^[ \t]*#[ \t]*if[ \t]+0\b", re.M))
    for match in UNFINISHED.finditer(text):
        report.add("nothing unfinished", f"{path}:{line_of(text, match.start())}", match[0])


def main():
    root = source_root()
    report = Report(*RULES)
    tops = [path for path in TOP_FILES if os.path.exists(os.path.join(root, path))]
    for path in find(root, TEXT_FOLDERS, TEXT_SUFFIXES) + tops:
        text = read(root, path)
        check_lines(path, text, report)
        check_license(path, text, report)
    for path in c_files(root):
        text = read(root, path)
        check_code(path, text, report)
        if path.endswith((".h", ".cuh")):
            check_guard(path, text, report)
    check_unique_guards(root, report)
    return report.finish()


if __name__ == "__main__":
    sys.exit(main())
