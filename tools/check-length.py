#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-3.0-or-later
"""Functions fit a screen: at most 8 % are over 60 lines, none over 100 unless a comment
in it says why ("long: ..."), and no file has over 800 lines.  Needs universal-ctags."""

import shutil
import subprocess
import sys

from check_common import Report, c_files, read, source_root

SCREEN = 60
LIMIT = 100
SHARE = 0.08
FILE_LIMIT = 800

PRODUCT = ("core", "cli", "engine", "fetch", "ui", "plugin", "examples")
TESTS = ("tests", "bench", "tools")


def functions(root, paths):
    """Yields (path, name, first line, last line)."""
    command = ["ctags", "--languages=C", "--map-C=+.cu", "--kinds-C=f", "--fields=+ne", "-x",
               "--_xformat=%{input}\t%{name}\t%{line}\t%{end}", "-L", "-"]
    output = subprocess.run(command, check=True, cwd=root, input="\n".join(paths) + "\n",
                            stdout=subprocess.PIPE, text=True).stdout
    for line in output.splitlines():
        path, name, first, last = line.split("\t")
        if last:
            yield path, name, int(first), int(last)


def check_functions(root, report, rule, paths):
    total, over = 0, []
    for path, name, first, last in functions(root, paths):
        length = last - first + 1
        total += 1
        if length > SCREEN:
            over.append((length, f"{path}:{first}", name))
        if length > LIMIT:
            body = read(root, path).split("\n")[max(first - 6, 0):last]
            if not any("long:" in line for line in body):
                report.add("over 100 lines only with a reason", f"{path}:{first}",
                           f"{name} has {length} lines")
    if len(over) > SHARE * total:
        for length, where, name in sorted(over, reverse=True):
            report.add(rule, where, f"{name} has {length} lines "
                       f"({len(over)} of {total} functions are over {SCREEN})")
    print(f"# {rule}: {len(over)} of {total} functions are over {SCREEN} lines")


def main():
    root = source_root()
    report = Report("screens in the product", "screens in tests and tools",
                    "over 100 lines only with a reason", "files of at most 800 lines")
    for path in c_files(root):
        lines = read(root, path).count("\n")
        if lines > FILE_LIMIT:
            report.add("files of at most 800 lines", path, f"{lines} lines")
    if shutil.which("ctags") is None:
        for rule in list(report.findings)[:3]:
            report.skip(rule, "needs universal-ctags")
    else:
        sources = [path for path in c_files(root) if path.endswith((".c", ".cu"))]
        check_functions(root, report, "screens in the product",
                        [path for path in sources if path.split("/")[0] in PRODUCT])
        check_functions(root, report, "screens in tests and tools",
                        [path for path in sources if path.split("/")[0] in TESTS])
    return report.finish()


if __name__ == "__main__":
    sys.exit(main())
