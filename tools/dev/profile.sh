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

# profile_enter: points GIMP at the private profile; a GIMP3_DIRECTORY that is set is
# respected and only gets the plug-in
profile_enter ()
{
  local folder profile
  folder=$(build_folder)
  profile="$folder/gimp-profile"
  if [ -z "${GIMP3_DIRECTORY-}" ]; then
    export GIMP3_DIRECTORY="$profile/GIMP" HOME="$profile/home"
    export XDG_CACHE_HOME="$profile/home/.cache"
    mkdir -p "$HOME" "$XDG_CACHE_HOME"
    profile_settings "$GIMP3_DIRECTORY"
  fi
  profile_plug_in "$GIMP3_DIRECTORY" "$folder"
}
