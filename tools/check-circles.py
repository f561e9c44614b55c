#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-3.0-or-later
"""Files do not need each other in circles.

Reads what the object files of libdif and of the CUDA module define and use, so that
nothing is hidden by a header that several share; folders are looked at by the same
names, and lists of a class (made by meson) count as part of their folder.

check-circles.py ROOT BUILD
"""

import json
import os
import re
import subprocess
import sys

from check_common import Report, source_root

RULES = ("objects are found", "files", "folders")


def objects(build):
    """Those that the build makes; older ones may lie beside them."""
    try:
        with open(os.path.join(build, "compile_commands.json"), encoding="utf-8") as listing:
            outputs = [command["output"] for command in json.load(listing)]
    except FileNotFoundError:
        return []
    made = sorted({os.path.join(build, out) for out in outputs if out.startswith("core/")})
    return [path for path in made if os.path.exists(path)]


def unit_of(path):
    """core/libdif-objects.a.p/meson-generated_.._tasks_tasks.c.o -> tasks/tasks."""
    name = re.sub(r"^(meson-generated_)?(\.\._)*", "", os.path.basename(path))
    name = re.sub(r"\.c\.o$|\.o$", "", name)
    if os.path.dirname(path).split("/core/")[-1].startswith("libdif-objects"):
        return name.replace("_", "/", name.count("_"))
    return "backends/cuda/" + name


def read_symbols(paths):
    """(symbol -> unit that defines it, unit -> symbols that it uses)"""
    defined, used = {}, {}
    for path in paths:
        unit = unit_of(path)
        listing = subprocess.run(["nm", "--format=posix", path], check=True,
                                 capture_output=True, text=True).stdout
        for line in listing.splitlines():
            symbol, kind = line.split()[:2]
            if kind == "U":
                used.setdefault(unit, set()).add(symbol)
            elif kind in "TDRBVWC":
                defined[symbol] = unit
    return defined, used


def circles(edges):
    """The sets of nodes that reach each other (Tarjan 1972), of more than one."""
    index, low, stack, found = {}, {}, [], []

    def visit(node):
        index[node] = low[node] = len(index)
        stack.append(node)
        for to in sorted(edges.get(node, ())):
            if to not in index:
                visit(to)
                low[node] = min(low[node], low[to])
            elif to in stack:
                low[node] = min(low[node], index[to])
        if low[node] == index[node]:
            group = []
            while not group or group[-1] != node:
                group.append(stack.pop())
            if len(group) > 1:
                found.append(sorted(group))

    for node in sorted(edges):
        if node not in index:
            visit(node)
    return found


def folder_of(unit):
    parts = unit.split("/")
    return "/".join(parts[:2]) if parts[0] == "backends" and len(parts) > 2 else parts[0]


def main():
    build = os.path.abspath(sys.argv[2]) if len(sys.argv) > 2 else source_root()
    report = Report(*RULES)
    sys.setrecursionlimit(10000)
    paths = objects(build)
    if not paths:
        report.add(RULES[0], build, "has no objects below core/")
    defined, used = read_symbols(paths)
    files, folders = {}, {}
    for unit, symbols in used.items():
        for symbol in symbols & set(defined):
            to = defined[symbol]
            if to != unit:
                files.setdefault(unit, {}).setdefault(to, symbol)
            if folder_of(to) != folder_of(unit):
                folders.setdefault(folder_of(unit), {}).setdefault(folder_of(to), symbol)
    for rule, edges in (("files", files), ("folders", folders)):
        for group in circles(edges):
            why = [f"{a} -> {b} ({edges[a][b]})" for a in group for b in sorted(edges[a])
                   if b in group]
            report.add(rule, ", ".join(group), "need each other: " + "; ".join(why))
    return report.finish()


if __name__ == "__main__":
    sys.exit(main())
