#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-3.0-or-later
"""Includes point down: core/LAYERS says which folder of core may include which, and
the outer folders keep to the walls of ARCHITECTURE.md."""

import os
import re
import sys

from check_common import Report, c_files, line_of, read, source_root, without_comments

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)[>"]', re.M)
FRONT_ENDS = ("cli", "engine", "ui", "plugin")

# header pattern, where it may be included (path prefixes), whose header it is
WALLS = (
    (r"(cjson/)?cJSON\.h$", ("core/base/json.c",), "cJSON"),
    (r"(oneapi/|dnnl)", ("core/backends/cpu/", "bench/", "tests/"), "oneDNN"),
    (r"(cuda|cublas|cudnn)", ("core/backends/cuda/", "bench/", "tests/"), "CUDA"),
    (r"curl/", ("fetch/",), "libcurl"),
    (r"libgimp", ("plugin/", "tests/gimp/"), "libgimp"),
    (r"(gegl|babl)", ("plugin/", "tests/gimp/"), "GEGL"),
    (r"(gtk|gdk)/", ("ui/", "plugin/", "tests/ui/", "tests/gimp/"), "GTK"),
)


def read_layers(root):
    layers = {}
    for line in read(root, "core/LAYERS").splitlines():
        line = line.split("#")[0].strip()
        if line:
            name, _, allowed = line.partition(":")
            layers[name.strip()] = set(allowed.split())
    return layers


def layer_of(path):
    """The layer of a path relative to core/."""
    if "/" in path:
        return path.split("/")[0]
    return "types" if path == "dif-types.h" else "all"


def includes(root, path):
    text = without_comments(read(root, path))
    for match in INCLUDE.finditer(text):
        yield line_of(text, match.start()), match[1], match[2]


def generated(root, name):
    """Whether some meson.build of core makes the header."""
    for where, _, names in os.walk(os.path.join(root, "core")):
        if "meson.build" in names and name in read(root, os.path.join(where, "meson.build")):
            return True
    return name == "config.h"


def target_of(root, path, name):
    """The included file relative to core/, or None for one that is generated."""
    beside = os.path.normpath(os.path.join(os.path.dirname(path), name))
    for candidate in (os.path.join("core", name), beside):
        if os.path.exists(os.path.join(root, candidate)):
            return os.path.relpath(candidate, "core")
    return name if "/" in name else None


def check_core(root, layers, report):
    for path in c_files(root, ("core",)):
        layer = layer_of(os.path.relpath(path, "core"))
        if layer != "all" and layer not in layers:
            report.add("layers are listed", path, f"core/LAYERS does not know '{layer}'")
            continue
        for line, kind, name in includes(root, path):
            target = target_of(root, path, name) if kind == '"' else None
            if kind == '"' and target is None and not generated(root, name):
                report.add("includes are found", f"{path}:{line}", f"no such header: {name}")
            if target is None or layer_of(target) == layer:
                continue
            allowed = set(layers) - {"backends"} if layer == "all" else layers[layer]
            if layer_of(target) not in allowed:
                report.add("includes point down", f"{path}:{line}",
                           f"{layer} may not include {layer_of(target)} ({name})")


def check_walls(root, report):
    for path in c_files(root):
        for line, _, name in includes(root, path):
            for pattern, allowed, owner in WALLS:
                if re.match(pattern, name) and not path.startswith(allowed) \
                        and not (owner == "GTK" and name.startswith("gdk-pixbuf")):
                    report.add("walls", f"{path}:{line}", f"{owner} is for {', '.join(allowed)}")


def check_front_ends(root, report):
    for path in c_files(root, FRONT_ENDS):
        for line, kind, name in includes(root, path):
            is_core = os.path.exists(os.path.join(root, "core", name))
            if kind == '"' and is_core and name not in ("dif.h", "dif-parts.h"):
                report.add("front ends include dif.h only", f"{path}:{line}", f"includes {name}")
            if name.startswith("fetch/") and not path.startswith(("cli/", "ui/")):
                report.add("walls", f"{path}:{line}", "only cli/ and ui/ include fetch/")
            if name.startswith("plugin/") and not path.startswith("plugin/"):
                report.add("walls", f"{path}:{line}", "only plugin/ includes plugin/")


def check_public(root, report):
    """What dif.h and dif-parts.h list is installed; what those headers include must be, too."""
    tops = [top for top in ("core/dif.h", "core/dif-parts.h")
            if os.path.exists(os.path.join(root, top))]
    listed = {name for top in tops for _, kind, name in includes(root, top) if kind == '"'}
    for path in sorted(listed):
        if not os.path.exists(os.path.join(root, "core", path)):
            continue
        for line, kind, name in includes(root, os.path.join("core", path)):
            if kind == '"' and name not in listed:
                report.add("dif.h lists what it needs", f"core/{path}:{line}",
                           f"includes {name}, which dif.h does not list")


def check_fetch(root, report):
    """fetch/ knows a network and core/base, nothing else."""
    for path in c_files(root, ("fetch",)):
        for line, kind, name in includes(root, path):
            if kind == '"' and not name.startswith(("fetch/", "base/")) and name != "dif-types.h":
                report.add("walls", f"{path}:{line}", f"fetch includes {name}")


def main():
    root = source_root()
    report = Report("layers are listed", "includes are found", "includes point down", "walls",
                    "front ends include dif.h only", "dif.h lists what it needs")
    check_core(root, read_layers(root), report)
    check_walls(root, report)
    check_front_ends(root, report)
    check_fetch(root, report)
    check_public(root, report)
    return report.finish()


if __name__ == "__main__":
    sys.exit(main())
