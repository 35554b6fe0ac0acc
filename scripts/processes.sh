# Processes that outlive a command, known by pid and start time, so that none is mistaken for another after a crash.
# shellcheck shell=bash

readonly RUN="$STATE/run" # NAME.pid and NAME.log of each

# The kernel's start time of a live process; nothing for a dead or zombie one.
start_time() {
  local line
  line=$(cat "/proc/$1/stat" 2>/dev/null) || return 0
  line=${line##*) } # the fields after the command's name, which may hold anything
  read -r -a line <<<"$line"
  [[ ${line[0]} == Z ]] || echo "${line[19]}"
}

# start_process NAME COMMAND...: in a session of its own, so that Ctrl-C reaches only this script, which stops it in order.
start_process() {
  local name=$1
  shift
  setsid "$@" </dev/null >"$RUN/$name.log" 2>&1 9>&- &
  echo "$! $(start_time $!)" >"$RUN/$name.pid"
}

process_runs() {
  local pid='' started=''
  read -r pid started <"$RUN/$1.pid" 2>/dev/null || return 1
  [[ -n $started && $(start_time "$pid") == "$started" ]]
}

process_names() {
  local file
  for file in "$RUN"/*.pid; do
    [[ -e $file ]] && basename "$file" .pid
  done
  return 0
}

signal_process() {
  local pid
  process_runs "$1" || return 0
  read -r pid _ <"$RUN/$1.pid"
  kill "-$2" "$pid" 2>/dev/null || true
}

# Asks every process to stop, and after ten seconds no longer asks.
stop_processes() {
  local name
  for name in $(process_names); do signal_process "$name" TERM; done
  for name in $(process_names); do
    for _ in {1..100}; do
      process_runs "$name" || break
      sleep 0.1
    done
    signal_process "$name" KILL
    rm -f "$RUN/$name.pid"
  done
}

peak_memory_mib() {
  local pid
  read -r pid _ <"$RUN/$1.pid"
  awk '/^VmHWM:/ {printf "%.1f MiB", $2 / 1024}' "/proc/$pid/status"
}

# wait_until_ready NAME URL: until the process answers there, or ends, or 30 s have passed.
wait_until_ready() {
  for _ in {1..300}; do
    curl --silent --fail --max-time 2 --output /dev/null "$2" && return
    process_runs "$1" || break
    sleep 0.1
  done
  tail -n 15 "$RUN/$1.log" >&2
  fail "$1 did not become ready at $2" "its log is ${RUN#"$ROOT"/}/$1.log"
}
