#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-3.0-or-later
"""Every error code of core/base/error.h is used by the library and provoked by a test."""

import re
import sys

from check_common import Report, bare_code, c_files, read, source_root

HEADER = "core/base/error.h"


def codes(root):
    text = bare_code(read(root, HEADER))
    for body in re.findall(r"typedef enum\s*\{(.*?)\}", text, re.S):
        yield from re.findall(r"\bDIF_\w+_ERROR_\w+", body)


def words(root, folders):
    found = set()
    for path in c_files(root, folders):
        if path != HEADER:
            found.update(re.findall(r"\bDIF_\w+", bare_code(read(root, path))))
    return found


def main():
    root = source_root()
    report = Report("each code is raised", "each code is provoked by a test")
    raised, provoked = words(root, ("core",)), words(root, ("tests",))
    for code in codes(root):
        if code not in raised:
            report.add("each code is raised", HEADER, f"nothing in core uses {code}")
        if code not in provoked:
            report.add("each code is provoked by a test", HEADER, f"no test names {code}")
    return report.finish()


if __name__ == "__main__":
    sys.exit(main())
