#include "backend/cpu/cpu_weights.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <mutex>
#include <vector>

#include "kernels/ternary/pack.h"
#include "kernels/ternary/tile_layout.h"
#include "tensor/encodings.h"

namespace sterna {

Result<CpuWeight> MakeCpuVector(std::span<const float> values) {
  STERNA_ASSIGN_OR_RETURN(Buffer buffer, Buffer::Allocate(values.size_bytes()));
  std::memcpy(buffer.data(), values.data(), values.size_bytes());
  return CpuWeight(CpuVector{std::move(buffer), static_cast<int64_t>(values.size())});
}

Result<CpuWeight> MakeCpuTernary(const TernaryMatrixSource& source, ThreadPool& pool) {
  const int64_t rows = source.rows, cols = source.cols;
  if (rows < 1 || cols < 1 || cols > kMaxTernaryCols) {
    return Unsupported(fmt::format("a ternary matrix of [{}, {}]: at most {} columns are supported", rows, cols, kMaxTernaryCols));
  }
  STERNA_ASSIGN_OR_RETURN(Buffer codes, Buffer::Allocate(static_cast<size_t>(TernaryMatrixBytes(rows, cols))));
  STERNA_ASSIGN_OR_RETURN(Buffer scales, Buffer::Allocate(static_cast<size_t>(rows) * sizeof(float)));
  auto* code_bytes = reinterpret_cast<uint8_t*>(codes.data());
  float* row_scales = scales.as<float>().data();

  std::mutex mutex;
  Status first_error;  // guarded by mutex
  const int64_t tiles = TernaryPaddedRows(rows) / kTernaryTileRows;
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
      PackTernaryTile({row_values.data(), static_cast<size_t>(tile_rows)}, cols, code_bytes + tile * TernaryTileBytes(cols));
    }
  });
  STERNA_RETURN_IF_ERROR(first_error);
  return CpuWeight(CpuTernary{std::move(codes), std::move(scales), rows, cols});
}

Result<CpuWeight> MakeCpuDense(DenseMatrixSource source) {
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

Result<CpuWeight> MakeCpuRopeTable(std::span<const double> inverse_frequencies, int64_t positions) {
  const auto half = static_cast<int64_t>(inverse_frequencies.size());
  const size_t bytes = static_cast<size_t>(positions * half) * sizeof(float);
  STERNA_ASSIGN_OR_RETURN(Buffer cosines, Buffer::Allocate(bytes));
  STERNA_ASSIGN_OR_RETURN(Buffer sines, Buffer::Allocate(bytes));
  float* cos_out = cosines.as<float>().data();
  float* sin_out = sines.as<float>().data();
  for (int64_t position = 0; position < positions; ++position) {
    for (const double frequency : inverse_frequencies) {
      const double angle = static_cast<double>(position) * frequency;
      *cos_out++ = static_cast<float>(std::cos(angle));
      *sin_out++ = static_cast<float>(std::sin(angle));
    }
  }
  return CpuWeight(CpuRopeTable{std::move(cosines), std::move(sines), positions, half});
}

int64_t OwnedBytes(const CpuWeight& weight) {
  const auto bytes = [](const auto&... buffers) { return static_cast<int64_t>((buffers.size() + ...)); };
  if (const auto* vector = std::get_if<CpuVector>(&weight)) return bytes(vector->values);
  if (const auto* ternary = std::get_if<CpuTernary>(&weight)) return bytes(ternary->codes, ternary->row_scales);
  if (const auto* rope = std::get_if<CpuRopeTable>(&weight)) return bytes(rope->cos, rope->sin);
  return 0;
}

}  // namespace sterna
