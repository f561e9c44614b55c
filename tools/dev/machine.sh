# SPDX-License-Identifier: LGPL-3.0-or-later
# shellcheck shell=bash
#
# machine.sh - what kind of machine this is, and getting it ready.
#
# DEV_KIND is one of
#   inside   ./dev runs in the private Debian 13 root
#   debian   Debian 13 or later: packages come from the machine's own apt
#   gimp     some other system that has GIMP 3's development files: taken as it is
#   root     none of these: work goes on in the private root

# os_has_gimp3: a Debian release that carries GIMP 3
os_has_gimp3 ()
{
  # shellcheck source=/dev/null
  (
    . /etc/os-release
    [ "${ID:-}" = debian ] || exit 1
    case ${VERSION_ID:-unstable} in
      unstable) exit 0 ;;
      *) [ "${VERSION_ID%%.*}" -ge 13 ] ;;
    esac
  ) 2> /dev/null
}

machine_kind ()
{
  if [ -e "$ROOT_MARK" ]; then
    echo inside
  elif os_has_gimp3; then
    echo debian
  elif pkg-config --exists gimp-3.0 2> /dev/null && command -v meson > /dev/null; then
    echo gimp
  else
    echo root
  fi
}

machine_install ()
{
  local names
  mapfile -t names < <(missing_packages)
  apt_quiet install "${names[@]}"
}

# debian_setup: installs what is missing with the machine's own apt-get
debian_setup ()
{
  local missing
  missing=$(missing_packages | tr '\n' ' ')
  [ -n "$missing" ] || return 0
  [ "$(id -u)" -eq 0 ] ||
    die "packages are missing; run this as root, or: sudo apt-get install -y ${missing% }"
  lock 9 "$DEV_CACHE/lock" "this machine's packages"
  need_space /usr 2500 "the packages that are missing"
  steps_begin 2 "$DEV_CACHE/log/packages.log"
  say "installing $(echo "$missing" | wc -w) packages that are missing"
  step "update the package index" apt_quiet update || explain_failure "apt-get update"
  step "install ${missing% }" machine_install || explain_failure "installing packages"
  unlock 9
}

# machine_setup: afterwards a program can be built and run, inside the root or here
machine_setup ()
{
  DEV_KIND=$(machine_kind)
  case $DEV_KIND in
    debian) debian_setup ;;
    root) root_setup ;;
  esac
}
