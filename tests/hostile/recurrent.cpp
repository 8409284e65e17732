// Recurrent networks.

#include "hostile.hpp"

using namespace hostile;

TEST_CASE("hostile: recurrent cells") {
  using Cell = Tensor (*)(const Tensor&, const Tensor&, const Tensor&, const Tensor&, const Tensor&,
                          const Tensor&);
  std::vector<Row> rows{
      {"lstm_cell", [](Arguments& from) {
         const Tensor x = from.tensor({2, 3});
         const Tensor h = from.tensor({2, 5});
         const Tensor c = from.tensor({2, 5});
         const Tensor w_ih = from.tensor({20, 3});
         const Tensor w_hh = from.tensor({20, 5});
         const Tensor b_ih = from.tensor({20});
         const auto [after, memory] = lstm_cell(x, {h, c}, w_ih, w_hh, b_ih, from.tensor({20}));
         Arguments::use({after, memory});
       }}};
  struct One {
    const char* name;
    Cell f;
    std::int64_t rows;
  };
  for (const One& one : {One{"gru_cell", gru_cell, 15}, One{"rnn_tanh_cell", rnn_tanh_cell, 5},
                         One{"rnn_relu_cell", rnn_relu_cell, 5}})
    rows.push_back({one.name, [one](Arguments& from) {
                      const Tensor x = from.tensor({2, 3});
                      const Tensor h = from.tensor({2, 5});
                      const Tensor w_ih = from.tensor({one.rows, 3});
                      const Tensor w_hh = from.tensor({one.rows, 5});
                      const Tensor b_ih = from.tensor({one.rows});
                      Arguments::use(one.f(x, h, w_ih, w_hh, b_ih, from.tensor({one.rows})));
                    }});
  sweep(rows);
}

TEST_CASE("hostile: recurrent networks") {
  using Sequence = RNNOutput (*)(const Tensor&, const Tensor&, const std::vector<Tensor>&,
                                 const RecurrentOptions&);
  const auto options = [](Arguments& from) {
    RecurrentOptions o;
    o.num_layers = from.size(1);
    o.dropout = from.real(0);
    o.training = from.flag(true);
    o.bidirectional = from.flag();
    o.batch_first = from.flag();
    o.proj_size = from.size(0);
    return o;
  };
  std::vector<Row> rows{{"lstm", [=](Arguments& from) {
                           const Tensor x = from.tensor({4, 2, 3});
                           const Tensor h = from.tensor({1, 2, 5});
                           const Tensor c = from.tensor({1, 2, 5});
                           const std::vector<Tensor> params{from.tensor({20, 3}),
                                                            from.tensor({20, 5}), from.tensor({20}),
                                                            from.tensor({20})};
                           const auto [output, state] = lstm(x, {h, c}, params, options(from));
                           Arguments::use({output, state.h, state.c});
                         }}};
  struct One {
    const char* name;
    Sequence f;
    std::int64_t rows;
  };
  for (const One& one :
       {One{"gru", gru, 3}, One{"rnn_tanh", rnn_tanh, 1}, One{"rnn_relu", rnn_relu, 1}}) {
    rows.push_back({one.name, [=](Arguments& from) {
                      const Tensor x = from.tensor({4, 2, 3});
                      const Tensor h = from.tensor({1, 2, 5});
                      const std::vector<Tensor> params{
                          from.tensor({one.rows * 5, 3}), from.tensor({one.rows * 5, 5}),
                          from.tensor({one.rows * 5}), from.tensor({one.rows * 5})};
                      const auto [output, last] = one.f(x, h, params, options(from));
                      Arguments::use({output, last});
                    }});
    rows.push_back({one.name, [=](Arguments& from) {
                      const Tensor x = zeros({4, 2, 1});
                      const auto params = from.tensors({one.rows, 1});
                      RecurrentOptions o;
                      o.has_biases = from.flag();
                      Arguments::use(one.f(x, {}, params, o).output);
                    }});
  }
  sweep(rows);
}
