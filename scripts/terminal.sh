# What ./dev prints: headings, plain facts, errors. Colour only on a terminal (and never with NO_COLOR).
# shellcheck shell=bash

if [[ -t 1 && -z ${NO_COLOR:-} ]]; then
  kBold=$'\e[1m' kDim=$'\e[2m' kGreen=$'\e[32m' kRed=$'\e[31m' kPlain=$'\e[0m'
else
  kBold='' kDim='' kGreen='' kRed='' kPlain=''
fi
readonly kBold kDim kGreen kRed kPlain

heading() { printf '%s==> %s%s\n' "$kBold" "$1" "$kPlain"; }
heading_on_stderr() { printf '%s--- %s%s\n' "$kBold" "$1" "$kPlain" >&2; }
note() { printf '    %s%s%s\n' "$kDim" "$1" "$kPlain"; }
good() { printf '    %s%s%s\n' "$kGreen" "$1" "$kPlain"; }

# fail MESSAGE [HINT] [EXIT CODE]
fail() {
  printf '%serror: %s%s\n' "$kRed" "$1" "$kPlain" >&2
  [[ -n ${2:-} ]] && printf 'HINT: %s\n' "$2" >&2
  exit "${3:-1}"
}

fail_usage() { fail "$1" "./dev help lists the commands" 2; }
