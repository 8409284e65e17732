#include <xgrad/autograd/error.hpp>
#include <xgrad/autograd/text.hpp>

namespace xgrad {

Error::Error(const std::string& message) : message_(visible(message)), what_(message_) {}

void Error::leave_module(std::string_view name, std::string_view type) {
  if (type_.empty()) type_ = type;
  path_ = path_.empty() ? std::string(name) : std::string(name) + '.' + path_;
  what_ = path_ + " (" + type_ + "): " + message_;
}

}  // namespace xgrad
