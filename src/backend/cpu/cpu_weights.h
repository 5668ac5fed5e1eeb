// How the CPU backend keeps weights: in the kernels' own layouts and in memory of huge pages, which is read about twice as fast as
// a mapped file.
#ifndef STERNA_BACKEND_CPU_CPU_WEIGHTS_H_
#define STERNA_BACKEND_CPU_CPU_WEIGHTS_H_

#include <memory>
#include <optional>
#include <span>
#include <variant>

#include "backend/backend.h"
#include "base/arena.h"
#include "base/thread_pool.h"
#include "kernels/ternary/layouts.h"

namespace sterna {

struct CpuVector {
  std::span<const float> values;
};

/// Tiles of 16 rows and one scale per row.
struct CpuTernary {
  TernaryLayout layout;
  std::span<const std::byte> codes;
  std::span<const float> row_scales;
  int64_t rows, cols;
};

/// Row-major bytes in the file's encoding: a copy, or the source's own where it is resident already or serves lookups only.
struct CpuDense {
  DenseMatrixSource source;
  int64_t row_bytes;
  float tensor_scale;  // I2_S: the factor behind the rows; 1 otherwise
};

/// Tiles of 16 rows of a block-quantized matrix (kernels/blockquant/tiles.h).
struct CpuBlockMatrix {
  DType dtype;
  std::span<const std::byte> tiles;
  int64_t rows, cols;
};

/// cos and sin, [positions][half] each.
struct CpuRopeTable {
  std::span<const float> cos, sin;
  int64_t positions;
  int64_t half;
};

/// The 6-bit copy of a dense matrix (kernels/screen/screen.h).
struct CpuScreen {
  std::span<const std::byte> bytes;
  int64_t rows, cols;
};

using CpuWeight = std::variant<CpuVector, CpuTernary, CpuDense, CpuBlockMatrix, CpuRopeTable, CpuScreen>;

// Each takes its memory from `arena`, which outlives the weight.

Result<CpuWeight> MakeCpuVector(std::span<const float> values, Arena& arena);
/// Reads and packs tiles in parallel. The first error of read_row, if any.
Result<CpuWeight> MakeCpuTernary(const TernaryMatrixSource& source, TernaryLayout layout, Arena& arena, ThreadPool& pool);
/// Internal where the bytes do not match the shape; Unsupported where the type cannot be decoded.
Result<CpuWeight> MakeCpuTable(DenseMatrixSource source);
/// The same, for products: bytes that are not resident are copied, and their source is let go.
Result<CpuWeight> MakeCpuDense(DenseMatrixSource source, Arena& arena, ThreadPool& pool);
/// The same for products with int8 activations, of types that have tiles: packed in parallel, and the source is let go.
Result<CpuWeight> MakeCpuBlockMatrix(DenseMatrixSource source, Arena& arena, ThreadPool& pool);
/// Whether screens are made of such matrices: F32, F16 or BF16, and not too wide.
bool CanBeScreened(DType dtype, int64_t cols);
/// Memory of a screen.
int64_t ScreenBytes(int64_t rows, int64_t cols);
/// Nothing where the matrix cannot be screened, or holds a weight that no bound covers.
Result<std::optional<CpuWeight>> MakeCpuScreen(const CpuDense& matrix, Arena& arena, ThreadPool& pool);
Result<CpuWeight> MakeCpuRopeTable(std::span<const double> inverse_frequencies, int64_t positions, Arena& arena);

}  // namespace sterna

#endif  // STERNA_BACKEND_CPU_CPU_WEIGHTS_H_
