#!/usr/bin/env bash
# Kills one of four processes of a training at some moment, again and again, and has another number
# of processes go on: tests/distributed/killed.sh MNIST_PROGRAM MPIEXEC TIMES. Needs MNIST.
set -eu
program=$1
mpiexec=$2
times=$3
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
fail() {
  echo "killed.sh: $1" >&2
  tail -n 20 log >&2
  exit 1
}

# train PROCESSES FOLDER MORE…: in the background or not.
train() {
  "$mpiexec" -n "$1" "$program" --net tuned --iterations 1500 --distributed --threads 1 \
    --checkpoint "$2" --checkpoint-every 0.1 --save "$2.safetensors" >log 2>&1
}
# MPICH's launcher kills the others at once.
has_time=$("$mpiexec" --version | grep 'Open MPI\|OpenRTE' || true)
# Of this training, as others may go on beside it.
processes() {
  for process in $(pgrep -f "^$program"); do
    if [ "$(readlink "/proc/$process/cwd")" = "$work" ]; then echo "$process"; fi
  done
}
# The process of a rank, whoever's MPI it is.
process_of() {
  for process in $(processes); do
    if tr '\0' '\n' <"/proc/$process/environ" 2>/dev/null |
      grep -qxE "(OMPI_COMM_WORLD_RANK|PMI_RANK)=$1"; then
      echo "$process"
    fi
  done
}

if ! train 1 whole; then
  grep -q 'is neither in\|could not be fetched' log && { echo "killed.sh: no MNIST here" && exit 77; }
  fail "one process does not train"
fi
for i in $(seq "$times"); do
  rm -rf part part.safetensors
  train 4 part &
  launcher=$!
  until [ -e part/checkpoint.safetensors ]; do
    sleep 0.05
    kill -0 "$launcher" 2>/dev/null || fail "four processes leave no checkpoint"
  done
  sleep "0.$((RANDOM % 10))"
  rank=$((RANDOM % 4))
  victim=$(process_of "$rank")
  begin=$(date +%s%N)
  kill -9 $victim 2>/dev/null || { wait "$launcher" || true; echo "$i: it had ended"; continue; }
  ! wait "$launcher" || fail "a training whose rank $rank was killed ends well"
  took=$((($(date +%s%N) - begin) / 1000000))
  [ "$took" -lt 10000 ] || fail "others of rank $rank end after $took ms"
  grep -q "rank $rank (host .*) ended without a word" log || [ -z "$has_time" ] ||
    fail "nobody names rank $rank"
  [ -z "$(processes)" ] || fail "somebody outlives mpiexec"
  processes=$((1 << RANDOM % 3))
  train "$processes" part || fail "$processes processes do not go on"
  cmp whole.safetensors part.safetensors || fail "$processes processes end with other bits"
  echo "$i: rank $rank killed, the others ended after $took ms; $processes went on, to the same bits"
done
