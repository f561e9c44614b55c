# SPDX-License-Identifier: LGPL-3.0-or-later
# shellcheck shell=bash
#
# build.sh - build folders, and the built programs in them.
#
# One folder per kind of machine, because compilers and libraries differ:
# build/debian13 in the private root, build/native elsewhere, each with a sibling
# NAME-asan for the sanitizers.  NAME/.dev-head remembers the commit built last.

build_folder ()
{
  local name=native
  [ "$DEV_KIND" != inside ] || name=debian13
  echo "$DEV_REPO/build/$name"
}

# build_options FOLDER: what `meson setup` is told
build_options ()
{
  # Relocatable .pc files let the tests use a library staged with DESTDIR.  Other
  # compilers than Debian 13's may know warnings that nobody here has seen.
  # Sanitizers make up warnings of their own.
  printf '%s\n' -Dpkgconfig.relocatable=true
  case $1 in
    *-asan) ;;
    *) ! grep -qs '^VERSION_ID="13"' /etc/os-release || printf '%s\n' -Dwerror=true ;;
  esac
  case $1 in
    *-asan)
      printf '%s\n' --buildtype=debugoptimized -Dplugin=disabled -Dcuda=disabled \
        -Db_sanitize=address,undefined -Db_lundef=false ;;
    *) printf '%s\n' --buildtype=release -Ddebug=true ;;
  esac
}

# build_configure FOLDER: once; a setup that was cut off is thrown away
build_configure ()
{
  local options
  [ ! -f "$1/build.ninja" ] || return 0
  mapfile -t options < <(build_options "$1")
  rm -rf "$1"
  meson setup "${options[@]}" "$1" "$DEV_REPO"
}

git_head ()
{
  git -c safe.directory='*' -C "$DEV_REPO" rev-parse HEAD 2> /dev/null || echo none
}

# build_make FOLDER: configures, compiles and stages
build_make ()
{
  build_configure "$1" && meson compile -C "$1" && build_stage "$1" &&
    git_head > "$1/.dev-head"
}

# build_stage FOLDER: an installed copy below FOLDER/stage, for tests of what users get
build_stage ()
{
  DESTDIR="$1/stage" meson install -C "$1" --no-rebuild --quiet
}

# with_build_lock FOLDER COMMAND ARGS...: one ./dev at a time in a build folder
with_build_lock ()
{
  local folder=$1 rc=0
  shift
  lock 8 "$folder.lock" "$(basename "$folder")"
  "$@" 8>&- || rc=$?
  unlock 8
  return "$rc"
}

# built FOLDER NAME: the path of a built program
built ()
{
  local path
  for path in "$1/cli/$2" "$1/engine/$2" "$1/plugin/$2"; do
    [ -x "$path" ] && [ -f "$path" ] && { echo "$path"; return 0; }
  done
  path=$(find "$1" -maxdepth 4 -type f -perm -u+x -name "$2" -not -path '*/stage/*' \
              2> /dev/null | head -n 1)
  [ -n "$path" ] && echo "$path"
}

# build_fresh FOLDER NAME: whether NAME is there and of the commit that is checked out
build_fresh ()
{
  built "$1" "$2" > /dev/null && [ "$(cat "$1/.dev-head" 2> /dev/null)" = "$(git_head)" ]
}

# build_for NAME: makes sure that program NAME is built; talks only on stderr
build_for ()
{
  local folder log
  folder=$(build_folder)
  build_fresh "$folder" "$1" && return 0
  [ -z "${DEV_NO_BUILD-}" ] || return 0
  log="$folder.log"
  steps_begin 1 "$log"
  with_build_lock "$folder" step "build (build/${folder##*/})" build_make "$folder" || {
    step_tail 30
    die "the build failed [log: $log]"
  }
}

# environment of programs that run from the build folder
build_environment ()
{
  local folder engine
  folder=$(build_folder)
  export DIF_DATA_DIR="${DIF_DATA_DIR:-$DEV_REPO/data}"
  export DIF_MODULE_DIR="${DIF_MODULE_DIR:-$folder/core/backends/cuda}"
  engine=$(built "$folder" dif-engine) && export DIF_ENGINE="${DIF_ENGINE:-$engine}"
  return 0
}
