#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

namespace xgrad {

class Tensor;

/// Sees the gradient of a tensor when it is complete; a defined result takes its place.
using TensorHook = std::function<Tensor(const Tensor& gradient)>;

/// Sees a node's input gradients (undefined where none is needed) after its rules ran, and the
/// gradient of its output; may change the former.
using NodeHook = std::function<void(std::vector<Tensor>& input_gradients, const Tensor& gradient)>;

/// Functions in the order they were registered, each removable by its number.
template <class Hook>
class HookList {
 public:
  std::uint64_t add(Hook hook) {
    hooks_.emplace_back(next_, std::move(hook));
    return next_++;
  }
  void remove(std::uint64_t number) {
    std::erase_if(hooks_, [&](const auto& entry) { return entry.first == number; });
  }
  auto begin() const { return hooks_.begin(); }
  auto end() const { return hooks_.end(); }

 private:
  std::vector<std::pair<std::uint64_t, Hook>> hooks_;
  std::uint64_t next_ = 0;
};

/// Registers `hook` in `list`, made if need be, and returns what removes it.
class HookHandle {
 public:
  HookHandle() = default;

  template <class Hook>
  HookHandle(std::shared_ptr<HookList<Hook>>& list, Hook hook) {
    if (!list) list = std::make_shared<HookList<Hook>>();
    remove_ = [weak = std::weak_ptr(list), number = list->add(std::move(hook))] {
      if (auto alive = weak.lock()) alive->remove(number);
    };
  }

  /// The hook runs no more. Dropping the handle does not remove it.
  void remove() {
    if (remove_) std::exchange(remove_, nullptr)();
  }

 private:
  std::function<void()> remove_;
};

/// Hooks that are removed together, at the latest when this dies.
class HookScope {
 public:
  HookScope() = default;
  ~HookScope() {
    for (HookHandle& handle : handles_) handle.remove();
  }
  HookScope(const HookScope&) = delete;
  HookScope& operator=(const HookScope&) = delete;

  void add(HookHandle handle) { handles_.push_back(std::move(handle)); }

 private:
  std::vector<HookHandle> handles_;
};

}  // namespace xgrad
