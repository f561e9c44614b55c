#!/bin/sh
# SPDX-License-Identifier: LGPL-3.0-or-later
#
# check-shell.sh [ROOT] - shellcheck has nothing to say about our shell scripts.

root=${1:-$(dirname "$0")/..}
cd "$root" || exit 1
echo 1..1
if ! command -v shellcheck > /dev/null; then
  echo "ok 1 - shell scripts # SKIP needs shellcheck"
  exit 0
fi
if found=$(find dev .ci/run tools tests \( -name '*.sh' -o -path dev -o -path .ci/run \) \
           -exec shellcheck -x -f gcc {} +); then
  echo "ok 1 - shell scripts"
else
  echo "not ok 1 - shell scripts"
  echo "$found" | sed 's/^/# /'
  exit 1
fi
