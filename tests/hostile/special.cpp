// The functions of special.hpp.

#include "hostile.hpp"

using namespace hostile;

namespace {

using Unary = Tensor (*)(const Tensor&);

}  // namespace

TEST_CASE("hostile: special functions") {
  std::vector<Row> rows;
  for (const auto& [name, f] : std::vector<std::pair<std::string, Unary>>{{"erfinv", erfinv},
                                                                          {"lgamma", lgamma},
                                                                          {"digamma", digamma},
                                                                          {"i0", i0},
                                                                          {"i0e", i0e},
                                                                          {"i1", i1},
                                                                          {"i1e", i1e},
                                                                          {"sinc", sinc}})
    rows.push_back({name, [f = f](Arguments& from) { Arguments::use(f(from.tensor({2, 3}))); }});
  rows.push_back({"logit", [](Arguments& from) {
                    const Tensor x = from.tensor({2, 3});
                    Arguments::use(logit(x, from.real()));
                  }});
  rows.push_back({"logit", [](Arguments& from) { Arguments::use(logit(from.tensor({2, 3}))); }});
  rows.push_back({"polygamma", [](Arguments& from) {
                    const std::int64_t n = from.size();
                    Arguments::use(polygamma(n, from.tensor({2, 3})));
                  }});
  sweep(rows);
}
