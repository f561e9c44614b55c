#!/bin/bash
# SPDX-License-Identifier: LGPL-3.0-or-later
#
# cuda-all.sh [BUNDLE] [OUT] - everything that only a machine with an NVIDIA card can tell.
#
# BUNDLE is a folder made by `./dev bundle` (default: the one this script lies in), so that
# nothing is built here.  Every step has a log in OUT (./cuda-results); the summary says what
# passed, what failed and what was skipped and why.  MODEL=FOLDER takes an SD 1.5 checkpoint
# that is there instead of one with random weights; QUICK=1 leaves out what takes minutes.
#
# DIF_CUDA_GRAPH=off has every op launched by itself, DIF_CUDA_MEMORY=MIB makes the card a small
# one whose weights have to wait in host memory: both must draw what is drawn without them.

set -u -o pipefail

here=$(cd "$(dirname "$(readlink -f "$0")")" && pwd)
bundle=$(readlink -f "${1:-$here}")
out=$(readlink -m "${2:-cuda-results}")
dif=$bundle/dif
failed=0

mkdir -p "$out" || exit 1
: > "$out/summary.txt"

note ()
{
  echo "$*" | tee -a "$out/summary.txt"
}

# step NAME COMMAND ARGS...
step ()
{
  local name=$1 started=$SECONDS rc=0
  shift
  "$@" > "$out/$name.log" 2>&1 || rc=$?
  if [ "$rc" -eq 0 ]; then
    note "ok      $name, $((SECONDS - started)) s"
  else
    failed=$((failed + 1))
    note "FAILED  $name, status $rc, $((SECONDS - started)) s: $(tail -n 1 "$out/$name.log")"
  fi
  return "$rc"
}

skip ()
{
  note "skipped $1: $2"
}

# cuBLASLt may be where only Python looks: in PyTorch's wheels.
find_cublas ()
{
  local python=${PYTHON:-python3} found
  ldconfig -p 2> /dev/null | grep -q 'libcublasLt.so.1[23]' && return 0
  [ ! -e /usr/local/cuda/lib64/libcublasLt.so.13 ] && [ ! -e "$bundle/lib/libcublasLt.so.13" ] ||
    return 0
  found=$("$python" -c '
import glob, site
for folder in site.getsitepackages():
    for path in glob.glob(folder + "/nvidia/*/lib/libcublasLt.so.1[23]"):
        print(path)
' 2> /dev/null | head -n 1)
  [ -n "$found" ] || return 1
  export LD_LIBRARY_PATH="${LD_LIBRARY_PATH:+$LD_LIBRARY_PATH:}$(dirname "$found")"
}

# sanitize TOOL: the op table under compute-sanitizer, with the plain kernels and without
sanitize ()
{
  local tool=$1 blas
  for blas in off on; do
    step "sanitizer-$tool-blas-$blas" env DIF_CUDA_BLAS=$blas compute-sanitizer --tool "$tool" \
      --target-processes all --error-exitcode 9 "$dif" selftest --device cuda --ops-only
  done
}

correctness ()
{
  local tool
  step selftest "$dif" selftest --device cuda
  step selftest-plain env DIF_CUDA_BLAS=off "$dif" selftest --device cuda
  step selftest-no-graph env DIF_CUDA_GRAPH=off "$dif" selftest --device cuda --pictures-only
  step selftest-offload env DIF_CUDA_MEMORY=40 "$dif" selftest --device cuda --pictures-only
  if ! command -v compute-sanitizer > /dev/null; then
    skip sanitizers "no compute-sanitizer in PATH"
  elif [ -n "${QUICK-}" ]; then
    skip sanitizers "QUICK is set"
  else
    for tool in memcheck racecheck initcheck synccheck; do
      sanitize "$tool"
    done
  fi
}

# What only a machine with several cards can tell.
several_cards ()
{
  local device
  if [ "$(grep -c '^GPU' < <(nvidia-smi -L 2> /dev/null))" -lt 2 ]; then
    skip several-cards "there are not two"
    return
  fi
  step selftest-all-cards "$dif" selftest --device cuda:all --pictures-only
  for device in cuda cuda:all; do
    step "eight-pictures-${device/:/-}" "$dif" txt2img --model "$1" --prompt 'a red cube' \
      --steps 20 --num-images 8 --device "$device" --safety-checker off --quiet \
      -o "$out/eight-${device/:/-}.png"
  done
}

speed ()
{
  local dtype model=${MODEL:-$out/random-sd15} compile=--compile
  [ -z "${QUICK-}" ] || compile=''
  if [ -z "${MODEL-}" ] && [ ! -e "$model" ]; then
    step make-sd15 "$dif" make-checkpoint --like sd15 --dtype f16 "$model" || return
  fi
  for dtype in f16 bf16 f32; do
    step "bench-sd15-$dtype" "$dif" bench --model "$model" --device cuda --dtype "$dtype" \
      --steps 20
    step "bench-sd15-$dtype-json" "$dif" bench --model "$model" --device cuda --dtype "$dtype" \
      --steps 20 --json --quiet
  done
  step bench-sd15-no-graph env DIF_CUDA_GRAPH=off "$dif" bench --model "$model" --device cuda \
    --dtype f16 --steps 20
  step bench-sd15-offload env DIF_CUDA_MEMORY=2048 "$dif" bench --model "$model" --device cuda \
    --dtype f16 --steps 20
  step bench-sd15-stream env DIF_CUDA_MEMORY=1280 "$dif" bench --model "$model" --device cuda \
    --dtype f16 --steps 5
  step selftest-sd15 "$dif" selftest --device cuda --model "$model" --pictures-only
  several_cards "$model"
  if "${PYTHON:-python3}" -c 'import torch, diffusers' 2> /dev/null; then
    step pytorch "${PYTHON:-python3}" "$here/peers.py" --device cuda --dtype f16 --dif "$dif" \
      --steps 20 ${compile:+"$compile"} "$model"
  else
    skip pytorch "torch or diffusers is not installed for ${PYTHON:-python3}"
  fi
}

main ()
{
  [ -x "$dif" ] || { echo "cuda-all: expected a bundle, found no $dif" >&2; exit 2; }
  nvidia-smi > "$out/card.txt" 2>&1 || note "no nvidia-smi: $(tail -n 1 "$out/card.txt")"
  find_cublas || note "no cuBLASLt found: products are done by the plain kernel"
  correctness
  speed
  note "$failed failed; logs in $out"
  [ "$failed" -eq 0 ]
}

main
