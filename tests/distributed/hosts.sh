#!/usr/bin/env bash
# A training on three hosts, which one machine plays: network namespaces on a bridge, each with a name
# of its own. It ends with the bits of one process; then the wire of a host is cut, and all others
# name it. tests/distributed/hosts.sh MNIST_PROGRAM MPIEXEC. Needs MNIST, root and iproute2.
set -eu
program=$1
mpiexec=$2
work=$(mktemp -d)
name=xg$$  # of what this run makes: short, as the names of interfaces are
net=10.231.$(($$ % 250))
skip() {
  echo "hosts.sh: $1" && exit 77
}
fail() {
  echo "hosts.sh: $1" >&2
  tr '\r' '\n' <"$work/log" | tail -n 20 >&2
  exit 1
}
cleanup() {
  for i in a b c; do ip netns del "$name$i" 2>/dev/null || true; done
  ip link del "$name" 2>/dev/null || true
  rm -rf "$work"
}
trap cleanup EXIT
cd "$work"
touch log

"$program" --net tuned --iterations 100 --distributed --threads 1 --save one.safetensors >log 2>&1 ||
  { grep -q 'is neither in\|could not be fetched' log && skip "no MNIST here"; } ||
  fail "one process does not train"
command -v ip >/dev/null && ip link add "$name" type bridge 2>/dev/null ||
  skip "no network can be made here; that takes root and iproute2"
ip link set "$name" up
for i in a b c; do
  ip netns add "$name$i"
  ip link add "$name-$i" type veth peer name eth0 netns "$name$i"
  ip link set "$name-$i" master "$name" up
  address=$net.$(($(printf %d "'$i") - 96))
  ip -n "$name$i" address add "$address/24" dev eth0
  ip -n "$name$i" link set eth0 up
  ip -n "$name$i" link set lo up
  echo "$address $name$i" >>hosts
done
# As ssh: HOST COMMAND…, behind options.
cat >remote <<END
#!/usr/bin/env bash
while [[ \$1 == -* ]]; do shift; done
namespace=\$(sed -n "s/^\$1 //p" "$work/hosts")
shift
exec ip netns exec "\$namespace" unshare --uts bash -c "hostname \$namespace; \$*"
END
chmod +x remote
missed=("rank 3 (host ${name}c)")
if "$mpiexec" --version | grep -q 'Open MPI\|OpenRTE'; then
  missed+=("rank 0 (host ${name}a)")  # MPICH's launcher does not wait for what the other side says
  launch=("$mpiexec" --mca plm_rsh_agent "$work/remote" --bind-to none
    --host "$net.1:1,$net.2:2,$net.3:1")
else
  launch=("$mpiexec" -launcher ssh -launcher-exec "$work/remote" -hosts "$net.1:1,$net.2:2,$net.3:1")
fi
# train ITERATIONS MORE…: four processes, two of them on the second host.
train() {
  ./remote "$net.1" "${launch[@]}" -n 4 "$program" --net tuned --iterations "$1" --distributed \
    --threads 1 "${@:2}" </dev/null
}

train 100 --save all.safetensors >log 2>&1 || fail "three hosts do not train"
cmp one.safetensors all.safetensors || fail "three hosts end with other bits"
echo "three hosts: the bits of one process"

train 1000000 --checkpoint run --checkpoint-every 0.1 --save cut.safetensors >log 2>&1 &
until [ -e run/checkpoint.safetensors ]; do
  sleep 0.05
  kill -0 $! 2>/dev/null || fail "three hosts leave no checkpoint"
done
ip link set "$name-c" down
begin=$SECONDS
alive() { pgrep -f "^$program .*--save cut.safetensors" >/dev/null; }
while alive; do
  sleep 0.1
  [ $((SECONDS - begin)) -lt 30 ] || fail "somebody goes on 30 s after a wire was cut"
done
echo "a wire was cut: all have ended $((SECONDS - begin)) s later"
ip link set "$name-c" up  # the launcher waits for that host
wait || true
for lost in "${missed[@]}"; do
  grep -qF "$lost has given no sign of life" log || fail "nobody misses $lost"
done
