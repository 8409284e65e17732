// Every arithmetic type of C++ is a number: one Scalar, one list, one way out of a tensor.

#include <cmath>
#include <limits>
#include <sstream>

#include "support.hpp"

using namespace support;

namespace {

template <class T>
void check_type(const char* type) {
  CAPTURE(type);
  const T one = static_cast<T>(1);
  const Tensor x = tensor({2., 3.}, {.dtype = float64});
  const DType natural = std::is_same_v<T, bool>       ? boolean
                        : std::is_floating_point_v<T> ? float32
                                                      : int64;
  CHECK(Scalar(one).natural_dtype() == natural);
  CHECK(Scalar(one).to<T>() == one);
  CHECK(values(x + one) == std::vector<double>{3, 4});
  CHECK(values(one * x) == std::vector<double>{2, 3});
  CHECK(values(x / one) == std::vector<double>{2, 3});
  CHECK(values(pow(x, one)) == std::vector<double>{2, 3});
  CHECK(values(x.pow(one)) == std::vector<double>{2, 3});
  CHECK(values(maximum(one, x)) == std::vector<double>{2, 3});
  CHECK(values(where(x > one, x, one)) == std::vector<double>{2, 3});
  CHECK((x == one).template to_vector<bool>() == std::vector<bool>{false, false});
  CHECK(values(clamp(x, one, one)) == std::vector<double>{1, 1});
  CHECK(values(x.clamp(one)) == std::vector<double>{2, 3});
  CHECK(values(pad(x, {1, 0}, one)) == std::vector<double>{1, 2, 3});
  CHECK(values(zeros({1}).fill_(one)) == std::vector<double>{1});
  CHECK(full({1}, one).dtype() == natural);
  CHECK(values(full_like(x, one)) == std::vector<double>{1, 1});
  CHECK(tensor({one, one}).dtype() == natural);
  CHECK(tensor({{one}, {one}}).shape() == Shape{2, 1});
  CHECK(values(arange(one)) == std::vector<double>{0});
  CHECK(values(linspace(one, one, 1)) == std::vector<double>{1});
  CHECK(tensor(one).template item<T>() == one);
  CHECK(tensor({2.75}).item<T>() == static_cast<T>(2.75));
  CHECK(tensor({0, 1}).to_vector<T>() == std::vector<T>{T(0), T(1)});
  CHECK(tensor({0., 1.}).to_vector<T>() == std::vector<T>{T(0), T(1)});
  CHECK(tensor({false, true}).to_vector<T>() == std::vector<T>{T(0), T(1)});
  const Tensor of_vector = from_vector(std::vector<T>{T(0), T(1)});
  CHECK(of_vector.dtype() == (sizeof(T) >= 8 && natural == float32 ? float64 : natural));
  CHECK(of_vector.to_vector<T>() == std::vector<T>{T(0), T(1)});
  CHECK(values(from_vector(std::vector<T>{one}, Shape{1, 1}, {.dtype = float32})) ==
        std::vector<double>{1});
}

template <class T>
concept TakesData = requires(const Tensor& x) {
  x.data<T>();
};
template <class T>
concept IsScalar = std::is_convertible_v<T, Scalar>;

}  // namespace

TEST_CASE("every arithmetic type is a number wherever one is taken") {
  check_type<bool>("bool");
  check_type<char>("char");
  check_type<signed char>("signed char");
  check_type<unsigned char>("unsigned char");
  check_type<short>("short");
  check_type<unsigned short>("unsigned short");
  check_type<int>("int");
  check_type<unsigned>("unsigned");
  check_type<long>("long");
  check_type<unsigned long>("unsigned long");
  check_type<long long>("long long");
  check_type<unsigned long long>("unsigned long long");
  check_type<float>("float");
  check_type<double>("double");
  check_type<long double>("long double");
  const std::size_t size = 2;
  CHECK(values(ones({1}) * size) == std::vector<double>{2});
  CHECK(values(sum(ones({2, 3}), size - 1)) == std::vector<double>{3, 3});
  CHECK(values(sum(ones({2, 3}), 1LL)) == std::vector<double>{3, 3});
  CHECK(values(sum(ones({2, 3}), 0U)) == std::vector<double>{2, 2, 2});
}

TEST_CASE("what is no number does not become one, and data() is of the tensor's own types") {
  CHECK_FALSE(IsScalar<const char*>);
  CHECK_FALSE(IsScalar<std::nullptr_t>);
  CHECK_FALSE(IsScalar<DType>);
  CHECK(TakesData<float>);
  CHECK(TakesData<BFloat16>);
  CHECK(TakesData<std::int64_t>);
  CHECK(TakesData<std::int32_t>);
  CHECK(TakesData<std::uint8_t>);
  CHECK_FALSE(TakesData<short>);
  CHECK_FALSE(TakesData<unsigned>);
  CHECK_FALSE(TakesData<long long>);
}

TEST_CASE("numbers convert where the type holds them") {
  const auto message = [](auto f) { return message_of<ValueError>(f); };
  CHECK(message([] { ones({1}) + std::numeric_limits<std::uint64_t>::max(); }) ==
        "number: 18446744073709551615 is too large: the largest int64 is 9223372036854775807");
  CHECK(message([] {
          from_vector(std::vector<std::uint64_t>{1, std::uint64_t{1} << 63});
        }) == "number: 9223372036854775808 is too large: the largest int64 is 9223372036854775807");
  CHECK(message([] { tensor({300}).item<unsigned char>(); }) == "item: 300 does not fit uint8");
  CHECK(message([] { tensor({-1}).item<unsigned long long>(); }) == "item: -1 does not fit uint64");
  CHECK(message([] {
          tensor({1., -200.}).to_vector<signed char>();
        }) == "to_vector: -200 does not fit int8");
  CHECK(message([] { tensor({3000000000}).item<int>(); }) == "item: 3000000000 does not fit int32");
  CHECK(message([] { tensor(NAN).item<int>(); }) == "item: nan does not fit int32");
  CHECK(message([] { tensor(1e10).item<int>(); }) == "item: 10000000000 does not fit int32");
  CHECK(tensor(NAN).item<bool>());
  CHECK(tensor({-2.9}).item<int>() == -2);
  CHECK(Scalar(2.5).as(int64).to<double>() == 2);
  CHECK(Scalar(2.5).as(boolean).kind() == boolean);
  CHECK(Scalar(0.1).as(float32).to<double>() == static_cast<double>(0.1F));
  constexpr std::int64_t odd = (std::int64_t{1} << 53) + 1;
  CHECK(Scalar(odd).to<std::int64_t>() == odd);
  CHECK(Scalar(odd).to<long double>() == static_cast<long double>(odd));
}

TEST_CASE("dtypes, numbers, shapes and axes print") {
  std::ostringstream out;
  out << ones({1}).dtype() << ' ' << boolean << ' ' << Scalar(2.5) << ' ' << Scalar(7) << ' '
      << Scalar(true) << ' ' << Shape{2, 3} << ' ' << Axes{0, -1};
  CHECK(out.str() == "float32 bool 2.5 7 true [2, 3] [0, -1]");
}
