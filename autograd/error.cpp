#include <xgrad/autograd/error.hpp>

namespace xgrad {

void Error::leave_module(std::string_view name, std::string_view type) {
  if (type_.empty()) type_ = type;
  path_ = path_.empty() ? std::string(name) : std::string(name) + '.' + path_;
  what_ = path_ + " (" + type_ + "): " + message_;
}

}  // namespace xgrad
