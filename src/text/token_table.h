// The strings of a vocabulary in one block of memory, and hash indexes from string, or pair of ids, to id.
#ifndef STERNA_TEXT_TOKEN_TABLE_H_
#define STERNA_TEXT_TOKEN_TABLE_H_

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sterna {

/// Fast, not secure: an attacker who chooses the keys can make them collide, so tables keyed by text must not chain.
uint64_t HashBytes(std::string_view bytes);

/// The same for long texts: four times as fast, with other values.
uint64_t HashLongBytes(std::string_view bytes);

/// Strings numbered from 0. Views stay valid until the next Append.
class TokenTable {
 public:
  TokenTable() : ends_{0} {}

  void Append(std::string_view text) {
    bytes_.append(text);
    ends_.push_back(bytes_.size());
  }
  void Reserve(size_t texts, size_t bytes) {
    ends_.reserve(texts + 1);
    bytes_.reserve(bytes);
  }
  size_t size() const { return ends_.size() - 1; }
  size_t total_bytes() const { return bytes_.size(); }
  std::string_view operator[](size_t id) const { return std::string_view(bytes_).substr(ends_[id], ends_[id + 1] - ends_[id]); }
  /// Hints for a reader of [id] soon: first where its text is, some time later the text.
  void PrefetchPlace(size_t id) const { __builtin_prefetch(&ends_[id]); }
  void PrefetchText(size_t id) const { __builtin_prefetch(bytes_.data() + ends_[id]); }

 private:
  std::string bytes_;
  std::vector<size_t> ends_;
};

/// Exact look-up of the strings of a table that were inserted. Open addressing, at most half full.
class TokenIndex {
 public:
  /// Keeps a reference to nothing: the table is passed to every call and must be the same, at most grown.
  explicit TokenIndex(size_t expected_tokens = 0);

  /// False, and no change, where an equal string is there already.
  bool Insert(const TokenTable& table, int32_t id);
  /// Insert one after another, several times as fast: waits for memory overlap. Returns those that were there already.
  std::vector<int32_t> InsertAll(const TokenTable& table, std::span<const int32_t> ids);
  /// The id, or -1.
  int32_t Find(const TokenTable& table, std::string_view text) const;
  /// The same for many texts, several times as fast: waits for memory overlap. ids: one a text.
  void FindAll(const TokenTable& table, std::span<const std::string_view> texts, int32_t* ids) const;
  /// A hint for Find soon.
  void Prefetch(std::string_view text) const {
    if (text.size() <= max_token_bytes_)
      __builtin_prefetch(&slots_.data()[static_cast<size_t>(HashBytes(text)) & (slots_.size() - 1)]);
  }
  size_t max_token_bytes() const { return max_token_bytes_; }

 private:
  struct Slot {
    uint32_t hash = 0;
    int32_t id = -1;
  };

  bool InsertHashed(const TokenTable& table, int32_t id, uint64_t hash);
  void Grow(const TokenTable& table);
  size_t FindSlot(const TokenTable& table, std::string_view text, uint64_t hash) const;

  std::vector<Slot> slots_;
  size_t used_ = 0;
  size_t max_token_bytes_ = 0;
};

/// What merging two adjacent tokens gives.
struct Merge {
  static constexpr uint32_t kNoRank = UINT32_MAX;
  uint32_t rank = kNoRank;  ///< lower merges first
  int32_t id = -1;          ///< the merged token
};

/// (left id, right id) -> Merge. Open addressing, at most two thirds full.
class MergeIndex {
 public:
  explicit MergeIndex(size_t merges = 0);

  /// False, and no change, where the pair is there already. At most `merges` insertions.
  bool Insert(int32_t left, int32_t right, Merge merge);
  /// A hint for Insert soon.
  void Prefetch(int32_t left, int32_t right) const { __builtin_prefetch(&slots_[Hash(Key(left, right))], 1); }
  /// rank is kNoRank where the pair does not merge.
  Merge Find(int32_t left, int32_t right) const {
    // Most pairs do not merge, and the filter that says so stays in the second-level cache where the slots do not.
    const uint64_t product = Key(left, right) * kMultiplier;
    if ((filter_[product >> (64 - kFilterBits + 6)] >> ((product >> (64 - kFilterBits)) & 63) & 1) == 0) return {};
    for (size_t slot = Hash(Key(left, right));; slot = (slot + 1) & mask_) {
      if (slots_[slot].key == Key(left, right)) return slots_[slot].merge;
      if (slots_[slot].key == kFree) return {};
    }
  }

 private:
  static constexpr uint64_t kFree = UINT64_MAX;  // would be the pair (-1, -1)
  struct Slot {
    uint64_t key = kFree;
    Merge merge;
  };

  static uint64_t Key(int32_t left, int32_t right) {
    return uint64_t{static_cast<uint32_t>(left)} << 32 | static_cast<uint32_t>(right);
  }
  size_t Hash(uint64_t key) const { return static_cast<size_t>((key * kMultiplier) >> 20) & mask_; }

  static constexpr uint64_t kMultiplier = 0x9E3779B97F4A7C15u;
  static constexpr int kFilterBits = 22;

  std::vector<Slot> slots_;
  size_t mask_ = 0;
  std::vector<uint64_t> filter_;  // a bit for every kFilterBits of hash: some pair has it
};

}  // namespace sterna

#endif  // STERNA_TEXT_TOKEN_TABLE_H_
