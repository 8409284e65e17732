#!/usr/bin/env bash
# The training examples, run rightly and wrongly on small data of our own: tests/examples/behaviour.sh
# DIRECTORY_OF_THE_PROGRAMS
set -u
bin=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
failures=0

# check NAME CONDITION…: counts a condition that does not hold.
check() {
  local name=$1
  shift
  if "$@"; then printf 'ok      %s\n' "$name"; else
    printf 'FAILED  %s\n' "$name"
    failures=$((failures + 1))
  fi
}
run() { "$@" >out 2>err </dev/null; code=$?; }
says() { grep -qF -- "$1" "$2"; }
# wait_for CONDITION…: until it holds, a minute at most.
wait_for() { for _ in $(seq 600); do "$@" && break; sleep 0.1; done; }
# As run, where no file may be larger than so many KB, as on a full disk.
run_within() { run bash -c 'trap "" XFSZ; ulimit -f "$0"; exec "$@"' "$@"; }

# Digits that differ by a bright row, in MNIST's format: 200 to train on, 50 to test.
number() { printf "\\x$(printf %02x $(($1 >> 24 & 255)))\\x$(printf %02x $(($1 >> 16 & 255)))\\x$(printf %02x $(($1 >> 8 & 255)))\\x$(printf %02x $(($1 & 255)))"; }
digits() { # count images labels
  { number 2051; number "$1"; number 28; number 28; } >"$2"
  { number 2049; number "$1"; } >"$3"
  local bright dark
  bright=$(printf '\\xff%.0s' $(seq 28))
  dark=$(printf '\\x00%.0s' $(seq 28))
  for ((i = 0; i < $1; i++)); do
    for ((row = 0; row < 28; row++)); do
      if ((row / 2 == i % 10)); then printf "$bright"; else printf "$dark"; fi
    done >>"$2"
    printf "\\x0$((i % 10))" >>"$3"
  done
}
mkdir data
digits 200 data/train-images-idx3-ubyte data/train-labels-idx1-ubyte
digits 50 data/t10k-images-idx3-ubyte data/t10k-labels-idx1-ubyte
unset XGRAD_DATA

run "$bin/mnist" --data data --iterations 60
check "a run ends with 0" test $code -eq 0
check "its last line is the result" grep -qE '^result: test_accuracy [01]\.[0-9]{4} seconds [0-9.]+ images_per_second [0-9]+$' <(tail -n 1 out)
check "it learns" grep -qE 'test_accuracy (1\.0|0\.[89])' out
check "it shows the network" says '14,682 parameters' out
check "it shows the validation accuracy" says 'validation' out
check "it shows precision" says 'precision' out
check "it saved the weights" test -s mnist.safetensors
check "no partial file is left" bash -c '! ls -A | grep -q partial'
check "no bar where there is no terminal" bash -c "! grep -q $'\\r' out"

cp mnist.safetensors first.safetensors
run "$bin/mnist" --data data --iterations 60
check "the same seed gives the same bits" cmp -s mnist.safetensors first.safetensors
run "$bin/mnist" --data data --iterations 60 --seed 1
check "another seed gives others" bash -c '! cmp -s mnist.safetensors first.safetensors'
run "$bin/mnist" --data data --epochs 3 --batch 20
check "epochs" test $code -eq 0

run "$bin/mnist" --data data --iterations 60 --report "a <page>" --log run.jsonl --save other.safetensors
check "--report says where the page is" says "report written to $PWD/a <page>/index.html" out
check "the page has the accuracy" grep -qF 'of 50 test examples right' "a <page>/index.html"
check "and does not reload any more" bash -c "! grep -q http-equiv=.refresh 'a <page>/index.html'"
check "the figures lie beside it" test -s "a <page>/mistakes.png" -a -s "a <page>/loss.svg"
check "the log has a line for each iteration" test "$(grep -c '"event":"iteration"' run.jsonl)" -eq 60
check "and the result" bash -c "tail -n 1 run.jsonl | grep -q '\"event\":\"result\"'"
check "a report changes no bit of the weights" cmp -s other.safetensors first.safetensors

run "$bin/mnist" --help
check "--help ends with 0" test $code -eq 0
check "--help names the options" says '--weight-decay' out
run "$bin/mnist" --bogus $'--\e[31m'
check "an unknown option is refused" test $code -ne 0
check "and named" says '--bogus' err
check "without what would change the terminal" bash -c "! grep -q $'\\e' err"
run "$bin/mnist" --data data --batch -3
check "a negative batch is refused" test $code -ne 0
run "$bin/mnist" --data data --batch many
check "so are words" says "--batch: 'many' is not a whole number above 0" err
run "$bin/mnist" --data data --momentum 1.5
check "and momenta above 1" says "--momentum: '1.5' is not a number from 0 to below 1" err
run "$bin/mnist" --data data --batch 100000
check "a batch larger than the data is refused" says 'batch 100000 is more than the' err
run "$bin/mnist" --net huge
check "an unknown net is refused" says 'huge' err
run "$bin/mnist" --data nowhere
check "missing data is told" says 'nowhere/mnist' err
check "with the option that names them" says '; here, --data names the directory' err
check "and ends with 1" test $code -eq 1
run env XGRAD_DATA=nowhere "$bin/quickstart"
check "the first program tells what is missing" says 'error: data: train-images-idx3-ubyte.gz is neither in nowhere/mnist' err
check "and ends with 1" test $code -eq 1
run env XGRAD_DATA=data "$bin/quickstart"
check "and what it did" says 'trained on 4 batches, mean loss' out
run "$bin/mnist" --data data --lr 1e6 --iterations 200
check "a loss that is no number stops with advice" says 'lower the learning rate' err
run "$bin/mnist" --data data --lr 1e6 --iterations 200 --report stopped
check "and the page tells it" grep -qF 'Stopped: train: the loss is' stopped/index.html
run "$bin/mnist" --data data --iterations 5 --save nowhere/w.safetensors
check "weights that cannot be written are told before training" test "$code" -eq 1 -a ! -s out
run "$bin/mnist" --data data --iterations 5 --save data
check "so is a folder in their place" says 'save: cannot write: data: Is a directory; name another place with --save' err
run "$bin/mnist" --data data --iterations 5 --save "$(printf 'a%.0s' $(seq 300))"
check "and a name that is too long" says 'File name too long; name another place with --save' err
mkfifo pipe
timeout 60 cat pipe >piped.safetensors &
run "$bin/mnist" --data data --iterations 60 --save pipe
wait
check "weights go through a pipe" cmp -s piped.safetensors first.safetensors
check "which stays one" test -p pipe
touch file
run "$bin/mnist" --data data --iterations 5 --report file/page
check "so is a report that cannot be written" test "$code" -eq 1 -a ! -s out
check "with its reason" says 'report: cannot make the directory file/page: Not a directory' err
run "$bin/mnist" --data data --iterations 5 --log nowhere/log
check "and a log" says 'log: cannot write: nowhere/log: No such file or directory' err
run env XGRAD_NUM_THREADS=zero "$bin/mnist" --data data --iterations 5
check "a wrong number of threads is told" says 'XGRAD_NUM_THREADS' err

head -c 1000 data/train-images-idx3-ubyte >short
mkdir bad && cp data/* bad/ && cp short bad/train-images-idx3-ubyte
run "$bin/mnist" --data bad
check "a damaged file is named" says 'bad/train-images-idx3-ubyte: the header promises' err

cp first.safetensors full.safetensors
run_within 40 "$bin/mnist" --data data --iterations 5 --save full.safetensors
check "a disk without room is told" says 'full.safetensors: File too large' err
check "and ends with 1" test $code -eq 1
check "and the results are shown" says 'result: test_accuracy' out
check "and the old file stays" cmp -s full.safetensors first.safetensors
check "and nothing else" bash -c '! ls -A | grep -q partial'
if [ -c /dev/full ]; then
  run "$bin/mnist" --data data --iterations 5 --log /dev/full
  check "for the log too, with the weights saved" test $code -eq 1 -a -s mnist.safetensors
  check "in words" says 'error: the report or log is not saved: log: cannot write: /dev/full' err
fi

"$bin/mnist" --data data --iterations 1000000 --save stopped.safetensors --report live >out 2>err </dev/null &
pid=$!
shown() { grep -qsE 'Training: iteration [0-9]+ of 1000000' live/index.html; }
wait_for shown
check "the page shows the run live" shown
check "and reloads itself" grep -q 'http-equiv="refresh"' live/index.html
kill -INT $pid
wait $pid
code=$?
check "Ctrl-C ends with 130" test $code -eq 130
check "with the weights saved" test -s stopped.safetensors
check "and the result printed" says 'result: test_accuracy' out
check "and the page finished" grep -qF 'Interrupted after' live/index.html

run "$bin/cifar10" --data data
check "missing CIFAR-10 is told" says 'cifar-10-b' err

# Ten images of noise a file, in CIFAR-10's format.
mkdir pictures
for file in data_batch_{1..5} test_batch; do
  for label in {0..9}; do
    printf "\\x0$label"
    head -c 3072 /dev/urandom
  done >pictures/$file.bin
done
run "$bin/cifar10" --data pictures --iterations 3 --batch 8
check "the assignment's network on CIFAR-10" says 'result: test_accuracy' out
fast=("$bin/cifar10" --data pictures --net fast --batch 10 --iterations 5 --hold-out 10)
run "${fast[@]}" --save one.safetensors
check "the fast one, tested on what is held out" says 'result: held-out_accuracy' out
check "validates on what is held out" says 'validation 0.' out
run "${fast[@]}" --save two.safetensors
check "the same seed gives the same bits" cmp -s one.safetensors two.safetensors
run "${fast[@]}" --save two.safetensors --seed 1
check "another seed gives others" test "$(cmp -s one.safetensors two.safetensors; echo $?)" -eq 1
run "${fast[@]}" --lr 1
check "a rate that does not apply is told" says 'do not apply to --net fast' err
run "$bin/cifar10" --data pictures --net fast --hold-out 50
check "and a split that leaves nothing" says 'leaves none of the 50 training images' err

run "${fast[@]}" --without flip whitening identity muon translation smoothing --save two.safetensors
check "pieces of a recipe can be left out" says 'recipe: a network and a recipe made for speed, without flip, without whitening' out
run "${fast[@]}" --without sense
check "if it has them" says 'sense' err
run "$bin/cifar10" --data pictures --without flip
check "and another recipe has none" says '--without applies to --net fast and best alone' err
run "$bin/cifar10" --data pictures --net improved --batch 8 --iterations 3
check "the improved one" says 'result: test_accuracy' out
run "$bin/mnist" --data data --net best --batch 20 --epochs 2
check "the best one for MNIST" says 'result: test_accuracy' out

# A budget.
run "$bin/mnist" --data data --net tuned --budget 4s --log timed.jsonl
check "a budget of time ends with 0" test $code -eq 0
check "it is shown" says 'budget: 4 s' out
# How far it falls is the machine's affair: one slow step can stand for a tenth of the time.
rates=$(grep -o '"learning rate":[0-9.e-]*' timed.jsonl | cut -d: -f2)
most=$(sort -g <<<"$rates" | tail -n 1)
last=$(tail -n 1 <<<"$rates")
check "the schedule fits itself to it (the last rate is $last, the largest $most)" \
  awk "BEGIN { exit !($last < $most) }"
run "$bin/mnist" --data data --budget 2s --epochs 3
check "a budget and epochs exclude each other" says '--epochs' err
run "$bin/mnist" --data data --budget 20
check "a budget without a unit is refused, and told how to give one" says "'20' has no unit; write 20s, 20min or 20h" err
run "$bin/mnist" --data data --budget 0min
check "so is one of nothing" says "is not a time above 0" err

# Checkpoints: a training that is killed again and again ends with the bits of one that is not.
long=("$bin/cifar10" --data pictures --net fast --batch 10 --epochs 12 --hold-out 10)
run "${long[@]}" --save whole.safetensors --log whole.jsonl --report whole
check "the run to compare with" test $code -eq 0
resumed=("${long[@]}" --save parts.safetensors --log parts.jsonl --report parts
         --checkpoint kept --checkpoint-every 0)
killed=0 resumes=0
# Each time a checkpoint has been written, so that however slow the machine is, something is done.
for delay in 0 0.01 0.03 0.02 0.15 0.05 0.1 0.07 0.2; do
  touch started
  "${resumed[@]}" >out 2>err </dev/null &
  pid=$!
  while kill -0 $pid 2>/dev/null && ! [ kept/checkpoint.safetensors -nt started ]; do sleep 0.01; done
  sleep $delay
  if kill -KILL $pid 2>/dev/null; then killed=$((killed + 1)); fi
  wait $pid 2>/dev/null
  says 'going on after iteration' out && resumes=$((resumes + 1))
done
run "${resumed[@]}"
check "killed and resumed ($killed times killed, $resumes resumed)" test $code -eq 0 -a $killed -gt 2 -a $resumes -gt 0
check "it says where it goes on" says 'going on after iteration' out
check "the weights are the same bits" cmp -s whole.safetensors parts.safetensors
check "and the curves" cmp -s whole/history.csv parts/history.csv
check "and the log" cmp -s <(grep -v result whole.jsonl) <(grep -v result parts.jsonl)
run "${resumed[@]}"
check "once more: nothing is left to train" test $code -eq 0
check "and nothing changes" cmp -s whole.safetensors parts.safetensors
run "${resumed[@]}" --seed 1
check "another run's checkpoint is refused" test $code -eq 1
check "with what differs" says 'seed: 0 there, 1 here' err
cp kept/checkpoint.safetensors whole.checkpoint
head -c 5000 whole.checkpoint >kept/checkpoint.safetensors
run "${resumed[@]}"
check "a damaged checkpoint is told" says 'warning: load: kept/checkpoint.safetensors' err
check "and the one before it taken" says 'from kept/checkpoint.previous.safetensors' out
check "to the same bits" cmp -s whole.safetensors parts.safetensors
check "and the same log" cmp -s <(grep -v result whole.jsonl) <(grep -v result parts.jsonl)
head -c 5000 whole.checkpoint | tee kept/checkpoint.safetensors >kept/checkpoint.previous.safetensors
run "${resumed[@]}"
check "two damaged ones end it" test $code -eq 1
check "by name" says 'kept/checkpoint.previous.safetensors' err
rm kept/checkpoint.previous.safetensors
cp whole.safetensors kept/checkpoint.safetensors
run "${resumed[@]}"
check "so does a file that is none" says 'is no checkpoint of a training' err
run "${long[@]}" --checkpoint file/here
check "a place where none can be written is told" says 'checkpoint: cannot make the directory file/here' err

"$bin/mnist" --data data --iterations 1000000 --checkpoint ended --save ended.safetensors >out 2>err </dev/null &
pid=$!
wait_for says 'threads:' out  # the last it says before it trains
sleep 0.5
kill -TERM $pid
wait $pid
code=$?
check "a request to end gives 143" test $code -eq 143
check "with a checkpoint" test -s ended/checkpoint.safetensors
check "and says how to go on" says 'The same command goes on from there.' out
run_within 40 "$bin/mnist" --data data --iterations 30 --checkpoint full --checkpoint-every 0 --save /dev/null
check "a full disk does not stop the training" test $code -eq 0
check "and is told once" test "$(grep -c 'warning: no checkpoint: save: cannot write' err)" -eq 1

# A picture: the first digit, as a BMP file (rows from above, three bytes a pixel).
{
  printf 'BM\x66\x09\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0\x1c\0\0\0\xe4\xff\xff\xff\x01\0\x18\0'
  printf '\0%.0s' $(seq 24)
  printf '\xff%.0s' $(seq $((2 * 28 * 3)))
  printf '\0%.0s' $(seq $((26 * 28 * 3)))
} >digit.bmp
run "$bin/classify" digit.bmp --model first.safetensors
check "a picture is classified with weights of one's own" test $code -eq 0
check "with probabilities, the right class first" grep -qE '^0 +[0-9]+\.[0-9]{2} %' <(sed -n 3p out)
check "and what it was seen by" bash -c "head -c 4 saliency.png | grep -q PNG"
run "$bin/classify" digit.bmp --model nowhere.safetensors
check "missing weights are told" says 'nowhere.safetensors: No such file' err
run "$bin/classify" out --model first.safetensors
check "and what is no picture" says 'out: not a PNG, JPEG, BMP or GIF file' err
run "$bin/classify" digit.bmp --model first.safetensors --saliency nowhere/s.png
check "and a picture that cannot be written" test $code -eq 1
run "$bin/classify"
check "and a command without a picture" says 'image is required' err

[ $failures -eq 0 ] || { printf '%s failed; the last output:\n' "$failures"; cat out err; }
exit $((failures > 0))
