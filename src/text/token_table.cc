#include "text/token_table.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

namespace sterna {
namespace {

constexpr uint64_t kOdd1 = 0xA0761D6478BD642Fu;
constexpr uint64_t kOdd2 = 0xE7037ED1A0B428DBu;
constexpr size_t kBatch = 48;  // texts hashed before the first is looked up

uint64_t Mix(uint64_t a, uint64_t b) {
  __extension__ using Wide = unsigned __int128;
  const Wide product = Wide{a} * b;
  return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
}

}  // namespace

uint64_t HashBytes(std::string_view bytes) {
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

uint64_t HashLongBytes(std::string_view bytes) {
  std::array<uint64_t, 4> lanes = {1, 2, 3, 4};
  const size_t size = bytes.size();
  for (; bytes.size() >= sizeof(lanes); bytes.remove_prefix(sizeof(lanes))) {
    std::array<uint64_t, 4> words;
    std::memcpy(words.data(), bytes.data(), sizeof(words));
    for (size_t lane = 0; lane < lanes.size(); ++lane) lanes[lane] = Mix(lanes[lane] ^ words[lane], kOdd2);
  }
  uint64_t hash = HashBytes(bytes) ^ size;
  for (const uint64_t lane : lanes) hash = Mix(hash ^ lane, kOdd1);
  return hash;
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
  return InsertHashed(table, id, HashBytes(table[static_cast<size_t>(id)]));
}

std::vector<int32_t> TokenIndex::InsertAll(const TokenTable& table, std::span<const int32_t> ids) {
  std::vector<int32_t> refused;
  std::array<uint64_t, kBatch> hashes;
  for (; !ids.empty(); ids = ids.subspan(std::min(kBatch, ids.size()))) {
    const size_t count = std::min(kBatch, ids.size());
    for (size_t i = 0; i < count; ++i) {
      hashes[i] = HashBytes(table[static_cast<size_t>(ids[i])]);
      __builtin_prefetch(&slots_[static_cast<size_t>(hashes[i]) & (slots_.size() - 1)], 1);
    }
    for (size_t i = 0; i < count; ++i) {
      if (!InsertHashed(table, ids[i], hashes[i])) refused.push_back(ids[i]);
    }
  }
  return refused;
}

bool TokenIndex::InsertHashed(const TokenTable& table, int32_t id, uint64_t hash) {
  const std::string_view text = table[static_cast<size_t>(id)];
  if ((used_ + 1) * 2 > slots_.size()) Grow(table);
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

void TokenIndex::FindAll(const TokenTable& table, std::span<const std::string_view> texts, int32_t* ids) const {
  const size_t mask = slots_.size() - 1;
  std::array<uint64_t, kBatch> hashes;
  for (; !texts.empty(); texts = texts.subspan(std::min(kBatch, texts.size())), ids += kBatch) {
    const size_t count = std::min(kBatch, texts.size());
    // Most texts are found in their first slot; for the others the hints are wrong, and cost little.
    const auto likely_id = [&](size_t i) { return slots_[static_cast<size_t>(hashes[i]) & mask].id; };
    for (size_t i = 0; i < count; ++i) {
      hashes[i] = HashBytes(texts[i]);
      __builtin_prefetch(&slots_[static_cast<size_t>(hashes[i]) & mask]);
    }
    for (size_t i = 0; i < count; ++i) {
      if (likely_id(i) >= 0) table.PrefetchPlace(static_cast<size_t>(likely_id(i)));
    }
    for (size_t i = 0; i < count; ++i) {
      if (likely_id(i) >= 0) table.PrefetchText(static_cast<size_t>(likely_id(i)));
    }
    for (size_t i = 0; i < count; ++i) ids[i] = slots_[FindSlot(table, texts[i], hashes[i])].id;
  }
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
