# Fuzzing: each target with its corpus, which is kept as one file, tests/fuzz/corpus/TARGET.base64, an input a line.
# shellcheck shell=bash

fuzz_targets() {
  local source
  for source in tests/fuzz/*_fuzz.cpp; do
    [[ -e $source ]] && basename "$source" _fuzz.cpp
  done
}

# unpack_corpus FILE FOLDER: each input becomes a file.
unpack_corpus() {
  local line number=0
  mkdir -p "$2"
  [[ -e $1 ]] || return 0
  while IFS= read -r line; do
    base64 -d <<<"$line" >"$2/kept-$number"
    number=$((number + 1))
  done <"$1"
}

# pack_corpus FOLDER FILE
pack_corpus() {
  local input
  for input in "$1"/*; do
    [[ -s $input ]] && base64 -w 0 "$input" && echo
  done | sort >"$2"
}

# Runs for some minutes, then keeps the smallest set of inputs that reaches all that was reached. A crash ends the run,
# keeps nothing and leaves its input in build/fuzz.
run_fuzz() {
  local target='' minutes=1 length=4096
  while [[ $# -gt 0 ]]; do
    case "$1" in
      --minutes)
        minutes=${2:?"--minutes wants a number"}
        [[ $minutes =~ ^[1-9][0-9]*$ ]] || fail_usage "--minutes wants a whole number of at least 1, not '$minutes'"
        shift
        ;;
      -*) fail_usage "unknown option '$1' of fuzz" ;;
      *) target=${1%_fuzz} ;;
    esac
    shift
  done
  if [[ -z $target ]]; then
    fuzz_targets
    return
  fi
  [[ -e tests/fuzz/${target}_fuzz.cpp ]] || fail "no fuzz target '$target'" "the targets: $(fuzz_targets | xargs)"
  install_deps
  build_preset fuzz build/fuzz "${target}_fuzz"

  local program="build/fuzz/bin/${target}_fuzz" corpus="tests/fuzz/corpus/$target.base64" work="build/fuzz/corpus/$target"
  [[ $target == import || $target == condition ]] && length=16384
  local -a options=(-timeout=10 -rss_limit_mb=2048 "-max_len=$length" -artifact_prefix=build/fuzz/)
  [[ -e tests/fuzz/$target.dict ]] && options+=("-dict=tests/fuzz/$target.dict")
  rm -rf "$work"
  mkdir -p "$work/minimal"
  unpack_corpus "$corpus" "$work/inputs"
  heading "fuzzing $target for $minutes min"
  "$program" "${options[@]}" "-max_total_time=$((minutes * 60))" -print_final_stats=1 "$work/inputs"
  "$program" "${options[@]}" -set_cover_merge=1 "$work/minimal" "$work/inputs" 2>"$work/merge.log" ||
    fail "the corpus could not be minimised" "the log is $work/merge.log"
  mkdir -p tests/fuzz/corpus
  pack_corpus "$work/minimal" "$corpus"
  good "$corpus: $(wc -l <"$corpus") inputs, $(wc -c <"$corpus") bytes"
}
