#include "backend/cpu/cpu_weights.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cmath>
#include <cstring>
#include <mutex>
#include <vector>

#include "kernels/blockquant/tiles.h"
#include "kernels/screen/screen.h"
#include "kernels/ternary/tile_layout.h"
#include "tensor/encodings.h"

namespace sterna {

namespace {

Result<std::span<float>> AllocateFloats(Arena& arena, int64_t n) {
  STERNA_ASSIGN_OR_RETURN(const std::span<std::byte> bytes, arena.Allocate(static_cast<size_t>(n) * sizeof(float)));
  return std::span<float>(reinterpret_cast<float*>(bytes.data()), static_cast<size_t>(n));
}

}  // namespace

Result<CpuWeight> MakeCpuVector(std::span<const float> values, Arena& arena) {
  STERNA_ASSIGN_OR_RETURN(const std::span<float> copy, AllocateFloats(arena, static_cast<int64_t>(values.size())));
  std::ranges::copy(values, copy.begin());
  return CpuWeight(CpuVector{copy});
}

Result<CpuWeight> MakeCpuTernary(const TernaryMatrixSource& source, TernaryLayout layout, Arena& arena, ThreadPool& pool) {
  const int64_t rows = source.rows, cols = source.cols;
  if (rows < 1 || cols < 1 || cols > kMaxTernaryCols) {
    return Unsupported(fmt::format("a ternary matrix of [{}, {}]: at most {} columns are supported", rows, cols, kMaxTernaryCols));
  }
  const TernaryLayoutInfo& info = LayoutInfo(layout);
  const int64_t tiles = TernaryPaddedRows(rows) / kTernaryTileRows, tile_bytes = info.tile_bytes(cols);
  STERNA_ASSIGN_OR_RETURN(const std::span<std::byte> codes, arena.Allocate(static_cast<size_t>(tiles * tile_bytes)));
  STERNA_ASSIGN_OR_RETURN(const std::span<float> scales, AllocateFloats(arena, rows));
  auto* code_bytes = reinterpret_cast<uint8_t*>(codes.data());
  float* row_scales = scales.data();

  std::mutex mutex;
  Status first_error;  // guarded by mutex
  pool.ParallelFor(tiles, 1, [&](int64_t begin, int64_t end, int) {
    std::vector<int8_t> values(static_cast<size_t>(kTernaryTileRows * cols));
    std::array<const int8_t*, kTernaryTileRows> row_values;
    for (int64_t tile = begin; tile < end; ++tile) {
      const int64_t first_row = tile * kTernaryTileRows;
      const int64_t tile_rows = std::min(kTernaryTileRows, rows - first_row);
      for (int64_t i = 0; i < tile_rows; ++i) {
        int8_t* row = values.data() + i * cols;
        row_values[static_cast<size_t>(i)] = row;
        if (Status status = source.read_row(first_row + i, row, row_scales + first_row + i); !status.ok()) {
          const std::lock_guard lock(mutex);
          if (first_error.ok()) first_error = std::move(status);
          return;
        }
      }
      info.pack_tile({row_values.data(), static_cast<size_t>(tile_rows)}, cols, code_bytes + tile * tile_bytes);
    }
  });
  STERNA_RETURN_IF_ERROR(first_error);
  return CpuWeight(CpuTernary{layout, codes, scales, rows, cols});
}

Result<CpuWeight> MakeCpuTable(DenseMatrixSource source) {
  const int64_t shape[] = {source.rows, source.cols};
  STERNA_ASSIGN_OR_RETURN(const int64_t bytes, TensorBytes(source.dtype, shape));
  if (static_cast<size_t>(bytes) != source.bytes.size()) {
    return Internal(fmt::format("a dense {} matrix {} has {} bytes, expected {}", Name(source.dtype), ToString(shape),
                                source.bytes.size(), bytes));
  }
  if (FindRowDecoder(source.dtype) == nullptr)
    return Unsupported(fmt::format("a matrix of type {} cannot be multiplied", Name(source.dtype)));
  const int64_t row_bytes = RowBytes(source.dtype, source.cols);
  const float tensor_scale = TensorScale(source.dtype, source.bytes.data(), source.rows, source.cols);
  return CpuWeight(CpuDense{std::move(source), row_bytes, tensor_scale});
}

Result<CpuWeight> MakeCpuDense(DenseMatrixSource source, Arena& arena, ThreadPool& pool) {
  if (!source.is_resident) {
    STERNA_ASSIGN_OR_RETURN(const std::span<std::byte> copy, arena.Allocate(source.bytes.size()));
    constexpr int64_t kPiece = int64_t{1} << 20;
    const auto bytes = static_cast<int64_t>(copy.size());
    pool.ParallelFor((bytes + kPiece - 1) / kPiece, 1, [&](int64_t begin, int64_t end, int) {
      const int64_t first = begin * kPiece, past = std::min(end * kPiece, bytes);
      std::memcpy(copy.data() + first, source.bytes.data() + first, static_cast<size_t>(past - first));
    });
    source.bytes = copy;
    source.keep_alive = nullptr;
  }
  return MakeCpuTable(std::move(source));
}

Result<CpuWeight> MakeCpuBlockMatrix(DenseMatrixSource source, Arena& arena, ThreadPool& pool) {
  const DType dtype = source.dtype;
  const int64_t rows = source.rows, cols = source.cols;
  STERNA_ASSIGN_OR_RETURN(const CpuWeight table, MakeCpuTable(std::move(source)));  // checks the bytes
  const auto& matrix = std::get<CpuDense>(table);
  STERNA_ASSIGN_OR_RETURN(const std::span<std::byte> tiles,
                          arena.Allocate(static_cast<size_t>(BlockTilesBytes(dtype, rows, cols))));
  const int64_t tile_bytes = BlockTile(dtype, cols).end;
  pool.ParallelFor((rows + kBlockTileRows - 1) / kBlockTileRows, 1, [&](int64_t begin, int64_t end, int) {
    std::array<const std::byte*, kBlockTileRows> of_tile;
    for (int64_t tile = begin; tile < end; ++tile) {
      const int64_t first = tile * kBlockTileRows, count = std::min(kBlockTileRows, rows - first);
      for (int64_t r = 0; r < count; ++r) {
        of_tile[static_cast<size_t>(r)] = matrix.source.bytes.data() + (first + r) * matrix.row_bytes;
      }
      PackBlockTile(dtype, {of_tile.data(), static_cast<size_t>(count)}, cols, tiles.data() + tile * tile_bytes);
    }
  });
  return CpuWeight(CpuBlockMatrix{dtype, tiles, rows, cols});
}

bool CanBeScreened(DType dtype, int64_t cols) {
  return (dtype == DType::kF32 || dtype == DType::kF16 || dtype == DType::kBF16) && cols <= kMaxScreenCols;
}

int64_t ScreenBytes(int64_t rows, int64_t cols) {
  return rows * ScreenRowBytes(cols) + kScreenPadding;
}

Result<std::optional<CpuWeight>> MakeCpuScreen(const CpuDense& matrix, Arena& arena, ThreadPool& pool) {
  const DenseMatrixSource& source = matrix.source;
  if (!CanBeScreened(source.dtype, source.cols)) return std::optional<CpuWeight>();
  const int64_t row_bytes = ScreenRowBytes(source.cols);
  STERNA_ASSIGN_OR_RETURN(const std::span<std::byte> bytes,
                          arena.Allocate(static_cast<size_t>(ScreenBytes(source.rows, source.cols))));
  std::atomic<bool> in_range = true;
  constexpr int64_t kGrainRows = 64;
  pool.ParallelFor(source.rows, kGrainRows, [&](int64_t begin, int64_t end, int) {
    std::vector<float> values(static_cast<size_t>(source.cols));
    for (int64_t row = begin; row < end; ++row) {
      DequantizeRow(source.dtype, source.bytes.data() + row * matrix.row_bytes, source.cols, matrix.tensor_scale, values.data());
      if (!EncodeScreenRow(values, bytes.data() + row * row_bytes)) in_range = false;
    }
  });
  if (!in_range) return std::optional<CpuWeight>();
  return std::optional<CpuWeight>(CpuScreen{bytes, source.rows, source.cols});
}

Result<CpuWeight> MakeCpuRopeTable(std::span<const double> inverse_frequencies, int64_t positions, Arena& arena) {
  const auto half = static_cast<int64_t>(inverse_frequencies.size());
  STERNA_ASSIGN_OR_RETURN(const std::span<float> cosines, AllocateFloats(arena, positions * half));
  STERNA_ASSIGN_OR_RETURN(const std::span<float> sines, AllocateFloats(arena, positions * half));
  float* cos_out = cosines.data();
  float* sin_out = sines.data();
  for (int64_t position = 0; position < positions; ++position) {
    for (const double frequency : inverse_frequencies) {
      const double angle = static_cast<double>(position) * frequency;
      *cos_out++ = static_cast<float>(std::cos(angle));
      *sin_out++ = static_cast<float>(std::sin(angle));
    }
  }
  return CpuWeight(CpuRopeTable{cosines, sines, positions, half});
}

}  // namespace sterna
