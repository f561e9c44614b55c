# SPDX-License-Identifier: LGPL-3.0-or-later
# shellcheck shell=bash
#
# test.sh - the whole suite, and what takes longer: under the sanitizers, under instruction
# sets below the machine's own, fuzzing, damage done at random moments.
#
# Every run leaves a log of JSON lines, which tools/dev/summary.py adds up.

# NAME DIF_CPU_ISA ONEDNN_MAX_CPU_ISA FLAGS...: what can be forced, each level with the flags of
# /proc/cpuinfo that it takes beside those of all before it; - leaves the choice to the program.
ISA_LEVELS="
sse41 sse2 SSE41 sse4_1
avx2 avx2 AVX2 avx2 fma f16c
avx2_vnni avx2 AVX2_VNNI avx_vnni
avx512 avx512 AVX512_CORE avx512f avx512bw avx512vl avx512dq
avx512_vnni avx512 AVX512_CORE_VNNI avx512_vnni
avx512_bf16 avx512_bf16 AVX512_CORE_BF16 avx512_bf16
amx - AVX512_CORE_AMX amx_tile amx_bf16 amx_int8
"
# How long --all lets every fuzzer look.
FUZZ_SECONDS=60

TEST_RESULTS=()

# isa_missing NAME: the flags it takes that this CPU lacks; false if there is no such level.
# AVX-VNNI came after AVX-512, so that neither needs the other.
isa_missing ()
{
  local name dif onednn flags flag needed='' here
  here=" $(sed -n 's/^flags[^:]*://p;T;q' /proc/cpuinfo) "
  while read -r name dif onednn flags; do
    [ -n "$name" ] || continue
    if [ "$name" = "$1" ] || [ "$name" != avx2_vnni ]; then
      needed+=" $flags"
    fi
    [ "$name" = "$1" ] || continue
    for flag in $needed; do
      [[ $here == *" $flag "* ]] || echo "$flag"
    done
    return 0
  done <<< "$ISA_LEVELS"
  return 1
}

isa_names ()
{
  awk 'NF { print $1 }' <<< "$ISA_LEVELS"
}

# isa_below: the last level but one that this CPU has
isa_below ()
{
  local name below='' own=''
  for name in $(isa_names); do
    [ -z "$(isa_missing "$name")" ] || continue
    below=$own
    own=$name
  done
  echo "${below:-$own}"
}

# test_run FOLDER NAME MESON-TEST-ARGS...: false when a test failed
test_run ()
{
  local folder=$1 name=$2
  shift 2
  (
    build_environment
    cd "$DEV_REPO" || exit 1
    meson test -C "$folder" --no-rebuild --logbase "dev-$name" "$@"
  )
}

# test_run_isa FOLDER NAME MESON-TEST-ARGS...: what computes, under that level
test_run_isa ()
{
  local folder=$1 name=$2 level dif onednn
  shift 2
  while read -r level dif onednn _; do
    [ "$level" != "$name" ] || break
  done <<< "$ISA_LEVELS"
  [ "$dif" = - ] || export DIF_CPU_ISA=$dif
  export ONEDNN_MAX_CPU_ISA=$onednn
  [ $# -gt 0 ] || set -- --no-suite lint --no-suite fuzz --no-suite gpu --no-suite cuda
  test_run "$folder" "$name" "$@"
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
  test_run "$@" --no-suite lint --no-suite gimp --timeout-multiplier 5
}

# test_build FOLDER TITLE: false, with the end of the compiler's words, when it failed
test_build ()
{
  step "$2" build_make "$1" && return 0
  step_tail 40
  return 1
}

# test_step TITLE FOLDER NAME COMMAND ARGS...: a step whose results are added up under NAME
test_step ()
{
  local title=$1 results="$2/meson-logs/dev-$3.json"
  rm -f "$results"
  TEST_RESULTS+=("$3=$results")
  step "$title" "$4" "$2" "$3" "${@:5}"
}

# test_isa FOLDER LEVELS MESON-TEST-ARGS...: under each of them; one that the CPU lacks is
# skipped by name
test_isa ()
{
  local folder=$1 level missing failed=0
  for level in $2; do
    missing=$(isa_missing "$level" | tr '\n' ' ')
    if [ -n "$missing" ]; then
      TEST_RESULTS+=("$level:skipped=this CPU has no ${missing% }")
      say "skipped: $level: this CPU has no ${missing% }"
    else
      test_step "run the tests under $level" "$folder" "$level" test_run_isa "${@:3}" || failed=1
    fi
  done
  return "$failed"
}

test_sanitized ()
{
  test_build "$1" "build with ASan and UBSan, core and command line only" || return 1
  test_step "run the tests under them" "$1" sanitized test_run_sanitized "${@:2}"
}

# test_fuzz FOLDER: every fuzzer for a while, two at a time
test_fuzz ()
{
  local results="$DEV_REPO/build/fuzz/results.json" targets
  mapfile -t targets < <(fuzz_targets)
  TEST_RESULTS+=("fuzzing=$results")
  rm -f "$results"
  step "build the fuzzers" fuzz_make "$1" "${targets[@]}" || { step_tail 40; return 1; }
  step "fuzz each for $FUZZ_SECONDS s" fuzz_all "$1" "$FUZZ_SECONDS" "$results" "${targets[@]}"
}

# soak_run FOLDER MINUTES RESULTS: with a seed of its own, which it tells
soak_run ()
{
  (
    build_environment
    export DIF_FIXTURES="$DEV_REPO/tests/fixtures" LC_ALL=C.UTF-8
    python3 "$DEV_REPO/tests/soak/soak.py" "$(built "$1" gimp-diffusion)" \
      "$(built "$1" dif-engine)" "$DEV_REPO" "$1" \
      "$(pkg-config --variable=gimplibdir gimp-3.0)/plug-ins" --minutes "$2" \
      --seed "${DIF_SOAK_SEED:-$RANDOM}" --results "$3"
  )
}

# queue_run FOLDER: eight clients of one engine, with previews and cancels at random
queue_run ()
{
  (
    build_environment
    DIF_ENGINE=$(built "$1" dif-engine) OMP_NUM_THREADS=1 \
      "$1/tests/soak/soak-queue" "$DEV_REPO/tests/fixtures/models/sd15" 8 500 \
      "${DIF_SOAK_SEED:-$RANDOM}"
  )
}

test_soak ()
{
  TEST_RESULTS+=("soak=$1/meson-logs/dev-soak.json")
  step "soak the engine's queue" queue_run "$1" || return 1
  step "soak for $2 minutes" soak_run "$1" "$2" "$1/meson-logs/dev-soak.json"
}

# test_levels LIST: the levels it names, one a line
test_levels ()
{
  local level
  for level in ${1//,/ }; do
    case $level in
      all) isa_names ;;
      below) isa_below ;;
      *)
        isa_missing "$level" > /dev/null ||
          die "test: --isa: expected a list of $(isa_names | tr '\n' ' ')or all, found \"$level\""
        echo "$level" ;;
    esac
  done
}

# test_everything FOLDER: what --all adds
test_everything ()
{
  local failed=0
  test_sanitized "$1-asan" || failed=1
  test_isa "$1" "$(isa_below)" || failed=1
  test_fuzz "$1-fuzz" || failed=1
  return "$failed"
}

# The last line of all is the sum, and stands alone: "N passed, N failed, N skipped".
cmd_test ()
{
  local folder started=$SECONDS failed=0 all='' levels='' soak='' steps=2 only=()
  folder=$(build_folder)
  while [ $# -gt 0 ]; do
    case $1 in
      --all) all=yes steps=7 ;;
      --isa) [ $# -gt 1 ] || die "test: --isa: expected a list, found nothing"
             levels=$(test_levels "$2") || exit 1
             steps=$((1 + $(wc -w <<< "$levels")))
             shift ;;
      --soak) [[ ${2-} =~ ^[1-9][0-9]{0,4}$ ]] ||
                die "test: --soak: expected a number of minutes, found \"${2-}\""
              soak=$2 steps=3
              shift ;;
      -*) die "test: unknown option $1; see ./dev help" ;;
      *) only+=("$1") ;;
    esac
    shift
  done
  need_space "$DEV_REPO" 1500 "the builds"
  lock 8 "$folder.lock" "$(basename "$folder")"
  steps_begin "$steps" "$DEV_REPO/build/test.log"
  test_build "$folder" "build" || die "the build failed [log: $STEP_LOG]"
  if [ -n "$soak" ]; then
    test_soak "$folder" "$soak" || failed=1
  elif [ -n "$levels" ]; then
    test_isa "$folder" "$levels" "${only[@]}" || failed=1
  else
    test_step "run the tests" "$folder" ordinary test_run "${only[@]}" || failed=1
    [ -z "$all" ] || test_everything "$folder" || failed=1
  fi
  unlock 8
  say "$((SECONDS - started)) s in all; full logs: $STEP_LOG, $folder*/meson-logs"
  python3 "$DEV_REPO/tools/dev/summary.py" "${TEST_RESULTS[@]}" || failed=1
  return "$failed"
}
