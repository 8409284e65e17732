#pragma once
#include <atomic>
#include <cstdint>
#include <utility>

#pragma GCC visibility push(default)

namespace xgrad {

/// Base of what Ref counts. The count lives in the object, so a handle is one pointer and making
/// an object is one allocation.
class RefCounted {
 public:
  RefCounted() = default;
  RefCounted(const RefCounted&) = delete;
  RefCounted& operator=(const RefCounted&) = delete;

  bool is_unique() const noexcept { return references_.load(std::memory_order_acquire) == 1; }

 private:
  template <class T>
  friend class Ref;
  std::atomic<std::uint32_t> references_{0};
};

/// Shared ownership of a RefCounted T; `destroy(T*)`, found by name lookup, ends its life.
template <class T>
class Ref {
 public:
  Ref() = default;
  explicit Ref(T* object) noexcept : object_(object) { retain(); }
  Ref(const Ref& other) noexcept : object_(other.object_) { retain(); }
  Ref(Ref&& other) noexcept : object_(std::exchange(other.object_, nullptr)) {}
  Ref& operator=(Ref other) noexcept {
    std::swap(object_, other.object_);
    return *this;
  }
  ~Ref() { drop(); }

  /// Takes over a count that release() gave up.
  static Ref adopt(T* object) noexcept {
    Ref ref;
    ref.object_ = object;
    return ref;
  }
  /// Gives the object up, still counted.
  T* release() noexcept { return std::exchange(object_, nullptr); }

  T* get() const noexcept { return object_; }
  T& operator*() const noexcept { return *object_; }
  T* operator->() const noexcept { return object_; }
  explicit operator bool() const noexcept { return object_ != nullptr; }
  friend bool operator==(const Ref& a, const Ref& b) noexcept { return a.object_ == b.object_; }

 private:
  void retain() noexcept {
    if (object_) object_->references_.fetch_add(1, std::memory_order_relaxed);
  }
  void drop() noexcept {
    if (!object_) return;
    // Who has the only handle needs no locked instruction: nobody can make another meanwhile.
    if (object_->is_unique() || object_->references_.fetch_sub(1, std::memory_order_acq_rel) == 1)
      destroy(object_);
  }

  T* object_ = nullptr;
};

}  // namespace xgrad

#pragma GCC visibility pop
