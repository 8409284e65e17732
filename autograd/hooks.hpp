#pragma once
#include <xgrad/autograd/locks.hpp>

#include <algorithm>
#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <utility>
#include <vector>

#pragma GCC visibility push(default)

namespace xgrad {

class Tensor;

/// Sees the gradient of a tensor when it is complete; a defined result takes its place.
using TensorHook = std::function<Tensor(const Tensor& gradient)>;

/// Sees a node's input gradients (undefined where none is needed) after its rules ran, and the
/// gradients of its results (undefined where nothing depends on one); may change the former.
using NodeHook =
    std::function<void(std::vector<Tensor>& input_gradients, std::span<const Tensor> gradients)>;

/// Sees a leaf whose grad() is complete, while the pass goes on.
using ReadyHook = std::function<void(const Tensor& leaf)>;

/// What removes a hook.
class HookHandle {
 public:
  HookHandle() = default;
  explicit HookHandle(std::function<void()> remove) : remove_(std::move(remove)) {}

  /// The hook is not called any more; where another thread is in it, that call goes on. Dropping
  /// the handle does not remove it.
  void remove() {
    if (remove_) std::exchange(remove_, nullptr)();
  }

 private:
  std::function<void()> remove_;
};

namespace detail {
/// ValueError where a function that a user gives to `operation` is empty.
void require_hook(bool given, const char* operation);
}  // namespace detail

/// Functions in the order they were registered. While they run, they and other threads may register
/// more, which wait for the next run, and remove any, which are left out from then on.
template <class Hook>
class HookList {
 public:
  /// ValueError, in the name of `operation`, for an empty function.
  HookHandle add(const char* operation, Hook hook) {
    detail::require_hook(static_cast<bool>(hook), operation);
    const auto entry = std::make_shared<Entry>(std::move(hook));
    {
      const std::lock_guard lock(detail::mutex_of(this));
      auto grown = entries_ ? std::make_shared<Entries>(*entries_) : std::make_shared<Entries>();
      std::erase_if(*grown, [](const auto& e) { return !e->is_registered(); });
      grown->push_back(entry);
      entries_ = std::move(grown);
      is_used_.store(true, std::memory_order_release);
    }
    return HookHandle([weak = std::weak_ptr(entry)] {
      if (const auto alive = weak.lock()) alive->remove();
    });
  }

  bool empty() const {
    const auto entries = present();
    return !entries ||
           std::ranges::none_of(*entries, [](const auto& entry) { return entry->is_registered(); });
  }

  /// Calls f with each.
  template <class F>
  void each(const F& f) const {
    if (const auto entries = present())
      for (const auto& entry : *entries)
        if (const auto hook = entry->hook()) f(*hook);
  }

 private:
  class Entry {
   public:
    explicit Entry(Hook hook) : hook_(std::make_shared<const Hook>(std::move(hook))) {}

    bool is_registered() const { return is_registered_.load(std::memory_order_acquire); }
    std::shared_ptr<const Hook> hook() const {
      const std::lock_guard lock(detail::mutex_of(this));
      return hook_;
    }
    void remove() {
      std::shared_ptr<const Hook> last;  // what it holds ends after the lock does
      const std::lock_guard lock(detail::mutex_of(this));
      is_registered_.store(false, std::memory_order_release);
      last.swap(hook_);
    }

   private:
    std::shared_ptr<const Hook> hook_;
    std::atomic<bool> is_registered_{true};
  };
  using Entries = std::vector<std::shared_ptr<Entry>>;

  std::shared_ptr<const Entries> present() const {
    if (!is_used_.load(std::memory_order_acquire)) return nullptr;
    const std::lock_guard lock(detail::mutex_of(this));
    return entries_;
  }

  std::shared_ptr<const Entries>
      entries_;  // replaced, never changed: a run reads what it began with
  std::atomic<bool> is_used_{false};
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

#pragma GCC visibility pop
