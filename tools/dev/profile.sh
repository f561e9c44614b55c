# SPDX-License-Identifier: LGPL-3.0-or-later
# shellcheck shell=bash
#
# profile.sh - a GIMP profile of our own, with the plug-in of the build folder in it.

# profile_plug_in CONFIG FOLDER: links the built plug-in into a profile, so that a
# rebuild is seen at once
profile_plug_in ()
{
  local to="$1/plug-ins/gimp-diffusion" plug_in engine
  plug_in=$(built "$2" gimp-diffusion) || return 0
  mkdir -p "$to"
  ln -sfn "$plug_in" "$to/gimp-diffusion"
  ! engine=$(built "$2" dif-engine) || ln -sfn "$engine" "$to/dif-engine"
  [ ! -d "$2/po" ] || ln -sfn "$2/po" "$to/locale"
}

profile_settings ()
{
  [ ! -e "$1/gimprc" ] || return 0
  mkdir -p "$1"
  cat > "$1/gimprc" <<'RC'
# Written by ./dev: nothing asks, nothing phones home.
(show-welcome-dialog no)
(check-updates no)
(color-profile-policy keep)
RC
}

# profile_directory: where the private profile is, made on first use; a GIMP3_DIRECTORY
# that is set is respected and only gets the plug-in
profile_directory ()
{
  local folder
  folder=$(build_folder)
  if [ -z "${GIMP3_DIRECTORY-}" ]; then
    export GIMP3_DIRECTORY="$folder/gimp-profile/GIMP"
    profile_settings "$GIMP3_DIRECTORY"
  fi
  profile_plug_in "$GIMP3_DIRECTORY" "$folder"
}

# profile_enter: for GIMP itself: a home of its own as well, in which the caller's
# models are still found
profile_enter ()
{
  local home models="${XDG_DATA_HOME:-$HOME/.local/share}/gimp-diffusion"
  profile_directory
  home="$(build_folder)/gimp-profile/home"
  mkdir -p "$home/.cache" "$home/.local/share"
  [ ! -d "$models" ] || ln -sfn "$models" "$home/.local/share/gimp-diffusion"
  export XAUTHORITY="${XAUTHORITY:-$HOME/.Xauthority}"
  export HOME="$home" XDG_CACHE_HOME="$home/.cache" XDG_DATA_HOME="$home/.local/share"
  unset XDG_CONFIG_HOME
}
