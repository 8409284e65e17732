// Tensors, their tape and what lies below operations. Not here: what takes no argument, memory::
// and set_num_threads (tests/autograd), files.

#include <sstream>

#include "hostile.hpp"

using namespace hostile;

TEST_CASE("hostile: tensors") {
  sweep({
      {"shape",
       [](Arguments& from) {
         from.tensor({2, 3}).shape();
       }},
      {"shape",
       [](Arguments& from) {
         from.tensor({2, 3}).dim();
       }},
      {"numel",
       [](Arguments& from) {
         from.tensor({2, 3}).numel();
       }},
      {"dtype",
       [](Arguments& from) {
         from.tensor({2, 3}).dtype();
       }},
      {"size",
       [](Arguments& from) {
         const Tensor x = from.tensor({2, 3});
         x.size(from.size(1));
       }},
      {"data",
       [](Arguments& from) {
         from.tensor({2, 3}).data<float>();
       }},
      {"data",
       [](Arguments& from) {
         from.tensor({2, 3}).mutable_data<float>();
       }},
      {"item", [](Arguments& from) { from.tensor({1}).item(); }},
      {"item", [](Arguments& from) { from.tensor({1}).item<std::int64_t>(); }},
      {"item", [](Arguments& from) { from.tensor({1}).item<unsigned char>(); }},
      {"to_vector",
       [](Arguments& from) {
         from.tensor({2, 3}).to_vector<double>();
       }},
      {"to_vector",
       [](Arguments& from) {
         from.tensor({2, 3}).to_vector<int>();
       }},
      {"requires_grad_",
       [](Arguments& from) {
         from.tensor({2, 3}).requires_grad_(from.flag(true));
       }},
      {"grad",
       [](Arguments& from) {
         from.tensor({2, 3}).grad();
       }},
      {"set_grad",
       [](Arguments& from) {
         Tensor x = from.tensor({2, 3});
         x.set_grad(from.tensor({2, 3}));
       }},
      {"detach",
       [](Arguments& from) {
         Arguments::use(from.tensor({2, 3}).detach());
       }},
      {"set_name",
       [](Arguments& from) {
         Tensor x = from.tensor({2, 3});
         x.set_name(from.text());
       }},
      {"fill_",
       [](Arguments& from) {
         Tensor x = from.tensor({2, 3}, int64);
         x.fill_(from.scalar());
         Arguments::use(x);
       }},
      {"zero_",
       [](Arguments& from) {
         from.tensor({2, 3}).zero_();
       }},
      {"copy_",
       [](Arguments& from) {
         Tensor x = from.tensor({2, 3}, int64);
         Arguments::use(x.copy_(from.tensor({2, 3})));
       }},
      {"set_data",
       [](Arguments& from) {
         Tensor x = from.tensor({2, 3});
         x.set_data(from.tensor({2, 3}));
         Arguments::use(x);
       }},
      {"empty|tensor",
       [](Arguments& from) {
         Tensor::empty(from.shape({2, 3}), from.flag() ? boolean : float64);
       }},
      {"select",
       [](Arguments& from) {
         const Tensor x = from.tensor({2, 3});
         Arguments::use(x[from.size(1)]);
       }},
      {"tensor",
       [](Arguments& from) {
         Arguments::use(from.tensor({2, 3}));
       }},
      {"shape|tensor",
       [](Arguments& from) {
         from.shape({2, 3}).numel();
       }},
      {"hostile",
       [](Arguments& from) {
         const Shape a = from.shape({2, 3});
         broadcast(a, from.shape({1, 3}), "hostile");
       }},
      {"hostile",
       [](Arguments& from) {
         const std::int64_t axis = from.size(1);
         normalize_axis(axis, from.flag() ? 0 : 3, "hostile");
       }},
      {"hostile", [](Arguments& from) { normalize_axes(from.axes({1}), 3, "hostile"); }},
  });
}

TEST_CASE("hostile: numbers and random numbers") {
  sweep({
      {"hostile", [](Arguments& from) { from.scalar().to<std::int64_t>("hostile"); }},
      {"hostile", [](Arguments& from) { from.scalar().to<unsigned char>("hostile"); }},
      {"hostile", [](Arguments& from) { from.scalar().as(int64, "hostile"); }},
      {"number", [](Arguments& from) { to_string(from.scalar()); }},
      {"below",
       [](Arguments& from) { Generator(1).below(static_cast<std::uint64_t>(from.size())); }},
      {"below",
       [](Arguments& from) {
         Generator generator(static_cast<std::uint64_t>(from.size()));
         generator.set_state({7, static_cast<std::uint64_t>(from.size())});
         generator.next();
         std::vector<float> values(9);
         generator.fill_uniform(values);
         generator.fill_normal(values);
       }},
  });
}

TEST_CASE("hostile: the tape") {
  sweep({
      {"backward",
       [](Arguments& from) {
         const Tensor x = ones({2, 3}, {.requires_grad = true});
         const Tensor y = x * 2;
         y.backward(from.tensor({2, 3}));
       }},
      {"backward",
       [](Arguments& from) {
         const Tensor x = ones({}, {.requires_grad = true});
         const Tensor y = from.flag() ? Tensor() : x * 1;
         const Tensor z = from.flag() ? zeros({}) : x * 2;
         backward({y, z}, from.tensors({}));
       }},
      {"grad",
       [](Arguments& from) {
         const Tensor x = ones({2, 3}, {.requires_grad = true});
         const Tensor y = from.flag() ? Tensor() : x * 2;
         grad(y.defined() ? y.sum() : y, from.flag() ? Tensor() : x,
              {.grad_outputs = {from.tensor({})}});
       }},
      {"retain_grad",
       [](Arguments& from) {
         Tensor x = from.flag() ? Tensor() : ones({2}, {.requires_grad = true});
         x.retain_grad();
       }},
      {"register_hook",
       [](Arguments& from) {
         Tensor x = from.flag() ? Tensor() : ones({2}, {.requires_grad = true});
         x.register_hook([](const Tensor&) { return Tensor(); });
       }},
      {"tape_graph",
       [](Arguments& from) {
         to_dot(tape_graph(from.tensor({2, 3})));
       }},
      {"gradcheck",
       [](Arguments& from) {
         const Tensor x = from.tensor({2, 3}, float64);
         std::ostringstream report;
         GradcheckOptions options{.report = &report};
         options.eps = from.real(1e-5);
         options.tolerance = from.real(1e-5);
         gradcheck([](const Tensor& v) { return v * v; }, {x}, options);
       }},
  });
}
