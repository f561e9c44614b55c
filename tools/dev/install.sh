# SPDX-License-Identifier: LGPL-3.0-or-later
# shellcheck shell=bash
#
# install.sh - puts the plug-in, the library and the model where this machine's GIMP 3
# finds them.

# user_plug_ins: the folder GIMP searches for the plug-ins of one user
user_plug_ins ()
{
  local version
  version=$(pkg-config --modversion gimp-3.0 | cut -d. -f1,2)
  echo "${GIMP3_DIRECTORY:-${XDG_CONFIG_HOME:-$HOME/.config}/GIMP/$version}/plug-ins"
}

# install_build FOLDER PREFIX: an optimized build for that prefix.  The linker's own
# search path knows no prefix below a home, so the programs carry it.
install_build ()
{
  local libdir
  if [ ! -f "$1/build.ninja" ]; then
    libdir="$2/lib/$(gcc -print-multiarch)"
    rm -rf "$1"
    meson setup --buildtype=release -Dtests=false "--prefix=$2" "--libdir=$libdir" \
      "-Dc_link_args=-Wl,-rpath,$libdir" "$1" "$DEV_REPO" || return 1
  fi
  meson compile -C "$1"
}

# install_for_user: by way of a stage, since meson would put the plug-in beside GIMP's own
install_for_user ()
{
  local folder="$DEV_REPO/build/install-user" prefix="$HOME/.local" stage to system
  stage="$folder/stage"
  system=$(pkg-config --variable=gimplibdir gimp-3.0)/plug-ins/gimp-diffusion
  to=$(user_plug_ins)
  install_build "$folder" "$prefix" && rm -rf "$stage" &&
    DESTDIR="$stage" meson install -C "$folder" --no-rebuild --quiet || return 1
  mkdir -p "$prefix" "$to" && rm -rf "$to/gimp-diffusion" &&
    cp -a "$stage$prefix/." "$prefix/" && cp -a "$stage$system" "$to/" || return 1
  say "installed in $prefix and $to/gimp-diffusion"
}

install_for_all ()
{
  local folder="$DEV_REPO/build/install-system" prefix=/usr/local
  [ "$(id -u)" -eq 0 ] || die "install: needs root, or --user"
  install_build "$folder" "$prefix" && meson install -C "$folder" --no-rebuild --quiet &&
    ldconfig || return 1
  say "installed in $prefix and $(pkg-config --variable=gimplibdir gimp-3.0)/plug-ins"
}

# install_refuse: before a private root is made in vain
install_refuse ()
{
  case $(machine_kind) in
    root | inside)
      die "install: this machine has no GIMP 3; ./dev run gimp-3.0 runs one with the plug-in" ;;
  esac
}

cmd_install ()
{
  case ${1-} in
    --user) install_for_user >&2 || die "install: failed, see above" ;;
    '') install_for_all >&2 || die "install: failed, see above" ;;
    *) die "install: unknown option $1" ;;
  esac
  say "start GIMP and look for Filters > Diffusion"
}
