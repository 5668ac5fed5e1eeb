// Inputs of the float kernels: norm, rotation, attention, gate.
#include "kernels/self_test/cases.h"

namespace sterna {
namespace {

void AppendAttention(AttentionFunction function, int64_t head_dim, int64_t begin, int64_t positions, float magnitude,
                     Outputs* outputs) {
  constexpr int64_t kQueries = 3;
  Numbers numbers(static_cast<uint64_t>(head_dim * 1000 + positions));
  const int64_t blocks = (positions + kKvBlockTokens - 1) / kKvBlockTokens;
  const int64_t block_floats = kKvBlockTokens * head_dim;
  Aligned<float> q(kQueries * head_dim), keys(blocks * block_floats), values(blocks * block_floats), y(kQueries * head_dim);
  numbers.Fill(q, magnitude);
  numbers.Fill(keys, 1.0f);
  numbers.Fill(values, 2.0f);
  std::vector<const float*> key_blocks, value_blocks;
  for (int64_t block = 0; block < blocks; ++block) {
    key_blocks.push_back(keys.data() + block * block_floats);
    value_blocks.push_back(values.data() + block * block_floats);
  }
  function({.q = q.data(),
            .queries = kQueries,
            .head_dim = head_dim,
            .keys = key_blocks.data(),
            .values = value_blocks.data(),
            .begin = begin,
            .positions = positions,
            .score_scale = 0.125f,
            .y = y.data()});
  y.AppendTo(outputs);
}

}  // namespace

Outputs RmsNormOutputs(RmsNormFunction function) {
  Outputs outputs;
  Numbers numbers(3);
  for (const int64_t n : {1, 7, 16, 203}) {
    // Ordinary values; zeros; values whose squares no float holds.
    for (const float magnitude : {1.0f, 0.0f, 1e30f}) {
      Aligned<float> x(n), weight(n), y(n);
      numbers.Fill(x, magnitude);
      numbers.Fill(weight, 1.5f);
      function({.x = x.data(), .weight = weight.data(), .n = n, .epsilon = 1e-5f, .y = y.data()});
      y.AppendTo(&outputs);
      function({.x = x.data(), .weight = nullptr, .n = n, .epsilon = 1e-5f, .y = x.data()});
      x.AppendTo(&outputs);
    }
  }
  return outputs;
}

Outputs RopeOutputs(RopeFunction function) {
  constexpr int64_t kHeads = 3;
  Outputs outputs;
  Numbers numbers(4);
  for (const int64_t head_dim : {2, 20, 64, 128}) {
    for (const float magnitude : {1.0f, 1e-38f, 1e38f}) {
      Aligned<float> x(kHeads * head_dim), cos(head_dim / 2), sin(head_dim / 2);
      numbers.Fill(x, magnitude);
      numbers.Fill(cos, 1.0f);
      numbers.Fill(sin, 1.0f);
      function({.x = x.data(), .heads = kHeads, .head_dim = head_dim, .cos = cos.data(), .sin = sin.data()});
      x.AppendTo(&outputs);
    }
  }
  return outputs;
}

Outputs AttentionOutputs(AttentionFunction function) {
  Outputs outputs;
  for (const int64_t head_dim : {20, 64, 128}) {
    for (const int64_t positions : {1, 31, 33, 70}) AppendAttention(function, head_dim, 0, positions, 1.0f, &outputs);
    // Scores so far apart that most probabilities are zero.
    AppendAttention(function, head_dim, 0, /*positions=*/65, 1000.0f, &outputs);
    // Windows that begin inside a block and at its edge.
    for (const int64_t begin : {37, 64}) AppendAttention(function, head_dim, begin, /*positions=*/70, 1.0f, &outputs);
  }
  return outputs;
}

Outputs GateOutputs(GateFunction function) {
  Outputs outputs;
  Numbers numbers(5);
  for (const Activation activation : {Activation::kSilu, Activation::kReluSquared, Activation::kGeluTanh}) {
    for (const int64_t n : {1, 15, 16, 203}) {
      // The large values lie beyond the range of the exponential.
      for (const float magnitude : {4.0f, 200.0f}) {
        Aligned<float> gate(n), up(n), y(n);
        numbers.Fill(gate, magnitude);
        numbers.Fill(up, 2.0f);
        gate[n / 2] = -0.0f;
        function({.activation = activation, .gate = gate.data(), .up = up.data(), .n = n, .y = y.data()});
        y.AppendTo(&outputs);
      }
    }
  }
  return outputs;
}

}  // namespace sterna
