// Counter-based random numbers: a number is a pure function of (key, stream, counter), so it never depends on who draws beside it.
#ifndef STERNA_BASE_RNG_H_
#define STERNA_BASE_RNG_H_

#include <array>
#include <cstdint>

namespace sterna {

/// Philox4x32 with 10 rounds (Salmon, Moraes, Dror, Shaw: "Parallel random numbers: as easy as 1, 2, 3", SC 2011): 128 random bits
/// for each pair of a 128-bit counter and a 64-bit key. Words least significant first, as in the authors' Random123 library.
std::array<uint32_t, 4> Philox4x32(std::array<uint32_t, 4> counter, std::array<uint32_t, 2> key);

/// A sequence of random numbers. Streams with different keys or stream numbers are independent; to skip or repeat, set the counter.
/// Every call below uses one counter value, whatever it returns. Plain data: save and restore it by copying. Thread-compatible.
struct RngStream {
  uint64_t key = 0;      ///< the user's seed
  uint64_t stream = 0;   ///< for example the number of a request or of a tensor
  uint64_t counter = 0;  ///< numbers drawn so far

  uint32_t NextUint32();
  uint64_t NextUint64();
  /// Uniform in [0, 1): the upper 53 bits of NextUint64 times 2^-53.
  double NextUniform();
  /// Normal with mean 0 and variance 1, by Box and Muller (1958): sqrt(-2 ln u) cos(2 pi v), u in (0, 1], v in [0, 1), 53 bits
  /// each; |result| < 8.6. Equal on every machine up to the rounding of the C library's log and cos.
  double NextNormal();
};

}  // namespace sterna

#endif  // STERNA_BASE_RNG_H_
