// Attention.

#include <xgrad/ops/attention.hpp>

#include "hostile.hpp"

using namespace hostile;

TEST_CASE("hostile: attention") {
  sweep({{"scaled_dot_product_attention", [](Arguments& from) {
            const Tensor query = from.tensor({2, 3, 4});
            const Tensor key = from.tensor({2, 5, 4});
            const Tensor value = from.tensor({2, 5, 3});
            const Tensor mask = from.tensor({3, 5});
            const double dropout_p = from.real(0);
            const bool causal = from.flag();
            const double scale = from.real();
            Arguments::use(scaled_dot_product_attention(query, key, value,
                                                        {.attn_mask = mask,
                                                         .dropout_p = dropout_p,
                                                         .is_causal = causal,
                                                         .scale = scale,
                                                         .enable_gqa = from.flag()}));
          }}});
}
