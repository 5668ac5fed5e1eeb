// Private to this family: the functions that the kernel lists name, and what they share. Plain data: files with ISA flags include
// this.
#ifndef STERNA_KERNELS_DENSE_VARIANTS_H_
#define STERNA_KERNELS_DENSE_VARIANTS_H_

#include "kernels/dense/linear.h"

namespace sterna {

/// RowDecoder of tensor/encodings.h, which files with ISA flags do not include.
using DenseRowDecoder = void (*)(const std::byte* row, int64_t cols, float tensor_scale, float* out) noexcept;

/// Any type: `decode` writes rows to scratch, the product is the one of F32.
using DenseDecodedFunction = void (*)(const DenseLinearArgs& args, DenseRowDecoder decode, float tensor_scale) noexcept;

/// The reference of any type with a decoder.
template <DType kType>
void DenseLinearRef(const DenseLinearArgs& args) noexcept;

#if defined(__x86_64__)
/// F32, F16, BF16, Q8_0, Q4_0, Q4_1 and Q6_K: decoding is part of the product.
template <DType kType>
void DenseLinearAvx2(const DenseLinearArgs& args) noexcept;
template <DType kType>
void DenseLinearAvx512(const DenseLinearArgs& args) noexcept;

/// Any other type: `decode` writes rows to scratch, the product is the one of F32.
void DenseLinearDecodedAvx2(const DenseLinearArgs& args, DenseRowDecoder decode, float tensor_scale) noexcept;
void DenseLinearDecodedAvx512(const DenseLinearArgs& args, DenseRowDecoder decode, float tensor_scale) noexcept;
#elif defined(__aarch64__)
/// As the x86 variants.
template <DType kType>
void DenseLinearNeon(const DenseLinearArgs& args) noexcept;
void DenseLinearDecodedNeon(const DenseLinearArgs& args, DenseRowDecoder decode, float tensor_scale) noexcept;
#endif

/// Lanes of the contract's sum.
inline constexpr int64_t kDenseLanes = 16;
constexpr int64_t DensePaddedCols(int64_t cols) {
  return (cols + kDenseLanes - 1) / kDenseLanes * kDenseLanes;
}

// Scratch: kDensePanelRows decoded rows of DensePaddedCols floats, zeros behind cols; then the sums of 4 rows by 4 tokens for each
// quad of rows of the panel, kept from one block of columns to the next.
inline constexpr int64_t kDensePanelRows = 16;
inline constexpr int64_t kDenseQuadRows = 4;
inline constexpr int64_t kDenseMaxTileTokens = 4;
inline constexpr int64_t kDenseCarryFloats = kDenseQuadRows * kDenseMaxTileTokens * kDenseLanes;  // of one quad

/// Columns that are multiplied before the next quad of rows: 4 tokens and 4 rows of them, 20 KiB, stay in a 32 KiB L1 cache.
inline constexpr int64_t kDenseBlockCols = 640;

}  // namespace sterna

#endif  // STERNA_KERNELS_DENSE_VARIANTS_H_
