// The reference: one row at a time, decoded by tensor/encodings.h, summed in the order of the contract.
#include <cmath>

#include "kernels/dense/variants.h"
#include "tensor/encodings.h"

namespace sterna {
namespace {

float Dot(const float* w, const float* x, int64_t cols) noexcept {
  float lanes[kDenseLanes] = {};
  for (int64_t c = 0; c < cols; ++c) lanes[c % kDenseLanes] = std::fma(w[c], x[c], lanes[c % kDenseLanes]);
  for (int64_t half = kDenseLanes / 2; half > 0; half /= 2) {
    for (int64_t lane = 0; lane < half; ++lane) lanes[lane] += lanes[lane + half];
  }
  return lanes[0];
}

}  // namespace

template <DType kType>
void DenseLinearRef(const DenseLinearArgs& args) noexcept {
  const float scale = TensorScale(kType, args.weights, args.rows, args.cols);
  auto* row = reinterpret_cast<float*>(args.scratch);
  for (int64_t r = args.row_begin; r < args.row_end; ++r) {
    DequantizeRow(kType, args.weights + r * args.row_bytes, args.cols, scale, row);
    for (int64_t t = 0; t < args.tokens; ++t) args.y[t * args.y_stride + r] = Dot(row, args.x + t * args.x_stride, args.cols);
  }
}

template void DenseLinearRef<DType::kF32>(const DenseLinearArgs&) noexcept;
template void DenseLinearRef<DType::kF16>(const DenseLinearArgs&) noexcept;
template void DenseLinearRef<DType::kBF16>(const DenseLinearArgs&) noexcept;
template void DenseLinearRef<DType::kF64>(const DenseLinearArgs&) noexcept;
template void DenseLinearRef<DType::kQ8_0>(const DenseLinearArgs&) noexcept;
template void DenseLinearRef<DType::kQ4_0>(const DenseLinearArgs&) noexcept;
template void DenseLinearRef<DType::kQ4_1>(const DenseLinearArgs&) noexcept;
template void DenseLinearRef<DType::kQ6_K>(const DenseLinearArgs&) noexcept;
template void DenseLinearRef<DType::kTQ1_0>(const DenseLinearArgs&) noexcept;
template void DenseLinearRef<DType::kTQ2_0>(const DenseLinearArgs&) noexcept;
template void DenseLinearRef<DType::kI2_S>(const DenseLinearArgs&) noexcept;
template void DenseLinearRef<DType::kQ5_0>(const DenseLinearArgs&) noexcept;
template void DenseLinearRef<DType::kQ5_1>(const DenseLinearArgs&) noexcept;
template void DenseLinearRef<DType::kQ2_K>(const DenseLinearArgs&) noexcept;
template void DenseLinearRef<DType::kQ3_K>(const DenseLinearArgs&) noexcept;
template void DenseLinearRef<DType::kQ4_K>(const DenseLinearArgs&) noexcept;
template void DenseLinearRef<DType::kQ5_K>(const DenseLinearArgs&) noexcept;
template void DenseLinearRef<DType::kIQ4_NL>(const DenseLinearArgs&) noexcept;
template void DenseLinearRef<DType::kMXFP4>(const DenseLinearArgs&) noexcept;
template void DenseLinearRef<DType::kNVFP4>(const DenseLinearArgs&) noexcept;
template void DenseLinearRef<DType::kI2_SArm>(const DenseLinearArgs&) noexcept;
template void DenseLinearRef<DType::kI2_SSequential>(const DenseLinearArgs&) noexcept;
template void DenseLinearRef<DType::kIQ1_BN>(const DenseLinearArgs&) noexcept;
template void DenseLinearRef<DType::kIQ2_BN>(const DenseLinearArgs&) noexcept;
template void DenseLinearRef<DType::kQ2_0>(const DenseLinearArgs&) noexcept;
template void DenseLinearRef<DType::kPQ2_0>(const DenseLinearArgs&) noexcept;
template void DenseLinearRef<DType::kPTQ1_0>(const DenseLinearArgs&) noexcept;
template void DenseLinearRef<DType::kQ1_0>(const DenseLinearArgs&) noexcept;
template void DenseLinearRef<DType::kQ1_0G32>(const DenseLinearArgs&) noexcept;

}  // namespace sterna
