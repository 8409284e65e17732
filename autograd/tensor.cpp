#include <xgrad/autograd/backward.hpp>
#include <xgrad/autograd/gradmode.hpp>
#include <xgrad/autograd/parallel.hpp>
#include <xgrad/autograd/profiler.hpp>
#include <xgrad/autograd/raise.hpp>
#include <xgrad/autograd/running.hpp>
#include <xgrad/autograd/sizes.hpp>
#include <xgrad/autograd/strided.hpp>
#include <xgrad/autograd/tape.hpp>
#include <xgrad/autograd/tensor.hpp>

#include <algorithm>
#include <cstring>
#include <limits>
#include <type_traits>

namespace xgrad {
namespace detail {

TensorImpl::TensorImpl(Ref<Storage> memory, std::size_t byte_offset, const Shape& extents,
                       DType type)
    : storage(std::move(memory)),
      offset(byte_offset),
      shape(extents),
      numel(extents.numel()),
      dtype(type) {}

TensorImpl::~TensorImpl() {
  if (!node || node->result(result).retains_grad_of.load(std::memory_order_relaxed) != this) return;
  const std::lock_guard guard(lock());  // a pass may be adding to the gradient
  node->result(result).retains_grad_of = nullptr;
}

constinit thread_local const char* running_operation = nullptr;

namespace {

constexpr const char* why_undefined =
    "default-constructed, moved from, or the grad() of a tensor that no backward() has reached";

}  // namespace

void throw_undefined(const char* accessor) {
  raise<ValueError>("{}: this tensor is undefined: {}", running_or(accessor), why_undefined);
}

void throw_undefined_argument(const char* operation, std::size_t number) {
  raise<ValueError>("{}: argument {} is undefined: {}", operation, number, why_undefined);
}

// Changing values that the tape already relies on would silently give wrong gradients.
void require_changeable(const Tensor& x, const char* operation) {
  const Shape& shape = x.shape();
  require<GraphError>(!is_grad_enabled() || !x.requires_grad(),
                      "{}: would change a tensor {} that requires a gradient, and changes in place "
                      "are not recorded; do it under no_grad, or on x.detach()",
                      operation, shape);
  if (!x.is_contiguous() && has_repetitions(shape, x.strides()))
    raise<ValueError>(
        "{}: several elements of this tensor {} lie in one place in memory (strides {}), as "
        "expand() makes them; change a clone() of it",
        operation, shape, x.strides());
}

}  // namespace detail

void destroy(detail::TensorImpl* impl) noexcept { delete impl; }

Tensor detail::tensor_of(Ref<Storage> storage, std::size_t offset, const Shape& shape,
                         DType dtype) {
  return Tensor(Ref(new TensorImpl(std::move(storage), offset, shape, dtype)));
}

Tensor detail::tensor_of(Ref<Storage> storage, std::size_t offset, const Shape& shape,
                         const Strides& strides, DType dtype) {
  Tensor x = tensor_of(std::move(storage), offset, shape, dtype);
  if (!is_row_major(shape, strides)) x.impl()->view.reset(new ViewStrides{{}, strides});
  return x;
}

Tensor Tensor::empty(const Shape& shape, DType dtype) {
  return detail::tensor_of(Storage::allocate(bytes_of(shape, dtype)), 0, shape, dtype);
}

Strides Tensor::strides() const {
  if (!impl_) detail::throw_undefined("strides");
  return impl_->view ? impl_->view->strides : row_major(impl_->shape);
}

std::int64_t Tensor::size(std::int64_t axis) const {
  if (!impl_) detail::throw_undefined("size");
  return shape()[normalize_axis(axis, shape().size(), "size")];
}

namespace {

/// `instead`: what to do where x is not contiguous.
template <class T>
void require_values(const char* accessor, const Tensor& x, const char* instead) {
  if (!x.defined()) detail::throw_undefined("data");
  require<DTypeError>(x.dtype() == dtype_of<T>(), "data: the tensor {} holds {}, not {}", x.shape(),
                      x.dtype(), dtype_of<T>());
  if (!x.is_contiguous())
    raise<ValueError>(
        "{}: this tensor {} is a view whose values do not lie in row-major order (strides {}); {}",
        accessor, x.shape(), x.strides(), instead);
}

}  // namespace

template <Element T>
const T* Tensor::data() const {
  require_values<T>("data", *this, "take x.contiguous().data<T>()");
  return reinterpret_cast<const T*>(impl_->data());
}

template <Element T>
T* Tensor::mutable_data() const {
  require_values<T>("mutable_data", *this, "change it with copy_() or fill_()");
  return reinterpret_cast<T*>(impl_->storage->change() + impl_->offset);
}

Scalar Tensor::only_value() const {
  if (!impl_) detail::throw_undefined("item");
  require<ShapeError>(numel() == 1, "item: the tensor {} has {} elements, not one", shape(),
                      numel());
  return dispatch(dtype(), [&]<class T>() { return Scalar(*data<T>()); });
}

#define XGRAD_INSTANTIATE(T)              \
  template const T* Tensor::data() const; \
  template T* Tensor::mutable_data() const;
XGRAD_INSTANTIATE(float)
XGRAD_INSTANTIATE(double)
XGRAD_INSTANTIATE(BFloat16)
XGRAD_INSTANTIATE(Float16)
XGRAD_INSTANTIATE(std::int64_t)
XGRAD_INSTANTIATE(std::int32_t)
XGRAD_INSTANTIATE(std::uint8_t)
XGRAD_INSTANTIATE(bool)
#undef XGRAD_INSTANTIATE

bool Tensor::requires_grad() const noexcept {
  return impl_ && (impl_->requires_grad || impl_->node);
}

Tensor Tensor::requires_grad_(bool required) const {
  if (!impl_) detail::throw_undefined("requires_grad_");
  const auto& type = dtype();
  require<GraphError>(is_leaf(),
                      "requires_grad_: this tensor {} is a result of {}; only leaves can be "
                      "switched, take x.detach() first",
                      shape(), is_leaf() ? "" : grad_fn()->name());
  require<DTypeError>(!required || is_floating(type),
                      "requires_grad_: only floating tensors carry gradients, got {}", type);
  impl_->requires_grad = required;
  return *this;
}

bool Tensor::is_leaf() const noexcept { return !impl_ || !impl_->node; }

const Ref<Node>& Tensor::grad_fn() const {
  static const Ref<Node> none;
  return impl_ ? impl_->node : none;
}

Tensor Tensor::grad() const {
  if (!impl_) detail::throw_undefined("grad");
  const detail::LeafState* const state = impl_->extra.if_any();
  if (state == nullptr) return {};
  const std::lock_guard guard(impl_->lock());
  return state->grad;
}

void Tensor::set_grad(const Tensor& gradient) const {
  if (!impl_) detail::throw_undefined("set_grad");
  if (gradient.defined()) {
    require<ShapeError>(gradient.shape() == shape(),
                        "set_grad: the gradient has shape {}, its tensor {}", gradient.shape(),
                        shape());
    require<DTypeError>(gradient.dtype() == dtype(), "set_grad: the gradient is {}, its tensor {}",
                        gradient.dtype(), dtype());
  }
  shape();
  if (!gradient.defined() && impl_->extra.if_any() == nullptr) return;
  Tensor other = gradient;  // the one before ends after the lock does, and its graph with it
  detail::LeafState& state = impl_->extra.get();
  const std::lock_guard guard(impl_->lock());
  std::swap(state.grad, other);
}

void Tensor::retain_grad() const {
  if (!impl_) detail::throw_undefined("retain_grad");
  require<GraphError>(requires_grad(), "retain_grad: this tensor {} does not require a gradient",
                      shape());
  if (!is_leaf()) impl_->node->result(impl_->result).retains_grad_of = impl_.get();
}

void Tensor::backward(const Tensor& gradient, BackwardOptions options) const {
  detail::backward(*this, gradient, options);
}

HookHandle Tensor::register_hook(TensorHook hook) const {
  if (!impl_) detail::throw_undefined("register_hook");
  require<GraphError>(requires_grad(), "register_hook: this tensor {} does not require a gradient",
                      shape());
  HookList<TensorHook>& hooks =
      is_leaf() ? impl_->extra.get().hooks : impl_->node->result(impl_->result).hooks.get();
  return hooks.add("register_hook", std::move(hook));
}

HookHandle Tensor::register_ready_hook(ReadyHook hook) const {
  if (!impl_) detail::throw_undefined("register_ready_hook");
  require<GraphError>(requires_grad() && is_leaf(),
                      "register_ready_hook: this tensor {} is {}; only a leaf that requires a "
                      "gradient gets one that stays",
                      shape(), is_leaf() ? "a constant" : "a result");
  HookHandle handle = impl_->extra.get().ready_hooks.add("register_ready_hook", std::move(hook));
  detail::note_ready_hook();
  return handle;
}

Tensor Tensor::detach() const {
  if (!impl_) detail::throw_undefined("detach");
  return impl_->view ? alias(impl_->shape, impl_->view->strides) : alias(impl_->shape);
}

Tensor Tensor::set_name(std::string name) const {
  if (!impl_) detail::throw_undefined("set_name");
  detail::LeafState& state = impl_->extra.get();
  const std::lock_guard guard(impl_->lock());
  state.name = std::move(name);
  return *this;
}

std::string Tensor::name() const {
  const detail::LeafState* const state = impl_ ? impl_->extra.if_any() : nullptr;
  if (state == nullptr) return {};
  const std::lock_guard guard(impl_->lock());
  return state->name;
}

namespace {

Tensor filled(const Tensor& x, Scalar value, const char* operation) {
  operation = detail::running_or(operation);
  if (!x.defined()) detail::throw_undefined(operation);
  detail::require_changeable(x, operation);
  const profiler::Scope scope(operation, [&] { return profiler::work_on({&x}); });
  dispatch(x.dtype(), [&]<class T>() {
    const T converted = value.to<T>(operation);
    std::byte* const values = x.storage()->change() + x.impl()->offset;
    if (x.is_contiguous())
      detail::parallel_for(
          x.numel(), detail::grain_of(0.05 * sizeof(T)), [=](std::int64_t begin, std::int64_t end) {
            std::fill_n(reinterpret_cast<T*>(values) + begin, end - begin, converted);
          });
    else
      detail::fill({x.shape(), x.strides()}, sizeof(T), &converted, values);
  });
  return x;
}

}  // namespace

Tensor Tensor::fill_(Scalar value) const { return filled(*this, value, "fill_"); }
Tensor Tensor::zero_() const { return filled(*this, 0, "zero_"); }

namespace {

/// C++ leaves open what becomes of a number that int64 does not hold; here it is the lowest of all,
/// which is what the processor's own conversion gives. Smaller integers keep its lower bits.
template <class To, class From>
To converted(From value) {
  if constexpr (!Number<From>) {
    return converted<To>(static_cast<float>(value));
  } else if constexpr (std::is_integral_v<To> && !std::is_same_v<To, bool> &&
                       std::is_floating_point_v<From>) {
    constexpr auto lowest = static_cast<From>(std::numeric_limits<std::int64_t>::min());
    return static_cast<To>(
        static_cast<std::int64_t>(value >= lowest && value < -lowest ? value : lowest));
  } else {
    return static_cast<To>(value);
  }
}

}  // namespace

namespace {

/// target ← source, both contiguous
void convert(const Tensor& source, const Tensor& target) {
  dispatch(target.dtype(), [&]<class To>() {
    // First: of memory that both see, it may take images out of their blocks.
    To* const to = target.mutable_data<To>();
    dispatch(source.dtype(), [&]<class From>() {
      const From* const from = source.data<From>();
      if constexpr (std::is_same_v<From, To>) {
        std::memmove(to, from, static_cast<std::size_t>(target.numel()) * sizeof(To));
      } else {
        std::transform(from, from + target.numel(), to,
                       [](From value) { return converted<To>(value); });
      }
    });
  });
}

}  // namespace

void detail::copy_values(const Tensor& source, const Tensor& target) {
  const profiler::Scope scope("copy_", [&] { return profiler::work_on({&source, &target}); });
  const bool apart = source.storage() != target.storage();
  const std::size_t item = item_size(source.dtype());
  if (source.is_contiguous() && target.is_contiguous()) return convert(source, target);
  if (apart && target.is_contiguous() && source.dtype() == target.dtype()) {
    std::byte* const to = target.storage()->change() + target.impl()->offset;
    return copy_from({source.shape(), source.strides()}, item, source.impl()->data(), to);
  }
  if (target.is_contiguous()) return convert(in_rows(source), target);
  Tensor values = in_rows(source);
  if (values.dtype() != target.dtype() || values.storage() == target.storage()) {
    Tensor own = Tensor::empty(source.shape(), target.dtype());
    convert(values, own);
    values = own;
  }
  std::byte* const to = target.storage()->change() + target.impl()->offset;
  copy_into({target.shape(), target.strides()}, item_size(target.dtype()), values.impl()->data(),
            to);
}

Tensor Tensor::copy_(const Tensor& source) const {
  const detail::Running running("copy_", *this, source);
  detail::require_changeable(*this, "copy_");
  require<GraphError>(!is_grad_enabled() || !source.requires_grad(),
                      "copy_: the source {} requires a gradient, and changes in place are not "
                      "recorded; put results together with cat, stack or where, or copy "
                      "source.detach()",
                      source.shape());
  require<ShapeError>(source.shape() == shape(), "copy_: source has shape {}, this tensor {}",
                      source.shape(), shape());
  detail::copy_values(source, *this);
  return *this;
}

Tensor Tensor::operator=(const Tensor& values) && { return copy_(values); }  // NOLINT
Tensor Tensor::operator=(Scalar value) && { return fill_(value); }           // NOLINT

void Tensor::set_data(const Tensor& source) const {
  const detail::Running running("set_data", *this, source);
  require<GraphError>(is_leaf(), "set_data: this tensor {} is a result of the tape", shape());
  require<DTypeError>(!requires_grad() || is_floating(source.dtype()),
                      "set_data: this tensor requires a gradient, and {} carries none",
                      source.dtype());
  // Of what the tape saved of it, another part or order of one memory: its version has to tell.
  const bool moves = impl_->offset != source.impl_->offset || shape() != source.shape() ||
                     strides() != source.strides();
  if (impl_->storage == source.impl_->storage && moves) impl_->storage->change();
  impl_->storage = source.impl_->storage;
  impl_->offset = source.impl_->offset;
  impl_->shape = source.impl_->shape;
  impl_->numel = source.impl_->numel;
  impl_->dtype = source.impl_->dtype;
  const auto& view = source.impl_->view;
  impl_->view.reset(view ? new detail::ViewStrides(*view) : nullptr);
}

Tensor Tensor::alias(const Shape& shape, std::int64_t offset) const {
  const auto bytes = static_cast<std::size_t>(offset) * item_size(dtype());
  return detail::tensor_of(impl_->storage, impl_->offset + bytes, shape, dtype());
}

Tensor Tensor::alias(const Shape& shape, const Strides& strides, std::int64_t offset) const {
  const auto bytes = static_cast<std::size_t>(offset) * item_size(dtype());
  return detail::tensor_of(impl_->storage, impl_->offset + bytes, shape, strides, dtype());
}

}  // namespace xgrad
