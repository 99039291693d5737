#!/bin/sh
# run.sh BUILD - proves the simulated device: planted mistakes must be found
# and named with their line, correct programs must stay silent, arithmetic must
# have the bits of the host.  Speaks TAP, a line a case.
#
# Each program of tests/sim/mistakes lists its cases as "name kinds variable".
# Several kinds are joined by commas and may all occur; at least
# the first one must.

build=${1:-build}
sim=$build/sim
here=$(dirname "$0")
here=$(cd "$here" && pwd)
export LD_LIBRARY_PATH="$(cd "$sim" && pwd):${CUDA:-/usr/local/cuda}/lib64"
number=0
bad=0
out=$(mktemp)

say () {  # ok or "not ok", name, why
  number=$((number + 1))
  [ "$1" = ok ] || bad=1
  echo "$1 $number - $2${3:+ ($3)}"
  if [ "$1" != ok ]; then sed 's/^/#   /' "$out"; fi
}

# The line that the source marks with the case's name, as file:line.
marked () {  # source, name
  grep -n "  // $2\$" "$1" | sed "s|:.*||; s|^|$(basename "$1"):|" | head -1
}

# Nothing but the kinds that are allowed, the first one surely.
only () {  # kinds, joined by commas
  first=${1%%,*}
  grep -q "^sim: $first: " "$out" || return 1
  others=$(grep '^sim: [a-z-]*: ' "$out" \
    | grep -vE "^sim: ($(echo "$1" | tr ',' '|')): ")
  [ -z "$others" ]
}

run_case () {  # program, source, name, kinds, variable, seed
  env SIM_SEED="$6" ${5:+"$5"} "$1" "$3" > "$out" 2>&1
  status=$?
  title="$(basename "$2") $3, seed $6"
  line=$(marked "$2" "$3")
  if [ "$4" = silent ]; then
    if [ $status = 0 ] && ! grep -q '^sim:' "$out"; then say ok "$title"
    else say "not ok" "$title" "should be silent, status $status"; fi
  elif [ $status != 86 ]; then
    say "not ok" "$title" "status $status where 86 is meant"
  elif ! only "$4"; then
    say "not ok" "$title" "should be $4"
  elif [ -n "$line" ] && ! grep -qE "$line([], ]|$)" "$out"; then
    say "not ok" "$title" "should name $line"
  else
    say ok "$title"
  fi
}

for source in "$here"/mistakes/*.cu "$here"/mistakes/*.c; do
  program=$sim/mistakes/$(basename "${source%.*}")
  "$program" > "$out.list" || say "not ok" "$program" "does not run"
  while read -r name kinds variable; do
    for seed in 1 2; do
      run_case "$program" "$source" "$name" "$kinds" "$variable" $seed
    done
  done < "$out.list"
done

for program in "$sim"/numbers*; do
  if [ -x "$program" ]; then
    "$program" > "$out" 2>&1 && ! grep -q '^sim:' "$out"
    if [ $? = 0 ]; then say ok "$(basename "$program"): $(tail -1 "$out")"
    else say "not ok" "$(basename "$program")" "bits differ"; fi
  fi
done

rm -f "$out" "$out.list"
echo "1..$number"
exit $bad
