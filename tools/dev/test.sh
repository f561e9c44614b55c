# SPDX-License-Identifier: LGPL-3.0-or-later
# shellcheck shell=bash
#
# test.sh - the whole suite, in an ordinary build and under the sanitizers.

# test_run FOLDER MESON-TEST-ARGS...: false when a test failed
test_run ()
{
  local folder=$1
  shift
  (
    build_environment
    cd "$DEV_REPO" || exit 1
    meson test -C "$folder" --no-rebuild --logbase devlog "$@"
  )
}

# Sanitizers stop at the first finding; leaks of libraries we only use are listed.
test_run_sanitized ()
{
  local suppressions="$DEV_REPO/tests/suppressions/lsan.supp"
  export ASAN_OPTIONS="detect_leaks=1:halt_on_error=1:${ASAN_OPTIONS-}"
  export UBSAN_OPTIONS="halt_on_error=1:print_stacktrace=1:${UBSAN_OPTIONS-}"
  [ ! -f "$suppressions" ] ||
    export LSAN_OPTIONS="suppressions=$suppressions:print_suppressions=0:${LSAN_OPTIONS-}"
  test_run "$@"
}

# test_or_stop TITLE COMMAND...: a step without which the rest makes no sense
test_or_stop ()
{
  step "$@" && return 0
  step_tail 40
  die "$1 failed [log: $STEP_LOG]"
}

# Copied logs keep the summary right when a test starts a build of its own.
test_summary ()
{
  python3 "$DEV_REPO/tools/dev/summary.py" "$@"
}

cmd_test ()
{
  local folder asan started=$SECONDS failed=0 reports=()
  folder=$(build_folder)
  asan="$folder-asan"
  [ -w "$DEV_REPO" ] || die "cannot write $DEV_REPO/build: nothing can be built here"
  need_space "$DEV_REPO" 1500 "the builds"
  lock 8 "$folder.lock" "$(basename "$folder")"
  steps_begin 4 "$DEV_REPO/build/test.log"
  rm -f "$folder/meson-logs/devlog.json" "$asan/meson-logs/devlog.json"
  test_or_stop "build" build_make "$folder"
  step "run the tests" test_run "$folder" || failed=1
  reports+=("ordinary=$folder/meson-logs/devlog.json")
  test_or_stop "build with ASan and UBSan, core and command line only" build_make "$asan"
  step "run the tests again under them" test_run_sanitized "$asan" \
    --no-suite lint --no-suite gimp --timeout-multiplier 5 || failed=1
  reports+=("sanitized=$asan/meson-logs/devlog.json")
  test_summary "${reports[@]}" || failed=1
  unlock 8
  say "$((SECONDS - started)) s in all; full logs: $STEP_LOG, $folder*/meson-logs"
  [ "$failed" -eq 0 ] || die "there are failures"
  say "everything passed"
}
