# SPDX-License-Identifier: LGPL-3.0-or-later
# shellcheck shell=bash
#
# common.sh - messages, numbered steps, paths; sourced by ./dev.
#
# A step prints one line: its number, what it does, the seconds it took.  What its
# command has to say goes into a log, whose path is printed when the step fails.

DEV_CACHE="${XDG_CACHE_HOME:-${HOME:=/root}/.cache}/gimp-diffusion"
DEV_LOG_DIR="$DEV_CACHE/log"
STEP=0
STEPS=0

say ()
{
  printf 'dev: %s\n' "$*" >&2
}

die ()
{
  say "$*"
  exit 1
}

# steps_begin TOTAL LOGFILE: the next TOTAL steps are numbered and logged together
steps_begin ()
{
  STEP=0
  STEPS=$1
  STEP_LOG=$2
  mkdir -p "$(dirname "$STEP_LOG")" || die "cannot make the folder of $STEP_LOG"
  : > "$STEP_LOG" || die "cannot write $STEP_LOG"
}

# step TITLE COMMAND ARGS...: false, with the line closed, when the command fails
step ()
{
  local title=$1 started=$SECONDS rc=0
  shift
  STEP=$((STEP + 1))
  printf 'dev: [%d/%d] %s ... ' "$STEP" "$STEPS" "$title" >&2
  printf '\n== %s\n' "$title" >> "$STEP_LOG"
  ("$@") >> "$STEP_LOG" 2>&1 < /dev/null || rc=$?
  if [ "$rc" -eq 0 ]; then
    printf '%d s\n' $((SECONDS - started)) >&2
  else
    printf 'failed after %d s\n' $((SECONDS - started)) >&2
  fi
  return "$rc"
}

# free_mib FOLDER: MiB free for the folder, or for its nearest parent that exists
free_mib ()
{
  local folder=$1
  while [ ! -d "$folder" ]; do
    folder=$(dirname "$folder")
  done
  df --output=avail -B1M "$folder" | tail -n 1 | tr -d ' '
}

need_space ()
{
  local folder=$1 needed=$2 what=$3 found
  found=$(free_mib "$folder")
  [ "$found" -ge "$needed" ] ||
    die "no room for $what in $folder: needs $needed MiB, found $found MiB;" \
        "free some, or set XDG_CACHE_HOME to a folder on a larger disk, and run this again"
}

# explain_failure WHAT: ends with one line that says what failed, why, and what to do
explain_failure ()
{
  local what=$1 why="see the log" last
  if grep -qi 'no space left on device\|not have enough free space' "$STEP_LOG"; then
    why="the disk is full: free some space and run this again"
  elif grep -qiE 'could not resolve|temporary failure|failed to fetch|unable to (connect|locate)|couldn.t download|connection (refused|timed out|failed)|invalid release|failed getting release|could not connect' "$STEP_LOG"; then
    why="the package mirror did not answer as expected: check the network and the apt sources, and run this again (it goes on from here)"
  else
    last=$(grep -E '^(E:|W:|dpkg: error|.*[Ee]rror)' "$STEP_LOG" | tail -n 1)
    [ -z "$last" ] || why="$last"
  fi
  die "$what failed: $why [log: $STEP_LOG]"
}
