#!/usr/bin/env bash
# Installs the build and uses it from a program outside, by find_package:
# tests/examples/install.sh BUILD_DIRECTORY COMPILER
set -eu
build=$1
compiler=$2
source=$(cd "$(dirname "$0")/../.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cmake --install "$build" --prefix "$work/prefix" >/dev/null
mkdir "$work/user"
cp "$source/examples/quickstart.cpp" "$work/user/main.cpp"
cat >"$work/user/CMakeLists.txt" <<'CMAKE'
cmake_minimum_required(VERSION 3.22)
project(user LANGUAGES CXX)
find_package(xgrad REQUIRED)
add_executable(user main.cpp)
target_link_libraries(user PRIVATE xgrad::xgrad)
CMAKE
cmake -S "$work/user" -B "$work/user/build" -DCMAKE_CXX_COMPILER="$compiler" \
  -DCMAKE_PREFIX_PATH="$work/prefix" >/dev/null
cmake --build "$work/user/build"
# Without data the program says so and fails; that it starts is what counts here.
XGRAD_DATA=$work "$work/user/build/user" 2>&1 | grep -q 'train-images-idx3-ubyte.gz is neither in'
test ! -e "$work/prefix/include/xgrad/ops/kernels"
