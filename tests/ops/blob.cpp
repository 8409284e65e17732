// Tensors that see the caller's memory.

#include <xgrad/autograd/layout.hpp>

#include <array>
#include <cstdint>
#include <functional>

#include "support.hpp"

using namespace support;

namespace {

using Values = std::vector<double>;

}  // namespace

TEST_CASE("a tensor of the caller's memory sees it, and changes it in place") {
  std::array<float, 6> memory{1, 2, 3, 4, 5, 6};
  const Tensor x = from_blob(memory.data(), {2, 3});
  CHECK(x.dtype() == float32);
  CHECK(x.data<float>() == memory.data());
  CHECK(values(x) == Values{1, 2, 3, 4, 5, 6});
  memory[0] = 7;
  CHECK(x[0][0].item() == 7);
  x[1].fill_(9);
  CHECK(memory == std::array<float, 6>{7, 2, 3, 9, 9, 9});
  const Tensor turned = from_blob(memory.data(), {3, 2}, Strides{1, 3});
  CHECK(values(turned) == Values{7, 9, 2, 9, 3, 9});
  CHECK(values(from_blob(memory.data(), {2}, Strides{0})) == Values{7, 7});
  std::array<std::int64_t, 2> whole{4, 5};
  CHECK(values(from_blob(whole.data(), {2}, {.dtype = int64})) == Values{4, 5});
  CHECK(from_blob(nullptr, {0, 3}).numel() == 0);
}

TEST_CASE("the deleter is called once, by the last that sees the memory") {
  std::array<double, 4> memory{1, 2, 3, 4};
  std::vector<void*> released;
  const auto release = [&](void* data) { released.push_back(data); };
  Tensor part;
  {
    const Tensor x = from_blob(memory.data(), {4}, release, {.dtype = float64});
    part = x.slice(0, 1, 3);
    const Tensor sum = x + 1;
    CHECK(values(sum) == Values{2, 3, 4, 5});
  }
  CHECK(released.empty());
  CHECK(values(part) == Values{2, 3});
  part = {};
  CHECK(released == std::vector<void*>{memory.data()});
  from_blob(memory.data(), {2}, Strides{2}, release, {.dtype = float64});
  CHECK(released.size() == 2);
}

TEST_CASE("its memory is nobody's to compute in, and what it saved is freed with it") {
  std::array<float, 4> memory{-1, 2, -3, 4};
  CHECK(values(relu(from_blob(memory.data(), {4}))) == Values{0, 2, 0, 4});
  CHECK(values(index_add(from_blob(memory.data(), {4}), 0, tensor({0}), tensor({5.}))) ==
        Values{4, 2, -3, 4});
  const Tensor leaf = zeros({4}).requires_grad_();
  leaf.register_hook([&](const Tensor&) { return from_blob(memory.data(), {4}); });
  sum(leaf).backward();
  sum(leaf).backward();
  CHECK(values(leaf.grad()) == Values{-2, 4, -6, 8});
  CHECK(memory == std::array<float, 4>{-1, 2, -3, 4});
  const auto before = memory::statistics().blocks_in_use;
  {
    const Tensor x = from_blob(memory.data(), {4}, {.requires_grad = true});
    sum(square(x)).backward();
    CHECK(values(x.grad()) == Values{-2, 4, -6, 8});
    const NoGradGuard guard;
    x.copy_(x - x.grad());
  }
  CHECK(memory == std::array<float, 4>{1, -2, 3, -4});
  CHECK(memory::statistics().blocks_in_use == before);
}

TEST_CASE("images that the caller changes are seen as they are, in blocks too") {
  std::vector<float> memory(2 * 16 * 4 * 4, 1.0F);
  const Tensor x = from_blob(memory.data(), {2, 16, 4, 4});
  const Tensor w = full({16, 16, 3, 3}, 0.5);
  const double before = sum(conv2d(x, w, {}, {.padding = 1})).item();
  for (float& value : memory) value = 2;
  CHECK(sum(conv2d(x, w, {}, {.padding = 1})).item() == doctest::Approx(2 * before));
  CHECK(equal(arranged(x, Layout::blocked), full({2, 16, 4, 4}, 2.)));
}

TEST_CASE("from_blob says what it cannot see") {
  std::array<double, 4> memory{};
  CHECK(message_of<ValueError>([] { from_blob(nullptr, {2}); }) ==
        "from_blob: no memory for shape [2]: nullptr");
  auto* const odd = reinterpret_cast<char*>(memory.data()) + 2;
  CHECK(message_of<ValueError>([&] { from_blob(odd, {2}); }) ==
        "from_blob: the memory is not aligned to the 4 bytes of float32");
  CHECK(message_of<ShapeError>([&] {
          from_blob(memory.data(), {2, -1});
        }) == "from_blob: shape [2, -1] has a negative extent");
  CHECK(message_of<ShapeError>([&] {
          from_blob(memory.data(), {2, 1}, Strides{1});
        }) == "from_blob: strides [1] for shape [2, 1]");
  CHECK(message_of<ValueError>([&] { from_blob(memory.data(), {2}, Strides{-1}); }) ==
        "from_blob: strides [-1] go backwards");
  CHECK(message_of<DTypeError>(
            [&] { from_blob(memory.data(), {2}, {.dtype = int64, .requires_grad = true}); }) != "");
}
