#include "text/bpe_merges.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace sterna {
namespace {

constexpr size_t kBatch = 16;  // merges looked up at once, so that their waits for memory overlap

class GapTable {
 public:
  explicit GapTable(TokenTable* gaps) : gaps_(gaps) {}

  int32_t Id(std::string_view text, size_t tokens) {
    int32_t number = index_.Find(*gaps_, text);
    if (number < 0) {
      gaps_->Append(text);
      number = static_cast<int32_t>(gaps_->size() - 1);
      index_.Insert(*gaps_, number);
    }
    return static_cast<int32_t>(tokens) + number;
  }

 private:
  TokenTable* gaps_;
  TokenIndex index_;
};

}  // namespace

Result<BpeMerges> ResolveMerges(const TokenTable& texts, const TokenIndex& index, const std::vector<BpeMerge>& merges,
                                std::string_view continuing_prefix, bool keeps_gaps, std::string_view where) {
  if (merges.size() >= Merge::kNoRank) return Malformed(fmt::format("{}: {} merges are too many", where, merges.size()));
  BpeMerges resolved;
  resolved.by_rank.reserve(merges.size());
  GapTable gaps(&resolved.gaps);
  std::string merged;
  for (size_t begin = 0; begin < merges.size(); begin += kBatch) {
    const size_t count = std::min(kBatch, merges.size() - begin);
    merged.clear();
    std::array<size_t, kBatch + 1> ends{};
    for (size_t i = 0; i < count; ++i) {
      const auto& [left, right] = merges[begin + i];
      if (!right.starts_with(continuing_prefix)) {
        return Malformed(fmt::format("{}[{}]: '{}' + '{}': the second part must begin with '{}'", where, begin + i, left, right,
                                     continuing_prefix));
      }
      merged.append(left).append(right.substr(continuing_prefix.size()));
      ends[i + 1] = merged.size();
    }
    std::array<std::string_view, kBatch * 3> parts;
    for (size_t i = 0; i < count; ++i) {
      parts[i * 3] = merges[begin + i].left;
      parts[i * 3 + 1] = merges[begin + i].right;
      parts[i * 3 + 2] = std::string_view(merged).substr(ends[i], ends[i + 1] - ends[i]);
    }
    std::array<int32_t, kBatch * 3> ids;
    index.FindAll(texts, std::span(parts).first(count * 3), ids.data());
    for (size_t i = 0; i < count * 3; ++i) {
      if (ids[i] >= 0) continue;
      if (!keeps_gaps || resolved.first_gap.empty()) {
        const BpeMerge& merge = merges[begin + i / 3];
        std::string message =
            fmt::format("{}[{}]: '{}' + '{}': '{}' is not a token", where, begin + i / 3, merge.left, merge.right, parts[i]);
        if (!keeps_gaps) return Malformed(std::move(message));
        resolved.first_gap = std::move(message);
      }
      ids[i] = gaps.Id(parts[i], texts.size());
    }
    for (size_t i = 0; i < count; ++i) resolved.by_rank.push_back({ids[i * 3], ids[i * 3 + 1], ids[i * 3 + 2]});
  }
  return resolved;
}

}  // namespace sterna
