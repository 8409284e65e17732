#include <xgrad/autograd/raise.hpp>
#include <xgrad/autograd/running.hpp>
#include <xgrad/datasets/transforms.hpp>
#include <xgrad/datasets/views.hpp>
#include <xgrad/ops/arithmetic.hpp>

namespace xgrad::datasets {

std::vector<View> mirrored_and_shifted(std::int64_t pixels) {
  require<ValueError>(pixels >= 0, "mirrored_and_shifted: {} pixels; it must not be negative",
                      pixels);
  const auto same = [](const Tensor& x) { return x; };
  const auto mirrored = [](const Tensor& x) { return x.flip({-1}); };
  std::vector<View> views;
  for (const Transform& side : {Transform(same), Transform(mirrored)}) {
    if (pixels == 0) {
      views.push_back({0.5, side});
      continue;
    }
    views.push_back({0.25, side});
    for (const std::int64_t offset : {-pixels, pixels})
      views.push_back({0.125, transforms::compose({side, transforms::translate(offset, offset)})});
  }
  return views;
}

Tensor average_views(nn::Module& net, const Tensor& images, const std::vector<View>& views) {
  if (!images.defined()) xgrad::detail::throw_undefined_argument("average_views", 2);
  require<ValueError>(!views.empty(), "average_views: no views");
  Tensor sum;
  for (const View& view : views) {
    const Tensor seen = net(view.transform(images)) * view.weight;
    sum = sum.defined() ? sum + seen : seen;
  }
  return sum;
}

}  // namespace xgrad::datasets
