// The ids of words met before in one text, so that frequent words are encoded once.
#ifndef STERNA_TEXT_WORD_CACHE_H_
#define STERNA_TEXT_WORD_CACHE_H_

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <vector>

namespace sterna {

/// Direct-mapped, a cache line an entry, words and ids inside it: a hit touches nothing else, and hostile words cost nothing but
/// misses. Holds words of up to kMaxBytes bytes and kMaxIds ids. One thread.
class WordCache {
 public:
  static constexpr size_t kMaxBytes = 31;
  static constexpr size_t kMaxIds = 7;
  static constexpr size_t kMaxEntries = 32768;

  /// text_bytes: of the whole text, for which the cache is not made larger than useful; 0: one that holds nothing.
  explicit WordCache(size_t text_bytes) : entries_(std::bit_ceil(std::clamp<size_t>(text_bytes / 16, 1, kMaxEntries))) {
    shift_ = 64 - std::countr_zero(entries_.size());
  }

  /// A word as an entry compares it: its bytes, zeros, and its length in the last byte.
  using Key = std::array<uint64_t, 4>;

  /// Precondition: 0 < word.size() <= kMaxBytes, inside `text`.
  static Key MakeKey(std::string_view word, std::string_view text) {
    Key key{};
    const auto left = static_cast<size_t>(text.data() + text.size() - word.data());
    if (left >= sizeof(key)) {
      // Reading a fixed number of bytes and clearing those behind the word is faster than copying a number that varies.
      std::memcpy(key.data(), word.data(), sizeof(key));
      Key mask;
      std::memcpy(mask.data(), kMask.data() + sizeof(key) - word.size(), sizeof(mask));
      for (size_t i = 0; i < key.size(); ++i) key[i] &= mask[i];
    } else {
      std::memcpy(key.data(), word.data(), word.size());
    }
    // The last byte is free: words are shorter.
    reinterpret_cast<uint8_t*>(key.data())[kMaxBytes] = static_cast<uint8_t>(word.size());
    return key;
  }

  /// Where the word would be. Waiting for memory starts here, so that callers who ask for some words ahead wait little.
  size_t Prefetch(const Key& key) const {
    const size_t slot = Slot(key);
    __builtin_prefetch(&entries_[slot]);
    return slot;
  }

  /// slot: of Prefetch.
  bool Holds(const Key& key, size_t slot) const {
    const Key& held = entries_.data()[slot].key;
    return ((held[0] ^ key[0]) | (held[1] ^ key[1]) | (held[2] ^ key[2]) | (held[3] ^ key[3])) == 0;
  }

  /// Writes kMaxIds ids, the first of which are those of the word that the slot holds; returns their number.
  size_t CopyIds(size_t slot, int32_t* ids) const {
    const Entry& entry = entries_.data()[slot];
    std::memcpy(ids, entry.ids.data(), sizeof(entry.ids));
    return entry.count;
  }

  /// Does nothing where there are too many ids, or none.
  void Remember(const Key& key, size_t slot, std::span<const int32_t> ids) {
    if (ids.empty() || ids.size() > kMaxIds) return;
    Entry& entry = entries_[slot];
    entry.key = key;
    entry.count = static_cast<uint32_t>(ids.size());
    std::copy(ids.begin(), ids.end(), entry.ids.begin());
  }

 private:
  struct alignas(64) Entry {
    Key key{};  // an empty entry has the length 0, which no word has
    uint32_t count = 0;
    std::array<int32_t, kMaxIds> ids{};
  };

  static constexpr std::array<uint8_t, 64> kMask = [] {
    std::array<uint8_t, 64> mask{};
    for (size_t i = 0; i < 32; ++i) mask[i] = 0xFF;
    return mask;
  }();

  size_t Slot(const Key& key) const {
    // Odd constants from the digits of pi; the high bits of a product depend on all bits of its factors.
    const uint64_t hash =
        (key[0] ^ std::rotl(key[2], 32)) * 0x243F6A8885A308D3 + (key[1] ^ std::rotl(key[3], 32)) * 0x13198A2E03707345;
    const uint64_t mixed = (hash ^ hash >> 32) * 0xA4093822299F31D1;
    return shift_ == 64 ? 0 : static_cast<size_t>(mixed >> shift_);
  }

  std::vector<Entry> entries_;
  int shift_ = 64;
};

}  // namespace sterna

#endif  // STERNA_TEXT_WORD_CACHE_H_
