#pragma once
#include <xgrad/nn/module.hpp>

#include <iosfwd>
#include <string>
#include <vector>

#pragma GCC visibility push(default)

namespace xgrad::nn {

/// What a network is made of, layer by layer in the order of use.
struct Summary {
  struct Layer {
    std::string path;         ///< "features.0"; "net" for the network itself
    std::string type;         ///< "Conv2d"
    Shape output;             ///< shape it gave
    std::int64_t parameters;  ///< its own, not those of modules below it
  };
  std::vector<Layer> layers;
  Shape input;
  Shape output;
  std::int64_t parameters = 0;  ///< in all, shared ones counted once
  std::int64_t trainable = 0;   ///< of these, requiring gradients
};

/// Runs zeros of `input_shape` (batch included) through the network in evaluation mode, and lists
/// the modules that were called. Float32 unless the network's parameters are float64.
Summary summary(Module& net, const Shape& input_shape);

/// As an aligned table.
std::string to_string(const Summary& summary);
std::ostream& operator<<(std::ostream& stream, const Summary& summary);

namespace detail {
/// "1,234,567".
std::string with_commas(std::int64_t number);
}  // namespace detail

}  // namespace xgrad::nn

#pragma GCC visibility pop
