// For tests: SHA-256 (FIPS 180-4), so that bytes can be compared with digests other implementations published.
#ifndef STERNA_TENSOR_SHA256_TEST_H_
#define STERNA_TENSOR_SHA256_TEST_H_

#include <array>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace sterna {

/// The first 32 bits behind the point of the square or cube roots of the first primes: SHA-256's constants by their definition.
template <size_t kCount>
std::array<uint32_t, kCount> RootsOfPrimes(bool is_cube) {
  std::array<uint32_t, kCount> words{};
  size_t count = 0;
  for (uint64_t n = 2; count < kCount; ++n) {
    bool is_prime = true;
    for (uint64_t d = 2; d * d <= n; ++d) is_prime = is_prime && n % d != 0;
    if (!is_prime) continue;
    const long double value = static_cast<long double>(n), root = is_cube ? cbrtl(value) : sqrtl(value);
    words[count++] = static_cast<uint32_t>(static_cast<uint64_t>(root * 4294967296.0L));
  }
  return words;
}

inline std::vector<std::byte> Sha256(std::span<const std::byte> message) {
  static const auto constants = RootsOfPrimes<64>(true);
  std::array<uint32_t, 8> state = RootsOfPrimes<8>(false);
  std::vector<std::byte> padded(message.begin(), message.end());
  padded.push_back(std::byte{0x80});
  while (padded.size() % 64 != 56) padded.push_back(std::byte{0});
  for (int shift = 56; shift >= 0; shift -= 8) padded.push_back(static_cast<std::byte>(message.size() * 8 >> shift));
  for (size_t block = 0; block < padded.size(); block += 64) {
    std::array<uint32_t, 64> w{};
    for (size_t i = 0; i < 64; ++i) w[i / 4] |= static_cast<uint32_t>(padded[block + i]) << (24 - 8 * (i % 4));
    for (size_t i = 16; i < 64; ++i) {
      const uint32_t s0 = std::rotr(w[i - 15], 7) ^ std::rotr(w[i - 15], 18) ^ w[i - 15] >> 3;
      const uint32_t s1 = std::rotr(w[i - 2], 17) ^ std::rotr(w[i - 2], 19) ^ w[i - 2] >> 10;
      w[i] = w[i - 16] + s0 + w[i - 7] + s1;
    }
    auto v = state;
    for (size_t i = 0; i < 64; ++i) {
      const uint32_t s1 = std::rotr(v[4], 6) ^ std::rotr(v[4], 11) ^ std::rotr(v[4], 25);
      const uint32_t t1 = v[7] + s1 + ((v[4] & v[5]) ^ (~v[4] & v[6])) + constants[i] + w[i];
      const uint32_t s0 = std::rotr(v[0], 2) ^ std::rotr(v[0], 13) ^ std::rotr(v[0], 22);
      const uint32_t t2 = s0 + ((v[0] & v[1]) ^ (v[0] & v[2]) ^ (v[1] & v[2]));
      v = {t1 + t2, v[0], v[1], v[2], v[3] + t1, v[4], v[5], v[6]};
    }
    for (size_t i = 0; i < 8; ++i) state[i] += v[i];
  }
  std::vector<std::byte> digest;
  for (const uint32_t word : state) {
    for (int shift = 24; shift >= 0; shift -= 8) digest.push_back(static_cast<std::byte>(word >> shift));
  }
  return digest;
}

}  // namespace sterna

#endif  // STERNA_TENSOR_SHA256_TEST_H_
