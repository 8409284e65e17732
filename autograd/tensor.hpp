#pragma once
#include <xgrad/autograd/dtype.hpp>
#include <xgrad/autograd/hooks.hpp>
#include <xgrad/autograd/locks.hpp>
#include <xgrad/autograd/ref.hpp>
#include <xgrad/autograd/scalar.hpp>
#include <xgrad/autograd/shape.hpp>
#include <xgrad/autograd/small.hpp>
#include <xgrad/autograd/storage.hpp>

#include <concepts>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

// Some C headers have macros of these names.
#pragma push_macro("max")
#pragma push_macro("min")
#pragma push_macro("round")
#undef max
#undef min
#undef round

#pragma GCC visibility push(default)

namespace xgrad {

class Generator;  // autograd/random.hpp
class Node;
class Tensor;
struct Ranked;  // ops/ranked.hpp
namespace indexing {
class TensorIndex;  // ops/indexing.hpp
}
namespace detail {
struct TensorImpl;
struct LeafState;
}  // namespace detail

void destroy(detail::TensorImpl* impl) noexcept;
void destroy(Node* node) noexcept;

struct BackwardOptions {
  bool retain_graph = false;  ///< keep what the graph saved, for another pass
  /// Record the pass itself, for higher derivatives. A leaf's grad() then owns the graph that owns
  /// the leaf: clear it when done (zero_grad(), set_grad({})), or their memory stays. The free
  /// function grad() gives derivatives that do not.
  bool create_graph = false;
};

/// An n-dimensional array: a cheap handle to memory that others may share. Copying a Tensor copies
/// the handle, and a const one is a handle that stays: what it is of may change through it;
/// transpose, slice, expand and the like give views, which see the same memory in another order or
/// in part. A default-constructed one is undefined: it has no shape and no values.
///
/// Operations on tensors that require gradients are recorded on the tape; backward() on a scalar
/// result fills grad() of the leaves it was computed from.
///
/// Several threads may compute with one tensor and run backward passes that reach the same leaves,
/// over graphs of their own or a shared one: grad() is then the sum of all, added in the order in
/// which the passes end, so that its last bits may differ from run to run (with two passes, and no
/// gradient before, they do not). For the same bits every time, let each thread call the free
/// function grad() and add the results in an order of your own. grad(), set_grad(), name(),
/// set_name() and hooks may be used meanwhile. What changes values (mutable_data(), everything in
/// place, an optimiser's step), set_data(), requires_grad_() and assigning one handle is for one
/// thread while no other uses the tensor.
class Tensor {
 public:
  Tensor() = default;
  Tensor(const Tensor&) = default;
  Tensor(Tensor&&) noexcept = default;
  ~Tensor() = default;
  Tensor& operator=(const Tensor&) & = default;
  Tensor& operator=(Tensor&&) & noexcept = default;
  /// `x[0] = y` and `x[0] = 7` change x: what is assigned to a temporary is copied into its memory,
  /// as by copy_() and fill_().
  Tensor operator=(const Tensor& values) &&;  // NOLINT: a reference to a temporary would dangle
  Tensor operator=(Scalar value) &&;          // NOLINT

  /// Uninitialised values.
  static Tensor empty(const Shape& shape, DType dtype = float32);

  bool defined() const noexcept { return static_cast<bool>(impl_); }
  const Shape& shape() const;
  const Shape& sizes() const { return shape(); }
  /// Extent of `axis`, which may count from the back.
  std::int64_t size(std::int64_t axis) const;
  /// Number of axes.
  std::int64_t dim() const;
  std::int64_t numel() const;
  DType dtype() const;
  /// How far apart in memory, in elements, neighbours along each axis lie; 0 along an axis that
  /// expand() repeats.
  Strides strides() const;
  /// Whether the values lie in row-major order without gaps, as those of all tensors do but of some
  /// views.
  bool is_contiguous() const;

  /// The values in row-major order; DTypeError unless T is the tensor's type, ValueError where they
  /// do not lie so: x.contiguous().data<T>() then.
  template <Element T>
  const T* data() const;
  /// The values, to change: what the tape saved of this memory counts as changed. Ask again for
  /// each round of changes: what is written later through an old pointer goes unnoticed.
  template <Element T>
  T* mutable_data() const;
  /// The only value of a one-element tensor as any arithmetic type: rounded, truncated, or compared
  /// with 0, as Scalar::to has it. ShapeError where there are more, ValueError where an integer T
  /// does not hold it.
  template <Number T = double>
  T item() const {
    return only_value().template to<T>("item");
  }
  /// All values in row-major order, each converted as item() does it.
  template <Number T>
  std::vector<T> to_vector() const;

  // ---- the tape

  bool requires_grad() const noexcept;
  /// Makes this leaf collect a gradient (or not). GraphError on a result of the tape,
  /// DTypeError on integers.
  Tensor requires_grad_(bool required = true) const;
  bool is_leaf() const noexcept;
  /// What recorded this tensor; nullptr for leaves.
  const Ref<Node>& grad_fn() const;

  /// The gradient collected so far; undefined before the first backward().
  Tensor grad() const;
  /// Replaces it; an undefined tensor clears it. ShapeError, DTypeError where it does not fit.
  void set_grad(const Tensor& gradient) const;
  /// Makes a result of the tape keep its gradient in grad() too.
  void retain_grad() const;

  /// Fills grad() of every leaf that this scalar was computed from. A tensor of more than one
  /// element needs the gradient to start with. GraphError where there is no graph, or it was freed.
  void backward(const Tensor& gradient = {}, BackwardOptions options = {}) const;

  /// Calls `hook` with this tensor's gradient in every pass that works it out: of backward(), and
  /// of grad() where this tensor is an input or lies between.
  HookHandle register_hook(TensorHook hook) const;

  /// Calls `hook` with this leaf in every backward() that reaches it, as soon as the last gradient
  /// has arrived and grad() is complete, while the pass goes on to other leaves. Where the pass
  /// fails afterwards, this leaf keeps what it got. GraphError unless this is a leaf that requires
  /// a gradient.
  HookHandle register_ready_hook(ReadyHook hook) const;

  /// The same values off the tape; memory is shared.
  Tensor detach() const;

  /// A name for to_dot() and error messages.
  Tensor set_name(std::string name) const;
  std::string name() const;

  // ---- changes in place: not recorded, so a GraphError where the tape would need them, or where
  // ---- `source` requires a gradient. Whatever shares the memory sees them. ValueError where
  // ---- several elements lie in one place, as in the result of expand().

  /// As Scalar::to converts: a fraction is truncated in an integer tensor; ValueError for NaN,
  /// infinities and what an integer dtype does not hold.
  Tensor fill_(Scalar value) const;
  Tensor zero_() const;
  /// Takes over the values of `source`: same shape, any dtype; the two may overlap. Fractions are
  /// truncated in an integer tensor; NaN and what int64 does not hold become its lowest value, as
  /// in PyTorch, and a smaller integer keeps the lower bits.
  Tensor copy_(const Tensor& source) const;
  /// Random numbers (defined in ops/random.cpp), from the default generator unless one is given.
  /// What is not floating is a DTypeError, but for bernoulli_; 16 bits get what float32 gets,
  /// rounded.
  ///
  /// Uniform in [from, to), the bounds as this dtype has them; `from` if that leaves nothing
  /// between. ValueError unless from ≤ to and both are finite in that dtype.
  Tensor uniform_(double from = 0, double to = 1, Generator* generator = nullptr) const;
  /// ValueError for a negative deviation.
  Tensor normal_(double mean = 0, double std = 1, Generator* generator = nullptr) const;
  /// Of mean 1 / lambd, above 0. ValueError unless lambd is.
  Tensor exponential_(double lambd = 1, Generator* generator = nullptr) const;
  /// 1 with probability p, else 0. ValueError for one outside [0, 1]; a tensor of them broadcasts.
  Tensor bernoulli_(double p = 0.5, Generator* generator = nullptr) const;
  Tensor bernoulli_(const Tensor& p, Generator* generator = nullptr) const;
  /// Points this handle and its copies to the values of `source`; keeps the gradient requirement.
  void set_data(const Tensor& source) const;

  // ---- operations (defined in ops/methods.cpp; documented with the free functions)

  Tensor to(DType dtype) const;
  Tensor clone() const;
  Tensor contiguous() const;
  Tensor reshape(const Shape& shape) const;
  Tensor view(const Shape& shape) const;
  Tensor flatten(std::int64_t start = 0, std::int64_t end = -1) const;
  Tensor transpose(std::int64_t axis0, std::int64_t axis1) const;
  Tensor t() const;
  Tensor permute(const Axes& axes) const;
  Tensor squeeze(const Axes& axes = {}) const;
  Tensor unsqueeze(std::int64_t axis) const;
  Tensor expand(const Shape& shape) const;
  Tensor slice(std::int64_t axis, std::int64_t start, std::optional<std::int64_t> end = {},
               std::int64_t step = 1) const;
  Tensor select(std::int64_t axis, std::int64_t index) const;
  Tensor operator[](std::int64_t index) const;
  std::vector<Tensor> split(std::int64_t size, std::int64_t axis = 0) const;
  std::vector<Tensor> chunk(std::int64_t chunks, std::int64_t axis = 0) const;
  Tensor index_select(std::int64_t axis, const Tensor& index) const;
  Tensor gather(std::int64_t axis, const Tensor& index) const;
  Tensor flip(const Axes& axes) const;
  Tensor repeat(const Shape& repeats) const;
  Tensor narrow(std::int64_t axis, std::int64_t start, std::int64_t length) const;
  Tensor roll(const Axes& shifts, const Axes& axes = {}) const;
  Tensor tril(std::int64_t diagonal = 0) const;
  Tensor triu(std::int64_t diagonal = 0) const;
  Tensor index(const std::vector<indexing::TensorIndex>& indices) const;
  /// In place, as copy_() is.
  Tensor index_put_(const std::vector<indexing::TensorIndex>& indices, const Tensor& values,
                    bool accumulate = false) const;
  Tensor index_put_(const std::vector<indexing::TensorIndex>& indices, Scalar value,
                    bool accumulate = false) const;
  Tensor masked_fill(const Tensor& mask, Scalar value) const;
  Tensor masked_fill(const Tensor& mask, const Tensor& value) const;
  Ranked sort(std::int64_t axis = -1, bool descending = false) const;
  Tensor argsort(std::int64_t axis = -1, bool descending = false) const;
  Ranked topk(std::int64_t k, std::int64_t axis = -1, bool largest = true,
              bool sorted = true) const;

  Tensor neg() const;
  Tensor abs() const;
  Tensor exp() const;
  Tensor log() const;
  Tensor sqrt() const;
  Tensor square() const;
  Tensor reciprocal() const;
  Tensor rsqrt() const;
  Tensor log1p() const;
  Tensor expm1() const;
  Tensor sin() const;
  Tensor cos() const;
  Tensor tan() const;
  Tensor floor() const;
  Tensor ceil() const;
  Tensor round(std::int64_t decimals = 0) const;
  Tensor tanh() const;
  Tensor sigmoid() const;
  Tensor relu() const;
  Tensor pow(Scalar exponent) const;
  Tensor pow(const Tensor& exponent) const;
  Tensor clamp(std::optional<Scalar> min, std::optional<Scalar> max = {}) const;

  Tensor sum(const Axes& axes = {}, bool keepdim = false) const;
  Tensor mean(const Axes& axes = {}, bool keepdim = false) const;
  Tensor var(const Axes& axes = {}, std::int64_t correction = 1, bool keepdim = false) const;
  Tensor prod(const Axes& axes = {}, bool keepdim = false) const;
  Tensor max(const Axes& axes = {}, bool keepdim = false) const;
  Tensor min(const Axes& axes = {}, bool keepdim = false) const;
  template <std::integral T>
  Ranked max(T axis, bool keepdim = false) const;
  template <std::integral T>
  Ranked min(T axis, bool keepdim = false) const;
  Tensor amax(const Axes& axes = {}, bool keepdim = false) const;
  Tensor amin(const Axes& axes = {}, bool keepdim = false) const;
  Tensor std(const Axes& axes = {}, std::int64_t correction = 1, bool keepdim = false) const;
  Tensor norm(Scalar p = 2, const Axes& axes = {}, bool keepdim = false) const;
  Tensor cumsum(std::int64_t axis) const;
  Tensor logsumexp(const Axes& axes = {}, bool keepdim = false) const;
  Tensor argmax(std::optional<std::int64_t> axis = {}, bool keepdim = false) const;
  Tensor argmin(std::optional<std::int64_t> axis = {}, bool keepdim = false) const;
  Tensor any(const Axes& axes = {}, bool keepdim = false) const;
  Tensor all(const Axes& axes = {}, bool keepdim = false) const;
  Tensor isnan() const;
  Tensor bernoulli(Generator* generator = nullptr) const;
  Tensor multinomial(std::int64_t num_samples, bool replacement = false,
                     Generator* generator = nullptr) const;
  Tensor softmax(std::int64_t axis) const;
  Tensor log_softmax(std::int64_t axis) const;
  Tensor matmul(const Tensor& other) const;
  Tensor mm(const Tensor& other) const;
  Tensor bmm(const Tensor& other) const;
  Tensor dot(const Tensor& other) const;

  // ---- for xgrad's own rooms

  detail::TensorImpl* impl() const noexcept { return impl_.get(); }
  explicit Tensor(Ref<detail::TensorImpl> impl) noexcept : impl_(std::move(impl)) {}
  const Ref<Storage>& storage() const;
  /// A tensor off the tape that sees part of this one's memory, `offset` elements on: in row-major
  /// order, or by strides.
  Tensor alias(const Shape& shape, std::int64_t offset = 0) const;
  Tensor alias(const Shape& shape, const Strides& strides, std::int64_t offset = 0) const;

 private:
  Scalar only_value() const;

  Ref<detail::TensorImpl> impl_;
};

namespace detail {

/// What only leaves and watched results have; most tensors never need it. Its tensor's lock()
/// guards the gradient and the name.
struct LeafState : SmallObject {
  Tensor grad;
  HookList<TensorHook> hooks;
  HookList<ReadyHook> ready_hooks;
  std::string name;
};

/// Of what is not contiguous.
struct ViewStrides : SmallObject {
  Strides strides;
};

struct TensorImpl : RefCounted, SmallObject {
  TensorImpl(Ref<Storage> memory, std::size_t byte_offset, const Shape& extents, DType type);
  ~TensorImpl();

  std::byte* data() const { return storage->data() + offset; }
  /// What guards `extra`; of a result that of its node, which may outlive it and be adding to it.
  Mutex& lock() const noexcept {
    return mutex_of(node ? static_cast<const void*>(node.get()) : this);
  }

  Ref<Storage> storage;
  std::size_t offset;  ///< bytes from the start of storage
  Shape shape;
  std::int64_t numel;
  DType dtype;
  bool requires_grad = false;               ///< of a leaf; results have a node instead
  std::uint32_t result = 0;                 ///< which one of its node's
  std::unique_ptr<const ViewStrides> view;  ///< nothing where contiguous
  Ref<Node> node;
  Lazy<LeafState> extra;
};

/// ValueError that names the operation that runs on this thread (see Running), or else the
/// accessor.
[[noreturn]] void throw_undefined(const char* accessor);

/// A tensor off the tape; by strides where they are not those of row-major order.
Tensor tensor_of(Ref<Storage> storage, std::size_t offset, const Shape& shape, DType dtype);
Tensor tensor_of(Ref<Storage> storage, std::size_t offset, const Shape& shape,
                 const Strides& strides, DType dtype);

/// x with its values in row-major order: x itself where they are. Off the tape.
Tensor in_rows(const Tensor& x);

/// GraphError where the tape would need the values of x, ValueError where several elements lie in
/// one place; `operation` changes x in place.
void require_changeable(const Tensor& x, const char* operation);

/// target ← source of the same shape, converted to its dtype; the two may overlap.
void copy_values(const Tensor& source, const Tensor& target);

}  // namespace detail

inline const Shape& Tensor::shape() const {
  if (!impl_) detail::throw_undefined("shape");
  return impl_->shape;
}
inline std::int64_t Tensor::dim() const { return static_cast<std::int64_t>(shape().size()); }
inline std::int64_t Tensor::numel() const {
  if (!impl_) detail::throw_undefined("numel");
  return impl_->numel;
}
inline DType Tensor::dtype() const {
  if (!impl_) detail::throw_undefined("dtype");
  return impl_->dtype;
}
inline bool Tensor::is_contiguous() const {
  if (!impl_) detail::throw_undefined("is_contiguous");
  return !impl_->view;
}
inline const Ref<Storage>& Tensor::storage() const {
  if (!impl_) detail::throw_undefined("storage");
  return impl_->storage;
}

template <Number T>
std::vector<T> Tensor::to_vector() const {
  if (!impl_) detail::throw_undefined("to_vector");
  const auto count = static_cast<std::size_t>(numel());
  const Tensor rows = detail::in_rows(*this);
  std::vector<T> result;
  dispatch(dtype(), [&]<class Own>() {
    const Own* values = rows.data<Own>();
    if constexpr (std::is_same_v<T, Own>) {
      result.assign(values, values + count);
    } else {
      result.reserve(count);
      for (std::size_t i = 0; i < count; ++i)
        result.push_back(Scalar(values[i]).template to<T>("to_vector"));
    }
  });
  return result;
}

/// Tensors and what they are called, in an order of their owner's: parameters, or all of a state.
using NamedTensors = std::vector<std::pair<std::string, Tensor>>;

}  // namespace xgrad

#pragma pop_macro("max")
#pragma pop_macro("min")
#pragma pop_macro("round")

#pragma GCC visibility pop
