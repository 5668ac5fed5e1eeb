#include "kernels/probe/probe.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "base/buffer.h"
#include "base/rng.h"

namespace sterna {
namespace {

template <class Function, class Body>
void ForEachVariantOfThisMachine(std::span<const Kernel<Function>> list, Body body) {
  for (const auto& kernel : list) {
    SCOPED_TRACE(kernel.info.name);
    if (HostCpu().Contains(IsaFeatures(kernel.info.isa))) body(kernel);
  }
}

TEST(ReadProbe, SumsEveryWordOnce) {
  for (const int64_t lines : {0, 1, 2, 63, 64, 65, 1000}) {
    auto buffer = Buffer::Allocate(static_cast<size_t>(lines) * 64);
    ASSERT_TRUE(buffer.ok());
    RngStream rng{.key = 7, .stream = 0, .counter = 0};
    uint64_t expected = 0;
    for (uint64_t& word : buffer->as<uint64_t>()) expected += word = rng.NextUint64();
    ForEachVariantOfThisMachine(ReadProbeKernels(), [&](const Kernel<ReadProbeFunction>& kernel) {
      EXPECT_EQ(kernel.function({.data = buffer->data(), .bytes = lines * 64}), expected) << lines;
    });
  }
}

struct Operands {
  alignas(64) std::array<uint8_t, 64> codes;
  alignas(64) std::array<int8_t, 64> x;
};

// With equal operands everywhere the sum is the number of products times one product, so a count that is not true shows.
TEST(MultiplyProbe, CountsExactlyTheProductsItSums) {
  const std::array<std::array<int, 2>, 4> extremes = {{{1, 1}, {2, 127}, {2, -127}, {0, 5}}};
  for (const auto& extreme : extremes) {
    const int code = extreme[0], value = extreme[1];
    Operands operands;
    operands.codes.fill(static_cast<uint8_t>(code));
    operands.x.fill(static_cast<int8_t>(value));
    ForEachVariantOfThisMachine(MultiplyProbeKernels(), [&](const Kernel<MultiplyProbeFunction>& kernel) {
      for (const int64_t rounds : {0, 1, 3, 1000}) {
        uint32_t sum = 12345;
        const int64_t count =
            kernel.function({.codes = operands.codes.data(), .x = operands.x.data(), .rounds = rounds, .sum = &sum});
        EXPECT_EQ(count % 32, 0);
        EXPECT_EQ(count > 0, rounds > 0);
        EXPECT_EQ(sum, static_cast<uint32_t>(count * code * value));
      }
    });
  }
}

/// Of the 64: what a register holds; smmla takes rows of eight.
size_t OperandsUsed(Isa isa) {
  switch (isa) {
    case Isa::kAvx2:
    case Isa::kAvxVnni:
      return 32;
    case Isa::kNeon:
    case Isa::kNeonDotprod:
      return 16;
    case Isa::kNeonI8mm:
      return 8;
    default:
      return 64;
  }
}

TEST(MultiplyProbe, UsesTheOperandsItIsGiven) {
  Operands operands;
  for (size_t i = 0; i < 64; ++i) {
    operands.codes[i] = static_cast<uint8_t>(i % 3);
    operands.x[i] = static_cast<int8_t>(i % 16 + 1);
  }
  ForEachVariantOfThisMachine(MultiplyProbeKernels(), [&](const Kernel<MultiplyProbeFunction>& kernel) {
    uint32_t sum = 0;
    const int64_t count = kernel.function({.codes = operands.codes.data(), .x = operands.x.data(), .rounds = 1, .sum = &sum});
    const size_t used = OperandsUsed(kernel.info.isa);
    uint32_t once = 0;
    for (size_t i = 0; i < used; ++i) once += static_cast<uint32_t>(operands.codes[i] * operands.x[i]);
    EXPECT_EQ(sum, once * static_cast<uint32_t>(count / static_cast<int64_t>(used)));
  });
}

}  // namespace
}  // namespace sterna
