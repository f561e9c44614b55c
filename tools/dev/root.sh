# SPDX-License-Identifier: LGPL-3.0-or-later
# shellcheck shell=bash
#
# root.sh - the private Debian 13 root for machines whose own GIMP is older than 3.
#
# Invariant: $ROOT exists only whole (debootstrap works beside it and the result is
# renamed), and $ROOT_STAMPS holds a file named by the hash of each package list that
# was installed; nothing is ever removed, so an older list stays satisfied.

ROOT="$DEV_CACHE/debian13"
ROOT_STAMPS="$ROOT/var/lib/gimp-diffusion"
ROOT_MARK=/etc/gimp-diffusion-root
ROOT_SUITE=trixie
ROOT_NEEDS_MIB=5000

root_is_ready ()
{
  [ -e "$ROOT_STAMPS/$(package_hash)" ]
}

# Containers may forbid what entering the root takes: find out before downloading.
root_check_rights ()
{
  [ "$(id -u)" -eq 0 ] ||
    die "needs root for a private Debian 13 (this release has no GIMP 3): run it as root"
  ! command -v unshare > /dev/null || unshare -m --propagation private true 2> /dev/null ||
    die "may not make a mount namespace, which a private Debian 13 takes (GIMP 3 is not in" \
        "this release): in a container, run it with the right to mount (privileged)"
}

# What unpacking and entering take, from the machine's own packages.
root_install_tools ()
{
  if command -v debootstrap && command -v unshare && command -v flock; then
    return 0
  fi
  command -v apt-get || { echo "E: no apt-get here"; return 1; }
  apt_quiet update && apt_quiet install debootstrap util-linux
}

root_bootstrap ()
{
  local partial="$ROOT.partial" mirror proxy
  [ ! -d "$ROOT" ] || return 0
  mirror=$(debian_mirror) || { echo "E: no Debian mirror found in /etc/apt"; return 1; }
  for proxy in http https; do
    [ -z "$(apt_proxy $proxy)" ] || export "${proxy}_proxy=$(apt_proxy $proxy)"
  done
  rm -rf --one-file-system "$partial"
  LC_ALL=C debootstrap --variant=minbase "$ROOT_SUITE" "$partial" "$mirror" ||
    { tail -n 20 "$partial/debootstrap/debootstrap.log"; return 1; }
  mv "$partial" "$ROOT"
}

copy_certificates ()
{
  local folder
  for folder in /etc/ssl/certs /usr/local/share/ca-certificates; do
    [ -d "$folder" ] || continue
    mkdir -p "$ROOT$folder"
    cp -rL "$folder/." "$ROOT$folder/" || true # a dangling link is no reason to stop
  done
}

root_configure ()
{
  local mirror
  mirror=$(debian_mirror) || { echo "E: no Debian mirror found in /etc/apt"; return 1; }
  echo "deb $mirror $ROOT_SUITE main" > "$ROOT/etc/apt/sources.list"
  { apt_transport_settings; echo 'Acquire::Languages "none";'; } \
    > "$ROOT/etc/apt/apt.conf.d/50machine"
  [ ! -f /etc/apt/auth.conf ] || cp -p /etc/apt/auth.conf "$ROOT/etc/apt/"
  [ ! -d /etc/apt/auth.conf.d ] || cp -pr /etc/apt/auth.conf.d "$ROOT/etc/apt/"
  copy_certificates
  # No services in here, and no manuals that nobody reads.
  printf '#!/bin/sh\nexit 101\n' > "$ROOT/usr/sbin/policy-rc.d"
  chmod +x "$ROOT/usr/sbin/policy-rc.d"
  printf 'path-exclude=/usr/share/%s/*\n' doc man info > "$ROOT/etc/dpkg/dpkg.cfg.d/lean"
  echo "a private root of Diffusion for GIMP: made and kept by ./dev" > "$ROOT$ROOT_MARK"
}

# root_apt ARGS...: apt-get inside the root
root_apt ()
{
  # shellcheck disable=SC2016 # expanded inside
  root_exec / bash -c '. "$1"; shift; apt_quiet "$@"' bash \
    "$DEV_REPO/tools/dev/packages.sh" "$@"
}

# A run that was cut off may have left dpkg half way.
root_apt_update ()
{
  root_exec / dpkg --configure -a --force-confdef && root_apt update
}

root_packages ()
{
  local names
  mapfile -t names < <(package_list)
  root_apt "$@" install "${names[@]}"
}

root_finish ()
{
  rm -f "$ROOT"/var/cache/apt/archives/*.deb
  mkdir -p "$ROOT_STAMPS" && : > "$ROOT_STAMPS/$(package_hash)"
}

root_setup_locked ()
{
  root_is_ready && return 0
  if [ -d "$ROOT" ]; then
    say "the package list has changed, or was not finished: going on in $ROOT"
  else
    need_space "$DEV_CACHE" "$ROOT_NEEDS_MIB" "a private Debian 13"
    say "this machine has no GIMP 3: making a private Debian 13 in $ROOT"
  fi
  steps_begin 6 "$DEV_CACHE/log/root.log"
  step "look for debootstrap" root_install_tools || explain_failure "installing debootstrap"
  step "unpack a minimal Debian 13" root_bootstrap || explain_failure "debootstrap"
  step "take over this machine's apt settings" root_configure ||
    explain_failure "configuring apt"
  step "update the package index" root_apt_update || explain_failure "apt-get update"
  step "download GIMP 3 and the compilers" root_packages --download-only ||
    explain_failure "downloading packages"
  step "install them" root_packages || explain_failure "installing packages"
  root_finish || die "cannot write $ROOT_STAMPS"
}

# root_setup: returns at once when there is nothing to do
root_setup ()
{
  root_is_ready && [ "$(id -u)" -eq 0 ] && return 0
  root_check_rights
  lock 9 "$DEV_CACHE/lock" "the private Debian 13"
  root_setup_locked
  unlock 9
}

# root_exec FOLDER COMMAND ARGS...: runs inside the root, in that folder
root_exec ()
{
  unshare -m --propagation private \
    bash "$DEV_REPO/tools/dev/enter.sh" "$ROOT" "$DEV_REPO" "$@"
}

# root_become FOLDER COMMAND ARGS...: the same in place of this process
root_become ()
{
  exec unshare -m --propagation private \
    bash "$DEV_REPO/tools/dev/enter.sh" "$ROOT" "$DEV_REPO" "$@"
}
