#!/bin/bash
# SPDX-License-Identifier: LGPL-3.0-or-later
#
# enter.sh ROOT REPO FOLDER COMMAND ARGS... - run a command inside the private root.
#
# Called in a mount namespace of its own (unshare -m): every mount made here is gone
# when the command ends.  The caller's folders appear at their usual paths, so that a
# file name means the same on both sides.

set -eu

root=$1
repo=$2
folder=$3
shift 3

# bind PATH: show a folder or file of the machine at the same path inside
bind ()
{
  local path=$1
  if [ -d "$path" ]; then
    mkdir -p "$root$path"
  elif [ ! -e "$root$path" ]; then
    mkdir -p "$(dirname "$root$path")"
    : > "$root$path"
  fi
  mount --rbind "$path" "$root$path"
}

# Top-level folders that belong to a system, not to a person.
is_system ()
{
  case $1 in
    /bin | /boot | /dev | /etc | /lib* | /lost+found | /proc | /run | /sbin | /sys | /usr | /var)
      return 0 ;;
  esac
  return 1
}

# The one that holds the root goes first: a recursive bind after others would
# carry them along.
bind_own_folders ()
{
  local top first
  first=/$(echo "$root" | cut -d/ -f2)
  is_system "$first" || bind "$first"
  for top in /*; do
    if [ -d "$top" ] && [ ! -L "$top" ] && [ "$top" != "$first" ] && ! is_system "$top"; then
      bind "$top"
    fi
  done
}

# bind_inner PATH: a folder of the caller's below a system one, such as /var/tmp/x;
# never over something the root has itself
bind_inner ()
{
  if is_system "/$(echo "$1" | cut -d/ -f2)" && [ -d "$1" ] && [ ! -e "$root$1" ]; then
    bind "$1"
  fi
}

bind_cuda ()
{
  local cuda
  [ -e /usr/local/cuda ] || return 0
  cuda=$(readlink -f /usr/local/cuda)
  bind "$cuda"
  [ "$cuda" = /usr/local/cuda ] || ln -sfn "$cuda" "$root/usr/local/cuda"
}

# The driver's libraries belong to the kernel of this machine, so to no package inside.
bind_nvidia_driver ()
{
  local from to="$root/usr/lib/nvidia-of-machine"
  [ -e /dev/nvidiactl ] || return 0
  mkdir -p "$to"
  { ldconfig -p | sed -nE 's/.* => (.*\/lib(cuda|nvidia-[a-z-]+)\.so\.[0-9]+)$/\1/p'; } |
    grep -v '/i386-linux-gnu/' |
    while read -r from; do
      : >> "$to/${from##*/}"
      mount --bind "$(readlink -f "$from")" "$to/${from##*/}" || true
    done
  export LD_LIBRARY_PATH="${LD_LIBRARY_PATH:+$LD_LIBRARY_PATH:}/usr/lib/nvidia-of-machine"
}

bind_own_folders
for path in /dev /proc /sys /run/user; do
  [ ! -e "$path" ] || bind "$path"
done
for path in /etc/resolv.conf /etc/hosts; do
  [ ! -e "$path" ] || bind "$path"
done
[ "$(readlink -f /var/tmp)" != /var/tmp ] || bind /var/tmp
bind_inner "$repo"
bind_inner "${HOME:-/root}"
bind_inner "$folder"
bind_cuda
bind_nvidia_driver

export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
[ ! -d /usr/local/cuda/bin ] || PATH=$PATH:/usr/local/cuda/bin
export LANG=C.UTF-8
unset LC_ALL LC_MESSAGES LC_CTYPE LC_NUMERIC PYTHONHOME PYTHONPATH

# shellcheck disable=SC2016 # expanded inside
exec chroot "$root" /bin/bash -c 'cd "$1" || exit 1; shift; exec "$@"' bash "$folder" "$@"
