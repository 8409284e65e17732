// norm.hpp: what layers compute. Convolutions, pools and others are a line each here.
#include "kinds.hpp"

namespace agreement {

void layers(Suite& s) {
  using xgrad::Shape;
  for (const Shape& shape : {Shape{4, 3}, Shape{2, 3, 4}, Shape{2, 3, 2, 2}, Shape{0, 3},
                             Shape{1, 3}, Shape{3}, Shape{2, 3, 0}, Shape{1, 3, 2}})
    for (const bool training : {true, false})
      for (const xgrad::DType dtype : {xgrad::float64, xgrad::float32})
        check(
            s, "batch_norm",
            {random(shape, dtype), random({3}, dtype, 0.5, 2, 2), random({3}, dtype, -1, 1, 3)},
            training ? "training" : "",
            [=](const Ours& x) {
              const xgrad::Tensor mean = xgrad::zeros({3}, {.dtype = dtype});
              const xgrad::Tensor var = xgrad::ones({3}, {.dtype = dtype});
              return Ours{xgrad::batch_norm(x[0], mean, var, x[1], x[2], {.training = training}),
                          mean, var};
            },
            [=](const Theirs& x) {
              const at::Tensor mean = at::zeros({3}, x[0].options().requires_grad(false));
              const at::Tensor var = at::ones({3}, x[0].options().requires_grad(false));
              return Theirs{at::batch_norm(x[0], x[1], x[2], mean, var, training, 0.1, 1e-5, false),
                            mean, var};
            });
}

}  // namespace agreement
