# Building, and what runs what was built: tests, benchmarks, fuzz targets.
# shellcheck shell=bash

# As many jobs as there are processors, and at least 1.5 GiB of memory for each: some headers are heavy.
build_jobs() {
  local processors memory
  processors=$(nproc)
  memory=$(awk '/^MemAvailable:/ {n = int($2 / 1572864); print (n < 1 ? 1 : n)}' /proc/meminfo)
  echo $((processors < memory ? processors : memory))
}

configure() {
  local preset=$1 log="$STATE/configure.log"
  mkdir -p "$STATE"
  cmake --preset "$preset" >"$log" 2>&1 || {
    tail -n 30 "$log" >&2
    fail "cmake could not configure preset '$preset'" "the whole log is in ${log#"$ROOT"/}"
  }
}

# build_preset PRESET FOLDER [TARGETS...]
build_preset() {
  local preset=$1 folder=$2
  shift 2
  heading "building ($preset)"
  configure "$preset"
  NINJA_STATUS='    [%f/%t] ' ninja -C "$folder" -j "$(build_jobs)" "$@"
}

run_build() {
  install_deps
  build_tree
}

build_tree() {
  build_preset dev build
  good "build/bin/sluice"
}

# ctest's own closing lines end the output and its exit code is passed on.
run_tests() {
  install_deps
  build_tree
  heading "testing"
  ctest --test-dir build --output-on-failure -j 2 --no-tests=error "$@"
}

run_bench() {
  [[ -x bench/run ]] || fail "there is no bench/run in this tree"
  install_deps
  install_node_packages bench
  build_preset release build/release
  bench/run "$@"
}

fuzz_targets() {
  local source
  for source in tests/fuzz/*_fuzz.cpp; do
    [[ -e $source ]] && basename "$source" .cpp
  done
}

# New inputs that reach new code join tests/fuzz/corpus/TARGET; a crash leaves its input in build/fuzz.
run_fuzz() {
  local target='' minutes=1
  while [[ $# -gt 0 ]]; do
    case "$1" in
      --minutes)
        minutes=${2:?"--minutes wants a number"}
        [[ $minutes =~ ^[0-9]+$ ]] || fail_usage "--minutes wants a whole number, not '$minutes'"
        shift
        ;;
      -*) fail_usage "unknown option '$1' of fuzz" ;;
      *) target=$1 ;;
    esac
    shift
  done
  if [[ -z $target ]]; then
    fuzz_targets
    return
  fi
  [[ -e tests/fuzz/$target.cpp ]] || target=${target}_fuzz
  [[ -e tests/fuzz/$target.cpp ]] || fail "no fuzz target '${target%_fuzz}'" "the targets: $(fuzz_targets | xargs)"
  install_deps
  build_preset fuzz build/fuzz "$target"
  mkdir -p "tests/fuzz/corpus/$target"
  heading "fuzzing $target for $minutes min"
  "build/fuzz/bin/$target" -max_total_time=$((minutes * 60)) -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 \
    -artifact_prefix=build/fuzz/ "tests/fuzz/corpus/$target"
}
