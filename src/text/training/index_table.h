// An open-addressing hash table of positions in somebody else's list: the list holds keys and values, this finds them.
#ifndef STERNA_TEXT_TRAINING_INDEX_TABLE_H_
#define STERNA_TEXT_TRAINING_INDEX_TABLE_H_

#include <cstddef>
#include <cstdint>
#include <vector>

namespace sterna {

/// Holds up to 2^32 - 2 indexes. Order of insertion is the list's order, so whoever walks the list sees no order of hashes. One
/// thread.
class IndexTable {
 public:
  /// The index for which equal(index) holds among those stored under `hash`; where there is none, `next` is stored and returned.
  template <class Equal>
  uint32_t FindOrAdd(uint64_t hash, uint32_t next, Equal equal) {
    if (used_ * 2 >= slots_.size()) Grow();
    const uint32_t short_hash = Shorten(hash);
    for (size_t at = short_hash & (slots_.size() - 1);; at = (at + 1) & (slots_.size() - 1)) {
      Slot& slot = slots_[at];
      if (slot.index == kEmpty) {
        slot = {short_hash, next};
        ++used_;
        return next;
      }
      if (slot.hash == short_hash && equal(slot.index)) return slot.index;
    }
  }

 private:
  struct Slot {
    uint32_t hash;
    uint32_t index;
  };
  static constexpr uint32_t kEmpty = UINT32_MAX;

  static uint32_t Shorten(uint64_t hash) { return static_cast<uint32_t>(hash >> 32) ^ static_cast<uint32_t>(hash); }

  void Grow() {
    std::vector<Slot> old(slots_.empty() ? kFirstSlots : slots_.size() * 2, Slot{0, kEmpty});
    old.swap(slots_);
    for (const Slot& slot : old) {
      if (slot.index == kEmpty) continue;
      size_t at = slot.hash & (slots_.size() - 1);
      while (slots_[at].index != kEmpty) at = (at + 1) & (slots_.size() - 1);
      slots_[at] = slot;
    }
  }

  static constexpr size_t kFirstSlots = 1024;
  std::vector<Slot> slots_;  // a power of two of them, at most half used
  size_t used_ = 0;
};

}  // namespace sterna

#endif  // STERNA_TEXT_TRAINING_INDEX_TABLE_H_
