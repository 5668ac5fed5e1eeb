// Private to the self-test: runs one kernel on the fixed inputs of its family and returns everything it wrote.
#ifndef STERNA_KERNELS_SELF_TEST_CASES_H_
#define STERNA_KERNELS_SELF_TEST_CASES_H_

#include <cstdint>
#include <cstring>
#include <vector>

#include "base/rng.h"
#include "kernels/self_test/self_test.h"

namespace sterna {

/// The bytes that a kernel wrote, case after case.
using Outputs = std::vector<std::byte>;

Outputs QuantizeOutputs(QuantizeFunction function);
Outputs TernaryLinearOutputs(const TernaryLayoutInfo& layout, TernaryLinearFunction function);
Outputs DenseLinearOutputs(DType dtype, DenseLinearFunction function);
Outputs BlockQuantizeOutputs(BlockQuantizeFunction function);
Outputs BlockLinearOutputs(DType dtype, BlockLinearFunction function);
Outputs RmsNormOutputs(RmsNormFunction function);
Outputs RopeOutputs(RopeFunction function);
Outputs AttentionOutputs(AttentionFunction function);
Outputs GateOutputs(GateFunction function);
Outputs ScreenOutputs(ScreenFunction function);

/// Zero-filled, 64-byte aligned, with 64 readable bytes past the end.
template <class T>
class Aligned {
 public:
  explicit Aligned(int64_t size)
      : size_(size), lines_((static_cast<size_t>(size) * sizeof(T) + sizeof(Line) - 1) / sizeof(Line) + 1) {}
  T* data() { return reinterpret_cast<T*>(lines_.data()); }
  T& operator[](int64_t i) { return data()[i]; }
  int64_t size() const { return size_; }

  void AppendTo(Outputs* outputs) const {
    const auto* bytes = reinterpret_cast<const std::byte*>(lines_.data());
    outputs->insert(outputs->end(), bytes, bytes + static_cast<size_t>(size_) * sizeof(T));
  }

 private:
  struct alignas(64) Line {
    std::byte bytes[64];
  };
  int64_t size_;
  std::vector<Line> lines_;
};

/// Numbers from -magnitude to magnitude: the same on every machine, for they are exact.
class Numbers {
 public:
  explicit Numbers(uint64_t stream) : rng_{.key = 0, .stream = stream, .counter = 0} {}

  uint32_t Next() { return rng_.NextUint32(); }
  void Fill(Aligned<float>& values, float magnitude) {
    for (int64_t i = 0; i < values.size(); ++i) {
      // 24 bits make an exact float in [-1, 1).
      values[i] = (static_cast<float>(rng_.NextUint32() >> 8) * 0x1p-23f - 1.0f) * magnitude;
    }
  }

 private:
  RngStream rng_;
};

}  // namespace sterna

#endif  // STERNA_KERNELS_SELF_TEST_CASES_H_
