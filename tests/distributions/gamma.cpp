// Samples of Gamma and what is made of it, and their derivatives.

#include <xgrad/autograd/backward.hpp>
#include <xgrad/func/grad.hpp>

#include <array>
#include <cmath>

#include "roster.hpp"

using namespace roster;

namespace {

struct Slope {
  double alpha, l, dl;
};

// dl/dα of l = ln x at a constant P(α, x), worked out with 50 digits by mpmath.
constexpr Slope slopes[] = {
    {0.001, -699.9999999999999, 699424.42806818957},
    {0.001, -9.210340371976182, 8635.7309052886948},
    {0.001, -8.517193191416238, 7943.4077862571202},
    {0.001, -1.2039728043259361, 1223.7384162601555},
    {0.001, -0.5108256237659907, 828.95705663584381},
    {0.001, 0.6931471805599453, 361.99806110113976},
    {0.001, 1.6094379124341003, 170.8458553930225},
    {0.01, -7.600902459542082, 704.39933569597117},
    {0.01, -6.907755278982137, 635.41380071858217},
    {0.01, -4.135166556742356, 364.72300569721931},
    {0.01, -1.2039728043259361, 123.44920015920253},
    {0.01, 0.0, 60.505562260661087},
    {0.01, 0.6931471805599453, 36.798899925203985},
    {0.1, -6.999999999999999, 65.824531471664717},
    {0.1, -5.298317366548036, 49.009196217523423},
    {0.1, -3.912023005428146, 35.690697857191212},
    {0.1, -1.83258146374831, 17.788034349802158},
    {0.1, -0.5108256237659907, 9.2432502336344387},
    {0.1, 0.0, 6.790083413327752},
    {0.1, 1.6094379124341003, 2.108301059892518},
    {0.5, -1.4, 3.6524401887592358},
    {0.5, -2.995732273553991, 6.3165867750919626},
    {0.5, -2.3025850929940455, 5.0976556708269719},
    {0.5, -1.2039728043259361, 3.3660064864961823},
    {0.5, -0.5108256237659907, 2.4487623604674228},
    {0.5, 0.6931471805599453, 1.2559446881810341},
    {0.5, 1.6094379124341003, 0.68742473499939797},
    {0.99, -3.0057826094074924, 3.5570673535682214},
    {0.99, -2.312635428847547, 2.9249943508222277},
    {0.99, 0.4599532933922342, 0.93243835146685802},
    {0.99, -1.2039728043259361, 2.000772662298174},
    {0.99, 0.0, 1.1813179792203144},
    {0.99, 0.6931471805599453, 0.82076266686701657},
    {1, -4.0, 4.4681615920266505},
    {1, -1.0, 1.8329897900481257},
    {1, 1.0, 0.68465763989637668},
    {1, 4.0, 0.084164161184326703},
    {1.5, -0.41103147281956165, 1.0822056600783569},
    {1.5, 0.4054651081081644, 0.74365681232732571},
    {1.5, 3.6714514318190683, 0.094280540349970148},
    {3, -1.2107887880903934, 0.89431663063366651},
    {3, 1.0986122886681098, 0.35234232189609481},
    {3, 1.6759625578577355, 0.26034173158066666},
    {10, 1.037674028926694, 0.17903079862065964},
    {10, 1.9863573269772077, 0.11859582950360792},
    {10, 2.6188128590108835, 0.086448352241991821},
    {10, 3.5674961570613974, 0.050543917173244426},
    {50, 3.7706016491908367, 0.021519110765018356},
    {50, 3.912023005428146, 0.020066798464995678},
    {50, 4.477708430377384, 0.01492283423204932},
    {199, 5.009752342721158, 0.005776015835597107},
    {199, 5.293304824724492, 0.0050293363848846097},
    {199, 5.364192945225326, 0.004853181585032712},
    {201, 5.021166661715636, 0.0057146436551149324},
    {201, 5.232770346473216, 0.0051569198146288123},
    {201, 5.373839469644936, 0.0048057106698902958},
    {201, 5.585443154402515, 0.0043098099688462919},
    {1000.0, 6.781264172575402, 0.0010647558828740812},
    {1000.0, 6.876132502380453, 0.0010160640470404438},
    {1000.0, 6.907755278982137, 0.0010001666833238061},
    {1000.0, 6.939378055583821, 0.00098443600015227106},
    {1000.0, 7.034246385388872, 0.00093824370586042878},
    {10000.0, 9.170340371976183, 0.00010201503312599227},
    {10000.0, 9.200340371976182, 0.00010050250835691522},
    {10000.0, 9.210340371976184, 0.00010000166668333234},
    {10000.0, 9.220340371976183, 9.9502491690304057e-5},
    {10000.0, 9.250340371976183, 9.8014966462881172e-5},
};

}  // namespace

TEST_CASE("the derivative of a sample is the implicit one, from tiny to large concentrations") {
  for (const Slope& expected_slope : slopes) {
    const double alpha = expected_slope.alpha, l = expected_slope.l, dl = expected_slope.dl;
    CAPTURE(alpha);
    CAPTURE(l);
    const double x = std::exp(l);
    if (x == 0) continue;
    // dP/dα = −f dl/dα with the density f of l
    const Tensor a = wide(alpha).requires_grad_();
    const Gamma gamma{a, wide(1)};
    gamma.cdf(wide(x)).backward();
    const double density = x * std::exp(gamma.log_prob(wide(x)).item());
    // x is l rounded, which at α = 1e4 moves l − ψ(α) by 1e-15 of 1e-4.
    CHECK(-a.grad().item() / density == doctest::Approx(dl).epsilon(1e-9));
  }
}

TEST_CASE("the cumulative function of Gamma has the digits that mpmath gives") {
  constexpr double table[][3] = {
      {1e-3, 1e-200, 0.63132112908582876}, {0.3, 0.01, 0.27924099635901486},
      {0.3, 2, 0.97797401917285299},       {2.5, 1.125, 0.1864182202163523},
      {2.5, 9, 0.99705359541211971},       {150, 140, 0.20954362391860707},
      {150, 170, 0.94436556868980671},     {1000, 950, 0.055054686230738034},
      {1000, 1010, 0.62767894473699473},   {10000, 10100, 0.84134875044717962}};
  for (const auto& row : table) {
    const double alpha = row[0], x = row[1], p = row[2];
    CAPTURE(alpha);
    CAPTURE(x);
    // ln Γ(1e4) is 8e4, known to 1e-16 of that.
    CHECK(Gamma(wide(alpha), wide(1)).cdf(wide(x)).item() == doctest::Approx(p).epsilon(3e-11));
    CHECK(Gamma(wide(alpha), wide(4)).cdf(wide(x / 4)).item() == doctest::Approx(p).epsilon(3e-11));
  }
  CHECK(Gamma(wide(2), wide(1)).cdf(wide(0)).item() == 0);
  CHECK(Gamma(wide(2), wide(1)).cdf(wide(1e6)).item() == 1);
}

TEST_CASE("a sample's gradient is minus the slope of the cumulative function over the density") {
  for (const double alpha : {0.2, 1.0, 3.0, 250.0}) {
    CAPTURE(alpha);
    const Tensor a = wide(alpha).requires_grad_();
    const Tensor rate = wide(2).requires_grad_();
    const Gamma gamma{a, rate};
    Generator generator(17);
    for (int i = 0; i < 10; ++i) {
      const Tensor x = gamma.rsample({}, &generator);
      const auto found = grad({x}, {a, rate});
      const double h = 1e-4 * alpha;
      const auto cdf = [&](double at) { return Gamma(wide(at), wide(2)).cdf(x.detach()).item(); };
      const double density = std::exp(gamma.log_prob(x.detach()).item());
      // The difference is off by h² and by the roundings of cdf over h.
      const double slope =
          (cdf(alpha - 2 * h) - 8 * cdf(alpha - h) + 8 * cdf(alpha + h) - cdf(alpha + 2 * h)) /
          (12 * h);
      CHECK(found[0].item() == doctest::Approx(-slope / density).epsilon(1e-7));
      CHECK(found[1].item() == doctest::Approx(-x.item() / 2).epsilon(1e-14));
    }
  }
}

TEST_CASE("the cumulative function of Gamma is differentiated in all it is of, but twice in α") {
  const std::vector<Tensor> inputs{wide(2.5).requires_grad_(), wide(1.5).requires_grad_(),
                                   wide({0.3, 2, 5}).requires_grad_()};
  CHECK(gradcheck(
      [](const Tensor& a, const Tensor& b, const Tensor& x) {
        return Gamma{a, b}.cdf(x);
      },
      inputs));
  const Tensor a = inputs[0];
  CHECK(gradgradcheck(
      [&](const Tensor& b, const Tensor& x) {
        return Gamma{a, b}.cdf(x);
      },
      {inputs[1], inputs[2]}));
  CHECK(message_of<GraphError>([&] {
          const Tensor x = Gamma{a, wide(1)}.rsample();
          const Tensor dx = grad(x, a, {.create_graph = true});
          dx.backward();
        }) ==
        "gamma: the second derivative in the concentration has no closed form; differentiate "
        "samples and cdf() once");
}

TEST_CASE("gradients of expectations are those of their closed forms") {
  constexpr std::int64_t count = 100000;
  // Each sample has parameters of its own: their gradients are those of the samples.
  const auto check = [](const Tensor& gradients, double expected_gradient) {
    const double error = gradients.std().item() / std::sqrt(double(count));
    CHECK(std::abs(gradients.mean().item() - expected_gradient) <= 5 * error);
  };
  const auto parameter = [](double value) {
    return full({count}, value, {.dtype = float64, .requires_grad = true});
  };
  for (const double alpha : {0.05, 0.7, 4.0, 500.0}) {
    CAPTURE(alpha);
    const Tensor a = parameter(alpha);
    Generator generator(1);
    Gamma{a, wide(2.5)}.rsample({}, &generator).sum().backward();
    check(a.grad(), 1 / 2.5);
  }
  {
    const Tensor a = parameter(0.5), b = parameter(2);
    Generator generator(2);
    Beta{a, b}.rsample({}, &generator).sum().backward();
    check(a.grad(), 2 / 6.25);
    check(b.grad(), -0.5 / 6.25);
  }
  {
    const Tensor df = parameter(10);
    Generator generator(3);
    square(StudentT{df}.rsample({}, &generator)).sum().backward();
    check(df.grad(), -2.0 / 64);
  }
  {
    const Tensor concentration = expand(wide({0.5, 1, 2.5}), {count, 3}).clone().requires_grad_();
    Generator generator(4);
    const Tensor x = Dirichlet{concentration}.rsample({}, &generator);
    x.select(1, 0).sum().backward();
    // Of α₀ / Σα: (Σα − α₀) / (Σα)² and −α₀ / (Σα)².
    check(concentration.grad().select(1, 0), 3.5 / 16);
    check(concentration.grad().select(1, 2), -0.5 / 16);
  }
}

TEST_CASE("tiny concentrations give neither zeros nor NaN") {
  for (const DType dtype : {float32, float64}) {
    CAPTURE(dtype);
    const Tensor tiny = full({2000}, 1e-3, {.dtype = dtype, .requires_grad = true});
    Generator generator(9);
    const Tensor x = Gamma{tiny, 1}.rsample({}, &generator);
    CHECK(all(x > 0).item<bool>());
    CHECK(all_finite(Gamma{tiny, 1}.log_prob(x)));
    const Tensor y = Beta{tiny, tiny}.rsample({}, &generator);
    CHECK(all_finite(y));
    // Nearly all of it is at the ends, half at either.
    CHECK(y.mean().item() == doctest::Approx(0.5).epsilon(0.06));
    const Tensor z = Dirichlet{full({500, 4}, 1e-5, {.dtype = dtype})}.sample({}, &generator);
    CHECK(all_finite(z));
    CHECK(allclose(z.sum(-1), full({500}, 1, {.dtype = dtype}), 1e-6, 0));
    (x.sum() + y.sum()).backward();
    CHECK(all_finite(tiny.grad()));
  }
}

TEST_CASE("parameters that are none, unchecked, end and give NaN") {
  constexpr Options unchecked{.validate_args = false};
  const double inf = std::numeric_limits<double>::infinity();
  for (const double alpha : {std::nan(""), inf, -1.0, 0.0}) {
    CAPTURE(alpha);
    const Gamma gamma{wide(alpha), wide(1), unchecked};
    CHECK(std::isnan(gamma.sample().item()));
    CHECK(std::isnan(gamma.cdf(wide(1)).item()));
  }
  CHECK(std::isnan(Gamma{wide(1), wide(1), unchecked}.cdf(wide(-1)).item()));
}

TEST_CASE("modes of Beta and Dirichlet, inside and at corners") {
  CHECK(Beta{wide(3), wide(2)}.mode().item() == doctest::Approx(2.0 / 3).epsilon(1e-15));
  CHECK(Beta{wide(0.5), wide(0.25)}.mode().item() == 1);
  CHECK(Beta{wide(0.5), wide(2)}.mode().item() == 0);
  CHECK(values(Dirichlet{wide({0.5, 3, 2})}.mode())[1] == doctest::Approx(2.0 / 3).epsilon(1e-15));
  CHECK(values(Dirichlet{wide({0.5, 0.75, 0.25})}.mode()) == std::vector<double>{0, 1, 0});
  CHECK(values(Gamma{wide({0.5, 3}), 2}.mode()) == std::vector<double>{0, 1});
}

TEST_CASE("StudentT has no mean at one degree of freedom, nor a variance at two") {
  const StudentT t{wide({1, 1.5, 2, 3})};
  const std::vector<double> mean = values(t.mean()), variance = values(t.variance());
  CHECK(std::isnan(mean[0]));
  CHECK(mean[1] == 0);
  CHECK(std::isnan(variance[0]));
  CHECK(std::isinf(variance[1]));
  CHECK(std::isinf(variance[2]));
  CHECK(variance[3] == 3);
}
