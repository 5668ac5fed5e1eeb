#include "text/keyed_hash.h"

#include <bit>
#include <cstddef>
#include <cstring>

namespace sterna {
namespace {

/// The last word, of fewer than 8 bytes.
uint64_t LittleEndian(std::string_view bytes) {
  uint64_t word = 0;
  for (size_t i = bytes.size(); i-- > 0;) word = word << 8 | static_cast<uint8_t>(bytes[i]);
  return word;
}

struct State {
  uint64_t a, b, c, d;

  void Round() {
    a += b;
    c += d;
    b = std::rotl(b, 13) ^ a;
    d = std::rotl(d, 16) ^ c;
    a = std::rotl(a, 32);
    c += b;
    a += d;
    b = std::rotl(b, 17) ^ c;
    d = std::rotl(d, 21) ^ a;
    c = std::rotl(c, 32);
  }
  void Absorb(uint64_t word) {
    d ^= word;
    Round();
    a ^= word;
  }
};

}  // namespace

uint64_t KeyedHash(const HashKey& key, std::string_view bytes) {
  State state{key.first ^ 0x736F6D6570736575u, key.second ^ 0x646F72616E646F6Du, key.first ^ 0x6C7967656E657261u,
              key.second ^ 0x7465646279746573u};
  const uint64_t size = bytes.size();
  while (bytes.size() >= 8) {
    uint64_t word;
    std::memcpy(&word, bytes.data(), 8);
    if constexpr (std::endian::native == std::endian::big) word = __builtin_bswap64(word);
    state.Absorb(word);
    bytes.remove_prefix(8);
  }
  state.Absorb(LittleEndian(bytes) | size << 56);
  state.c ^= 0xFF;
  for (int i = 0; i < 3; ++i) state.Round();
  return state.a ^ state.b ^ state.c ^ state.d;
}

}  // namespace sterna
