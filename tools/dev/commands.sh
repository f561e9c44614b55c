# SPDX-License-Identifier: LGPL-3.0-or-later
# shellcheck shell=bash
#
# commands.sh - the short subcommands of ./dev; each runs where the tools are.

cmd_build ()
{
  local folder
  folder=$(build_folder)
  with_build_lock "$folder" build_make "$folder" >&2 || die "the build failed"
}

cmd_run ()
{
  local program=${1-}
  case $program in
    '') die "run: which program?  see ./dev help" ;;
    dif | dif-engine)
      build_for "$program"
      program=$(built "$(build_folder)" "$program") || die "run: the build made no $program" ;;
    gimp | gimp-[23]* | gimp-console*)
      build_for gimp-diffusion
      profile_enter ;;
    *) profile_directory ;;
  esac
  build_environment
  exec "$program" "${@:2}"
}

cmd_shell ()
{
  build_environment
  profile_directory
  exec bash -i
}

# c_sources: every C, header and CUDA file of ours
c_sources ()
{
  local folders=() folder
  for folder in core cli engine fetch ui plugin tests bench examples tools; do
    [ ! -d "$DEV_REPO/$folder" ] || folders+=("$DEV_REPO/$folder")
  done
  find "${folders[@]}" -name '*.[ch]' -o -name '*.cu' -o -name '*.cuh'
}

cmd_format ()
{
  local files=("$@")
  [ $# -gt 0 ] || mapfile -t files < <(c_sources)
  clang-format-19 -i --style="file:$DEV_REPO/.clang-format" "${files[@]}"
}

# A measurement of stale code misleads: build first.
cmd_bench ()
{
  local folder
  folder=$(build_folder)
  with_build_lock "$folder" build_make "$folder" > /dev/null || die "the build failed"
  cmd_run dif bench "$@"
}
