// agreement [--verbose] [OPERATION…]: compares xgrad with libtorch, all operations or those named.
// --verbose prints every difference, of operations that are named those on purpose as well.
#include <cstdio>
#include <cstring>

#include "agreement.hpp"
#include "quiet.hpp"

int main(int argc, char** argv) {
  std::set<std::string> only;
  bool verbose = false;
  for (int i = 1; i < argc; ++i) {
    if (std::strcmp(argv[i], "--verbose") == 0)
      verbose = true;
    else
      only.insert(argv[i]);
  }
  agreement::be_quiet();
  agreement::Suite suite(only, verbose);
  for (const auto& family :
       {agreement::pointwise,    agreement::activations,   agreement::logic,
        agreement::reductions,   agreement::statistics,    agreement::scans,
        agreement::shapes,       agreement::arrangements,  agreement::indices,
        agreement::sorting,      agreement::products,      agreement::matrices,
        agreement::losses,       agreement::margin_losses, agreement::normalisation,
        agreement::convolutions, agreement::pools,         agreement::resampling,
        agreement::recurrent,    agreement::creation,      agreement::in_place,
        agreement::optimizers,   agreement::schedulers})
    family(suite);
  return suite.report();
}
