# Building, and what runs what was built: tests and benchmarks.
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

# ctest's own closing lines end the output and its exit code is passed on. With a sanitizer the whole is built apart, in build/asan-ubsan or
# build/tsan, and what it finds fails the test.
run_tests() {
  local preset=dev folder=build
  if [[ ${1:-} == --sanitize ]]; then
    case ${2:-} in
      address) preset=asan-ubsan ;;
      thread) preset=tsan ;;
      *) fail_usage "--sanitize wants address or thread, not '${2:-}'" ;;
    esac
    folder=build/$preset
    shift 2
    export TSAN_OPTIONS="disable_coredump=0 suppressions=$ROOT/tests/sanitizers/thread.supp ${TSAN_OPTIONS:-}"
    export ASAN_OPTIONS="disable_coredump=0 ${ASAN_OPTIONS:-}" # what a crash leaves is sluice's to decide
    export UBSAN_OPTIONS="suppressions=$ROOT/tests/sanitizers/undefined.supp ${UBSAN_OPTIONS:-}"
    export LSAN_OPTIONS="suppressions=$ROOT/tests/sanitizers/leak.supp:print_suppressions=0 ${LSAN_OPTIONS:-}"
  fi
  install_deps
  build_preset "$preset" "$folder"
  heading "testing"
  ctest --test-dir "$folder" --output-on-failure -j 3 --no-tests=error "$@" # tests wait more than they compute
}

# The test of the suite with another count; it prints how many documents and which seed.
run_hashes() {
  local count=1000000
  while [[ $# -gt 0 ]]; do
    case "$1" in
      --seed)
        export SLUICE_HASH_SEED=${2:?"--seed wants a number"}
        shift
        ;;
      *) count=$1 ;;
    esac
    shift
  done
  [[ $count =~ ^[1-9][0-9]*$ ]] || fail_usage "hashes wants a number of documents, not '$count'"
  install_deps
  build_preset dev build pg_tests test_cluster
  heading "comparing state_hash on $count documents"
  SLUICE_HASH_DOCUMENTS=$count build/bin/test_cluster run build/bin/pg_tests --gtest_filter=StateHash.EqualsTheOneInSql
}

run_bench() {
  [[ -x bench/run ]] || fail "there is no bench/run in this tree"
  install_deps
  install_node_packages bench
  fetch_program nginx usr/sbin/nginx
  build_preset release build/release
  bench/run "$@"
}

run_soak() {
  install_deps
  build_preset dev build sluice
  heading "soaking"
  tests/soak/run "$@"
}

write_sbom() {
  install_deps
  build_preset dev build sluice
  node scripts/sbom.mjs write build/bin/sluice
  good "docs/sbom.json"
}
