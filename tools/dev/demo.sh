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

DEMO_SCENE="a small blue sphere on a grey floor, under a blue sky"

# demo_task FIELDS...: a row of DEMO_TASKS
demo_task ()
{
  local IFS='|'
  DEMO_TASKS+=("$*")
}

# Name, task, its model, canvas, scene to start from and its seed, prompt, seed, what to select,
# arguments.  A task whose model is not bundled is left out.  Canvases: plain; wide, of 16 bit
# in a wide gamut; margin, with transparent canvas beside the scene.
DEMO_TASKS=()
demo_task img2img img2img tiny-scenes plain "$DEMO_SCENE" 2 \
  "a small red sphere on a green floor, under a pink sky" 1 "" "#:strength 0.7"
demo_task inpaint inpaint tiny-scenes-inpaint plain "$DEMO_SCENE" 2 "a small yellow cone" 2 \
  "ellipse 60 44 64 64" '#:feather 5 #:match-colors "seamless"'
demo_task inpaint-wide inpaint tiny-scenes-inpaint wide "$DEMO_SCENE" 2 "a small green cube" 1 \
  "ellipse 4 26 88 88" '#:feather 5 #:match-colors "seamless"'
demo_task outpaint inpaint tiny-scenes-inpaint margin "$DEMO_SCENE" 2 "a red cylinder" 1 \
  "rectangle 120 0 72 128" '#:feather 5 #:match-colors "seamless"'
demo_task depth2img depth2img tiny-scenes-depth plain \
  "a large red cube on a grey floor, under a blue sky" 1 \
  "a large yellow cube on a green floor, at night" 1 "" "#:depth-layer #t"
demo_task repeat repeat tiny-scenes plain "$DEMO_SCENE" 2 \
  "a small blue sphere on a green floor, under a pink sky" 2 "" ""
demo_task unconditional unconditional tiny-scenes-unconditional plain "" 0 "" 1 "" ""

# demo_tasks: those that the bundled models can do
demo_tasks ()
{
  local row model
  for row in "${DEMO_TASKS[@]}"; do
    IFS='|' read -r _ _ model _ <<< "$row"
    [ ! -d "$DEV_REPO/data/models/$model" ] || printf '%s\n' "$row"
  done
}

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
  local i name task canvas scene scene_seed prompt seed area arguments
  printf '(define demo-folder %s)\n' "$(demo_scheme_string "$1")"
  printf '(define demo-wide-profile %s)\n' "$(demo_scheme_string "$DEV_REPO/build/wide.icc")"
  printf '(load %s)\n' "$(demo_scheme_string "$DEV_REPO/tools/dev/demo.scm")"
  for i in "${!DEMO_PROMPTS[@]}"; do
    printf '(demo-picture "picture-%d" "%s" %d %d)\n' $((i + 1)) "${DEMO_PROMPTS[$i]}" \
      $((i + 1)) "$DEMO_SIZE"
  done
  printf '(demo-canvas %s 21 %d)\n' "$(demo_scheme_list "${DEMO_FRAMES[@]}")" "$DEMO_SIZE"
  while IFS='|' read -r name task _ canvas scene scene_seed prompt seed area arguments; do
    printf '(demo-task "%s" plug-in-diffusion-%s "%s" %s %s %s %s (list %s) %d (list %s))\n' \
      "$name" "$task" "$canvas" "$(demo_scheme_string "$scene")" "$scene_seed" \
      "$(demo_scheme_string "$prompt")" "$seed" "${area:+gimp-image-select-$area}" "$DEMO_SIZE" \
      "$arguments"
  done < <(demo_tasks)
}

# demo_paint FOLDER LOG: one GIMP process for everything; its own chatter goes to the log
demo_paint ()
{
  python3 "$DEV_REPO/tools/dev/wide_gamut.py" "$DEV_REPO/build/wide.icc" || return
  # One -b: each is an interpreter of its own, and forgets what the others defined.
  (
    profile_enter
    build_environment
    exec gimp-console-3.0 --no-interface --console-messages \
      --batch-interpreter=plug-in-script-fu-eval -b "(begin $(demo_commands "$1"))" --quit
  ) < /dev/null 2>> "$2" | sed -n -u 's/^demo: /dev:     /p' >&2
}

# demo_label TEXT: in lines as wide as a tile
demo_label ()
{
  fold -s -w 29 <<< "$1"
}

# demo_sheet FOLDER: every picture with its prompt below, then every task before and after
demo_sheet ()
{
  local i name scene prompt tiles=()
  for i in "${!DEMO_PROMPTS[@]}"; do
    tiles+=(-label "$(demo_label "${DEMO_PROMPTS[$i]}")" "$1/picture-$((i + 1)).png")
  done
  while IFS='|' read -r name _ _ _ scene _ prompt _; do
    tiles+=(-label "$(demo_label "$name, before: ${scene:-an empty canvas}")" "$1/$name-before.png")
    tiles+=(-label "$(demo_label "$name, after: ${prompt:-whatever the model knows}")"
      "$1/$name-after.png")
  done < <(demo_tasks)
  montage "${tiles[@]}" -font DejaVu-Sans -pointsize 13 -filter Lanczos \
    -geometry '216x216+8+8' -tile 6x -background white "$1/contact-sheet.png"
}

demo_check ()
{
  local name changed=(canvas) missing=0
  while IFS='|' read -r name _; do
    changed+=("$name")
  done < <(demo_tasks)
  for name in picture-{1..6} contact-sheet; do
    [ -s "$1/$name.png" ] || missing=1
  done
  for name in "${changed[@]}"; do
    [ -s "$1/$name-before.png" ] && [ -s "$1/$name-after.png" ] || missing=1
    ! cmp -s "$1/$name-before.png" "$1/$name-after.png" || missing=1
  done
  [ "$missing" -eq 0 ]
}

cmd_demo ()
{
  local folder=${1-$PWD/demo-output} build started=$SECONDS painting log
  build=$(build_folder)
  log="$DEV_REPO/build/demo.log"
  mkdir -p "$folder" || die "cannot make the folder $folder"
  folder=$(cd "$folder" && pwd)
  rm -f "$folder"/{picture-*,*-before,*-after,contact-sheet}.png \
    "$folder"/{canvas,img2img,inpaint,inpaint-wide,outpaint,depth2img,repeat}.xcf \
    "$folder"/unconditional.xcf
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
  (cd "$folder" && ls -- contact-sheet.png ./*-before.png ./*-after.png ./*.xcf picture-*.png)
}
