// The types without kernels of their own: rows decoded by tensor/encodings.h, the product in the order of the contract.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <random>

#include "base/buffer.h"
#include "kernels/dense/linear.h"
#include "tensor/encodings.h"
#include "tensor/ternary_rows.h"

namespace sterna {
namespace {

constexpr int64_t kRows = 6, kCols = 512, kTokens = 5;

// Weights a writer of the type could have made; random bytes with plain scales where nothing here writes it.
std::vector<std::byte> Weights(DType dtype, std::mt19937& random) {
  const int64_t shape[] = {kRows, kCols};
  std::vector<std::byte> bytes(static_cast<size_t>(*TensorBytes(dtype, shape)));
  if (Info(dtype).is_ternary) {
    std::vector<int8_t> values(static_cast<size_t>(kRows * kCols));
    for (int8_t& v : values) v = random() % 2 == 0 ? int8_t{1} : int8_t{-1};
    const float scale[] = {0.375f};
    EXPECT_TRUE(EncodeTernary(dtype, *TernaryRows::OpenValues(values, scale, kRows, kCols), bytes).ok());
    return bytes;
  }
  std::vector<float> values(static_cast<size_t>(kRows * kCols));
  for (float& v : values) v = std::normal_distribution<float>(0, 0.02f)(random);
  if (QuantizeInto(dtype, values, kRows, kCols, bytes).ok()) return bytes;
  for (std::byte& byte : bytes) byte = static_cast<std::byte>(random());
  const int64_t scale_bytes = dtype == DType::kNVFP4 ? 4 : 1;
  for (size_t block = 0; block < bytes.size(); block += static_cast<size_t>(Info(dtype).block_bytes)) {
    std::fill_n(bytes.data() + block, scale_bytes, std::byte{100});
  }
  return bytes;
}

TEST(DenseLinearDecodedTypes, EveryTypeWithARowDecoderHasKernelsThatEqualItsReference) {
  std::mt19937 random(3);
  auto x = Buffer::Allocate(kTokens * kCols * sizeof(float));
  auto scratch = Buffer::Allocate(DenseLinearScratchBytes(kCols, kTokens));
  ASSERT_TRUE(x.ok() && scratch.ok());
  for (float& value : x->as<float>()) value = std::normal_distribution<float>(0, 1)(random);
  for (int i = 0; i < kDTypes; ++i) {
    const auto dtype = static_cast<DType>(i);
    const auto kernels = DenseLinearKernels(dtype);
    ASSERT_EQ(kernels.empty(), FindRowDecoder(dtype) == nullptr) << Name(dtype);
    if (kernels.empty() || Info(dtype).block_elements == 1) continue;
    const std::vector<std::byte> weights = Weights(dtype, random);
    std::vector<float> expected;
    for (const auto& kernel : kernels) {
      if (!HostCpu().Contains(IsaFeatures(kernel.info.isa))) continue;
      std::vector<float> y(kTokens * kRows, -7);
      DenseLinearArgs args;
      args.weights = weights.data();
      args.row_bytes = RowBytes(dtype, kCols);
      args.rows = kRows;
      args.cols = kCols;
      args.row_begin = 0;
      args.row_end = kRows;
      args.x = x->as<float>().data();
      args.x_stride = kCols;
      args.tokens = kTokens;
      args.y = y.data();
      args.y_stride = kRows;
      args.scratch = scratch->data();
      kernel.function(args);
      if (expected.empty()) expected = y;
      ASSERT_EQ(std::memcmp(y.data(), expected.data(), y.size() * sizeof(float)), 0) << kernel.info.name;
    }
    // The reference is the product with the decoded weights.
    std::vector<float> decoded(kRows * kCols);
    ASSERT_TRUE(Dequantize(dtype, weights, kRows, kCols, decoded).ok());
    double sum = 0, magnitude = 0;
    for (size_t c = 0; c < kCols; ++c) {
      const double product = static_cast<double>(decoded[c]) * static_cast<double>(x->as<float>()[c]);
      sum += product;
      magnitude += std::fabs(product);
    }
    EXPECT_NEAR(expected[0], sum, magnitude * 40 * 0x1p-24) << Name(dtype);
    EXPECT_GT(magnitude, 0) << Name(dtype);
  }
}

}  // namespace
}  // namespace sterna
