// Every form of an equation against a sum written out.

#include <functional>
#include <map>

#include "support.hpp"

using namespace support;

namespace {

/// The sum over all values of all letters, by the letters of each operand and of the result.
Tensor written_out(const std::vector<std::string>& names, const std::string& result,
                   const std::vector<Tensor>& x) {
  std::map<char, std::int64_t> extents, at;
  for (std::size_t i = 0; i < x.size(); ++i)
    for (std::size_t axis = 0; axis < names[i].size(); ++axis) {
      auto& extent = extents[names[i][axis]];
      extent = std::max(extent, x[i].shape()[axis]);
    }
  Shape shape;
  for (const char letter : result) shape.push_back(extents[letter]);
  const Tensor y = zeros(shape, {.dtype = float64});
  const auto place = [&](const std::string& letters, const Shape& within) {
    std::int64_t offset = 0;
    for (std::size_t axis = 0; axis < letters.size(); ++axis)
      offset = offset * within[axis] + (within[axis] == 1 ? 0 : at[letters[axis]]);
    return offset;
  };
  std::vector<Tensor> rows;
  for (const Tensor& t : x) rows.push_back(t.contiguous());
  double* const out = y.mutable_data<double>();
  const std::function<void(std::map<char, std::int64_t>::iterator)> sum = [&](auto letter) {
    if (letter == extents.end()) {
      double product = 1;
      for (std::size_t i = 0; i < x.size(); ++i)
        product *= rows[i].data<double>()[place(names[i], x[i].shape())];
      out[place(result, shape)] += product;
      return;
    }
    for (std::int64_t value = 0; value < letter->second; ++value) {
      at[letter->first] = value;
      sum(std::next(letter));
    }
  };
  sum(extents.begin());
  return y;
}

}  // namespace

TEST_CASE("einsum gives the sum that its equation says") {
  struct Case {
    const char* equation;
    std::vector<Shape> shapes;
    std::vector<std::string> names;
    std::string result;
  };
  const std::vector<Case> cases{
      {"ij,jk->ik", {{3, 4}, {4, 5}}, {"ij", "jk"}, "ik"},
      {"ij,jk", {{3, 4}, {4, 5}}, {"ij", "jk"}, "ik"},
      {"ba", {{3, 4}}, {"ba"}, "ab"},
      {"bA", {{3, 4}}, {"bA"}, "Ab"},
      {" i j , j -> i ", {{3, 4}, {4}}, {"ij", "j"}, "i"},
      {"ii", {{3, 3}}, {"ii"}, ""},
      {"ii->i", {{3, 3}}, {"ii"}, "i"},
      {"iijj->ji", {{2, 2, 3, 3}}, {"iijj"}, "ji"},
      {"iji,jj->i", {{2, 3, 2}, {3, 3}}, {"iji", "jj"}, "i"},
      {"ijk->", {{2, 3, 4}}, {"ijk"}, ""},
      {"ij->j", {{3, 4}}, {"ij"}, "j"},
      {"i,j->ij", {{3}, {4}}, {"i", "j"}, "ij"},
      {"i,i", {{3}, {3}}, {"i", "i"}, ""},
      {"bij,bjk->bik", {{2, 3, 4}, {2, 4, 5}}, {"bij", "bjk"}, "bik"},
      {"bhid,bhjd->bhij", {{2, 3, 4, 2}, {2, 3, 5, 2}}, {"bhid", "bhjd"}, "bhij"},
      {"bhij,bhjd->bihd", {{2, 3, 4, 5}, {2, 3, 5, 2}}, {"bhij", "bhjd"}, "bihd"},
      {"ijb,kjb->bki", {{3, 4, 2}, {5, 4, 2}}, {"ijb", "kjb"}, "bki"},
      {"ij,kl->ik", {{2, 3}, {4, 5}}, {"ij", "kl"}, "ik"},
      {"...ij,...jk->...ik", {{2, 3, 4}, {2, 4, 5}}, {"bij", "bjk"}, "bik"},
      {"...ij,jk", {{2, 3, 4}, {4, 5}}, {"bij", "jk"}, "bik"},
      {"i...,i...->...", {{3, 2, 4}, {3, 1, 4}}, {"ibc", "ibc"}, "bc"},
      {"a...b->...ba", {{2, 3, 4, 5}}, {"acdb"}, "cdba"},
      {"...", {{2, 3}}, {"ab"}, "ab"},
      {"...->", {{2, 3}}, {"ab"}, ""},
      {"...i->i", {{2, 3, 4}}, {"abi"}, "i"},
      {"ij,ij->ij", {{3, 1}, {1, 4}}, {"ij", "ij"}, "ij"},
      {"bn,anm,bm->ba", {{2, 3}, {4, 3, 5}, {2, 5}}, {"bn", "anm", "bm"}, "ba"},
      {"ij,jk,kl,lm->im", {{2, 3}, {3, 4}, {4, 2}, {2, 5}}, {"ij", "jk", "kl", "lm"}, "im"},
      {"i,i,i,i,i->", {{3}, {3}, {3}, {3}, {1}}, {"i", "i", "i", "i", "i"}, ""},
      {",->", {{}, {}}, {"", ""}, ""},
      {"", {{}}, {""}, ""}};
  for (const Case& one : cases) {
    CAPTURE(std::string(one.equation));
    std::vector<Tensor> x;
    for (const Shape& shape : one.shapes) x.push_back(normal(shape, x.size() + 1));
    const Tensor y = einsum(one.equation, x);
    const Tensor expected = written_out(one.names, one.result, x);
    CHECK(y.shape() == expected.shape());
    CHECK(allclose(y, expected, 0, 1e-12));
  }
}

TEST_CASE("many operands are joined by cost, and more than ten from left to right") {
  std::vector<Tensor> x;
  std::string equation;
  Tensor expected = ones({2, 2}, {.dtype = float64});
  for (int i = 0; i < 12; ++i) {
    x.push_back(uniform({2, 2}, 0.5, 1, static_cast<std::uint64_t>(i)));
    expected = i == 0 ? x[0] : matmul(expected, x.back());
    equation +=
        std::string(i > 0 ? "," : "") + static_cast<char>('a' + i) + static_cast<char>('b' + i);
    if (i == 9) CHECK(allclose(einsum(equation + "->ak", x), expected, 1e-12));
  }
  CHECK(allclose(einsum(equation + "->am", x), expected, 1e-12));
  // From left to right this would make [1000, 1000, 1000] numbers, 8 GB.
  const Tensor u = normal({1000}, 1), v = normal({1000}, 2), w = normal({1000}, 3);
  const Tensor m = normal({1000, 1000}, 4);
  memory::reset_peak();
  const auto before = memory::statistics().bytes_in_use;
  const Tensor y = einsum("i,j,k,ij,jk->", {u, v, w, m, m});
  CHECK(memory::statistics().peak_bytes_in_use - before < 1'000'000);
  const Tensor left = matmul(u, m) * v;
  CHECK(allclose(y, dot(left, matmul(m, w)), 1e-9));
}

TEST_CASE("what is no equation is told") {
  const Tensor a = zeros({2, 3});
  const auto told = [&](const char* equation, const std::vector<Tensor>& x) {
    return message_of<Error>([&] { einsum(equation, x); });
  };
  CHECK(told("ij,jk->ik", {a}) == "einsum: 'ij,jk->ik' is for 2 operands, 1 are given");
  CHECK(told("i1->i", {a}) ==
        "einsum: 'i1->i' is no equation; an operand has letters and at most one ellipsis");
  CHECK(told("......", {a}).starts_with("einsum: '......' is no equation"));
  CHECK(told("i..j", {a}).starts_with("einsum: 'i..j' is no equation"));
  CHECK(told("ij->i->j", {a}).starts_with("einsum: 'ij->i->j' is no equation"));
  CHECK(told("ijk->i", {a}) ==
        "einsum: 'ijk->i' names 3 axes of operand 0, which has shape [2, 3]");
  CHECK(told("i->i", {a}) == "einsum: 'i->i' names 1 axes of operand 0, which has shape [2, 3]");
  const std::string once = " must name each axis of the result once, and in an operand";
  CHECK(told("ij->ii", {a}) == "einsum: 'ij->ii'" + once);
  CHECK(told("ij->ik", {a}) == "einsum: 'ij->ik'" + once);
  CHECK(told("ii->i", {a}) ==
        "einsum: 'ii->i' takes a diagonal of axes 0 and 1 of shape [2, 3], which differ");
  CHECK(told("ij,ij->i", {a, zeros({2, 4})}) ==
        "einsum: 'ij,ij->i' has an axis of extent 3 and of 4");
  CHECK(told("", {}) == "einsum: no operands");
  CHECK(told("ij", {tensor({{1}})}) ==
        "einsum: operand 0 is int64 and the first int64; all must be of one floating dtype");
}
