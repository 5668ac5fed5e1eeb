#include "text/character_starts.h"

#include <algorithm>
#include <utility>

#include "text/utf8.h"

namespace sterna {
namespace {

enum Kind : uint8_t {
  kOther = 0,
  kWhole = 1,      // one character of more than one byte
  kLeftPart = 2,   // less than a character, with its first byte
  kRightPart = 4,  // continuation bytes alone
};

size_t LengthByLead(uint8_t lead) {
  if (lead < 0xC0) return 1;
  return lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
}

Kind KindOf(std::string_view word) {
  if (word.empty() || word.size() > 4) return kOther;
  const auto is_continuation = [](char byte) { return (static_cast<uint8_t>(byte) & 0xC0) == 0x80; };
  if (!std::all_of(word.begin() + 1, word.end(), is_continuation)) return kOther;
  if (is_continuation(word[0])) return kRightPart;
  if (word.size() < LengthByLead(static_cast<uint8_t>(word[0]))) return kLeftPart;
  return word.size() > 1 && DecodeUtf8(word, 0).bytes == word.size() ? kWhole : kOther;
}

}  // namespace

CharacterStarts::Builder::Builder(const TokenTable& words)
    : words_(words),
      kinds_(words.size()),
      first_use_(words.size(), Merge::kNoRank),
      left_ranks_(size_t{256} * 64, Merge::kNoRank),
      right_ranks_(size_t{64} * 256, Merge::kNoRank) {
  for (size_t id = 0; id < words.size(); ++id) kinds_[id] = KindOf(words[id]);
}

void CharacterStarts::Builder::Add(int32_t left, int32_t right, uint32_t rank) {
  const auto left_id = static_cast<size_t>(left);
  const auto right_id = static_cast<size_t>(right);
  const uint8_t kinds = kinds_[left_id] | kinds_[right_id];
  if (kinds == kOther) return;
  const auto lower = [rank](uint32_t* least) { *least = std::min(*least, rank); };
  if (kinds & kWhole) {
    lower(&first_use_[left_id]);
    lower(&first_use_[right_id]);
  }
  const std::string_view left_word = words_[left_id];
  const std::string_view right_word = words_[right_id];
  if (left_word.empty() || right_word.empty()) return;
  const auto last = static_cast<uint8_t>(left_word.back());
  const auto first = static_cast<uint8_t>(right_word.front());
  if (kinds_[right_id] == kLeftPart) lower(&left_ranks_[LeftSlot(last, first)]);
  if (kinds_[left_id] == kRightPart) lower(&right_ranks_[RightSlot(last, first)]);
}

CharacterStarts CharacterStarts::Builder::Build(const MergeIndex& merges, const std::array<int32_t, 256>& byte_ids) && {
  CharacterStarts starts;
  starts.left_ranks_ = std::move(left_ranks_);
  starts.right_ranks_ = std::move(right_ranks_);
  starts.entries_.resize(256);
  for (size_t id = 0; id < words_.size(); ++id) {
    if (kinds_[id] != kWhole) continue;
    std::vector<int32_t> symbols;
    for (const char byte : words_[id]) symbols.push_back(byte_ids[static_cast<uint8_t>(byte)]);
    uint32_t last_rank = 0;
    while (symbols.size() > 1) {
      Merge best;
      size_t at = 0;
      for (size_t i = 0; i + 1 < symbols.size(); ++i) {
        const Merge merge = merges.Find(symbols[i], symbols[i + 1]);
        if (merge.rank >= best.rank) continue;
        best = merge;
        at = i;
      }
      if (best.rank == Merge::kNoRank) break;
      last_rank = std::max(last_rank, best.rank);
      symbols[at] = best.id;
      symbols.erase(symbols.begin() + static_cast<ptrdiff_t>(at) + 1);
    }
    if (symbols.size() > 1 || first_use_[static_cast<size_t>(symbols[0])] <= last_rank) continue;
    const char32_t code = DecodeUtf8(words_[id], 0).code;
    uint16_t& page = starts.page_of_[code >> 8];
    if (page == 0) {
      page = static_cast<uint16_t>(starts.entries_.size() / 256);
      starts.entries_.resize(starts.entries_.size() + 256);
    }
    starts.entries_[size_t{page} * 256 + (code & 0xFF)] = {symbols[0], last_rank};
  }
  return starts;
}

}  // namespace sterna
