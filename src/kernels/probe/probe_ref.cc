#include <cstring>

#include "kernels/probe/variants.h"

namespace sterna {

uint64_t ReadProbeRef(const ReadProbeArgs& args) noexcept {
  constexpr int64_t kLineBytes = 64;
  constexpr int kLineWords = 8;
  uint64_t sums[kLineWords] = {};
  for (int64_t at = 0; at < args.bytes; at += kLineBytes) {
    __builtin_prefetch(args.data + at + kProbePrefetchBytes);
    uint64_t words[kLineWords];
    std::memcpy(words, args.data + at, sizeof words);
    for (int i = 0; i < kLineWords; ++i) sums[i] += words[i];
  }
  uint64_t total = 0;
  for (const uint64_t sum : sums) total += sum;
  return total;
}

int64_t MultiplyProbeRef(const MultiplyProbeArgs& args) noexcept {
  constexpr int kProducts = 64;
  uint32_t sum = 0;
  for (int64_t round = 0; round < args.rounds; ++round) {
    const uint8_t* codes = args.codes;
    const int8_t* x = args.x;
    // Hides from the compiler that every round multiplies the same numbers.
    __asm__ volatile("" : "+r"(codes), "+r"(x) : : "memory");
    int32_t products = 0;
    for (int i = 0; i < kProducts; ++i) products += codes[i] * x[i];
    sum += static_cast<uint32_t>(products);
  }
  *args.sum = sum;
  return args.rounds * kProducts;
}

}  // namespace sterna
