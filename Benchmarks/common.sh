# Shared by all: the binary, free ports, a node that ends with the script.
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
work="$root/.build-bench"
mkdir -p "$work"

children=()

# Ends what this script started, by its id.
end_children() {
  trap - EXIT INT TERM HUP
  local child
  for child in ${children[@]+"${children[@]}"}; do kill -TERM "$child" 2>/dev/null || true; done
  for child in ${children[@]+"${children[@]}"}; do
    for _ in $(seq 100); do kill -0 "$child" 2>/dev/null || break; sleep 0.1; done
    kill -KILL "$child" 2>/dev/null || true
  done
  children=()
}
trap end_children EXIT
trap 'end_children; exit 130' INT
trap 'end_children; exit 143' TERM HUP

say() { echo "$*" >&2; }
fail() { say "$(basename "$0"): $*"; exit 2; }

# Sets `freeimd` to the binary: that of FREEIM, or a fresh release build.
find_freeimd() {
  if [ -n "${FREEIM:-}" ]; then
    freeimd=$FREEIM
  else
    say "building a release"
    (cd "$root" && swift build -c release --product freeimd) >&2
    freeimd="$root/.build/release/freeimd"
  fi
  [ -x "$freeimd" ] || fail "there is no program at $freeimd"
}

# Sets `port` and `api_port` to two free ports of 127.0.0.1: below those that connections take for themselves, where there
# is room, so that none of them stands in the way of a server that starts again.
find_ports() {
  read -r port api_port < <(python3 -c '
import random, socket
lowest = int(open("/proc/sys/net/ipv4/ip_local_port_range").read().split()[0])
candidates = random.sample(range(10240, lowest), 1000) if lowest > 12000 else []
sockets = []
while len(sockets) < 2:
    sockets.append(socket.socket())
    try: sockets[-1].bind(("127.0.0.1", candidates.pop() if candidates else 0))
    except OSError: sockets.pop()
print(*(s.getsockname()[1] for s in sockets))')
}

listens() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# start_node MANIFEST LOG PORT... : a node that listens at these ports; its id is in `node`. `pin_node` goes in front.
start_node() {
  local manifest=$1 log=$2 wanted
  shift 2
  FREEIM_BENCH_PORT=$port FREEIM_BENCH_API_PORT=$api_port \
    ${pin_node[@]+"${pin_node[@]}"} "$freeimd" run -c "$manifest" >"$log" 2>&1 &
  node=$!
  children+=("$node")
  for wanted in "$@"; do
    for _ in $(seq 100); do
      listens "$wanted" && continue 2
      kill -0 "$node" 2>/dev/null || break
      sleep 0.1
    done
    cat "$log" >&2
    fail "the node does not listen"
  done
}

stop_node() {
  kill -TERM "$node" 2>/dev/null || true
  wait "$node" 2>/dev/null || true
  forget "$node"
}

# kill_hard PID : ends a child as a crash would.
kill_hard() {
  kill -KILL "$1"
  wait "$1" 2>/dev/null || true
  forget "$1"
}

forget() {
  local child left=()
  for child in ${children[@]+"${children[@]}"}; do [ "$child" = "$1" ] || left+=("$child"); done
  children=(${left[@]+"${left[@]}"})
}

# Runs a command that ends with the script, and returns its status. In the background, so that signals are heard at once.
attend() {
  local child status=0
  "$@" &
  child=$!
  children+=("$child")
  wait "$child" || status=$?
  forget "$child"
  return "$status"
}
