#include "support.hpp"

using namespace support;

TEST_CASE("the tape is drawn with names and shapes") {
  Tensor w = zeros({3, 4}, {.requires_grad = true}).set_name("fc.\"weight\"");
  const Tensor loss = (w * w).sum();
  const std::string text = to_dot(loss);
  CHECK(text.starts_with("digraph tape {"));
  CHECK(text.ends_with("}\n"));
  CHECK(text.find("label=\"mul\\n[3, 4]\"") != std::string::npos);
  CHECK(text.find("label=\"sum\\n[]\"") != std::string::npos);
  CHECK(text.find("fc.\\\"weight\\\"\\n[3, 4]") != std::string::npos);
  CHECK(to_dot(zeros({2})).find("result") != std::string::npos);
}
