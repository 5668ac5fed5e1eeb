#include "text/score_model.h"

#include <algorithm>
#include <numeric>

#include "text/utf8.h"

namespace sterna {

using Symbol = SubwordScratch::Symbol;

ScoreModel::ScoreModel(const TokenTable& texts, const std::vector<float>& scores, const std::vector<uint8_t>& can_form,
                       ScoreModelOptions options)
    : texts_(texts), index_(texts.size()), ranks_(texts.size()), frozen_(options.frozen), options_(std::move(options)) {
  options_.frozen.clear();  // views that may not live as long as the model
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

void ScoreModel::AddSymbol(std::string_view word, const Symbol& symbol, bool after_unknown, const WordTokens& out) const {
  const uint32_t end = symbol.begin + symbol.bytes;
  if (symbol.id >= 0) {
    out.Add(symbol.id, symbol.begin, end);
    return;
  }
  for (uint32_t at = symbol.begin; at < end; ++at) {
    const int32_t id = options_.byte_ids[static_cast<uint8_t>(word[at])];
    if (id >= 0) {
      const bool has_range = !options_.last_byte_has_range || at + 1 == end;
      out.Add(id, symbol.begin, has_range ? end : symbol.begin);
    } else if (options_.fuses_unknown) {
      if (!after_unknown) {
        out.Add(options_.unknown_id, symbol.begin, end);
      } else if (out.ranges != nullptr) {
        out.ranges->back().end = end;
      }
      return;
    } else if (options_.unknown_id >= 0) {
      out.Add(options_.unknown_id, symbol.begin, end);
    }
  }
}

void ScoreModel::AddResegmented(std::string_view word, uint32_t begin, uint32_t bytes,
                                const std::map<std::string_view, uint32_t>& formed, const WordTokens& out) const {
  std::vector<std::pair<uint32_t, uint32_t>> open = {{begin, bytes}};  // a stack: depth follows the file, not the call stack
  while (!open.empty()) {
    const auto [part_begin, part_bytes] = open.back();
    open.pop_back();
    const std::string_view part = word.substr(part_begin, part_bytes);
    const int32_t id = index_.Find(texts_, part);
    const auto left = IsUnused(id) ? formed.find(part) : formed.end();
    if (left == formed.end()) {
      AddSymbol(word, {id, 0, 0, 0, -1, part_begin, part_bytes}, false, out);
      continue;
    }
    open.emplace_back(part_begin + left->second, part_bytes - left->second);
    open.emplace_back(part_begin, left->second);
  }
}

Status ScoreModel::EncodeWord(std::string_view word, SubwordScratch* scratch, const WordTokens& out) const {
  std::vector<Symbol>& symbols = scratch->symbols;
  MergeQueue& queue = scratch->queue;
  symbols.clear();
  std::vector<uint8_t> is_frozen;
  for (size_t position = 0; position < word.size();) {
    uint32_t bytes = DecodeUtf8(word, position).bytes;
    const auto index = static_cast<uint32_t>(symbols.size());
    const uint32_t previous = index == 0 ? SubwordScratch::kEnd : index - 1;
    if (!frozen_.empty()) {
      const PrefixTrie::Match match = frozen_.Longest(word.substr(position));
      is_frozen.push_back(match.value >= 0);
      if (match.value >= 0) bytes = static_cast<uint32_t>(match.bytes);
    }
    const int32_t id = index_.Find(texts_, word.substr(position, bytes));
    symbols.push_back({id, previous, index + 1, Merge::kNoRank, -1, static_cast<uint32_t>(position), bytes});
    position += bytes;
  }
  if (symbols.empty()) return Status::Ok();
  symbols.back().next = SubwordScratch::kEnd;

  std::map<std::string_view, uint32_t> formed;  // unused pieces: bytes of their left part
  const auto rank_with_next = [&](uint32_t position) {
    Symbol& symbol = symbols[position];
    symbol.rank = Merge::kNoRank;
    if (symbol.next == SubwordScratch::kEnd) return;
    if (!is_frozen.empty() && (is_frozen[position] || is_frozen[symbol.next])) return;
    const std::string_view both = word.substr(symbol.begin, size_t{symbol.bytes} + symbols[symbol.next].bytes);
    symbol.merged_id = index_.Find(texts_, both);
    if (symbol.merged_id < 0) return;
    if (IsUnused(symbol.merged_id)) formed[both] = symbol.bytes;
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

  bool after_unknown = false;
  for (uint32_t i = 0; i != SubwordScratch::kEnd; i = symbols[i].next) {
    if (IsUnused(symbols[i].id)) {
      AddResegmented(word, symbols[i].begin, symbols[i].bytes, formed, out);
    } else {
      AddSymbol(word, symbols[i], after_unknown, out);
    }
    after_unknown = symbols[i].id < 0;
  }
  return Status::Ok();
}

}  // namespace sterna
