#include "text/score_model.h"

#include <algorithm>
#include <numeric>

#include "text/utf8.h"

namespace sterna {

using Symbol = SubwordScratch::Symbol;

ScoreModel::ScoreModel(const TokenTable& texts, const std::vector<float>& scores, const std::vector<uint8_t>& can_form,
                       const std::array<int32_t, 256>& byte_ids, int32_t unknown_id)
    : texts_(texts), index_(texts.size()), ranks_(texts.size()), byte_ids_(byte_ids), unknown_id_(unknown_id) {
  std::vector<uint32_t> order(texts.size());
  std::iota(order.begin(), order.end(), 0);
  std::sort(order.begin(), order.end(), [&](uint32_t a, uint32_t b) { return scores[a] > scores[b]; });
  uint32_t rank = 0;
  for (size_t i = 0; i < order.size(); ++i) {
    if (i > 0 && scores[order[i]] != scores[order[i - 1]]) rank = static_cast<uint32_t>(i);
    ranks_[order[i]] = rank;
  }
  for (size_t id = 0; id < texts_.size(); ++id) {
    if (can_form[id] && !texts_[id].empty()) index_.Insert(texts_, static_cast<int32_t>(id));
  }
}

void ScoreModel::EncodeWord(std::string_view word, SubwordScratch* scratch, std::vector<int32_t>* ids) const {
  std::vector<Symbol>& symbols = scratch->symbols;
  MergeQueue& queue = scratch->queue;
  symbols.clear();
  for (size_t position = 0; position < word.size();) {
    const uint32_t bytes = DecodeUtf8(word, position).bytes;
    const auto index = static_cast<uint32_t>(symbols.size());
    const int32_t id = index_.Find(texts_, word.substr(position, bytes));
    const uint32_t previous = index == 0 ? SubwordScratch::kEnd : index - 1;
    symbols.push_back({id, previous, index + 1, Merge::kNoRank, -1, static_cast<uint32_t>(position), bytes});
    position += bytes;
  }
  if (symbols.empty()) return;
  symbols.back().next = SubwordScratch::kEnd;

  const auto rank_with_next = [&](uint32_t position) {
    Symbol& symbol = symbols[position];
    symbol.rank = Merge::kNoRank;
    if (symbol.next == SubwordScratch::kEnd) return;
    symbol.merged_id = index_.Find(texts_, word.substr(symbol.begin, size_t{symbol.bytes} + symbols[symbol.next].bytes));
    if (symbol.merged_id < 0) return;
    symbol.rank = ranks_[static_cast<size_t>(symbol.merged_id)];
    queue.Push(symbol.rank, position);
  };
  queue.Reset(symbols.size());
  for (uint32_t i = 0; i < symbols.size(); ++i) rank_with_next(i);
  uint32_t rank = 0;
  uint32_t position = 0;
  while (queue.Pop(&rank, &position)) {
    Symbol& left = symbols[position];
    if (left.rank != rank) continue;  // one of the two has merged with another since
    Symbol& right = symbols[left.next];
    left.id = left.merged_id;
    left.bytes += right.bytes;
    left.next = right.next;
    right.rank = Merge::kNoRank;
    if (left.next != SubwordScratch::kEnd) symbols[left.next].previous = position;
    rank_with_next(position);
    if (left.previous != SubwordScratch::kEnd) rank_with_next(left.previous);
  }

  for (uint32_t i = 0; i != SubwordScratch::kEnd; i = symbols[i].next) {
    const Symbol& symbol = symbols[i];
    if (symbol.id >= 0) {
      ids->push_back(symbol.id);
      continue;
    }
    for (const char byte : word.substr(symbol.begin, symbol.bytes)) {
      const int32_t id = byte_ids_[static_cast<uint8_t>(byte)];
      if (id >= 0) {
        ids->push_back(id);
      } else if (unknown_id_ >= 0) {
        ids->push_back(unknown_id_);
      }
    }
  }
}

}  // namespace sterna
