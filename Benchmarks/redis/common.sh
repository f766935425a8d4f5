# Shared by cluster, latency and tokens, after ../common.sh: a Redis that ends with the script, the generators, open files.
programs="$root/Benchmarks/redis"

[ "$(uname -s)" = Linux ] || fail "reads /proc and uses epoll: Linux only"
command -v redis-server >/dev/null || fail "needs redis-server (scripts/bootstrap bench)"
command -v redis-cli >/dev/null || fail "needs redis-cli (scripts/bootstrap bench)"

# need_files COUNT : raises the limit of open files and gives up where it is too low.
need_files() {
  ulimit -n "$(ulimit -Hn)"
  if [ "$(ulimit -n)" != unlimited ] && [ "$(ulimit -n)" -lt "$1" ]; then
    fail "a process needs $1 open files, and the hard limit is $(ulimit -n)"
  fi
}

# Sets `redis_port` and the manifests' FREEIM_BENCH_REDIS. `pin_redis` goes in front.
start_redis() {
  find_ports
  redis_port=$port
  export FREEIM_BENCH_REDIS=$redis_port
  ${pin_redis[@]+"${pin_redis[@]}"} redis-server --port "$redis_port" --bind 127.0.0.1 --dir "$work" --save '' \
    --appendonly no --daemonize no >"$work/redis.log" 2>&1 &
  redis=$!
  children+=("$redis")
  for _ in $(seq 100); do
    [ "$(redis-cli -p "$redis_port" ping 2>/dev/null)" = PONG ] && return
    kill -0 "$redis" 2>/dev/null || break
    sleep 0.1
  done
  cat "$work/redis.log" >&2
  fail "Redis does not answer"
}

stop_redis() {
  kill -TERM "$redis" 2>/dev/null || true
  wait "$redis" 2>/dev/null || true
  forget "$redis"
}

# await_subscribers PORT... : until Redis has the channel of each of these nodes.
await_subscribers() {
  local wanted
  for wanted in "$@"; do
    for _ in $(seq 100); do
      [ "$(redis-cli -p "$redis_port" pubsub numsub "im_v2_wsServer127.0.0.1:$wanted" | tail -n 1)" != 0 ] && continue 2
      sleep 0.1
    done
    fail "the node at port $wanted has not subscribed"
  done
}

# compile NAME : the generator of that name, into the work folder.
compile() {
  ${CC:-cc} -O2 -Wall -Wextra -std=gnu17 -o "$work/$1" "$root"/Benchmarks/{buffer,loop,measure,payload,subscribers}.c \
    "$programs"/{resp,envelope,settings}.c "$programs/$1"*.c
}

describe_build() {
  local commit swift
  commit=$(git -C "$root" describe --always --dirty --abbrev=12 2>/dev/null || echo unknown)
  swift=$( (swift --version 2>/dev/null || true) | sed -n 's/.*\(Swift version [^ ]*\).*/\1/p' | head -n 1)
  build=(--commit "$commit" --swift "${swift:-unknown}" --freeimd "$freeimd")
}
