// Any bytes as activations and rows of a matrix: refused, or the exact products lie between the screen's bounds, which are the same
// bits on every instruction set.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "base/cpu_features.h"
#include "kernels/dense/linear.h"
#include "kernels/screen/screen.h"

namespace {

void Demand(bool holds) {
  if (!holds) std::abort();
}

struct alignas(64) Line {
  std::byte bytes[64];
};

/// Zeros, with room for what kernels may read behind `bytes`.
class Memory {
 public:
  explicit Memory(size_t bytes) : lines_(bytes / sizeof(Line) + 2) {}
  template <class T>
  T* as() {
    return reinterpret_cast<T*>(lines_.data());
  }

 private:
  std::vector<Line> lines_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 1) return 0;
  const int64_t cols = 1 + data[0] % 200;
  std::vector<float> values((size - 1) / sizeof(float));
  if (!values.empty()) std::memcpy(values.data(), data + 1, values.size() * sizeof(float));
  const int64_t rows = static_cast<int64_t>(values.size()) / cols - 1;  // the first is the activations
  if (rows < 1 || rows > 64) return 0;
  const float* weights = values.data() + cols;

  Memory x(static_cast<size_t>(cols) * sizeof(float)), scratch(sterna::DenseLinearScratchBytes(cols, 1));
  std::copy_n(values.data(), cols, x.as<float>());
  Memory input_memory(sterna::ScreenInputBytes(cols));
  Memory screen(static_cast<size_t>(rows * sterna::ScreenRowBytes(cols) + sterna::kScreenPadding));
  sterna::ScreenInput input = sterna::ScreenInputAt(input_memory.as<std::byte>(), cols);
  if (!sterna::PrepareScreenInput(x.as<float>(), cols, &input)) return 0;
  for (int64_t r = 0; r < rows; ++r) {
    const std::span<const float> row(weights + r * cols, static_cast<size_t>(cols));
    if (!sterna::EncodeScreenRow(row, screen.as<std::byte>() + r * sterna::ScreenRowBytes(cols))) return 0;
  }
  std::vector<float> exact(static_cast<size_t>(rows)), first_lower, first_upper;
  sterna::DenseLinearKernels(sterna::DType::kF32)
      .front()
      .function({.weights = reinterpret_cast<const std::byte*>(weights),
                 .row_bytes = cols * static_cast<int64_t>(sizeof(float)),
                 .rows = rows,
                 .cols = cols,
                 .row_begin = 0,
                 .row_end = rows,
                 .x = x.as<float>(),
                 .x_stride = (cols + 15) / 16 * 16,
                 .tokens = 1,
                 .y = exact.data(),
                 .y_stride = rows,
                 .scratch = scratch.as<std::byte>()});
  for (const auto& kernel : sterna::ScreenKernels()) {
    if (!sterna::HostCpu().Contains(sterna::IsaFeatures(kernel.info.isa))) continue;
    std::vector<float> lower(exact.size()), upper(exact.size());
    kernel.function({.rows = screen.as<std::byte>(),
                     .cols = cols,
                     .row_begin = 0,
                     .row_end = rows,
                     .inputs = &input,
                     .tokens = 1,
                     .lower = lower.data(),
                     .upper = upper.data(),
                     .stride = rows});
    for (size_t r = 0; r < exact.size(); ++r) Demand(lower[r] <= exact[r] && exact[r] <= upper[r]);
    if (first_lower.empty()) first_lower = lower, first_upper = upper;
    const size_t bytes = exact.size() * sizeof(float);
    Demand(std::memcmp(lower.data(), first_lower.data(), bytes) == 0);
    Demand(std::memcmp(upper.data(), first_upper.data(), bytes) == 0);
  }
  return 0;
}
