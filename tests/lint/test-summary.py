#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-3.0-or-later
"""What tools/dev/summary.py makes of logs: the last line is the sum, and the status fits it.

test-summary.py ROOT
"""

import json
import os
import subprocess
import sys
import tempfile

ROOT = sys.argv[1]
GOOD = [{"name": "p:unit / a", "result": "OK", "duration": 1.0, "returncode": 0,
         "stdout": "1..3\nok 1 - x\nok 2 - y # SKIP no card\nok 3 z\n"},
        {"name": "fuzzing / json", "result": "OK", "duration": 60.0, "returncode": 0,
         "stdout": "json: 5 executions"}]
BAD = [{"name": "p:unit / b", "result": "FAIL", "duration": 1.0, "returncode": 1,
        "stdout": "1..2\nok 1 - x\nnot ok 2 - y\n"},
       {"name": "p:unit / c", "result": "TIMEOUT", "duration": 9.0, "returncode": 1,
        "stdout": "1..2\nok 1 - x\n"}]

# arguments, with {} for the folder of the logs; the last line; the exit status
CASES = (
    (["one={}/good.json"], "3 passed, 0 failed, 1 skipped", 0),
    (["one={}/good.json", "amx:skipped=this CPU has no amx_tile"],
     "3 passed, 0 failed, 2 skipped", 0),
    (["one={}/good.json", "two={}/bad.json"], "5 passed, 2 failed, 1 skipped", 1),
    (["one={}/good.json", "two={}/no-such.json"], "3 passed, 1 failed, 1 skipped", 1),
    (["one={}/good.json", "two={}/cut.json"], "3 passed, 1 failed, 1 skipped", 1),
    (["amx:skipped=this CPU has no amx_tile"], "0 passed, 0 failed, 1 skipped", 1),
)


def main():
    print(f"1..{len(CASES)}")
    failed = False
    with tempfile.TemporaryDirectory() as folder:
        for name, log in (("good", GOOD), ("bad", BAD)):
            with open(os.path.join(folder, name + ".json"), "w", encoding="utf-8") as file:
                file.writelines(json.dumps(test) + "\n" for test in log)
        with open(os.path.join(folder, "cut.json"), "w", encoding="utf-8") as file:
            file.write('{"name": "p:unit / a", "res')
        for number, (arguments, last, status) in enumerate(CASES, 1):
            done = subprocess.run(
                [sys.executable, os.path.join(ROOT, "tools", "dev", "summary.py"),
                 *(argument.format(folder) for argument in arguments)],
                check=False, capture_output=True, text=True)
            is_good = done.stdout.endswith("\n" + last + "\n") and done.returncode == status \
                and not done.stderr
            failed |= not is_good
            print(f"{'ok' if is_good else 'not ok'} {number} - {' '.join(arguments)}")
            if not is_good:
                print("# " + (done.stdout[-300:] + done.stderr).replace("\n", "\n# "))
    return failed


if __name__ == "__main__":
    sys.exit(main())
