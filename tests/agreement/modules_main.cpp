// agreement_modules [MODULE…]: compares xgrad's modules with libtorch's, all or those named.
#include <cstdio>

#include "modules.hpp"
#include "quiet.hpp"

int main(int argc, char** argv) {
  agreement::be_quiet();
  agreement::Modules modules({argv + 1, argv + argc});
  for (const auto& family : {agreement::layers, agreement::images, agreement::recurrent_modules,
                             agreement::attention_modules, agreement::loss_modules})
    family(modules);
  return modules.report();
}
