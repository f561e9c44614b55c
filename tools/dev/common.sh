# SPDX-License-Identifier: LGPL-3.0-or-later
# shellcheck shell=bash
#
# common.sh - messages, numbered steps, paths; sourced by ./dev.
#
# A step prints one line: its number, what it does, the seconds it took.  What its
# command has to say goes into a log, whose path is printed when the step fails.

export HOME="${HOME:-/root}"
# shellcheck disable=SC2034 # the other parts use it
DEV_CACHE="${XDG_CACHE_HOME:-$HOME/.cache}/gimp-diffusion"
STEP=0
STEPS=0
STEP_LOG=/dev/null

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

# step TITLE COMMAND ARGS...: false, with the line closed, when the command fails.
# Locks (descriptors 8 and 9) stay with ./dev: a command may leave a daemon behind.
step ()
{
  local title=$1 started=$SECONDS rc=0
  shift
  STEP=$((STEP + 1))
  printf 'dev: [%d/%d] %s ... ' "$STEP" "$STEPS" "$title" >&2
  printf '\n== %s\n' "$title" >> "$STEP_LOG"
  ("$@") >> "$STEP_LOG" 2>&1 < /dev/null 8>&- 9>&- || rc=$?
  if [ "$rc" -eq 0 ]; then
    printf '%d s\n' $((SECONDS - started)) >&2
  else
    printf 'failed after %d s\n' $((SECONDS - started)) >&2
  fi
  return "$rc"
}

# step_tail LINES: the end of what the failed step said
step_tail ()
{
  sed -n '/^== /h;//!H;$!d;x;p' "$STEP_LOG" | tail -n "$1" >&2
}

# lock FD FILE WHAT: waits for another ./dev, and says so
lock ()
{
  mkdir -p "$(dirname "$2")" || die "cannot make the folder of $2"
  eval "exec $1> \"\$2\"" || die "cannot write $2"
  flock -n "$1" && return 0
  say "another ./dev is at work on $3: waiting for it"
  flock "$1"
}

unlock ()
{
  eval "exec $1>&-"
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

# need_space FOLDER MIB WHAT
need_space ()
{
  local found
  found=$(free_mib "$1")
  [ "$found" -ge "$2" ] ||
    die "no room for $3 in $1: needs $2 MiB, found $found MiB;" \
        "free some, or set XDG_CACHE_HOME to a folder on a larger disk, and run this again"
}

# explain_failure WHAT: ends with one line that says what failed, why, and what to do
explain_failure ()
{
  local why network='could not resolve|temporary failure|failed to fetch|unable to connect'
  network+='|couldn.t download|connection (refused|timed out|failed)|failed getting release'
  network+='|could not connect|unable to locate package|error retrieving'
  if grep -qiE 'no space left on device|enough free space' "$STEP_LOG"; then
    why="the disk is full: free some space and run this again, it goes on from here"
  elif grep -qiE "$network" "$STEP_LOG"; then
    why="the package mirror did not answer as expected: check the network and the apt"
    why+=" sources and run this again, it goes on from here"
  else
    why=$(grep -E '^(E:|dpkg: error|.*[Ee]rror)' "$STEP_LOG" | tail -n 1)
    why=${why:-see the log}
  fi
  die "$1 failed: $why [log: $STEP_LOG]"
}
