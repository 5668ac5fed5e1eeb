// Which characters of a byte-level word may begin as one symbol instead of two to four bytes, without any change in what the merges
// give.
#ifndef STERNA_TEXT_CHARACTER_STARTS_H_
#define STERNA_TEXT_CHARACTER_STARTS_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "text/token_table.h"

namespace sterna {

/// A character c whose bytes merge to one token, the last of these merges at rank M, may begin as that token where
///  - no merge of rank <= M takes the token of c,
///  - none of rank <= M joins something that ends with the byte in front of c to a part of c that begins it (left part),
///  - none of rank <= M joins a part of c that ends it to something that begins with the byte behind c (right part).
/// For as long as c is not whole, two of its symbols can merge at rank <= M, so a merge across its ends, which is of a higher rank,
/// has to wait; and doing the merges inside c sooner gives no other merge a chance before its turn. So every merge of the word is
/// done in the same order as without, but for those inside c.
class CharacterStarts {
 public:
  /// What there is to know of the merges, while they are read.
  class Builder {
   public:
    /// words: the bytes of every token.
    explicit Builder(const TokenTable& words);
    /// left and right: ids below words.size().
    void Add(int32_t left, int32_t right, uint32_t rank);
    /// merges: those that were added. byte_ids: the token of every byte.
    CharacterStarts Build(const MergeIndex& merges, const std::array<int32_t, 256>& byte_ids) &&;

   private:
    const TokenTable& words_;
    std::vector<uint8_t> kinds_;       // Kind of each id
    std::vector<uint32_t> first_use_;  // of the tokens of one character: the least rank of a merge that takes them
    std::vector<uint32_t> left_ranks_;
    std::vector<uint32_t> right_ranks_;
  };

  /// None may.
  CharacterStarts() = default;

  bool empty() const { return entries_.empty(); }
  /// The token of word.substr(begin, bytes), which is the character `code`, or -1 where it must begin as bytes.
  /// Preconditions: bytes > 1, !empty().
  int32_t Find(std::string_view word, size_t begin, size_t bytes, char32_t code) const {
    const Entry& entry = entries_.data()[size_t{page_of_[code >> 8]} * 256 + (code & 0xFF)];
    const auto byte = [&](size_t at) { return static_cast<uint8_t>(word.data()[at]); };
    const size_t end = begin + bytes;
    if (begin > 0 && left_ranks_.data()[LeftSlot(byte(begin - 1), byte(begin))] <= entry.last_rank) return -1;
    if (end < word.size() && right_ranks_.data()[RightSlot(byte(end - 1), byte(end))] <= entry.last_rank) return -1;
    return entry.id;
  }

 private:
  struct Entry {
    int32_t id = -1;
    uint32_t last_rank = 0;
  };

  static size_t LeftSlot(uint8_t before, uint8_t lead) { return size_t{before} * 64 + (lead & 63); }
  static size_t RightSlot(uint8_t continuation, uint8_t behind) { return size_t{continuation & 63u} * 256 + behind; }

  std::array<uint16_t, 0x1100> page_of_{};
  std::vector<Entry> entries_;         // by page * 256 + low byte of the code point; page 0 holds none
  std::vector<uint32_t> left_ranks_;   // by LeftSlot: least rank of merges with a left part whose first byte is `lead`
  std::vector<uint32_t> right_ranks_;  // by RightSlot: least rank of merges with a right part whose last byte is `continuation`
};

}  // namespace sterna

#endif  // STERNA_TEXT_CHARACTER_STARTS_H_
