#!/usr/bin/env bash
# Every test that docs/security.md names is there. usage: security_test.sh, from the project's folder
set -euo pipefail
missing=0
# shellcheck disable=SC2016 # the backquotes are Markdown's
names=$(grep '^|' docs/security.md | awk -F'|' '{print $(NF - 1)}' | grep -o '`[^`]*`' | tr -d '`' | sort -u)
[[ $(wc -l <<<"$names") -gt 20 ]] || { echo "docs/security.md names hardly any test"; exit 1; }
while read -r name; do
  case $name in
    */*) [[ -e $name ]] && continue ;;
    *.sql | *.cpp) [[ -n $(find tests -name "$name") ]] && continue ;;
    *.*) grep -rqE "^TEST(_F|_P)?\(${name%.*}, ${name#*.}\)" tests && continue ;;
    *) grep -rqE "^TEST(_F|_P)?\($name," tests && continue ;;
  esac
  echo "docs/security.md names the test $name, which is not there"
  missing=1
done <<<"$names"
exit "$missing"
