// How much memory a program's activation buffers take: computed here once, for programs and for plans that are never run.
#ifndef STERNA_BACKEND_CPU_CPU_ACTIVATION_SIZES_H_
#define STERNA_BACKEND_CPU_CPU_ACTIVATION_SIZES_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "backend/backend.h"
#include "base/function_ref.h"

namespace sterna {

inline constexpr int64_t kMaxAttentionBlocks = int64_t{1} << 17;

/// Memory of rows: a slot's, or the int8 form of one.
struct CpuRowsSize {
  int64_t stride = 0;       ///< elements from row to row; float rows are padded to 16 floats, quantized ones to 64 bytes
  size_t data_bytes = 0;    ///< all rows
  size_t number_bytes = 0;  ///< their scales; their sums take as much again; 0 for float rows
};

struct CpuActivationSizes {
  std::vector<CpuRowsSize> slots;
  CpuRowsSize block_input;  ///< int8 rows with scales, sums and two group sums per block of 32; 0 where no product reads blocks
  int64_t block_scale_stride = 0;  ///< floats
  size_t scratch_bytes = 0;        ///< of each worker

  int64_t TotalBytes(int threads) const;
};

/// `uses_blocks`: whether a dense product reads int8 blocks. `plan` has passed CheckPlan.
CpuActivationSizes MeasureActivations(const Plan& plan, const ProgramLimits& limits,
                                      FunctionRef<bool(const DenseLinearOp&)> uses_blocks);

}  // namespace sterna

#endif  // STERNA_BACKEND_CPU_CPU_ACTIVATION_SIZES_H_
