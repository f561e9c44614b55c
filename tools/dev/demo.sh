# SPDX-License-Identifier: LGPL-3.0-or-later
# shellcheck shell=bash
#
# demo.sh - pictures by the bundled model, made by the real GIMP without a window.

DEMO_MODEL=tiny-scenes
DEMO_SIZE=128
DEMO_PROMPTS=(
  "a large red cube on a grey floor, under a blue sky"
  "a small blue sphere on a pink floor, under a grey sky"
  "a large yellow cone on a green floor, at night"
  "a purple cylinder on a brown floor, under a pink sky"
  "a green cube left of a white sphere on a grey floor, under a blue sky"
  "an orange sphere right of a blue cone on a blue floor, at night"
)
DEMO_FRAMES=(
  "a white sphere on a brown floor, under a blue sky"
  "a red cone left of a green cylinder on a grey floor, under a pink sky"
  "a large orange cube on a blue floor, at night"
)

# demo_scheme_string TEXT: as a Scheme literal
demo_scheme_string ()
{
  local text=${1//\\/\\\\}
  printf '"%s"' "${text//\"/\\\"}"
}

# demo_scheme_list STRINGS...: a Scheme expression that makes a list of them
demo_scheme_list ()
{
  local text
  printf '(list'
  for text in "$@"; do
    printf ' %s' "$(demo_scheme_string "$text")"
  done
  printf ')'
}

# demo_commands FOLDER: the Script-Fu commands, one a line
demo_commands ()
{
  local i
  printf '(define demo-folder %s)\n' "$(demo_scheme_string "$1")"
  printf '(load %s)\n' "$(demo_scheme_string "$DEV_REPO/tools/dev/demo.scm")"
  for i in "${!DEMO_PROMPTS[@]}"; do
    printf '(demo-picture "picture-%d" "%s" %d %d)\n' $((i + 1)) "${DEMO_PROMPTS[$i]}" \
      $((i + 1)) "$DEMO_SIZE"
  done
  printf '(demo-canvas %s 21 %d)\n' "$(demo_scheme_list "${DEMO_FRAMES[@]}")" "$DEMO_SIZE"
}

# demo_paint FOLDER LOG: one GIMP process for everything; its own chatter goes to the log
demo_paint ()
{
  # One -b: each is an interpreter of its own, and forgets what the others defined.
  (
    profile_enter
    build_environment
    exec gimp-console-3.0 --no-interface --console-messages \
      --batch-interpreter=plug-in-script-fu-eval -b "(begin $(demo_commands "$1"))" --quit
  ) < /dev/null 2>> "$2" | sed -n -u 's/^demo: /dev:     /p' >&2
}

# demo_sheet FOLDER: every picture with its prompt below, and the canvas
demo_sheet ()
{
  local i tiles=()
  for i in "${!DEMO_PROMPTS[@]}"; do
    tiles+=(-label "$(fold -s -w 34 <<< "${DEMO_PROMPTS[$i]}")" "$1/picture-$((i + 1)).png")
  done
  montage "${tiles[@]}" -font DejaVu-Sans -pointsize 13 -filter Lanczos \
    -geometry '256x256+10+8' -tile 3x -background white "$1/contact-sheet.png"
}

demo_check ()
{
  local name missing=0
  for name in picture-{1..6} canvas-before canvas-after contact-sheet; do
    [ -s "$1/$name.png" ] || missing=1
  done
  [ "$missing" -eq 0 ] && ! cmp -s "$1/canvas-before.png" "$1/canvas-after.png"
}

cmd_demo ()
{
  local folder=${1-$PWD/demo-output} build started=$SECONDS painting log
  build=$(build_folder)
  log="$DEV_REPO/build/demo.log"
  mkdir -p "$folder" || die "cannot make the folder $folder"
  folder=$(cd "$folder" && pwd)
  rm -f "$folder"/{picture-*,canvas-before,canvas-after,contact-sheet}.png "$folder/canvas.xcf"
  lock 8 "$build.lock" "$(basename "$build")"
  steps_begin 2 "$log"
  step "build" build_make "$build" || { step_tail 30; die "the build failed [log: $log]"; }
  unlock 8
  [ -d "$DEV_REPO/data/models/$DEMO_MODEL" ] || die "no model in data/models/$DEMO_MODEL"
  say "[2/2] paint in GIMP $(gimp-console-3.0 --version | grep -oE '[0-9.]+$'):"
  painting=$SECONDS
  demo_paint "$folder" "$log" || {
    tail -n 20 "$log" >&2
    die "GIMP stopped with an error [log: $log]"
  }
  say "      $((SECONDS - painting)) s, with GIMP's start and saving"
  demo_sheet "$folder" 2>> "$log" || die "no contact sheet could be made [log: $log]"
  demo_check "$folder" || die "some pictures are missing in $folder [log: $log]"
  say "done in $((SECONDS - started)) s; look at $folder:"
  (cd "$folder" && ls -- contact-sheet.png canvas-*.png canvas.xcf picture-*.png)
}
