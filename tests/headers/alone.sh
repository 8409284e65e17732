#!/usr/bin/env bash
# Every installed header compiles by itself: tests/headers/alone.sh COMPILER BUILD_DIRECTORY
set -eu
export compiler=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cmake --install "$2" --prefix "$work" >/dev/null
cd "$work/include"
alone() {
  "$compiler" -std=c++20 -fsyntax-only -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Werror -I. \
    -include "$1" -xc++ /dev/null || { echo "$1 does not compile alone" >&2; exit 255; }
}
export -f alone
find xgrad -name '*.hpp' ! -name xtensor.hpp -print0 | xargs -0 -P "$(nproc)" -I{} bash -c 'alone {}'
