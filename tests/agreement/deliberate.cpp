// What differs on purpose, each with its reason, and tolerances. The first that holds counts.
#include <cmath>

#include "conditions.hpp"

namespace agreement {
namespace {

using enum Aspect;
using Entries = std::vector<Deliberate>;

/// Of all operations: what is refused.
Entries refusals_of_any() {
  return {
      {{},
       they_say("not implemented for "),
       "libtorch's processor code has no such dtype; xgrad's has"},
      {{},
       we_want_floating,
       "xgrad takes floating tensors there; libtorch makes integers floating or has code for them"},
      {{},
       we_say("takes numbers, got bool"),
       "bools are no numbers: logical_and() and others, or to(), say what is meant"},
      {{},
       any_of({they_say("expected dtype"), they_say("xpected scalar type"),
               they_say("did not match"), they_say("Found dtype"),
               they_say("to have the same dtype"), they_say("tensors used as indices must be")}),
       "dtypes that differ meet as promote() says; libtorch refuses them there"},
      {{},
       any_of({we_say("convert one"), we_say(", it must be bool as x is"),
               we_say("must be float64 as"), we_say("must be float32 as"),
               we_say("bool or as the query"), we_say("probabilities are float32"),
               we_say("pos_weight is float32"), we_say("weight is float32")}),
       "operands of one dtype are asked for there; libtorch rounds one to the other's"},
      {{},
       any_of({we_say("takes float32 and float64, got float16"),
               we_say("takes float32 and float64, got bfloat16")}),
       "linear algebra takes float32 and float64: 16 bits are too few digits"},
      {{},
       any_of(
           {we_say("does not broadcast"), we_say("allclose: shapes"), we_say("copy_: source has")}),
       "losses, allclose() and copy_() do not broadcast; libtorch's do, the losses with a warning"},
      {{},
       any_of({we_say("it must be int64"), we_say("they must be int64")}),
       "indices are int64; libtorch takes int32 or uint8 in places"},
      {{},
       we_say("it must be bool; compare"),
       "a mask is bool; libtorch still takes uint8 in places"},
      {{},
       we_say("does not fit "),
       "a number that the integer dtype does not hold is refused; libtorch keeps its lower bits"},
      {{},
       they_say("without overflow"),
       "a number that a floating dtype does not hold is rounded to infinity, as to() rounds it"},
      {{},
       any_of({we_say("of a scalar, which has no axes"), we_say("a scalar has no axis"),
               we_say("of a scalar; it is 0 or -1"), we_say("scalars have no axis")}),
       "a scalar has no axis to go along; libtorch takes it for a vector of one"},
      {{},
       we_say("matrix holds NaN or infinity"),
       "NaN or infinity in a matrix is told; libtorch's LAPACK gives what comes"},
  };
}

/// Of all operations: numbers.
Entries numbers_of_any() {
  return {
      {{},
       exact_in_float64,
       "libtorch rounds on its way; its own answer to the same numbers in float64 is xgrad's"},
      {{},
       [](const Case& one, const Difference& d) {
         return at({gradient, second})(one, d) && !given(is_nan)(one, d) &&
                where_they_differ(theirs_is_nan)(one, d);
       },
       "a derivative that exists, where libtorch's formula multiplies 0 and infinity"},
      {{},
       all_of({at({gradient, second}), given(is_nan)}),
       "there are no derivatives at NaN, and what stands there is open"},
      {{}, is_what_cancels, "terms cancel, and both answers are their rounding"},
  };
}

Entries of_pointwise() {
  return {
      {{"pow"},
       we_say("integers have no negative powers"),
       "an integer has no negative power; libtorch gives 0 for tensors of exponents"},
      {{"addcdiv"},
       they_say("Integer division with addcdiv"),
       "integers are divided as div() does it"},
      {{"addcmul"},
       at({dtype}),
       "a fraction beside integers makes them float32; libtorch cuts it off"},
      {{"hardtanh", "relu6"},
       any_of({they_say("hardtanh"), at({dtype})}),
       "integers and bools are clamped as numbers are, to fractional bounds as float32"},
      {{"lgamma", "digamma", "polygamma"},
       any_of({given([](double x) { return x <= -1 && x == std::floor(x); }), of("of 0 1 -1 2 -2"),
               where_they_differ(theirs_left_range)}),
       "at a pole, where libtorch's reflection gives the rounding of pi, and far out"},
      {{"erfinv"},
       of("0.99999999999999989"),
       "libtorch's one step of Newton's is not enough there"},
      {{"sinc"},
       where_they_differ([](double a, double b) {
         return (a == 0 && !(std::fabs(b) >= 1e-2)) || std::fabs(a - b) < 1e-15;
       }),
       "0 at whole numbers, where libtorch has the rounding of pi"},
      {{"sinc"},
       all_of({at({gradient}), given([](double x) { return std::fabs(x) < 0.2; })}),
       "libtorch's quotient cancels near 0; xgrad's series does not"},
      {{"i0", "i0e", "i1", "i1e"},
       all_of({at({gradient, second}), given([](double x) {
                 return std::isnan(x) || std::fabs(x) < 1e-6 || std::fabs(x) > 50;
               })}),
       "derivatives are differences: libtorch's cancel near 0, and both far from it"},
      {{"i0", "i1", "log1p", "sinh", "cosh", "round", "hardswish", "logaddexp2", "fmod",
        "remainder", "floor_divide", "silu", "mish", "gelu", "gelu_tanh", "atan2", "hypot",
        "softsign"},
       where_they_differ(theirs_left_range),
       "libtorch overflows, vanishes or loses its way to a result that xgrad has"},
      {{"tanhshrink"},
       where_they_differ([](double a, double b) { return std::fabs(a - b) < 1e-2; }),
       "x - tanh x cancels: both are as far off as the last place of x"},
      {{"gelu", "gelu_tanh", "softsign", "elu", "selu", "celu"},
       any_of({of("of -20"), of("e-08"), of("of 0.1"), of("of -0.1"), of("e+")}),
       "libtorch's formula cancels: it has no erfc, expm1 or series there"},
      {{"pow"},
       any_of({of("of -inf"), of("of -0"), of("of -1.0000000000000001e+300"),
               of("of -1.7976931348623157e+308")}),
       "powers of 0.5 are IEEE's; libtorch takes square roots, whose sign at -0 and NaN at -inf "
       "differ"},
      {{"pow"},
       all_of({at({second}),
               any_of({of("of 0"), of("of -0"), of("[2, 3]"), of("[3]"), of("[3, 1]")})}),
       "derivatives are finite where the exponent is 0, where libtorch's masks cut terms off"},
      {{"pow"},
       all_of({at({gradient}), of("behind 2")}),
       "libtorch takes the logarithm of a whole number in float32"},
      {{"logaddexp2"}, of("of -800"), "libtorch's 1 + 2^-800 is 1; xgrad has log1p"},
      {{"to"},
       any_of({of("; int32"), of("; uint8")}),
       "what int32 or uint8 does not hold keeps its lower bits; C++ leaves libtorch's cast open"},
      {{"copysign"},
       all_of({at({second}), where_they_differ([](double a, double) { return a == 0; })}),
       "|x| with a sign is straight: libtorch divides by x, whose reciprocal leaves the range"},
      {{"atan2"},
       any_of({of("uint8"), of("2^53 + 1")}),
       "libtorch squares integers in their own dtype, where they overflow"},
      {{"fmax", "fmin"},
       all_of({at({gradient}), has_ties}),
       "equal operands get half of the gradient each, as of maximum(); in libtorch the first gets "
       "all"},
      {{"elu", "selu", "celu", "softplus"},
       all_of({at({second}), any_of({of("of 0"), of("of -0"), of("of 20"), of("of 2.5")})}),
       "at the kink the second derivative is that of the side whose value stands there"},
      {{"hardsigmoid"},
       where_they_differ([](double a, double b) { return std::fabs(a - b) < 1e-7 * std::fabs(a); }),
       "libtorch multiplies by a sixth in float32"},
      {{"hardswish"},
       all_of({at({gradient}), any_of({of("of 3"), of("of -3")})}),
       "at 3 and -3 the gradient is that of x and of 0; in libtorch that of the parabola between"},
      {{"softshrink"}, given(is_nan), "NaN gives NaN; libtorch takes it for a number near 0"},

      {{"isclose"}, they_say("doesn't match the broadcast shape"), "operands broadcast either way"},
      {{"glu"},
       given(is_infinite),
       "derivatives at infinity: 0 times infinity on one way or the other"},

  };
}

Entries of_reductions() {
  return {
      {{"any", "all"}, at({dtype}), "truths are bool; libtorch keeps uint8 for uint8"},
      {{"median", "nanmedian"},
       we_say("no elements in shape"),
       "integers have no NaN for a median of nothing; libtorch gives the lowest"},
      {{"quantile"},
       any_of({they_say("must be either float or double"), they_say("must be non-empty")}),
       "16 bits have quantiles, and so do axes with elements of an empty tensor"},
      {{"cummax", "cummin", "diff", "cat", "roll"},
       we_say("it must lie in"),
       "an axis that the tensor has not is told even where nothing is to be done"},
      {{"diff"}, we_say("n is -1"), "differences of order -1 are none; libtorch copies"},
      {{"diff"},
       they_say("same dimension as input"),
       "what is put before and behind may be empty or of other axes' extents where it fits"},

      {{"topk", "kthvalue", "median", "nanmedian", "mode", "quantile", "max", "min"},
       all_of({has_ties, any_of({at({gradient, second}), only_places_differ})}),
       "of equal elements xgrad takes the first; which one libtorch takes is open"},
      {{"median", "nanmedian"},
       of("expanded"),
       "libtorch's median along an axis that is expanded is wrong"},
      {{"topk"},
       at({shape}),
       "none of a scalar are [0], as of a vector; libtorch gives the scalar"},
      {{"mode", "unique", "median", "nanmedian"},
       given(is_nan),
       "NaN equals nothing, and is larger than all; libtorch's order of several is open"},
      {{"var", "std", "var_mean", "std_mean", "quantile", "prod", "cumprod", "logcumsumexp", "norm",
        "normalize", "rms_norm"},
       given(is_extreme),
       "infinities, or squares that overflow: what cancels on the way of one does not on the "
       "other's"},
      {{"var", "var_mean"},
       where_they_differ([](double a, double b) { return std::isnan(a) && std::isinf(b); }),
       "of one element, which has no variance: 0 / 0, where libtorch divides first"},
      {{"quantile"},
       of("random float32 [1000, 3]"),
       "libtorch counts 3000 elements in float32, which has three digits for the way between two"},

      {{"normalize", "pairwise_distance"},
       any_of({we_say("no elements along axes"), we_say("is empty, for p =")}),
       "nothing has no largest or smallest element; libtorch gives 0"},
  };
}

Entries of_shapes() {
  return {
      {{"flatten"},
       they_say("Dimension out of range"),
       "a scalar is a vector of one, whatever the axes"},
      {{"flip"}, we_say("no axes given"), "flipping nothing is told as a mistake"},
      {{"split"}, we_say("pieces of 0"), "pieces of 0 are told, of an empty axis too"},
      {{"chunk"},
       at({results}),
       "an empty axis is one piece; libtorch gives as many as were asked for"},
      {{"repeat", "tile", "repeat_interleave"},
       we_say("must not be negative"),
       "negative counts are told, of empty tensors too"},
      {{"tril", "triu"},
       we_say("it takes a matrix"),
       "matrices alone, also where nothing is in them"},
      {{"diag"},
       they_say("multiplication overflow"),
       "libtorch's sizes overflow for empty matrices"},
      {{"trace"},
       of("float64 [4, 2]"),
       "libtorch's gradient of a matrix that is not square runs over its diagonal"},
      {{"pixel_unshuffle"},
       at({shape}),
       "an empty batch is rearranged too; libtorch returns it as it is"},
  };
}

Entries of_indices() {
  const Condition no_scalars =
      any_of({we_say("it needs as many axes"), we_say("it must have one axis"),
              we_say("the index has one axis"), we_say("it must be [")});
  return {
      {{"index_select", "gather", "scatter", "scatter_add", "scatter_reduce", "index_add",
        "index_copy"},
       no_scalars,
       "index and source have the axes that the operation names; libtorch lets scalars, empty ones "
       "and in index_add sources of fewer axes pass"},
      {{"index_fill", "index", "index_put"},
       we_say("is outside axis"),
       "indices do not count from the back there, and are looked at where nothing else is to be "
       "done"},
      {{"index", "index_put"}, they_say("Passing an empty index list"), "no indices are all of x"},
      {{"index", "index_put"}, we_say("a mask"), "a mask has the extents of its axes"},
      {{"embedding"}, we_say("padding_idx"), "a row that is not there cannot be the padding"},
      {{"scatter_reduce"},
       [](const Case& one, const Difference& d) {
         return d.aspect == gradient && !(one.inputs[1].shape() == one.inputs[2].shape());
       },
       "libtorch's gradient of a source larger than the index is of other elements"},
      {{"scatter_reduce"},
       all_of({at({gradient}), of("without x"), any_of({of("amax"), of("amin")})}),
       "x has no share in the gradient of what it is not part of"},
      {{"masked_select"},
       all_of({at({gradient}), of("transposed")}),
       "libtorch's gradient of a tensor that lies otherwise has elements in another order"},
  };
}

Entries of_products() {
  return {
      {{"baddbmm"},
       all_of({of("beta 0.000000"), where_they_differ(theirs_is_nan)}),
       "nothing of x comes into the result for a beta of 0; libtorch reads memory that it never "
       "set",
       false},
      {{"kron"}, they_say("view size is not compatible"), "tensors may lie otherwise"},
      {{"tensordot"},
       we_say("differ in extent"),
       "axes of extent 1 do not broadcast in a sum of products"},
      {{"lstsq"},
       they_say("torch.linalg.lstsq"),
       "batches of right-hand sides broadcast, as solve()'s do"},
      {{"pinv"}, we_say("must be square"), "a matrix that is to be symmetric is square"},
      {{"cond"},
       any_of({we_say("no elements"), we_say("must be square")}),
       "an empty matrix has no condition"},
      {{"linalg_norm"},
       they_say("If dim is not specified but ord is"),
       "of more axes than two the last are matrices"},
      {{"cholesky", "slogdet", "cond", "matrix_exp", "cdist"},
       given(is_nan),
       "NaN gives NaN; libtorch's gets lost on the way"},
      {{"multi_dot", "matrix_power", "cdist"},
       given(is_infinite),
       "infinities times 0: the order of multiplications decides"},
      {{"cdist"},
       all_of({at({gradient}), has_ties}),
       "at a distance of 0 the gradient is 0, and where several differences are the largest one "
       "gets it"},
      {{"svd", "svdvals", "eigh", "eigvalsh", "cond", "matrix_norm", "linalg_norm"},
       any_of({of("float64 [3, 3] of 1"), of("float64 [3, 3] of 0"), of("of 0 1 1 0"),
               of("expanded")}),
       "singular values are equal or 0: vectors, and derivatives through them, are not unique"},
      {{"eigh", "eigvalsh", "pinv"},
       same_for_symmetric,
       "one triangle is read: the gradient of both halves is the same, xgrad's is what was read"},
      {{"pinv"},
       at({gradient, second}),
       "of a matrix that is not symmetric one triangle is read; libtorch's gradient is of all of "
       "it"},
      {{"eigh"},
       all_of({at({gradient}), of("whole float32 [3, 3]")}),
       "an element of a vector is near 0, and what is compared, |V|, has a kink there"},
      {{"eigh", "eigvalsh"},
       all_of({at({second}), of("of -1 0 0 -2")}),
       "second derivatives of the triangle that is read; libtorch's are of a symmetric matrix"},
  };
}

Entries of_losses() {
  return {
      {{"smooth_l1_loss", "huber_loss"},
       any_of({all_of({at({second}), of("of -2;")}),
               all_of({at({gradient}), any_of({has_ties, of("with")})})}),
       "at the kinks the gradient is 0 and the second derivative of the side whose value is there"},
      {{"binary_cross_entropy"},
       they_say("between 0 and 1"),
       "NaN is no number outside of [0, 1]: the loss of it is NaN"},
      {{"binary_cross_entropy"},
       given([](double x) { return x < 1e-40 || x > 1 - 1e-12; }),
       "at 0 and 1: logarithms are at least -100 in derivatives too, and the slope at most 1e12"},
      {{"binary_cross_entropy_with_logits"}, at({dtype}), "dtypes meet as promote() says"},
      {{"binary_cross_entropy_with_logits", "kl_div", "soft_margin_loss",
        "multilabel_soft_margin_loss"},
       any_of({given(is_extreme), where_they_differ(theirs_left_range)}),
       "xgrad's formulas have the limit where libtorch's subtract infinities"},

      {{"binary_cross_entropy_with_logits"},
       given([](double x) { return std::fabs(x) >= 20; }),
       "libtorch's ln(e^0 + e^-x) loses small losses; xgrad has log1p"},
      {{"cosine_similarity"},
       of("eps 0.5"),
       "a norm below eps counts as eps, a constant; libtorch's gradient is of the norm it "
       "replaced"},
      {{"cosine_embedding_loss"},
       any_of({of("float64 [4, 3] of 0"), given(is_extreme)}),
       "of a vector of zeros the slope is of what keeps from dividing by 0; squares overflow"},
      {{"pairwise_distance"}, given(is_extreme), "infinities: 0 times infinity on either way"},
      {{"triplet_margin_loss", "triplet_margin_with_distance_loss"},
       we_say("it must be above 0"),
       "a margin is above 0"},
      {{"triplet_margin_with_distance_loss"},
       any_of({of("e+199"), of("expanded")}),
       "dist(a, p) - dist(a, n) + margin in this order loses the margin beside 1e200; and at kinks "
       "the gradient is shared"},
      {{"multi_margin_loss", "multilabel_margin_loss"},
       any_of({we_say("must be [N, classes]"), we_say("it must be [4]"), we_say("for 4 classes"),
               all_of({at({values}), any_of({of("[0, 4]"), given(is_nan), given(is_infinite)})})}),
       "scalars have no classes, each class has a weight, the mean of nothing is NaN and NaN no "
       "margin that is kept; libtorch reads memory that is not there"},
      {{"ctc_loss"},
       any_of({we_say("it must be from 0 to"), we_say("is no label"), of("of 0 6"), given(is_nan),
               given(is_infinite)}),
       "lengths and labels that are none are told; libtorch reads memory that is not there"},
  };
}

Entries of_layers() {
  return {
      {{"instance_norm"},
       we_say("must be [batch, channels, places"),
       "images have places: of [batch, channels] each would be normalised by itself"},
      {{"batch_norm", "instance_norm"},
       any_of({we_say("works in training only"), we_say("which has no variance")}),
       "statistics that are not there are told, of an empty batch too, as in PyTorch's Python"},
      {{"instance_norm"}, they_say("select()"), "an empty batch changes no statistics"},
      {{"batch_norm", "instance_norm", "group_norm", "layer_norm"},
       any_of({of("[2, 3, 4] of 3"), of("[2, 6, 4] of 3"), of("over [1]"), of("[0, 3"),
               of("expanded"), given(is_extreme), given(is_nan)}),
       "equal values have variance 0 exactly, 0 / 0 without an eps, and squares may overflow"},
      {{"local_response_norm"},
       any_of({they_say("Expected 3D or 4D"), they_say("invalid. Check dimension"),
               they_say("Output size is too small")}),
       "empty images pass"},
      {{"conv1d", "conv2d", "conv3d"},
       at({shape}),
       "of no channels come the bias and 0; libtorch loses the filters"},
      {{"max_pool1d"},
       we_say("is larger than the padded input"),
       "a window has to fit, in one axis as in two"},
      {{"avg_pool3d"},
       they_say("smaller than kernel size"),
       "ceil_mode lets a larger window in, as in two axes"},
      {{"adaptive_avg_pool1d", "adaptive_avg_pool2d", "adaptive_avg_pool3d"},
       any_of({we_say("only the batch may be empty"), we_say("must be [batch, channels")}),
       "images have channels and as many axes as the pool's"},
      {{"max_unpool1d", "max_unpool2d", "max_unpool3d"},
       any_of({they_say("output_size should be"), they_say("Dimension out of range"), at({shape}),
               they_say("output_size"), we_say("is outside axis")}),
       "output_size may be of the last axes, as in PyTorch's Python, and images may come without a "
       "batch"},
      {{"max_unpool1d", "max_unpool2d", "max_unpool3d"},
       we_say("output_size ["),
       "less than a stride from the usual size, as in PyTorch's Python"},
      {{"lp_pool1d", "lp_pool2d"},
       we_say("must be finite and not 0"),
       "there is no 1/p for a p of 0"},
      {{"lp_pool2d"},
       all_of({at({second}), of("kernel 1, 1, 1")}),
       "of windows of one value, whose second derivative is 0: terms cancel"},
      {{"lp_pool1d", "lp_pool2d"},
       any_of({given(is_infinite), given(is_nan)}),
       "sums of powers: roots of negative ones and of infinities"},
      {{"interpolate"}, we_say("recompute_scale_factor with a size"), "as in PyTorch's Python"},
      {{"interpolate"},
       any_of({we_say("it must be positive"), we_say("makes no axis"), they_say("Non-empty"),
               they_say("It is expected output_size"), they_say("non-zero size"),
               they_say("Expected ")}),
       "a size is positive, one for each axis or one for all, and images may have no channels"},
      {{"interpolate", "grid_sample"},
       any_of({given(is_extreme), given(is_nan), of("e+30")}),
       "NaN and infinite places and values: what lies beyond the border does not count, NaN counts "
       "as -1"},
      {{"lstm_cell", "gru_cell", "rnn_tanh_cell", "rnn_relu_cell", "lstm", "gru"},
       they_say("Dimension out of range"),
       "sequences and steps may come without a batch, as in PyTorch's modules"},
      {{"lstm_cell", "gru_cell", "rnn_tanh_cell", "rnn_relu_cell"},
       we_say("expected ["),
       "biases do not broadcast"},
      {{"rnn_tanh", "rnn_relu"}, we_say("must be [steps"), "one vector is no sequence"},
      {{"scaled_dot_product_attention"},
       we_say("has 2 axes at least"),
       "a vector is no sequence of queries"},
      {{"scaled_dot_product_attention"},
       at({values}),
       "a query that sees no key gets 0, as in PyTorch since 2.5"},
  };
}

Entries of_others() {
  return {
      {{"linspace"}, of("inf"), "steps to infinity: NaN but for the end itself"},
      {{"linspace"},
       all_of({at({values}), of("int")}),
       "integers are truncated from their exact values; libtorch's steps are whole, or doubles"},
      {{"arange"},
       at({shape}),
       "for all integer dtypes bounds are cut first, as libtorch does for int64"},
      {{"add_", "sub_", "mul_", "div_"},
       any_of({of("a column by a row"), of("all by a row"), of("turned")}),
       "operands are read as they were before; libtorch refuses memory that overlaps, or reads "
       "what it wrote"},
  };
}

}  // namespace

double tolerance(const Case& one, Aspect, xgrad::DType own) {
  const auto of_dtype = [](xgrad::DType dtype) {
    switch (dtype) {
      case xgrad::float32:
        return 1e-5;
      case xgrad::float16:
        return 0x1p-9;
      case xgrad::bfloat16:
        return 0x1p-6;
      default:
        return 1e-9;
    }
  };
  // What is worked out in one dtype and handed on in another has the digits of the narrower.
  double widest = of_dtype(own);
  for (const xgrad::Tensor& x : one.inputs) widest = std::max(widest, of_dtype(x.dtype()));
  return widest;
}

std::vector<Deliberate> deliberate_differences() {
  Entries all;
  for (const auto& some :
       {refusals_of_any(), numbers_of_any(), of_pointwise(), of_reductions(), of_shapes(),
        of_indices(), of_products(), of_losses(), of_layers(), of_others()})
    all.insert(all.end(), some.begin(), some.end());
  return all;
}

}  // namespace agreement
