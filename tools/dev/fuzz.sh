# SPDX-License-Identifier: LGPL-3.0-or-later
# shellcheck shell=bash
#
# fuzz.sh - looks for input that a parser cannot bear, with libFuzzer.
#
# Everything is kept in build/fuzz/TARGET: new/ holds inputs that reached new code, findings/
# those that failed, each beside what was said about it.  tests/fuzz/corpus is where a run
# begins; nothing is written there.

# A target that finds this many is broken and need not be asked any longer.
FUZZ_MAX_FINDINGS=10

fuzz_targets ()
{
  local file
  for file in "$DEV_REPO"/tests/fuzz/fuzz-*.c; do
    ! grep -q '^LLVMFuzzerTestOneInput' "$file" || basename "${file#*/fuzz/fuzz-}" .c
  done
}

fuzz_list ()
{
  local target
  for target in $(fuzz_targets); do
    printf '%-20s %4d files in its corpus\n' "$target" \
           "$(find "$DEV_REPO/tests/fuzz/corpus/$target" -type f 2> /dev/null | wc -l)"
  done
}

# fuzz_make FOLDER TARGET...: clang's build with coverage and sanitizers, of these targets only
fuzz_make ()
{
  local folder=$1
  shift
  if [ ! -f "$folder/build.ninja" ]; then
    rm -rf "$folder"
    CC=clang CFLAGS=-fsanitize=fuzzer-no-link meson setup --buildtype=debugoptimized \
      -Dfuzzers=true -Dplugin=disabled -Dcuda=disabled -Db_sanitize=address,undefined \
      -Db_lundef=false "$folder" "$DEV_REPO" || return 1
  fi
  # meson compile would look for a new target before it is configured
  ninja -C "$folder" "${@/#/tests/fuzz/fuzz-}"
}

# fuzz_once PROGRAM HOME CORPUS SECONDS LOG: one process of libFuzzer, until it finds something.
# Inputs of several files live in a folder in memory.
fuzz_once ()
{
  local tmp rc=0
  tmp=$(mktemp -d /dev/shm/dif-fuzz-XXXXXX 2> /dev/null || mktemp -d)
  TMPDIR="$tmp" G_DEBUG=fatal-warnings LC_ALL=C.UTF-8 OMP_NUM_THREADS=1 \
    DIF_FIXTURES="$DEV_REPO/tests/fixtures" DIF_DATA_DIR="$DEV_REPO/data" \
    UBSAN_OPTIONS="halt_on_error=1:print_stacktrace=1" \
    "$1" -max_total_time="$4" -max_len=65536 -timeout=25 -rss_limit_mb=2048 \
    -print_final_stats=1 -artifact_prefix="$2/findings/" "$2/new" "$3" > "$5" 2>&1 || rc=$?
  rm -rf "$tmp"
  return "$rc"
}

# fuzz_figures LOG: executions, edges reached, edges there are
fuzz_figures ()
{
  awk '/^stat::number_of_executed_units:/ { runs = $2 }
       /^#[0-9]+/ { if (substr ($1, 2) + 0 > seen) seen = substr ($1, 2) + 0
                    for (i = 2; i < NF; i++) if ($i == "cov:") cov = $(i + 1) }
       /inline 8-bit counters\)/ { if (! all && match ($0, /\([0-9]+ inline/))
                                     all = substr ($0, RSTART + 1, RLENGTH - 8) }
       END { print (runs ? runs : seen + 0), cov + 0, all + 0 }' "$1"
}

# fuzz_target FOLDER TARGET SECONDS: prints what came of it; false when something was found
fuzz_target ()
{
  local folder=$1 target=$2 end=$((SECONDS + $3)) home="$DEV_REPO/build/fuzz/$2"
  local program="$folder/tests/fuzz/fuzz-$2" corpus="$DEV_REPO/tests/fuzz/corpus/$2"
  local runs=0 reached=0 edges=0 found=0 log figures begun started=$SECONDS
  mkdir -p "$home/new" "$home/findings"
  while [ $((end - SECONDS)) -gt 0 ] && [ "$found" -lt "$FUZZ_MAX_FINDINGS" ]; do
    log="$home/log-$found"
    begun=$SECONDS
    fuzz_once "$program" "$home" "$corpus" $((end - SECONDS)) "$log"
    local rc=$?
    read -r -a figures < <(fuzz_figures "$log")
    runs=$((runs + figures[0]))
    [ "${figures[1]}" -le "$reached" ] || reached=${figures[1]}
    edges=${figures[2]}
    [ "$rc" -ne 0 ] || break
    found=$((found + 1))
    fuzz_explain "$home" "$log"
    # one that is in the corpus, or comes at once, would come again for ever
    [ $((SECONDS - begun)) -gt 5 ] || break
  done
  printf '%s: %d executions in %d s, %d of %d edges, %d new inputs, %d findings%s\n' \
         "$target" "$runs" $((SECONDS - started)) "$reached" "$edges" \
         "$(find "$home/new" -type f | wc -l)" "$found" \
         "$([ "$found" -eq 0 ] || echo " in $home/findings")"
  [ "$found" -eq 0 ]
}

# fuzz_all FOLDER SECONDS RESULTS TARGET...: as many at a time as there are cores; RESULTS as
# `meson test` would write them
fuzz_all ()
{
  local folder=$1 seconds=$2 results=$3 target failed=0
  shift 3
  mkdir -p "$(dirname "$results")"
  for target in "$@"; do
    while [ "$(jobs -rp | wc -l)" -ge "$(nproc)" ]; do
      wait -n || failed=1
    done
    fuzz_recorded "$folder" "$target" "$seconds" "$results" &
  done
  while [ -n "$(jobs -p)" ]; do
    wait -n || failed=1
  done
  return "$failed"
}

# fuzz_recorded FOLDER TARGET SECONDS RESULTS: one line of them
fuzz_recorded ()
{
  local said rc=0 started=$SECONDS
  said=$(fuzz_target "$1" "$2" "$3") || rc=1
  echo "$said"
  python3 - "$2" "$rc" "$((SECONDS - started))" "$said" >> "$4" <<'PY'
import json
import sys

target, status, seconds, said = sys.argv[1:5]
print(json.dumps({"name": f"fuzzing / {target}", "result": "FAIL" if status != "0" else "OK",
                  "duration": float(seconds), "returncode": int(status), "stdout": said}))
PY
  return "$rc"
}

# fuzz_explain HOME LOG: keeps what was said about a finding beside it
fuzz_explain ()
{
  local name
  name=$(sed -nE 's/.*Test unit written to .*\/([^/]+)$/\1/p' "$2" | tail -n 1)
  cp "$2" "$1/findings/${name:-no-input-$(date +%s)}.txt"
  sed -nE '/(ERROR: |runtime error: |^\*\* |ERROR:[^ ]|deadly signal)/p' "$2" | head -n 2
  [ -z "$name" ] || echo "  input: $1/findings/$name"
}

cmd_fuzz ()
{
  local folder targets=() target failed=0 minutes=${2-}
  case ${1-} in
    list) fuzz_list; return 0 ;;
    '') die "fuzz: which target?  ./dev fuzz list names them" ;;
    all) mapfile -t targets < <(fuzz_targets) ;;
    *) mapfile -t targets < <(fuzz_targets | grep -xF -e "$1") ;;
  esac
  [ ${#targets[@]} -gt 0 ] ||
    die "fuzz: expected one of $(fuzz_targets | tr '\n' ' ')or all, found \"$1\""
  [[ $minutes =~ ^[1-9][0-9]{0,4}$ ]] ||
    die "fuzz: expected a number of minutes, found \"$minutes\""
  folder="$(build_folder)-fuzz"
  need_space "$DEV_REPO" 800 "the build of the fuzzers"
  steps_begin 1 "$DEV_REPO/build/fuzz.log"
  with_build_lock "$folder" \
    step "build ${#targets[@]} fuzzers" fuzz_make "$folder" "${targets[@]}" ||
    { step_tail 40; die "the build failed [log: $STEP_LOG]"; }
  for target in "${targets[@]}"; do
    fuzz_target "$folder" "$target" $((60 * minutes)) || failed=1
  done
  [ "$failed" -eq 0 ] || die "there are findings"
}
