#include <cmath>
#include <limits>

#include "support.hpp"

using namespace support;

using Values = std::vector<double>;

TEST_CASE("products by hand") {
  const Tensor a = tensor({{1., 2.}, {3., 4.}});
  const Tensor b = tensor({{5., 6.}, {7., 8.}});
  const Tensor v = tensor({1., -1.});
  CHECK(values(mm(a, b)) == Values{19, 22, 43, 50});
  CHECK(values(a.mm(b)) == Values{19, 22, 43, 50});
  CHECK(values(stack({a, b}).bmm(stack({b, a}))) == Values{19, 22, 43, 50, 23, 34, 31, 46});
  CHECK(values(mv(a, v)) == Values{-1, -1});
  CHECK(v.dot(tensor({3., 5.})).item() == -2);
  CHECK(vdot(v, v).item() == 2);
  CHECK(values(outer(v, tensor({2., 3., 4.}))) == Values{2, 3, 4, -2, -3, -4});
  CHECK(values(outer(tensor({1, 2}), tensor({3}))) == Values{3, 6});
  CHECK(values(inner(a, v)) == Values{-1, -1});
  CHECK(values(inner(a, b)) == Values{17, 23, 39, 53});
  CHECK(values(addmm(v, a, b, 2, 0.5)) == Values{11.5, 9, 23.5, 23});
  CHECK(values(addmm(full({2}, NAN), a, b, 0)) == Values{19, 22, 43, 50});
  CHECK(values(addmv(v, a, v, -1)) == Values{-2, 0});
  CHECK(values(baddbmm(zeros({1}), a.unsqueeze(0), b.unsqueeze(0))) == Values{19, 22, 43, 50});
  CHECK(trace(a).item() == 5);
  CHECK(trace(tensor({{1, 2, 3}, {4, 5, 6}})).item<int>() == 6);
  CHECK(trace(tensor({{1, 2}, {3, 4}, {5, 6}})).dtype() == int64);
  CHECK(values(kron(tensor({1., 2.}), tensor({{1., 10.}, {0., -1.}}))) ==
        Values{1, 10, 2, 20, 0, -1, 0, -2});
  CHECK(values(cross(tensor({1., 0., 0.}), tensor({0., 1., 0.}))) == Values{0, 0, 1});
  CHECK(values(cross(tensor({2., 3., 4.}), tensor({5., 6., 7.}))) == Values{-3, 6, -3});
  CHECK(values(tensordot(a, b)) == Values{70});
  CHECK(values(tensordot(a, b, {0}, {1})) == Values{23, 31, 34, 46});
  CHECK(tensordot(a, b, 0).shape() == Shape{2, 2, 2, 2});
}

TEST_CASE("what does not fit is told") {
  const Tensor a = zeros({2, 3});
  CHECK(message_of<ShapeError>([&] { mm(a, a); }) == "mm: shapes [2, 3] and [2, 3] do not fit");
  CHECK(message_of<ShapeError>([&] { mm(a, zeros({3})); }) ==
        "mm: shapes [2, 3] and [3]; the left must have 2 axes, the right 2");
  CHECK(message_of<ShapeError>([] {
          bmm(zeros({2, 2, 3}), zeros({1, 3, 2}));
        }) == "bmm: shapes [2, 2, 3] and [1, 3, 2] do not fit");
  CHECK(message_of<DTypeError>([&] { mm(a, a.to(float64)); }) ==
        "mm: operands are float32 and float64; convert one with x.to()");
  CHECK(message_of<DTypeError>([] { dot(tensor({1}), tensor({2})); }) ==
        "dot: takes floating tensors, got int64");
  CHECK(message_of<ShapeError>([&] {
          addmm(zeros({3, 2, 2}), a, a.t());
        }) == "addmm: [3, 2, 2] does not broadcast to the product's shape [2, 2]");
  CHECK(message_of<ValueError>([&] { tensordot(a, a, 3); }) ==
        "tensordot: 3 axes of shapes [2, 3] and [2, 3]; both must have as many");
  CHECK(message_of<ValueError>([&] {
          tensordot(a, a, {0, -2}, {0, 1});
        }) == "tensordot: axis -2 of shape [2, 3] is named twice");
  CHECK(message_of<ShapeError>([&] { cross(a, a, 0); }) ==
        "cross: axis 0 of shapes [2, 3] and [2, 3] must be 3 long");
  CHECK(message_of<ShapeError>([] { trace(zeros({2})); }) == "trace: shape [2]; it takes a matrix");
  CHECK(message_of<ShapeError>([] {
          kron(zeros({1, 1, 1, 1, 1}), zeros({2}));
        }) == "kron: shapes [1, 1, 1, 1, 1] and [2]; at most 4 axes");
  CHECK(message_of<ShapeError>([&] {
          multi_dot({a, a});
        }) == "multi_dot: a matrix of 3 columns before shape [2, 3]");
  CHECK(message_of<ValueError>([] { chain_matmul({}); }) == "chain_matmul: no matrices");
  CHECK(message_of<ValueError>([&] { cdist(a, a, -1); }) ==
        "cdist: p is -1; it must not be negative");
}

TEST_CASE("products of many matrices are those in any order") {
  const std::vector<Tensor> chain{normal({7, 30}, 1), normal({30, 2}, 2), normal({2, 40}, 3),
                                  normal({40, 5}, 4), normal({5, 5}, 5)};
  Tensor expected = chain[0];
  for (std::size_t i = 1; i < chain.size(); ++i) expected = matmul(expected, chain[i]);
  CHECK(allclose(multi_dot(chain), expected, 1e-12));
  CHECK(multi_dot({normal({3}), normal({3, 4}), normal({4})}).shape() == Shape{});
  CHECK(chain_matmul({chain[0]}).shape() == Shape{7, 30});
}

TEST_CASE("distances by a product of matrices are those by differences") {
  // Far from 0, where squares alone would leave few digits.
  const Tensor a = normal({40, 3}, 1) + 1000;
  const Tensor b = normal({30, 3}, 2) + 1000;
  const auto exact = [](const Tensor& u, const Tensor& v) {
    return norm(u.unsqueeze(1) - v.unsqueeze(0), 2, -1);
  };
  CHECK(allclose(cdist(a, b), exact(a, b), 0, 1e-11));
  CHECK(equal(cdist(a.slice(0, 0, 25), b.slice(0, 0, 25)),
              exact(a.slice(0, 0, 25), b.slice(0, 0, 25))));
  const Tensor u = a.clone().requires_grad_();
  const Tensor v = a.clone().requires_grad_();
  cdist(u, b).sum().backward();
  exact(v, b).sum().backward();
  CHECK(allclose(u.grad(), v.grad(), 0, 1e-10));
  // At a distance of 0 there is no gradient.
  const Tensor same = tensor({{1., 2.}}, {.requires_grad = true});
  cdist(same, same).sum().backward();
  CHECK(values(same.grad()) == Values{0, 0});
  const Tensor x = tensor({{0., 0.}}), y = tensor({{3., -4.}});
  CHECK(cdist(x, y, 1).item() == 7);
  CHECK(cdist(x, y, std::numeric_limits<double>::infinity()).item() == 4);
  CHECK(cdist(x, y, 0).item() == 2);
  CHECK(cdist(normal({3, 1, 2, 4}), normal({5, 6, 4})).shape() == Shape{3, 5, 2, 6});
  // One row that is not finite leaves the others what they are.
  Tensor broken = a.clone();
  broken.slice(0, 3, 4).fill_(NAN);
  const Tensor d = cdist(broken, b);
  CHECK(std::isnan(d[3][0].item()));
  CHECK(allclose(d.slice(0, 4), exact(a, b).slice(0, 4), 0, 1e-8));
}
