#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-3.0-or-later
"""check-resources.py REPORT TABLE: registers, spills and shared memory of every kernel are
what the committed table says.

Another compiler allots registers in its own way: with one the table is not of, only kernels
and shared memory are compared, and that nothing spills which did not before.  After a change
that is meant, copy the report of a build with the table's compiler over the table.
"""

import sys


def read(path):
    """The compiler, and (sm, kernel) -> (registers, spilled, shared)."""
    compiler, rows = None, {}
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            words = line.split()
            if words[0] == "#":
                compiler = words[-1]
            else:
                rows[words[0], words[1]] = tuple(int(word) for word in words[2:])
    return compiler, rows


def differences(found, table, exact):
    """Yields a line for every kernel that is not as the table says."""
    cards = {card for card, _ in found}
    expected = {key: row for key, row in table.items() if key[0] in cards}
    for key in sorted(found.keys() | expected.keys()):
        name, now, then = " ".join(key), found.get(key), expected.get(key)
        if now is None or then is None:
            yield f"{name}: {'not in the table' if then is None else 'only in the table'}"
        elif exact and now != then or now[2] != then[2] or now[1] > 0 and not then[1]:
            yield (f"{name}: expected {then[0]} registers, {then[1]} bytes spilled, {then[2]} "
                   f"shared, found {now[0]}, {now[1]}, {now[2]}")


def main():
    compiler, found = read(sys.argv[1])
    table_compiler, table = read(sys.argv[2])
    known = {card for card, _ in table}
    cards = sorted({card for card, _ in found})
    print(f"1..{len(cards)}")
    bad = 0
    for number, card in enumerate(cards, 1):
        name = f"resources of every kernel on {card}"
        if card not in known:
            print(f"ok {number} - {name} # SKIP the table has no {card}")
            continue
        mine = {key: row for key, row in found.items() if key[0] == card}
        lines = list(differences(mine, table, compiler == table_compiler))
        print(f"{'not ok' if lines else 'ok'} {number} - {name}")
        for line in lines:
            print(f"# {line}")
        bad += bool(lines)
    if compiler != table_compiler:
        print(f"# compiled by {compiler}, the table by {table_compiler}: registers not compared")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
