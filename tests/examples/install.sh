#!/usr/bin/env bash
# Installs the build and uses it from programs outside, by find_package, inside a shared library, and
# by add_subdirectory: tests/examples/install.sh BUILD_DIRECTORY COMPILER
set -eu
build=$1
compiler=$2
source=$(cd "$(dirname "$0")/../.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
fail() { echo "install.sh: $1" >&2; exit 1; }

# configure FOLDER ARGUMENTS...: what CMake says is in FOLDER/log.
configure() {
  cmake -S "$1" -B "$1/build" -DCMAKE_CXX_COMPILER="$compiler" -DCMAKE_PREFIX_PATH="$work/prefix" \
    "${@:2}" >"$1/log" 2>&1
}

cmake --install "$build" --prefix "$work/prefix" >/dev/null
test ! -e "$work/prefix/include/xgrad/ops/kernels"

# A program, and a shared library as a binding to another language would be.
mkdir "$work/user"
cp "$source/examples/quickstart.cpp" "$work/user/main.cpp"
cat >"$work/user/binding.cpp" <<'CPP'
#include <xgrad/xgrad.hpp>
double total() { return xgrad::matmul(xgrad::ones({2, 3}), xgrad::ones({3, 2})).sum().item(); }
CPP
cat >"$work/user/caller.cpp" <<'CPP'
double total();
int main() { return total() == 12 ? 0 : 1; }
CPP
cat >"$work/user/CMakeLists.txt" <<'CMAKE'
cmake_minimum_required(VERSION 3.22)
project(user LANGUAGES CXX)
find_package(xgrad 0.1 REQUIRED)
add_executable(user main.cpp)
target_link_libraries(user PRIVATE xgrad::xgrad)
add_library(binding SHARED binding.cpp)
target_link_libraries(binding PRIVATE xgrad::xgrad)
add_executable(caller caller.cpp)
target_link_libraries(caller PRIVATE binding)
CMAKE
configure "$work/user" || { cat "$work/user/log"; fail "find_package(xgrad 0.1) fails"; }
cmake --build "$work/user/build"
# Without data the program says so and fails; that it starts is what counts here.
XGRAD_DATA=$work "$work/user/build/user" 2>&1 | grep -q 'train-images-idx3-ubyte.gz is neither in'
"$work/user/build/caller"

# Versions that this one does not stand in for.
for version in 0.0 0.2 1.0; do
  mkdir "$work/$version"
  sed "s/xgrad 0.1/xgrad $version/" "$work/user/CMakeLists.txt" >"$work/$version/CMakeLists.txt"
  ! configure "$work/$version" || fail "find_package(xgrad $version) takes version 0.1"
  tr -s '\n ' ' ' <"$work/$version/log" | grep -q "compatible with requested version \"$version\""
done

# As a folder of another project: no tests, no examples of ours.
mkdir "$work/folder"
cp "$work/user/main.cpp" "$work/folder"
cat >"$work/folder/CMakeLists.txt" <<CMAKE
cmake_minimum_required(VERSION 3.22)
project(folder LANGUAGES CXX)
add_subdirectory("$source" xgrad)
add_executable(user main.cpp)
target_link_libraries(user PRIVATE xgrad::xgrad)
get_property(targets DIRECTORY "$source" PROPERTY BUILDSYSTEM_TARGETS)
message(STATUS "targets: \${targets}")
CMAKE
configure "$work/folder" || { cat "$work/folder/log"; fail "add_subdirectory fails"; }
grep -qx -- '-- targets: xgrad_options;xgrad' "$work/folder/log"
configure "$work/folder" -DBUILD_SHARED_LIBS=ON || fail "add_subdirectory fails with BUILD_SHARED_LIBS"
cmake --build "$work/folder/build" --target main.o >/dev/null
