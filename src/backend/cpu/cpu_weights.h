// How the CPU backend keeps weights: the kernels' own layouts, or views of the mapped file.
#ifndef STERNA_BACKEND_CPU_CPU_WEIGHTS_H_
#define STERNA_BACKEND_CPU_CPU_WEIGHTS_H_

#include <memory>
#include <span>
#include <variant>

#include "backend/backend.h"
#include "base/buffer.h"
#include "base/thread_pool.h"

namespace sterna {

/// n floats.
struct CpuVector {
  Buffer values;
  int64_t n;
};

/// Tiles of 16 rows (kernels/ternary/tile_layout.h) and one scale per row.
struct CpuTernary {
  Buffer codes;
  Buffer row_scales;
  int64_t rows, cols;
};

/// Row-major bytes in the file's encoding, not copied.
struct CpuDense {
  DenseMatrixSource source;
  int64_t row_bytes;
  float tensor_scale;  // I2_S: the factor behind the rows; 1 otherwise
};

/// cos and sin, [positions][half] each.
struct CpuRopeTable {
  Buffer cos, sin;
  int64_t positions;
  int64_t half;
};

using CpuWeight = std::variant<CpuVector, CpuTernary, CpuDense, CpuRopeTable>;

Result<CpuWeight> MakeCpuVector(std::span<const float> values);
/// Reads and packs tiles in parallel. The first error of read_row, if any.
Result<CpuWeight> MakeCpuTernary(const TernaryMatrixSource& source, ThreadPool& pool);
/// Internal where the bytes do not match the shape; Unsupported where the type cannot be decoded.
Result<CpuWeight> MakeCpuDense(DenseMatrixSource source);
Result<CpuWeight> MakeCpuRopeTable(std::span<const double> inverse_frequencies, int64_t positions);

/// Bytes that the weight itself owns.
int64_t OwnedBytes(const CpuWeight& weight);

}  // namespace sterna

#endif  // STERNA_BACKEND_CPU_CPU_WEIGHTS_H_
