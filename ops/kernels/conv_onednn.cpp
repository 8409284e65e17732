// Convolution by oneDNN. A primitive is compiled for its sizes, which takes milliseconds, and kept;
// what it takes or gives in another order than ours is reordered on the way.

#include <xgrad/autograd/locks.hpp>
#include <xgrad/autograd/raise.hpp>
#include <xgrad/autograd/running.hpp>
#include <xgrad/ops/kernels/conv.hpp>
#include <xgrad/ops/kernels/parallel.hpp>
#include <xgrad/ops/kernels/room.hpp>
#include <xgrad/ops/kernels/scratch.hpp>

#ifndef XGRAD_ONEDNN

namespace xgrad::kernels {

bool onednn_can(ConvDirection, const ConvPlan&, const ConvGeometry&) { return false; }
void conv_onednn(ConvDirection, const ConvPlan&, const ConvGeometry&, const ConvOperands<float>&) {}

}  // namespace xgrad::kernels

#else

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <memory>
#include <mutex>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <vector>

#include <oneapi/dnnl/dnnl.hpp>

namespace xgrad::kernels {
namespace {

using dnnl::memory;
using Tag = memory::format_tag;

const dnnl::engine& engine() {
  static const dnnl::engine instance(dnnl::engine::kind::cpu, 0);
  return instance;
}

memory::desc described(const memory::dims& dims, Tag tag) {
  return {dims, memory::data_type::f32, tag};
}

/// How we hold x or y.
memory::desc image(const memory::dims& dims, Layout layout) {
  if (layout == Layout::plain) return described(dims, dims.size() == 5 ? Tag::ncdhw : Tag::nchw);
  return described(dims, channel_block() == 16 ? Tag::nChw16c : Tag::nChw8c);
}

/// Objects that are made when none is idle, and kept.
template <class T>
class Idle {
 public:
  template <class Make>
  std::unique_ptr<T> take(const Make& make) {
    {
      const std::lock_guard lock(xgrad::detail::mutex_of(this));
      if (!objects_.empty()) {
        auto object = std::move(objects_.back());
        objects_.pop_back();
        return object;
      }
    }
    return make();
  }
  void give_back(std::unique_ptr<T> object) {
    const std::lock_guard lock(xgrad::detail::mutex_of(this));
    objects_.push_back(std::move(object));
  }

 private:
  std::vector<std::unique_ptr<T>> objects_;
};

/// Up to whole lines of the cache.
std::size_t in_lines(std::size_t bytes) { return (bytes + 63) / 64 * 64; }

/// One of x, weight and y: as we hold it, and as the primitive wants it.
class Side {
 public:
  Side() = default;
  Side(const memory::desc& ours, const memory::desc& wanted, bool written)
      : ours_(ours), wanted_(wanted) {
    if (ours == wanted) return;
    const auto& from = written ? wanted : ours;
    const auto& to = written ? ours : wanted;
    reorder_.emplace(dnnl::reorder::primitive_desc(engine(), from, engine(), to));
  }

  bool fits() const { return !reorder_; }
  const memory::desc& ours() const { return ours_; }
  const memory::desc& wanted() const { return wanted_; }
  void reorder(dnnl::stream& stream, dnnl::memory& from, dnnl::memory& to) const {
    reorder_->execute(stream, from, to);
  }

 private:
  memory::desc ours_;
  memory::desc wanted_;
  mutable std::optional<dnnl::reorder> reorder_;  // execute() is not const, but changes nothing
};

struct Key {
  std::array<std::int64_t, 27> values;
  friend bool operator==(const Key&, const Key&) = default;
};

struct KeyHash {
  std::size_t operator()(const Key& key) const {
    std::size_t hash = 14695981039346656037u;  // FNV-1a, a number at a time
    for (const auto value : key.values)
      hash = (hash ^ static_cast<std::size_t>(value)) * 1099511628211u;
    return hash;
  }
};

Key key_of(ConvDirection direction, const ConvPlan& plan, const ConvGeometry& g, bool bias,
           std::int64_t weight_channels) {
  return {{g.n,
           g.c,
           g.h,
           g.w,
           g.k,
           g.r,
           g.s,
           g.oh,
           g.ow,
           g.stride_h,
           g.stride_w,
           g.pad_h,
           g.pad_w,
           g.dilation_h,
           g.dilation_w,
           g.groups,
           g.d,
           g.t,
           g.od,
           g.stride_d,
           g.pad_d,
           g.dilation_d,
           static_cast<std::int64_t>(direction),
           static_cast<std::int64_t>(plan.x),
           static_cast<std::int64_t>(plan.y),
           bias ? 1 : 0,
           weight_channels}};
}

// oneDNN 3 makes a primitive's description in one step, oneDNN 2 in two. An empty bias is none.
using Forward = dnnl::convolution_forward;

template <class... Operation>
Forward::primitive_desc forward_desc(const dnnl::primitive_attr& attributes,
                                     const Operation&... operation) {
#if DNNL_VERSION_MAJOR >= 3
  return {engine(), operation..., attributes};
#else
  return {Forward::desc(operation...), attributes, engine()};
#endif
}

template <class Backward, class... Operation>
typename Backward::primitive_desc backward_desc(const dnnl::primitive_attr& attributes,
                                                const Forward::primitive_desc& forward,
                                                const Operation&... operation) {
#if DNNL_VERSION_MAJOR >= 3
  return {engine(), operation..., forward, attributes};
#else
  return {typename Backward::desc(operation...), attributes, engine(), forward};
#endif
}

/// One convolution in one direction, compiled.
class Compiled {
 public:
  /// Of weights with so many channels, g.c of which are used. Throws dnnl::error where oneDNN has
  /// no such primitive.
  Compiled(ConvDirection direction, const ConvPlan& plan, const ConvGeometry& g, bool bias,
           std::int64_t weight_channels)
      : direction_(direction) {
    // Of the axes that a window has.
    const auto over = [&](memory::dims dims, std::int64_t depth, std::int64_t height,
                          std::int64_t width) {
      if (g.has_depth()) dims.push_back(depth);
      dims.insert(dims.end(), {height, width});
      return dims;
    };
    const memory::dims strides = over({}, g.stride_d, g.stride_h, g.stride_w);
    const memory::dims dilates = over({}, g.dilation_d - 1, g.dilation_h - 1, g.dilation_w - 1);
    const memory::dims before = over({}, g.pad_d, g.pad_h, g.pad_w);
    // What remains of the padding behind the image, given where the last window ends.
    const memory::dims behind =
        over({}, (g.od - 1) * g.stride_d + g.dilation_d * (g.t - 1) + 1 - g.d - g.pad_d,
             (g.oh - 1) * g.stride_h + g.dilation_h * (g.r - 1) + 1 - g.h - g.pad_h,
             (g.ow - 1) * g.stride_w + g.dilation_w * (g.s - 1) + 1 - g.w - g.pad_w);
    const memory::dims x_dims = over({g.n, g.c}, g.d, g.h, g.w);
    const memory::dims y_dims = over({g.n, g.k}, g.od, g.oh, g.ow);
    const memory::dims w_dims =
        g.groups == 1 ? over({g.k, g.c}, g.t, g.r, g.s)
                      : over({g.groups, g.group_filters(), g.group_channels()}, g.t, g.r, g.s);
    const auto x_ours = image(x_dims, plan.x);
    const auto y_ours = image(y_dims, plan.y);
    const auto w_ours =
        g.groups == 1
            ? memory::desc(w_dims, memory::data_type::f32,
                           over({weight_channels * g.window(), g.window()}, g.r * g.s, g.s, 1))
            : described(w_dims, g.has_depth() ? Tag::goidhw : Tag::goihw);
    // Channels that fill no block: oneDNN pads them in an order of its own.
    const auto wanted = [](const memory::dims& dims, Layout layout, const memory::desc& ours) {
      return layout == Layout::blocked || dims[1] <= 4 ? ours : described(dims, Tag::any);
    };
    const auto x_any = wanted(x_dims, plan.x, x_ours);
    const auto y_any = wanted(y_dims, plan.y, y_ours);
    const auto w_any = described(w_dims, Tag::any);
    const auto algorithm = dnnl::algorithm::convolution_direct;
    dnnl::primitive_attr attributes;
    attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);

    bias_ = bias ? described({g.k}, Tag::a) : memory::desc();
    const auto forward = forward_desc(attributes, dnnl::prop_kind::forward_training, algorithm,
                                      x_any, w_any, bias_, y_any, strides, dilates, before, behind);
    switch (direction) {
      case ConvDirection::forward:
        primitive_ = Forward(forward);
        adopt(forward, {x_ours, forward.src_desc()}, {w_ours, forward.weights_desc()},
              {y_ours, forward.dst_desc()});
        break;
      case ConvDirection::backward_input: {
        using Backward = dnnl::convolution_backward_data;
        const auto desc = backward_desc<Backward>(attributes, forward, algorithm, x_any, w_any,
                                                  y_any, strides, dilates, before, behind);
        primitive_ = Backward(desc);
        adopt(desc, {x_ours, desc.diff_src_desc()}, {w_ours, desc.weights_desc()},
              {y_ours, desc.diff_dst_desc()});
        break;
      }
      case ConvDirection::backward_weight: {
        using Backward = dnnl::convolution_backward_weights;
        const auto desc = backward_desc<Backward>(attributes, forward, algorithm, x_any, w_any,
                                                  bias_, y_any, strides, dilates, before, behind);
        primitive_ = Backward(desc);
        adopt(desc, {x_ours, desc.src_desc()}, {w_ours, desc.diff_weights_desc()},
              {y_ours, desc.diff_dst_desc()});
        break;
      }
    }
  }

  /// Bytes that a run needs beside its operands.
  std::size_t room() const {
    std::size_t bytes = in_lines(scratchpad_.get_size());
    for (const Side& side : sides_)
      if (!side.fits()) bytes += in_lines(side.wanted().get_size());
    return bytes;
  }
  void run(const ConvOperands<float>& operands, std::byte* room) const {
    auto execution = idle_.take([&] { return std::make_unique<Execution>(*this); });
    execution->run(operands, room);
    idle_.give_back(std::move(execution));
  }

 private:
  struct Descs {
    memory::desc ours;
    memory::desc wanted;
  };

  template <class PrimitiveDesc>
  void adopt(const PrimitiveDesc& desc, const Descs& x, const Descs& weight, const Descs& y) {
    const std::array<const Descs*, 3> all{&x, &weight, &y};
    for (std::size_t i = 0; i < 3; ++i)
      sides_[i] = Side(all[i]->ours, all[i]->wanted, i == written());
    scratchpad_ = desc.scratchpad_desc();
    // Its reference loops are far slower than products of matrices, and its products those that
    // gemm.cpp must hold signals for.
    const std::string_view kind = desc.impl_info_str();
    if (kind.starts_with("ref") || kind.starts_with("gemm"))
      throw dnnl::error(dnnl_unimplemented, "no convolution of its own");
  }

  /// The index of the operand that is computed.
  std::size_t written() const {
    switch (direction_) {
      case ConvDirection::forward:
        return 2;
      case ConvDirection::backward_input:
        return 0;
      default:
        return 1;
    }
  }

  int role(std::size_t operand) const {
    constexpr std::array<int, 3> plain{DNNL_ARG_SRC, DNNL_ARG_WEIGHTS, DNNL_ARG_DST};
    constexpr std::array<int, 3> gradient{DNNL_ARG_DIFF_SRC, DNNL_ARG_DIFF_WEIGHTS,
                                          DNNL_ARG_DIFF_DST};
    const bool is_gradient =
        direction_ != ConvDirection::forward && (operand == 2 || operand == written());
    return is_gradient ? gradient[operand] : plain[operand];
  }

  /// What one run at a time needs of oneDNN's objects, which take longer to make than to use.
  class Execution {
   public:
    explicit Execution(const Compiled& owner) : owner_(owner) {
      for (std::size_t i = 0; i < 3; ++i) {
        const Side& side = owner.sides_[i];
        ours_[i] = dnnl::memory(side.ours(), engine(), nullptr);
        wanted_[i] = side.fits() ? ours_[i] : dnnl::memory(side.wanted(), engine(), nullptr);
        arguments_.emplace(owner.role(i), wanted_[i]);
      }
      if (!owner.bias_.is_zero()) {
        bias_ = dnnl::memory(owner.bias_, engine(), nullptr);
        const bool is_forward = owner.direction_ == ConvDirection::forward;
        arguments_.emplace(is_forward ? DNNL_ARG_BIAS : DNNL_ARG_DIFF_BIAS, bias_);
      }
      scratchpad_ = dnnl::memory(owner.scratchpad_, engine(), nullptr);
      arguments_.emplace(DNNL_ARG_SCRATCHPAD, scratchpad_);
    }

    void run(const ConvOperands<float>& operands, std::byte* room) {
      const std::array<float*, 3> values{operands.x, operands.weight, operands.y};
      const std::size_t written = owner_.written();
      for (std::size_t i = 0; i < 3; ++i) {
        const Side& side = owner_.sides_[i];
        ours_[i].set_data_handle(values[i]);
        if (side.fits()) continue;
        wanted_[i].set_data_handle(room);
        room += in_lines(side.wanted().get_size());
        if (i != written) side.reorder(stream_, ours_[i], wanted_[i]);
      }
      if (operands.bias != nullptr) bias_.set_data_handle(operands.bias);
      scratchpad_.set_data_handle(room);
      owner_.primitive_.execute(stream_, arguments_);
      if (const Side& out = owner_.sides_[written]; !out.fits())
        out.reorder(stream_, wanted_[written], ours_[written]);
    }

   private:
    const Compiled& owner_;
    dnnl::stream stream_{engine()};
    std::array<dnnl::memory, 3> ours_;    // x, weight, y
    std::array<dnnl::memory, 3> wanted_;  // the same where they fit
    dnnl::memory bias_;
    dnnl::memory scratchpad_;
    std::unordered_map<int, dnnl::memory> arguments_;
  };

  ConvDirection direction_;
  dnnl::primitive primitive_;
  std::array<Side, 3> sides_;  // x, weight, y
  memory::desc bias_;
  memory::desc scratchpad_;
  mutable Idle<Execution> idle_;
};

/// Everything compiled so far; an entry without a primitive is what oneDNN cannot do.
class Cache {
 public:
  std::shared_ptr<const Compiled> get(ConvDirection direction, const ConvPlan& plan,
                                      const ConvGeometry& g, bool bias,
                                      std::int64_t weight_channels) {
    const Key key = key_of(direction, plan, g, bias, weight_channels);
    {
      const std::lock_guard lock(mutex_);
      if (const auto found = compiled_.find(key); found != compiled_.end()) return found->second;
    }
    auto made = compile(direction, plan, g, bias, weight_channels);
    const std::lock_guard lock(mutex_);
    if (compiled_.size() >= most) compiled_.clear();
    return compiled_.emplace(key, std::move(made)).first->second;
  }

 private:
  /// None where there is no such primitive. Without memory oneDNN ends the program, or says that
  /// there is none, which must not be kept as an answer.
  static std::shared_ptr<const Compiled> compile(ConvDirection direction, const ConvPlan& plan,
                                                 const ConvGeometry& g, bool bias,
                                                 std::int64_t weight_channels) {
    require<MemoryError>(has_room(room_to_compile), "{}: no memory to compile oneDNN's kernel",
                         xgrad::detail::running_or("conv2d"));
    try {
      return std::make_shared<const Compiled>(direction, plan, g, bias, weight_channels);
    } catch (const dnnl::error& error) {
      if (error.status == dnnl_out_of_memory) throw;
    }
    return nullptr;
  }

  static constexpr std::size_t most = 1024;  // of a few dozen KB each

  xgrad::detail::Mutex mutex_;
  std::unordered_map<Key, std::shared_ptr<const Compiled>, KeyHash> compiled_;
};

// Never destroyed: threads may still convolve while the program ends.
Cache& cache() {
  static Cache* const instance = new Cache;
  return *instance;
}
[[maybe_unused]] const Cache& made_before_main = cache();

/// What f gives; errors of oneDNN's become ours.
template <class F>
auto translated(const F& f) {
  try {
    return f();
  } catch (const dnnl::error& error) {
    if (error.status == dnnl_out_of_memory)
      raise<MemoryError>("{}: oneDNN got no memory: {}", xgrad::detail::running_or("conv2d"),
                         error.what());
    raise<Error>("{}: oneDNN failed: {}", xgrad::detail::running_or("conv2d"), error.what());
  }
}

/// A convolution as parts of the images or, where these are one or two, of an image's channels on
/// the side that is computed, by the sizes alone. oneDNN's own threads wait for each other, each
/// time, for as long as another program takes from one of them.
class Cut {
 public:
  Cut(ConvDirection direction, const ConvGeometry& g) : direction_(direction), g_(g) {
    const std::int64_t block = channel_block();
    const std::int64_t blocks = g.groups == 1 ? (channels() + block - 1) / block : 1;
    const double image =
        0.012 * static_cast<double>(g.k * g.patch()) * static_cast<double>(g.outputs());
    const std::int64_t parts =
        fixed_parts(g.n * blocks, grain_of(image / static_cast<double>(blocks)));
    constexpr std::int64_t few_images = 2, least_blocks = 2;
    const std::int64_t slices = std::min(parts / g.n, most_parts(blocks, least_blocks));
    if (g.n <= few_images && slices > 1) {
      images_ = g.n;
      slices_ = static_cast<std::int64_t>(std::bit_floor(static_cast<std::uint64_t>(slices)));
    } else {
      images_ = batch_parts(g, parts);
      slices_ = 1;
    }
  }

  std::int64_t count() const { return images_ * slices_; }
  /// Over how many parts the gradient of one weight is spread.
  std::int64_t images() const { return images_; }
  std::int64_t images_of(std::int64_t part) const { return part / slices_; }

  ConvGeometry part(std::int64_t part) const {
    ConvGeometry own = g_;
    own.n = first_image(images_of(part) + 1) - first_image(images_of(part));
    const std::int64_t slice = part % slices_;
    (is_input() ? own.c : own.k) = first_channel(slice + 1) - first_channel(slice);
    return own;
  }

  ConvOperands<float> operands(std::int64_t part, ConvOperands<float> o) const {
    const std::int64_t image = first_image(images_of(part));
    const std::int64_t channel = first_channel(part % slices_);
    o.x += (image * g_.c + (is_input() ? channel : 0)) * g_.inputs();
    o.y += (image * g_.k + (is_input() ? 0 : channel)) * g_.outputs();
    o.weight += channel * (is_input() ? g_.window() : g_.patch());
    if (o.bias != nullptr) o.bias += channel;
    return o;
  }

 private:
  bool is_input() const { return direction_ == ConvDirection::backward_input; }
  std::int64_t channels() const { return is_input() ? g_.c : g_.k; }
  std::int64_t first_image(std::int64_t i) const { return g_.n * i / images_; }
  std::int64_t first_channel(std::int64_t slice) const {
    const std::int64_t block = channel_block();
    const std::int64_t blocks = (channels() + block - 1) / block;
    return std::min(blocks * slice / slices_ * block, channels());
  }

  ConvDirection direction_;
  ConvGeometry g_;
  std::int64_t images_, slices_;
};

/// Gradients of weights and bias from some of the images each, which are then added in their order.
class PartialWeights {
 public:
  PartialWeights(ConvDirection direction, const Cut& cut, const ConvGeometry& g,
                 const ConvOperands<float>& whole)
      : cut_(cut),
        whole_(whole),
        weights_(g.k * g.patch()),
        width_(weights_ + (whole.bias == nullptr ? 0 : g.k)) {
    if (direction == ConvDirection::backward_weight && cut.images() > 1)
      room_ = Storage::allocate(static_cast<std::size_t>(cut.images() * width_) * sizeof(float));
  }

  /// Where a part writes.
  ConvOperands<float> of(std::int64_t part, ConvOperands<float> o) const {
    if (!room_) return o;
    float* const own = of_images(cut_.images_of(part));
    o.weight = own + (o.weight - whole_.weight);
    if (o.bias != nullptr) o.bias = own + weights_ + (o.bias - whole_.bias);
    return o;
  }

  void add_up() const {
    if (!room_) return;
    const auto add = [this](std::int64_t begin, std::int64_t end, std::int64_t from, float* to) {
      std::copy_n(of_images(0) + from + begin, end - begin, to + begin);
      for (std::int64_t i = 1; i < cut_.images(); ++i) {
        const float* const own = of_images(i) + from;
        for (std::int64_t j = begin; j < end; ++j) to[j] += own[j];
      }
    };
    parallel_for(weights_, grain_of(0.15 * static_cast<double>(cut_.images())),
                 [&](std::int64_t begin, std::int64_t end) { add(begin, end, 0, whole_.weight); });
    add(0, width_ - weights_, weights_, whole_.bias);
  }

 private:
  float* of_images(std::int64_t i) const {
    return reinterpret_cast<float*>(room_->own()) + i * width_;
  }

  const Cut& cut_;
  ConvOperands<float> whole_;
  std::int64_t weights_, width_;
  Ref<Storage> room_;
};

/// The kernel of a part; none where oneDNN has none.
std::shared_ptr<const Compiled> compiled(ConvDirection direction, const ConvPlan& plan,
                                         const ConvGeometry& g, const Cut& cut, std::int64_t part,
                                         bool bias) {
  const SerialScope serial;  // compiled for one thread
  return cache().get(direction, plan, cut.part(part), bias, g.c);
}

}  // namespace

bool onednn_can(ConvDirection direction, const ConvPlan& plan, const ConvGeometry& g) {
  // Its kernels keep sizes in 32 bits, and what does not fit is cut.
  constexpr std::int64_t most = std::int64_t{1} << 30;
  for (const std::int64_t size :
       {g.d, g.h, g.w, g.od, g.oh, g.ow, g.stride_d, g.stride_h, g.stride_w, g.dilation_d,
        g.dilation_h, g.dilation_w, g.pad_d, g.pad_h, g.pad_w})
    if (size >= most) return false;
  const Cut cut(direction, g);
  const bool may_have_bias = direction != ConvDirection::backward_input;
  return translated([&] {
    return compiled(direction, plan, g, cut, 0, may_have_bias) != nullptr &&
           compiled(direction, plan, g, cut, cut.count() - 1, may_have_bias) != nullptr;
  });
}

void conv_onednn(ConvDirection direction, const ConvPlan& plan, const ConvGeometry& g,
                 const ConvOperands<float>& operands) {
  const Cut cut(direction, g);
  const auto kernel = [&, has_bias = operands.bias != nullptr](std::int64_t part) {
    auto found = compiled(direction, plan, g, cut, part, has_bias);
    require<Error>(found != nullptr, "{}: oneDNN has no kernel for a part of the images",
                   xgrad::detail::running_or("conv2d"));
    return found;
  };
  const PartialWeights partial(direction, cut, g, operands);
  translated([&] {
    // All that the parts need is taken here: how many of them run at once is open.
    std::vector<std::size_t> ends(static_cast<std::size_t>(cut.count()) + 1);
    for (std::int64_t part = 0; part < cut.count(); ++part)
      ends[static_cast<std::size_t>(part) + 1] =
          ends[static_cast<std::size_t>(part)] + kernel(part)->room() + apart;
    const Scratch scratch(ends.back());
    parallel_parts(cut.count(), static_cast<int>(cut.count()), [&](int part, auto, auto) {
      const SerialScope serial;
      kernel(part)->run(partial.of(part, cut.operands(part, operands)),
                        scratch.data() + ends[static_cast<std::size_t>(part)]);
    });
  });
  partial.add_up();
}

}  // namespace xgrad::kernels

#endif
