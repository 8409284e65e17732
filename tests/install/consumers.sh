#!/usr/bin/env bash
# Installs the build and uses it as others would: tests/install/consumers.sh BUILD_DIRECTORY COMPILER
#
# Programs by find_package (all of it, core alone), by pkg-config, in somebody's shared library, as a
# folder of another project, by another compiler, and under the address sanitizer at -O0.
set -eu
build=$1
compiler=$2
source=$(cd "$(dirname "$0")/../.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
fail() { echo "consumers.sh: $1" >&2; exit 1; }
said() { cat "$1/log"; fail "$2"; }

# configure FOLDER ARGUMENTS...: what CMake says is in FOLDER/log.
configure() {
  cmake -S "$1" -B "$1/build" -DCMAKE_CXX_COMPILER="$compiler" -DCMAKE_PREFIX_PATH="$work/prefix" \
    "${@:2}" >"$1/log" 2>&1
}

# project FOLDER CMAKE_LINES...: a project with the programs below.
project() {
  mkdir "$work/$1"
  cp "$work"/programs/* "$work/$1"
  printf '%s\n' 'cmake_minimum_required(VERSION 3.22)' "project($1 LANGUAGES CXX)" "${@:2}" \
    >"$work/$1/CMakeLists.txt"
}

mkdir "$work/programs"
cp "$source/examples/quickstart.cpp" "$work/programs/quickstart.cpp"
# A shared library as a binding to another language would be, and a program that loads it.
cat >"$work/programs/binding.cpp" <<'CPP'
#include <xgrad/xgrad.hpp>
double total() { return xgrad::matmul(xgrad::ones({2, 3}), xgrad::ones({3, 2})).sum().item(); }
CPP
cat >"$work/programs/caller.cpp" <<'CPP'
double total();
int main() { return total() == 12 ? 0 : 1; }
CPP
# Modules, tape, optimiser, files, errors, all of core.
cat >"$work/programs/core.cpp" <<'CPP'
#include <xgrad/xgrad.hpp>

#include <cstdio>
#include <cstring>

int main() {
  if (std::strcmp(xgrad::version(), "0.2.0") != 0 || XGRAD_VERSION_MINOR != 2) return 1;
  xgrad::nn::Sequential net(xgrad::nn::Linear{4, 8}, xgrad::nn::ReLU{}, xgrad::nn::Linear{8, 1});
  xgrad::optim::Adam optimizer(net.parameters(), {.lr = 1e-2});
  const xgrad::Tensor x = xgrad::randn({16, 4});
  double first = 0, last = 0;
  for (int i = 0; i < 50; ++i) {
    optimizer.zero_grad();
    const auto loss = xgrad::mse_loss(net(x), x.sum({1}, true));
    loss.backward();
    optimizer.step();
    (i == 0 ? first : last) = loss.item();
  }
  xgrad::nn::save(net, "net.safetensors");
  xgrad::nn::load(net, "net.safetensors");
  try {
    net(xgrad::ones({2, 5}));
    return 2;
  } catch (const xgrad::ShapeError&) {
  }
  return last < first ? 0 : 3;
}
CPP

# What several processes are for, in one.
cat >"$work/programs/processes.cpp" <<'CPP'
#include <xgrad/distributed/data_parallel.hpp>
#include <xgrad/xgrad.hpp>

int main() {
  xgrad::nn::Linear net{2, 1};
  xgrad::distributed::DataParallel parallel(net, xgrad::distributed::Group::world());
  parallel.backward([&](const xgrad::Tensor& x) { return net(x).sum(); }, xgrad::ones({8, 2}));
  return net.weight.grad().sum().item() == 2 && parallel.group().size() == 1 ? 0 : 1;
}
CPP

cmake --install "$build" --prefix "$work/prefix" >/dev/null
test ! -e "$work/prefix/include/xgrad/ops/kernels"
test ! -e "$work/prefix/include/xgrad/autograd/raise.hpp"

# All of it, by find_package.
project user 'find_package(xgrad 0.2 REQUIRED)' \
  'add_executable(quickstart quickstart.cpp)' 'target_link_libraries(quickstart xgrad::xgrad)' \
  'add_library(binding SHARED binding.cpp)' 'target_link_libraries(binding PRIVATE xgrad::xgrad)' \
  'add_executable(caller caller.cpp)' 'target_link_libraries(caller binding)' \
  'add_executable(core core.cpp)' 'target_link_libraries(core xgrad::xgrad)'
configure "$work/user" || said "$work/user" "find_package(xgrad 0.2) fails"
cmake --build "$work/user/build" >"$work/user/log" 2>&1 || said "$work/user" "the programs do not build"
# Without data the program says so and fails; that it starts is what counts here.
XGRAD_DATA=$work "$work/user/build/quickstart" 2>&1 | grep -q 'train-images-idx3-ubyte.gz is neither in'
"$work/user/build/caller"
(cd "$work" && "$work/user/build/core")

# With what is for several processes, which only those get who ask for it.
project processes 'find_package(xgrad 0.2 REQUIRED COMPONENTS distributed train)' \
  'add_executable(processes processes.cpp)' \
  'target_link_libraries(processes xgrad::xgrad xgrad::distributed)'
configure "$work/processes" || said "$work/processes" "the component distributed is not found"
cmake --build "$work/processes/build" >"$work/processes/log" 2>&1 ||
  said "$work/processes" "the program for several processes does not build"
"$work/processes/build/processes"
! ldd "$work/user/build/core" | grep -q libmpi || fail "a program without processes needs MPI"

# By pkg-config, and at -O0 under the address sanitizer.
export PKG_CONFIG_PATH=$work/prefix/lib/pkgconfig
if pkg-config --version >/dev/null 2>&1; then
  # shellcheck disable=SC2046
  "$compiler" -std=c++20 -O0 -g1 -fsanitize=address "$work/programs/core.cpp" -o "$work/sanitized" \
    $(pkg-config --cflags --libs xgrad-core)
  (cd "$work" && LD_LIBRARY_PATH=$work/prefix/lib "$work/sanitized")
  test "$(pkg-config --modversion xgrad)" = 0.2.0
  pkg-config --libs xgrad | grep -q -- -lxgrad_train
fi

# Another compiler than the library's.
for other in g++ clang++; do
  if command -v $other >/dev/null; then
    rm -rf "$work/user/build"
    configure "$work/user" -DCMAKE_CXX_COMPILER=$other || said "$work/user" "$other does not find xgrad"
    cmake --build "$work/user/build" --target core >"$work/user/log" 2>&1 ||
      said "$work/user" "$other does not build a program"
    (cd "$work" && "$work/user/build/core")
  fi
done

# Versions that this one does not stand in for.
for version in 0.1 0.3 1.0; do
  project "v$version" "find_package(xgrad $version REQUIRED)"
  ! configure "$work/v$version" || fail "find_package(xgrad $version) takes version 0.2"
  tr -s '\n ' ' ' <"$work/v$version/log" | grep -q "compatible with requested version \"$version\""
done

# Core by itself: no data sets, no pages, and nothing that only these need.
cmake --install "$build" --prefix "$work/core/prefix" --component core >/dev/null
test -e "$work/core/prefix/include/xgrad/nn/nn.hpp"
test ! -e "$work/core/prefix/include/xgrad/report"
test ! -e "$work/core/prefix/include/xgrad/datasets"
mkdir "$work/alone"
cp "$work/programs/core.cpp" "$work/alone"
cat >"$work/alone/CMakeLists.txt" <<'CMAKE'
cmake_minimum_required(VERSION 3.22)
project(alone LANGUAGES CXX)
find_package(xgrad 0.2 REQUIRED COMPONENTS core OPTIONAL_COMPONENTS report)
if(xgrad_report_FOUND)
  message(FATAL_ERROR "report is not installed")
endif()
add_executable(core core.cpp)
target_link_libraries(core PRIVATE xgrad::core)
CMAKE
configure "$work/alone" -DCMAKE_PREFIX_PATH="$work/core/prefix" || said "$work/alone" "core alone is not found"
cmake --build "$work/alone/build" >"$work/alone/log" 2>&1 || said "$work/alone" "core alone does not link"
(cd "$work" && "$work/alone/build/core")
for word in curl archive jpeg png libmd; do
  ! ldd "$work/alone/build/core" | grep -q "$word" || fail "a program on core alone needs $word"
done
project more 'find_package(xgrad 0.2 REQUIRED COMPONENTS core report)'
! configure "$work/more" -DCMAKE_PREFIX_PATH="$work/core/prefix" || fail "report is found without being there"
grep -q 'xgrad has no component report here' "$work/more/log"

# As a folder of another project: no tests, no examples of ours.
project folder "add_subdirectory(\"$source\" xgrad)" \
  'add_executable(core core.cpp)' 'target_link_libraries(core PRIVATE xgrad::core)' \
  "get_property(targets DIRECTORY \"$source\" PROPERTY BUILDSYSTEM_TARGETS)" \
  'message(STATUS "targets: ${targets}")'
configure "$work/folder" || said "$work/folder" "add_subdirectory fails"
grep -qx -- '-- targets: xgrad_options;xgrad_core;xgrad' "$work/folder/log"
cmake --build "$work/folder/build" --target core.o >/dev/null
configure "$work/folder" -DXGRAD_COMPONENTS=core -DBUILD_SHARED_LIBS=ON ||
  said "$work/folder" "add_subdirectory fails with BUILD_SHARED_LIBS"
