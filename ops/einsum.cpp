#include <xgrad/ops/arithmetic.hpp>
#include <xgrad/ops/matmul.hpp>
#include <xgrad/ops/operands.hpp>
#include <xgrad/ops/products.hpp>
#include <xgrad/ops/reduce.hpp>

#include <algorithm>
#include <array>
#include <bit>
#include <limits>
#include <numeric>
#include <string>

namespace xgrad {
namespace {

// A label is a number: A–Z and a–z in this order, then the axes of an ellipsis, from the last one.
using Label = std::size_t;
using Labels = std::vector<Label>;
using LabelSet = std::uint64_t;
constexpr Label of_ellipsis = 52;
constexpr Label label_count = of_ellipsis + Shape::max_size;
static_assert(label_count <= 64);

LabelSet bit(Label label) { return LabelSet{1} << label; }
LabelSet set_of(const Labels& labels) {
  return std::accumulate(labels.begin(), labels.end(), LabelSet{0},
                         [](LabelSet set, Label label) { return set | bit(label); });
}

/// As it is shown in a message.
std::string shown(std::string_view equation) { return std::string(equation.substr(0, 60)); }

/// The subscripts of one operand or of the result.
struct Subscripts {
  Labels before, after;  ///< an ellipsis
  bool has_ellipsis = false;

  std::size_t letters() const { return before.size() + after.size(); }
  /// All, where the ellipsis stands for so many axes.
  Labels with(std::size_t axes) const {
    Labels all = before;
    for (std::size_t i = axes; i-- > 0;) all.push_back(of_ellipsis + i);
    all.insert(all.end(), after.begin(), after.end());
    return all;
  }
};

Subscripts parse(std::string_view text, std::string_view equation) {
  Subscripts result;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const bool upper = c >= 'A' && c <= 'Z';
    if (text.substr(i, 3) == "..." && !result.has_ellipsis) {
      result.has_ellipsis = true;
      i += 2;
    } else {
      require<ValueError>(upper || (c >= 'a' && c <= 'z'),
                          "einsum: '{}' is no equation; an operand has letters and at most one "
                          "ellipsis",
                          shown(equation));
      const auto label = static_cast<Label>(upper ? c - 'A' : 26 + (c - 'a'));
      (result.has_ellipsis ? result.after : result.before).push_back(label);
    }
  }
  return result;
}

struct Equation {
  std::vector<Subscripts> operands;
  Subscripts result;
  bool has_result = false;

  explicit Equation(std::string_view given) {
    std::string text;
    for (const char c : given)
      if (c != ' ') text.push_back(c);
    std::string_view left = text;
    if (const std::size_t arrow = text.find("->"); arrow != std::string::npos) {
      has_result = true;
      left = left.substr(0, arrow);
      result = parse(std::string_view(text).substr(arrow + 2), given);
    }
    for (std::size_t from = 0; from <= left.size();) {
      const std::size_t comma = std::min(left.find(',', from), left.size());
      operands.push_back(parse(left.substr(from, comma - from), given));
      from = comma + 1;
    }
  }
};

/// A tensor with a label for each axis.
struct Term {
  Tensor x;
  Labels labels;
};

Term permuted(const Term& term, const Labels& order) {
  if (order == term.labels) return term;
  Axes axes;
  for (const Label label : order)
    axes.push_back(std::ranges::find(term.labels, label) - term.labels.begin());
  return {permute(term.x, axes), order};
}

/// Axes of one label as their diagonal.
Term without_repeats(Term term, std::string_view equation) {
  for (std::size_t i = 0; i < term.labels.size(); ++i) {
    const auto other = std::find(term.labels.begin() + static_cast<std::ptrdiff_t>(i) + 1,
                                 term.labels.end(), term.labels[i]);
    if (other == term.labels.end()) continue;
    const auto first = static_cast<std::int64_t>(i);
    const auto second = static_cast<std::int64_t>(other - term.labels.begin());
    const std::int64_t n = term.x.size(first);
    require<ShapeError>(n == term.x.size(second),
                        "einsum: '{}' takes a diagonal of axes {} and {} of shape {}, which differ",
                        shown(equation), first, second, term.x.shape());
    Axes order;
    Labels labels;
    Shape shape;
    for (std::int64_t axis = 0; axis < term.x.dim(); ++axis)
      if (axis != first && axis != second) {
        order.push_back(axis);
        shape.push_back(term.x.size(axis));
        labels.push_back(term.labels[static_cast<std::size_t>(axis)]);
      }
    labels.push_back(term.labels[i]);
    order.push_back(first);
    order.push_back(second);
    shape.push_back(n * n);
    term = {slice(reshape(permute(term.x, order), shape), -1, 0, {}, n + 1), labels};
    i = static_cast<std::size_t>(-1);  // from the start again
  }
  return term;
}

/// Sums away what is not in `kept`.
Term summed(const Term& term, LabelSet kept) {
  Axes axes;
  Labels left;
  for (std::size_t i = 0; i < term.labels.size(); ++i)
    if ((kept & bit(term.labels[i])) != 0)
      left.push_back(term.labels[i]);
    else
      axes.push_back(static_cast<std::int64_t>(i));
  return axes.empty() ? term : Term{sum(term.x, axes), left};
}

Labels joined(const Labels& a, const Labels& b, const Labels& c = {}) {
  Labels all = a;
  all.insert(all.end(), b.begin(), b.end());
  all.insert(all.end(), c.begin(), c.end());
  return all;
}

/// Two terms as one, of the labels in `kept`: one product of matrices for each element of what both
/// have and is kept.
class Pair {
 public:
  Pair(const Term& a, const Term& b, LabelSet kept)
      : a_(summed(a, kept | set_of(b.labels))), b_(summed(b, kept | set_of(a.labels))) {
    const LabelSet in_b = set_of(b_.labels);
    for (const Label label : a_.labels) {
      const bool both = (in_b & bit(label)) != 0;
      (!both ? left_ : (kept & bit(label)) != 0 ? batch_ : terms_).push_back(label);
    }
    const LabelSet in_a = set_of(a_.labels);
    std::ranges::copy_if(b_.labels, std::back_inserter(right_),
                         [in_a](Label label) { return (in_a & bit(label)) == 0; });
  }

  Term product() const {
    const Labels labels = joined(batch_, left_, right_);
    require<ShapeError>(labels.size() <= Shape::max_size,
                        "einsum: {} axes between two operands; at most {} are possible",
                        labels.size(), Shape::max_size);
    Shape shape;
    for (const Label label : labels) shape.push_back(extent(label));
    const Tensor a = matrices(a_, left_, terms_);
    const Tensor b = matrices(b_, terms_, right_);
    return {reshape(terms_.empty() ? a * b : matmul(a, b), shape), labels};
  }

 private:
  std::int64_t extent(Label label) const {
    const Term& term = std::ranges::find(a_.labels, label) != a_.labels.end() ? a_ : b_;
    return term.x.size(std::ranges::find(term.labels, label) - term.labels.begin());
  }
  std::int64_t extent(const Labels& labels) const {
    Shape shape;
    for (const Label label : labels) shape.push_back(extent(label));
    return shape.numel();
  }

  /// [batch, rows, columns], read as it lies where it lies as [batch, columns, rows].
  Tensor matrices(const Term& term, const Labels& rows, const Labels& columns) const {
    const auto as = [&](const Labels& first, const Labels& second) {
      const Tensor x = permuted(term, joined(batch_, first, second)).x;
      const std::int64_t m = extent(first);
      const std::int64_t n = extent(second);
      return batch_.empty() ? reshape(x, {m, n}) : reshape(x, {extent(batch_), m, n});
    };
    if (term.labels == joined(batch_, columns, rows)) return transpose(as(columns, rows), -2, -1);
    return as(rows, columns);
  }

  Term a_, b_;
  Labels batch_, left_, right_, terms_;
};

/// Which terms are joined with which, at the least number of multiplications.
class Path {
 public:
  static constexpr std::size_t most = 10;  // terms

  Path(const std::vector<Term>& terms, LabelSet result, const std::array<double, label_count>& size)
      : terms_(terms), result_(result), size_(size) {
    const std::size_t parts = std::size_t{1} << terms.size();
    split_.resize(parts);
    std::vector<double> cost(parts, std::numeric_limits<double>::infinity());
    for (std::size_t part = 1; part < parts; ++part) {
      if (std::has_single_bit(part)) cost[part] = 0;
      for (std::size_t a = (part - 1) & part; a > (part ^ a); a = (a - 1) & part) {
        const double total = cost[a] + cost[part ^ a] + multiplications(kept(a) | kept(part ^ a));
        if (total < cost[part] || split_[part] == 0) {
          cost[part] = total;
          split_[part] = a;
        }
      }
    }
  }

  Term joined() const { return joined((std::size_t{1} << terms_.size()) - 1); }

 private:
  LabelSet labels(std::size_t part) const {
    LabelSet set = 0;
    for (std::size_t i = 0; i < terms_.size(); ++i)
      if ((part >> i & 1) != 0) set |= set_of(terms_[i].labels);
    return set;
  }
  /// What the terms of a part have to do with the others or the result.
  LabelSet kept(std::size_t part) const {
    const std::size_t all = (std::size_t{1} << terms_.size()) - 1;
    return labels(part) & (labels(all ^ part) | result_);
  }
  double multiplications(LabelSet set) const {
    double product = 1;
    for (Label label = 0; label < label_count; ++label)
      if ((set & bit(label)) != 0) product *= size_[label];
    return product;
  }
  Term joined(std::size_t part) const {
    if (std::has_single_bit(part)) return terms_[static_cast<std::size_t>(std::countr_zero(part))];
    const std::size_t later = split_[part];  // what holds the last operand
    return Pair(joined(part ^ later), joined(later), kept(part)).product();
  }

  const std::vector<Term>& terms_;
  LabelSet result_;
  const std::array<double, label_count>& size_;
  std::vector<std::size_t> split_;
};

/// Terms joined from left to right.
Term joined_in_order(const std::vector<Term>& terms, LabelSet result) {
  Term so_far = terms.front();
  for (std::size_t i = 1; i < terms.size(); ++i) {
    LabelSet kept = result;
    for (std::size_t later = i + 1; later < terms.size(); ++later)
      kept |= set_of(terms[later].labels);
    so_far = Pair(so_far, terms[i], kept).product();
  }
  return so_far;
}

void check_operands(const std::vector<Tensor>& operands, const Equation& parsed,
                    std::string_view equation) {
  require<ValueError>(parsed.operands.size() == operands.size(),
                      "einsum: '{}' is for {} operands, {} are given", shown(equation),
                      parsed.operands.size(), operands.size());
  for (std::size_t i = 0; i < operands.size(); ++i) {
    const Tensor& x = operands[i];
    require<DTypeError>(x.dtype() == operands.front().dtype() && is_floating(x.dtype()),
                        "einsum: operand {} is {} and the first {}; all must be of one floating "
                        "dtype",
                        i, x.dtype(), operands.front().dtype());
    const Subscripts& own = parsed.operands[i];
    const auto axes = static_cast<std::size_t>(x.dim());
    require<ShapeError>(own.has_ellipsis ? own.letters() <= axes : own.letters() == axes,
                        "einsum: '{}' names {} axes of operand {}, which has shape {}",
                        shown(equation), own.letters(), i, x.shape());
  }
}

/// The labels of the result, where the ellipses of the operands stand for so many axes.
Labels result_of(const Equation& parsed, const std::vector<Term>& terms, std::size_t axes,
                 std::string_view equation) {
  std::array<int, label_count> times{};
  for (const Term& term : terms)
    for (const Label label : term.labels) ++times[label];
  if (!parsed.has_result) {
    Labels labels = Subscripts{}.with(axes);
    for (Label label = 0; label < of_ellipsis; ++label)
      if (times[label] == 1) labels.push_back(label);
    return labels;
  }
  const Labels labels = parsed.result.with(parsed.result.has_ellipsis ? axes : 0);
  for (const Label label : labels)
    require<ValueError>(times[label] > 0 && std::ranges::count(labels, label) == 1,
                        "einsum: '{}' must name each axis of the result once, and in an operand",
                        shown(equation));
  return labels;
}

/// The extent of each label; axes of extent 1 are dropped where they broadcast.
std::array<double, label_count> meet(std::vector<Term>& terms, std::string_view equation) {
  std::array<std::int64_t, label_count> extents;
  extents.fill(1);
  for (const Term& term : terms)
    for (std::size_t i = 0; i < term.labels.size(); ++i) {
      std::int64_t& extent = extents[term.labels[i]];
      const std::int64_t own = term.x.shape()[i];
      require<ShapeError>(own == 1 || extent == 1 || own == extent,
                          "einsum: '{}' has an axis of extent {} and of {}", shown(equation),
                          extent, own);
      if (own != 1) extent = own;
    }
  for (Term& term : terms) {
    Axes dropped;
    Labels left;
    for (std::size_t i = 0; i < term.labels.size(); ++i)
      if (term.x.shape()[i] == 1 && extents[term.labels[i]] != 1)
        dropped.push_back(static_cast<std::int64_t>(i));
      else
        left.push_back(term.labels[i]);
    if (!dropped.empty()) term = {squeeze(term.x, dropped), left};
  }
  std::array<double, label_count> sizes;
  std::ranges::transform(extents, sizes.begin(), [](auto n) { return static_cast<double>(n); });
  return sizes;
}

}  // namespace

Tensor einsum(std::string_view equation, const std::vector<Tensor>& operands) {
  const detail::Running running("einsum", operands);
  require<ValueError>(!operands.empty(), "einsum: no operands");
  const Equation parsed(equation);
  check_operands(operands, parsed, equation);
  std::vector<Term> terms;
  std::size_t most_axes = 0;
  for (std::size_t i = 0; i < operands.size(); ++i) {
    const Subscripts& own = parsed.operands[i];
    const std::size_t axes = operands[i].shape().size() - own.letters();
    most_axes = std::max(most_axes, axes);
    const bool is_wide = !is_half(operands[i].dtype());
    terms.push_back({is_wide ? operands[i] : to(operands[i], float32), own.with(axes)});
  }
  const Labels labels = result_of(parsed, terms, most_axes, equation);
  for (Term& term : terms) term = without_repeats(term, equation);
  const auto sizes = meet(terms, equation);
  const LabelSet result = set_of(labels);
  const Term all = terms.size() <= Path::most ? Path(terms, result, sizes).joined()
                                              : joined_in_order(terms, result);
  return to(permuted(summed(all, result), labels).x, operands.front().dtype());
}

}  // namespace xgrad
