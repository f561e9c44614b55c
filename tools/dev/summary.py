#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-3.0-or-later
"""Summary of `meson test` runs: summary.py NAME=LOG.json... NAME:skipped=REASON...

Each LOG.json is what `meson test` leaves in meson-logs: one JSON object a line.
Prints, for every run and suite, how many test programs and how many cases in them
passed, failed and were skipped, and the seconds they took; then the end of each failed
test's output, and the reasons of skips.  The last line of all is the sum over all cases,
"N passed, N failed, N skipped".  Exits 1 if anything failed or a log is absent, which
counts as one failure.
"""

import json
import re
import sys

TAIL = 40
FAILED = ("FAIL", "TIMEOUT", "INTERRUPT", "UNEXPECTEDPASS", "ERROR")
CASE = re.compile(r"^(not )?ok\b(?:\s+\d+)?(?:\s+-)?\s*(.*?)"
                  r"(?:\s+#\s*(SKIP|TODO)\b\s*(.*))?$", re.I)


def read(path):
    with open(path, encoding="utf-8") as log:
        return [json.loads(line) for line in log if line.strip()]


def cases(output):
    """Yields (state, name, reason) for every line of TAP in a test's output."""
    for line in output.splitlines():
        match = CASE.match(line)
        if match:
            state = "failed" if match[1] else "skipped" if match[3] else "passed"
            yield state, match[2], match[4] or ""


def state_of(test):
    if test["result"] in FAILED:
        return "failed"
    return "skipped" if test["result"] == "SKIP" else "passed"


def suite_of(test):
    """meson names a test "PROJECT:SUITE / NAME", or just "NAME" outside suites."""
    suite, slash, _ = test["name"].partition(" / ")
    return suite.split(":")[-1] if slash else "other"


def name_of(test):
    return test["name"].split(" / ")[-1]


def tally(tests):
    """suite -> counts of programs and of cases, by state, and seconds"""
    suites = {}
    for test in tests:
        row = suites.setdefault(suite_of(test), {"seconds": 0.0})
        row["seconds"] += test.get("duration", 0.0)
        row["programs"] = row.get("programs", 0) + 1
        states = [case[0] for case in cases(test.get("stdout", ""))] or [state_of(test)]
        if state_of(test) == "failed" and "failed" not in states:
            states.append("failed")
        for state in states:
            row[state] = row.get(state, 0) + 1
    return suites


def print_table(name, tests):
    columns = ("programs", "passed", "failed", "skipped")
    print(f"\n{name:12}" + "".join(f"{c:>10}" for c in columns) + f"{'seconds':>10}")
    total = {"seconds": 0.0}
    for suite, row in sorted(tally(tests).items()):
        print(f"  {suite:10}" + "".join(f"{row.get(c, 0):10}" for c in columns)
              + f"{row['seconds']:10.1f}")
        for key, value in row.items():
            total[key] = total.get(key, 0) + value
    print("  all       " + "".join(f"{total.get(c, 0):10}" for c in columns)
          + f"{total['seconds']:10.1f}")


def print_skips(tests):
    for test in tests:
        for state, case, reason in cases(test.get("stdout", "")):
            if state == "skipped":
                print(f"  skipped: {name_of(test)}: {case or 'all'}: {reason or 'no reason given'}")


def print_failures(tests):
    for test in tests:
        if state_of(test) != "failed":
            continue
        print(f"\n--- {name_of(test)}: {test['result']}, exit status {test.get('returncode')}")
        output = test.get("stdout", "") + test.get("stderr", "")
        kept = [line for line in output.splitlines() if not re.match(r"^ok\b", line)]
        print("\n".join(kept[-TAIL:]))


def main():
    total = dict.fromkeys(("passed", "failed", "skipped"), 0)
    for argument in sys.argv[1:]:
        name, _, path = argument.partition("=")
        if name.endswith(":skipped"):
            print(f"\n{name.split(':')[0]}: skipped: {path}")
            total["skipped"] += 1
            continue
        try:
            tests = read(path)
        except (OSError, ValueError) as error:
            print(f"\n{name}: no results: {error}")
            total["failed"] += 1
            continue
        print_table(name, tests)
        print_skips(tests)
        print_failures(tests)
        for row in tally(tests).values():
            for state in total:
                total[state] += row.get(state, 0)
    ran = total["passed"] + total["failed"] > 0
    print(f"\n{total['passed']} passed, {total['failed']} failed, {total['skipped']} skipped")
    return 0 if ran and total["failed"] == 0 else 1


if __name__ == "__main__":
    sys.exit(main())
