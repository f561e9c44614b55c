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
# They look for damage, which every fourth whole picture would do as well.
test_run_sanitized ()
{
  export DIF_TEST_SAMPLE=4
  local suppressions="$DEV_REPO/tests/suppressions/lsan.supp"
  export ASAN_OPTIONS="detect_leaks=1:halt_on_error=1:${ASAN_OPTIONS-}"
  export UBSAN_OPTIONS="halt_on_error=1:print_stacktrace=1:${UBSAN_OPTIONS-}"
  [ ! -f "$suppressions" ] ||
    export LSAN_OPTIONS="suppressions=$suppressions:print_suppressions=0:${LSAN_OPTIONS-}"
  test_run "$@"
}

# test_build FOLDER TITLE: false, with the end of the compiler's words, when it failed
test_build ()
{
  step "$2" build_make "$1" && return 0
  step_tail 40
  return 1
}

cmd_test ()
{
  local folder asan started=$SECONDS failed=0 results=meson-logs/devlog.json
  folder=$(build_folder)
  asan="$folder-asan"
  need_space "$DEV_REPO" 1500 "the builds"
  lock 8 "$folder.lock" "$(basename "$folder")"
  steps_begin 4 "$DEV_REPO/build/test.log"
  rm -f "$folder/$results" "$asan/$results"
  test_build "$folder" "build" || die "the build failed [log: $STEP_LOG]"
  step "run the tests" test_run "$folder" || failed=1
  if test_build "$asan" "build with ASan and UBSan, core and command line only"; then
    step "run the tests again under them" test_run_sanitized "$asan" \
      --no-suite lint --no-suite gimp --timeout-multiplier 5 || failed=1
  fi
  python3 "$DEV_REPO/tools/dev/summary.py" "ordinary=$folder/$results" \
    "sanitized=$asan/$results" || failed=1
  unlock 8
  say "$((SECONDS - started)) s in all; full logs: $STEP_LOG, $folder*/meson-logs"
  [ "$failed" -eq 0 ] || die "there are failures"
  say "everything passed"
}
