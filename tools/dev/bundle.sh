# SPDX-License-Identifier: LGPL-3.0-or-later
# shellcheck shell=bash
#
# bundle.sh - a folder with dif, its CUDA module and every library they need but the
# driver's, for any x86-64 Linux.
#
# cuBLASLt weighs 520 MiB and may be taken along or not: without it the module uses the one
# it finds on the machine (the linker's paths, the usual place of the CUDA Toolkit) or else
# kernels of its own, which are slow.

# The programs' own loader runs them: a script cannot be told its interpreter relative to
# itself.
bundle_launcher ()
{
  cat <<'SH'
#!/bin/sh
# Runs dif with the libraries beside it; those of the driver come from the machine.
here=$(dirname "$(readlink -f "$0")")
export DIF_MODULE_DIR="${DIF_MODULE_DIR:-$here/lib}" DIF_DATA_DIR="${DIF_DATA_DIR:-$here/data}"
export GDK_PIXBUF_MODULE_FILE="$here/lib/loaders.cache"
exec "$here/lib/ld-linux-x86-64.so.2" \
  --library-path "$here/lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}" "$here/bin/dif" "$@"
SH
}

# bundle_needs FILE...: paths of the libraries they need, the loader's among them
bundle_needs ()
{
  ldd "$@" | sed -nE 's/.* => (\/[^ ]+) .*/\1/p; s/^\t(\/[^ ]*ld-linux[^ ]*) .*/\1/p' | sort -u
}

# bundle_lt: where cuBLASLt is
bundle_lt ()
{
  local folder
  for folder in "$(dirname "$(dirname "$(readlink -f "$(command -v nvcc)")")")"/lib{64,}; do
    [ -e "$folder/libcublasLt.so.13" ] && { echo "$folder/libcublasLt.so.13"; return 0; }
  done
  return 1
}

# bundle_fill FOLDER TO WITH_LT: from a build folder
bundle_fill ()
{
  local folder=$1 to=$2 lt files
  files=("$folder/cli/dif" "$folder/core/backends/cuda/dif-cuda.so")
  mkdir -p "$to/bin" "$to/lib" "$to/data/models" || return 1
  cp -L "${files[0]}" "$to/bin/dif" && cp -L "${files[1]}" "$to/lib/" || return 1
  if [ "$3" = yes ]; then
    lt=$(bundle_lt) || { echo "no libcublasLt.so.13 beside nvcc"; return 1; }
    cp -L "$lt" "$to/lib/" && files+=("$lt") || return 1
  fi
  bundle_needs "${files[@]}" | while read -r lib; do
    cp -L "$lib" "$to/lib/" || return 1
  done || return 1
  find "$to/bin" "$to/lib" -type f ! -name 'libcublasLt*' -exec strip --strip-unneeded {} +
  : > "$to/lib/loaders.cache" # PNG is part of gdk-pixbuf itself
  cp -r "$DEV_REPO/data/models/." "$to/data/models/" && cp -r "$DEV_REPO/LICENSES" "$to/" &&
    cp "$DEV_REPO/bench/cuda-all.sh" "$DEV_REPO/bench/peers.py" "$to/" &&
    bundle_launcher > "$to/dif" && chmod +x "$to/dif"
}

# bundle_make FOLDER TO WITH_LT: appears whole or not at all
bundle_make ()
{
  local partial="$2.partial"
  rm -rf "$partial" && bundle_fill "$1" "$partial" "$3" && rm -rf "$2" && mv "$partial" "$2"
}

cmd_bundle ()
{
  local folder to='' with_lt=no
  while [ $# -gt 0 ]; do
    case $1 in
      --cublas) with_lt=yes ;;
      -*) die "bundle: unknown option $1" ;;
      *) to=$1 ;;
    esac
    shift
  done
  [ -n "$to" ] || die "bundle: which folder?  see ./dev help"
  [ ! -e "$to" ] || [ -x "$to/dif" ] || [ -z "$(ls -A "$to")" ] ||
    die "bundle: expected a new folder or an earlier bundle, found other files in $to"
  to=$(readlink -f "$to")
  command -v nvcc > /dev/null || die "bundle: expected nvcc of the CUDA Toolkit, found none"
  folder=$(build_folder)
  steps_begin 2 "$DEV_REPO/build/bundle.log"
  with_build_lock "$folder" step "build" build_make "$folder" ||
    { step_tail 30; die "the build failed [log: $STEP_LOG]"; }
  [ -f "$folder/core/backends/cuda/dif-cuda.so" ] ||
    die "bundle: expected a build with -Dcuda=enabled, found no dif-cuda.so in $folder"
  step "gather" bundle_make "$folder" "$to" "$with_lt" || { step_tail 20; die "bundle: failed"; }
  say "$(du -sm "$to" | cut -f1) MiB in $to; try: $to/dif selftest --device cuda"
}
