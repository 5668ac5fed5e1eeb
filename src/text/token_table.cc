#include "text/token_table.h"

#include <algorithm>
#include <bit>
#include <cstring>

namespace sterna {
namespace {

uint64_t Mix(uint64_t a, uint64_t b) {
  __extension__ using Wide = unsigned __int128;
  const Wide product = Wide{a} * b;
  return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
}

}  // namespace

uint64_t HashBytes(std::string_view bytes) {
  constexpr uint64_t kOdd1 = 0xA0761D6478BD642Fu;
  constexpr uint64_t kOdd2 = 0xE7037ED1A0B428DBu;
  uint64_t hash = bytes.size() * kOdd1;
  while (bytes.size() >= 8) {
    uint64_t word;
    std::memcpy(&word, bytes.data(), 8);
    hash = Mix(hash ^ word, kOdd2);
    bytes.remove_prefix(8);
  }
  uint64_t word = 0;
  std::memcpy(&word, bytes.data(), bytes.size());
  return Mix(hash ^ word, kOdd1);
}

TokenIndex::TokenIndex(size_t expected_tokens) : slots_(std::bit_ceil(std::max<size_t>(8, expected_tokens * 2))) {}

size_t TokenIndex::FindSlot(const TokenTable& table, std::string_view text, uint64_t hash) const {
  const size_t mask = slots_.size() - 1;
  const auto tag = static_cast<uint32_t>(hash >> 32);
  for (size_t slot = static_cast<size_t>(hash) & mask;; slot = (slot + 1) & mask) {
    if (slots_[slot].id < 0) return slot;
    if (slots_[slot].hash == tag && table[static_cast<size_t>(slots_[slot].id)] == text) return slot;
  }
}

bool TokenIndex::Insert(const TokenTable& table, int32_t id) {
  const std::string_view text = table[static_cast<size_t>(id)];
  if ((used_ + 1) * 2 > slots_.size()) Grow(table);
  const uint64_t hash = HashBytes(text);
  Slot& slot = slots_[FindSlot(table, text, hash)];
  if (slot.id >= 0) return false;
  slot = {static_cast<uint32_t>(hash >> 32), id};
  ++used_;
  max_token_bytes_ = std::max(max_token_bytes_, text.size());
  return true;
}

void TokenIndex::Grow(const TokenTable& table) {
  std::vector<Slot> old(slots_.size() * 2);
  old.swap(slots_);
  for (const Slot& slot : old) {
    if (slot.id < 0) continue;
    const std::string_view text = table[static_cast<size_t>(slot.id)];
    slots_[FindSlot(table, text, HashBytes(text))] = slot;
  }
}

int32_t TokenIndex::Find(const TokenTable& table, std::string_view text) const {
  if (text.size() > max_token_bytes_) return -1;
  return slots_[FindSlot(table, text, HashBytes(text))].id;
}

MergeIndex::MergeIndex(size_t merges)
    : slots_(std::bit_ceil(merges + merges / 2 + 8)), mask_(slots_.size() - 1), filter_(size_t{1} << (kFilterBits - 6)) {}

bool MergeIndex::Insert(int32_t left, int32_t right, Merge merge) {
  const uint64_t key = Key(left, right);
  size_t slot = Hash(key);
  while (slots_[slot].key != kFree && slots_[slot].key != key) slot = (slot + 1) & mask_;
  if (slots_[slot].key == key) return false;
  slots_[slot] = {key, merge};
  const uint64_t product = key * kMultiplier;
  filter_[product >> (64 - kFilterBits + 6)] |= uint64_t{1} << ((product >> (64 - kFilterBits)) & 63);
  return true;
}

}  // namespace sterna
