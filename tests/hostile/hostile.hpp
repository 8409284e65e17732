#pragma once
// Every public function with arguments that nobody would give on purpose: it returns, or throws an
// xgrad::Error that begins with its name and, where a single number is hostile, tells that. Nothing
// else may come of them.

#include <functional>
#include <string>
#include <vector>

#include "support.hpp"

namespace hostile {

using namespace support;  // NOLINT: as in the other tests

/// Gives arguments: of each the usual one, but for those of this call that are to be hostile.
class Arguments {
 public:
  /// The option of the argument at each position; the others are as usual, option 0.
  struct Deviation {
    std::size_t position;
    std::size_t option;
  };
  explicit Arguments(std::vector<Deviation> deviations = {}) : deviations_(std::move(deviations)) {}

  std::int64_t size(std::int64_t usual = 2);
  std::size_t count(std::size_t usual = 0);
  int integer(int usual = 2);
  double real(double usual = 0.5);
  bool flag(bool usual = false);
  Scalar scalar(Scalar usual = 2);
  Extents<2> pair(Extents<2> usual);
  Shape shape(const Shape& usual);
  Axes axes(const Axes& usual);
  std::vector<std::int64_t> sizes(const std::vector<std::int64_t>& usual);
  std::vector<double> reals(const std::vector<double>& usual);
  std::string text(const std::string& usual = "name");
  std::vector<std::string> texts(const std::vector<std::string>& usual);
  /// Values from 0 on; among the others undefined ones, other dtypes, no and many axes.
  Tensor tensor(const Shape& usual, DType dtype = float32);
  /// int64 zeros; among the others what is no index of anything.
  Tensor index(const Shape& usual);
  std::vector<Tensor> tensors(const Shape& usual);

  /// Looks at a result, all of it.
  static void use(const Tensor& x);
  static void use(const std::vector<Tensor>& list);

  /// How many options there were at each position.
  const std::vector<std::size_t>& options() const { return options_; }
  /// What was given, in words.
  const std::string& described() const { return described_; }
  /// The hostile number that was given last, in words; empty where it was something else.
  const std::string& number() const { return number_; }

 private:
  template <class T>
  struct Option {
    T value;
    std::string number;  ///< in words, where it is one
  };
  template <class T>
  T choose(const std::vector<Option<T>>& options);

  std::vector<Deviation> deviations_;
  std::vector<std::size_t> options_;
  std::string described_;
  std::string number_;
};

struct Row {
  std::string names;  ///< what a message may begin with, separated by |; the first is the row's own
  std::function<void(Arguments&)> call;
  bool computes = false;  ///< with a number before it is refused: it need not be told itself
};

/// Rows of a function of two, tensors or numbers.
void add_binary(std::vector<Row>& rows, const std::string& name,
                Tensor (*f)(const Operand&, const Operand&));

/// Each row as usual (that must succeed), with each argument hostile in every way, and with two of
/// them: all pairs where they are few or XGRAD_TEST_LONG=1, otherwise some, from a fixed seed.
/// XGRAD_HOSTILE=name does one row alone.
void sweep(const std::vector<Row>& rows);

}  // namespace hostile
