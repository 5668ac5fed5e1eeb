#include "text/bpe_model.h"

#include <fmt/format.h>

#include <algorithm>

#include "text/byte_level.h"
#include "text/utf8.h"

namespace sterna {
namespace {

using Symbol = SubwordScratch::Symbol;

// Below this length scanning all ranks for the least one is faster than a heap.
constexpr size_t kShortWord = 32;

void Unlink(std::vector<Symbol>& symbols, uint32_t left) {
  Symbol& gone = symbols[symbols[left].next];
  symbols[left].next = gone.next;
  if (gone.next != SubwordScratch::kEnd) symbols[gone.next].previous = left;
  gone.rank = Merge::kNoRank;
}

}  // namespace

Result<std::unique_ptr<BpeModel>> BpeModel::Create(const TokenTable& texts, const TokenIndex& index,
                                                   const std::vector<std::pair<std::string_view, std::string_view>>& merges,
                                                   const std::vector<uint8_t>& is_control, const BpeOptions& options,
                                                   std::string_view where) {
  std::unique_ptr<BpeModel> model(new BpeModel(options));
  model->is_control_ = is_control;
  model->word_index_ = TokenIndex(texts.size());
  std::string bytes;
  for (size_t id = 0; id < texts.size(); ++id) {
    const auto token = static_cast<int32_t>(id);
    if (!options.byte_level) {
      model->words_.Append(texts[id]);
      // A text can be there twice only as a hole of the id range, which has an empty text.
      if (!texts[id].empty()) model->word_index_.Insert(model->words_, token);
      continue;
    }
    bytes.clear();
    const bool is_word = AppendBytesOfByteLevel(texts[id], &bytes);
    model->words_.Append(bytes);
    if (is_word && !bytes.empty()) model->word_index_.Insert(model->words_, token);
  }
  model->has_all_fallbacks_ = options.byte_fallback;
  for (int byte = 0; byte < 256; ++byte) {
    std::string text;
    if (options.byte_level) {
      AppendUtf8(ByteLevelChar(static_cast<uint8_t>(byte)), &text);
    } else {
      text = fmt::format("<0x{:02X}>", byte);
    }
    model->byte_ids_[static_cast<size_t>(byte)] = index.Find(texts, text);
  }

  if (merges.size() >= Merge::kNoRank) return Malformed(fmt::format("{}: {} merges are too many", where, merges.size()));
  model->merges_ = MergeIndex(merges.size());
  std::string merged;
  for (size_t rank = 0; rank < merges.size(); ++rank) {
    const auto& [left, right] = merges[rank];
    merged.assign(left).append(right);
    const int32_t left_id = index.Find(texts, left);
    const int32_t right_id = index.Find(texts, right);
    const int32_t merged_id = index.Find(texts, merged);
    if (left_id < 0 || right_id < 0 || merged_id < 0) {
      const std::string_view missing = left_id < 0 ? left : right_id < 0 ? right : std::string_view(merged);
      return Malformed(fmt::format("{}[{}]: '{}' + '{}': '{}' is not a token", where, rank, left, right, missing));
    }
    if (!model->merges_.Insert(left_id, right_id, {static_cast<uint32_t>(rank), merged_id})) {
      return Malformed(fmt::format("{}[{}]: '{}' + '{}' is there twice", where, rank, left, right));
    }
  }
  return model;
}

void BpeModel::EncodeWord(std::string_view word, SubwordScratch* scratch, std::vector<int32_t>* ids) const {
  if (options_.ignore_merges) {
    const int32_t id = word_index_.Find(words_, word);
    if (id >= 0 && !is_control_[static_cast<size_t>(id)]) {
      ids->push_back(id);
      return;
    }
  }
  std::vector<Symbol>& symbols = scratch->symbols;
  symbols.clear();
  FillSymbols(word, &symbols);
  if (symbols.empty()) return;
  for (size_t i = 0; i < symbols.size(); ++i) {
    symbols[i].previous = i == 0 ? SubwordScratch::kEnd : static_cast<uint32_t>(i - 1);
    const bool is_last = i + 1 == symbols.size();
    symbols[i].next = is_last ? SubwordScratch::kEnd : static_cast<uint32_t>(i + 1);
    const Merge merge = is_last ? Merge{} : merges_.Find(symbols[i].id, symbols[i + 1].id);
    symbols[i].rank = merge.rank;
    symbols[i].merged_id = merge.id;
  }
  if (symbols.size() <= kShortWord) {
    MergeShort(&symbols);
  } else {
    MergeLong(scratch);
  }
  for (uint32_t i = 0; i != SubwordScratch::kEnd; i = symbols[i].next) ids->push_back(symbols[i].id);
}

void BpeModel::FillSymbols(std::string_view word, std::vector<Symbol>* symbols) const {
  const auto add = [&](int32_t id) { symbols->push_back({id, 0, 0, Merge::kNoRank, -1, 0, 0}); };
  // The reference adds an unknown token only when the next known character comes; bytes of a fallback overtake it.
  bool unknown_pending = false;
  const auto add_unknown = [&] {
    if (options_.unknown_id < 0) return;
    if (unknown_pending && !options_.fuse_unknown) add(options_.unknown_id);
    unknown_pending = true;
  };
  const auto flush_unknown = [&] {
    if (unknown_pending) add(options_.unknown_id);
    unknown_pending = false;
  };
  for (size_t position = 0; position < word.size();) {
    const size_t bytes = options_.byte_level ? 1 : DecodeUtf8(word, position).bytes;
    const std::string_view character = word.substr(position, bytes);
    position += bytes;
    const int32_t id = options_.byte_level ? byte_ids_[static_cast<uint8_t>(character[0])] : word_index_.Find(words_, character);
    if (id >= 0) {
      flush_unknown();
      add(id);
      continue;
    }
    const auto fallback = [&](char byte) { return byte_ids_[static_cast<uint8_t>(byte)]; };
    if (has_all_fallbacks_ && std::all_of(character.begin(), character.end(), [&](char byte) { return fallback(byte) >= 0; })) {
      for (const char byte : character) add(fallback(byte));
    } else {
      add_unknown();
    }
  }
  flush_unknown();
}

void BpeModel::MergeShort(std::vector<Symbol>* word) const {
  std::vector<Symbol>& symbols = *word;
  while (true) {
    uint32_t best = 0;
    for (uint32_t i = symbols[0].next; i != SubwordScratch::kEnd; i = symbols[i].next) {
      if (symbols[i].rank < symbols[best].rank) best = i;
    }
    Symbol& left = symbols[best];
    if (left.rank == Merge::kNoRank) return;
    left.id = left.merged_id;
    Unlink(symbols, best);
    const auto rank_with_next = [&](Symbol& symbol) {
      const Merge merge = symbol.next == SubwordScratch::kEnd ? Merge{} : merges_.Find(symbol.id, symbols[symbol.next].id);
      symbol.rank = merge.rank;
      symbol.merged_id = merge.id;
    };
    rank_with_next(left);
    if (left.previous != SubwordScratch::kEnd) rank_with_next(symbols[left.previous]);
  }
}

void BpeModel::MergeLong(SubwordScratch* scratch) const {
  std::vector<Symbol>& symbols = scratch->symbols;
  MergeQueue& queue = scratch->queue;
  queue.Reset(symbols.size());
  for (uint32_t i = 0; i < symbols.size(); ++i) {
    if (symbols[i].rank != Merge::kNoRank) queue.Push(symbols[i].rank, i);
  }
  const auto rank_with_next = [&](uint32_t position) {
    Symbol& symbol = symbols[position];
    const Merge merge = symbol.next == SubwordScratch::kEnd ? Merge{} : merges_.Find(symbol.id, symbols[symbol.next].id);
    symbol.rank = merge.rank;
    symbol.merged_id = merge.id;
    if (merge.rank != Merge::kNoRank) queue.Push(merge.rank, position);
  };
  uint32_t rank = 0;
  uint32_t position = 0;
  while (queue.Pop(&rank, &position)) {
    Symbol& left = symbols[position];
    if (left.rank != rank) continue;  // one of the two has merged with another since
    left.id = left.merged_id;
    Unlink(symbols, position);
    rank_with_next(position);
    if (left.previous != SubwordScratch::kEnd) rank_with_next(left.previous);
  }
}

}  // namespace sterna
