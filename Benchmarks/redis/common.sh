# Shared by suite, cluster, faults and latency, after ../common.sh: a Redis that ends with the script, the generators, open files.
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

# Sets `redis_port` and the manifests' FREEIM_BENCH_REDIS.
start_redis() {
  find_ports
  redis_port=$port
  export FREEIM_BENCH_REDIS=$redis_port
  run_redis
}

# Redis at `redis_port`, with what is in `redis_snapshot` where there is one. `pin_redis` goes in front.
run_redis() {
  ${pin_redis[@]+"${pin_redis[@]}"} redis-server --port "$redis_port" --bind 127.0.0.1 --dir "$work" --save '' \
    --dbfilename "${redis_snapshot:-none.rdb}" --appendonly no --daemonize no >"$work/redis.log" 2>&1 &
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

# Three nodes of manifests/cluster.yaml: their `ports`, `api_ports` and process ids, `pids`, in the order of their list.
start_cluster() {
  local k
  ports=() api_ports=() pids=()
  for k in 1 2 3; do
    find_ports
    ports+=("$port") api_ports+=("$api_port")
    export "FREEIM_BENCH_SERVER_$k=$port"
  done
  for k in 0 1 2; do start_member "$k" "$work/node-$((k + 1)).log"; done
  await_subscribers "${ports[@]}"
}

# start_member K LOG : the node of that place in the list.
start_member() {
  port=${ports[$1]} api_port=${api_ports[$1]}
  start_node "$root/Benchmarks/manifests/cluster.yaml" "$2" "$port" "$api_port"
  pids[$1]=$node
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
  ${CC:-cc} -O2 -Wall -Wextra -std=gnu17 -o "$work/$1" "$root/Benchmarks/measure/measure.c" \
    "$programs"/{buffer,frame,loop,payload,subscribers,resp,envelope,settings}.c "$programs/$1"*.c
}

describe_build() {
  local commit swift
  commit=$(git -C "$root" describe --always --dirty --abbrev=12 2>/dev/null || echo unknown)
  swift=$( (swift --version 2>/dev/null || true) | sed -n 's/.*\(Swift version [^ ]*\).*/\1/p' | head -n 1)
  build=(--commit "$commit" --swift "${swift:-unknown}" --freeimd "$freeimd")
}
