#include "base/rng.h"

#include <cmath>
#include <numbers>

namespace sterna {
namespace {

// Multipliers and key increments of the paper; the increments are the golden ratio and sqrt(3) - 1, times 2^32.
constexpr uint64_t kMultiplier0 = 0xD2511F53;
constexpr uint64_t kMultiplier1 = 0xCD9E8D57;
constexpr uint32_t kKeyStep0 = 0x9E3779B9;
constexpr uint32_t kKeyStep1 = 0xBB67AE85;
constexpr int kRounds = 10;

constexpr uint32_t Low(uint64_t x) {
  return static_cast<uint32_t>(x);
}
constexpr uint32_t High(uint64_t x) {
  return static_cast<uint32_t>(x >> 32);
}

/// 53 random bits as a multiple of 2^-53 in [0, 1).
double UnitInterval(uint64_t bits) {
  return static_cast<double>(bits >> 11) * 0x1p-53;
}

std::array<uint64_t, 2> NextBlock(RngStream& s) {
  const uint64_t counter = s.counter++;
  const auto words = Philox4x32({Low(counter), High(counter), Low(s.stream), High(s.stream)}, {Low(s.key), High(s.key)});
  return {uint64_t{words[1]} << 32 | words[0], uint64_t{words[3]} << 32 | words[2]};
}

}  // namespace

std::array<uint32_t, 4> Philox4x32(std::array<uint32_t, 4> counter, std::array<uint32_t, 2> key) {
  for (int round = 0; round < kRounds; ++round) {
    const uint64_t product0 = kMultiplier0 * counter[0];
    const uint64_t product1 = kMultiplier1 * counter[2];
    counter = {High(product1) ^ counter[1] ^ key[0], Low(product1), High(product0) ^ counter[3] ^ key[1], Low(product0)};
    key[0] += kKeyStep0;
    key[1] += kKeyStep1;
  }
  return counter;
}

uint32_t RngStream::NextUint32() {
  return Low(NextBlock(*this)[0]);
}

uint64_t RngStream::NextUint64() {
  return NextBlock(*this)[0];
}

double RngStream::NextUniform() {
  return UnitInterval(NextUint64());
}

double RngStream::NextNormal() {
  const auto bits = NextBlock(*this);
  const double u = 1.0 - UnitInterval(bits[0]);  // never 0, so that the logarithm is finite
  return std::sqrt(-2.0 * std::log(u)) * std::cos(2.0 * std::numbers::pi * UnitInterval(bits[1]));
}

}  // namespace sterna
