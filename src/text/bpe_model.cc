#include "text/bpe_model.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "text/byte_level.h"
#include "text/merge_runs.h"
#include "text/utf8.h"

namespace sterna {
namespace {

using Symbol = SubwordScratch::Symbol;

// From this length on it is worth asking whether a word is one character again and again.
constexpr size_t kLongRun = 256;

// Every character is a symbol of its own at most, and of four bytes.
constexpr size_t kMaxShortBytes = ShortWord::kMaxSymbols * 4;

void Unlink(std::vector<Symbol>& symbols, uint32_t left) {
  Symbol& gone = symbols[symbols[left].next];
  symbols[left].next = gone.next;
  symbols[left].bytes += gone.bytes;
  if (gone.next != SubwordScratch::kEnd) symbols[gone.next].previous = left;
  gone.rank = Merge::kNoRank;
}

}  // namespace

BpeModel::BpeModel(const BpeOptions& options)
    : options_(options), has_affixes_(!options.continuing_prefix.empty() || !options.word_suffix.empty()) {
  byte_ids_.fill(-1);
}

Result<std::unique_ptr<BpeModel>> BpeModel::Create(const TokenTable& texts, const TokenIndex& index,
                                                   std::span<const BpeMergeIds> merges, const TokenTable& gaps,
                                                   const std::vector<uint8_t>& is_foreign, const BpeOptions& options,
                                                   std::string_view where) {
  std::unique_ptr<BpeModel> model(new BpeModel(options));
  model->words_.Reserve(texts.size(), texts.total_bytes());
  std::vector<int32_t> words;
  words.reserve(texts.size());
  std::string bytes;
  for (size_t id = 0; id < texts.size(); ++id) {
    bytes.clear();
    const bool is_word = !options.byte_level || AppendBytesOfByteLevel(texts[id], &bytes);
    const std::string_view word = options.byte_level ? bytes : texts[id];
    model->words_.Append(word);
    if (is_word && !word.empty() && !is_foreign[id]) words.push_back(static_cast<int32_t>(id));
  }
  // Byte-level words come from merges alone, but for those that are looked up whole.
  if (!options.byte_level || options.ignore_merges) {
    model->word_index_ = TokenIndex(words.size());
    // A text can be there twice only as a hole of the id range, which has an empty text.
    model->word_index_.InsertAll(model->words_, words);
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

  model->FillGaps(texts, index, gaps);
  STERNA_RETURN_IF_ERROR(model->FillMerges(merges, where));
  model->FillBytePairs();
  model->FillCharacterStarts(merges, false);
  return model;
}

Status BpeModel::FillMerges(std::span<const BpeMergeIds> merges, std::string_view where) {
  constexpr size_t kAhead = 16;
  const auto ids = static_cast<uint32_t>(words_.size() + gaps_.size());
  merges_ = MergeIndex(merges.size());
  has_short_ranks_ = merges.size() <= ShortWord::kMaxRank;
  for (size_t rank = 0; rank < merges.size(); ++rank) {
    if (rank + kAhead < merges.size()) merges_.Prefetch(merges[rank + kAhead].left, merges[rank + kAhead].right);
    const BpeMergeIds& merge = merges[rank];
    for (const int32_t id : {merge.left, merge.right, merge.merged}) {
      if (static_cast<uint32_t>(id) >= ids) return Malformed(fmt::format("{}[{}]: id {} of {}", where, rank, id, ids));
    }
    if (!merges_.Insert(merge.left, merge.right, {static_cast<uint32_t>(rank), merge.merged})) {
      const auto text = [&](int32_t id) { return static_cast<size_t>(id) < words_.size() ? words_[static_cast<size_t>(id)] : "?"; };
      return Malformed(fmt::format("{}[{}]: '{}' + '{}' is there twice", where, rank, text(merge.left), text(merge.right)));
    }
  }
  return Status::Ok();
}

void BpeModel::FillGaps(const TokenTable& texts, const TokenIndex& index, const TokenTable& gaps) {
  for (size_t gap = 0; gap < gaps.size(); ++gap) {
    const std::string_view text = gaps[gap];
    gaps_.emplace_back();
    for (size_t at = 0; at < text.size();) {
      const Utf8Char c = DecodeUtf8(text, at);
      gaps_.back().push_back(index.Find(texts, text.substr(at, c.bytes)));
      // A byte that has no token, but merges of its own.
      if (const int byte = ByteLevelByte(c.code); c.bytes == text.size() && byte >= 0) {
        byte_ids_[static_cast<size_t>(byte)] = static_cast<int32_t>(texts.size() + gap);
      }
      at += c.bytes;
    }
  }
}

void BpeModel::AddGap(int32_t id, uint32_t begin, const WordTokens& out) const {
  for (const int32_t token : gaps_[static_cast<size_t>(id) - words_.size()]) {
    const int32_t known = token >= 0 ? token : options_.unknown_id;
    if (known >= 0) out.Add(known, begin, begin + 1);
    ++begin;
  }
}

void BpeModel::FillBytePairs() {
  if (!options_.byte_level) return;
  has_all_bytes_ = std::all_of(byte_ids_.begin(), byte_ids_.end(), [](int32_t id) { return id >= 0; });
  byte_pairs_.resize(256 * 256);
  for (size_t first = 0; first < 256; ++first) {
    for (size_t second = 0; second < 256; ++second) {
      if (byte_ids_[first] < 0 || byte_ids_[second] < 0) continue;
      byte_pairs_[first * 256 + second] = merges_.Find(byte_ids_[first], byte_ids_[second]);
    }
  }
}

void BpeModel::FillCharacterStarts(std::span<const BpeMergeIds> merges, bool ranks_are_ids) {
  if (!has_all_bytes_ || !gaps_.empty()) return;
  CharacterStarts::Builder builder(words_);
  for (size_t i = 0; i < merges.size(); ++i) {
    builder.Add(merges[i].left, merges[i].right, static_cast<uint32_t>(ranks_are_ids ? static_cast<size_t>(merges[i].merged) : i));
  }
  characters_ = std::move(builder).Build(merges_, byte_ids_);
}

Result<std::unique_ptr<BpeModel>> BpeModel::CreateFromRanks(TokenTable words, const std::vector<uint8_t>& is_foreign,
                                                            const BpeOptions& options, std::string_view where) {
  std::unique_ptr<BpeModel> model(new BpeModel(options));
  model->words_ = std::move(words);
  model->word_index_ = TokenIndex(model->words_.size());
  size_t splits = 0;
  for (size_t id = 0; id < model->words_.size(); ++id) {
    const std::string_view word = model->words_[id];
    if (word.empty() || is_foreign[id]) continue;
    model->word_index_.Insert(model->words_, static_cast<int32_t>(id));
    if (word.size() == 1) model->byte_ids_[static_cast<uint8_t>(word[0])] = static_cast<int32_t>(id);
    splits += word.size() - 1;
  }
  for (size_t byte = 0; byte < 256; ++byte) {
    if (model->byte_ids_[byte] < 0) return Malformed(fmt::format("{}: no token for the byte 0x{:02X}", where, byte));
  }
  const auto find = [&](std::string_view text) { return model->word_index_.Find(model->words_, text); };
  std::vector<BpeMergeIds> merges;
  merges.reserve(std::min<size_t>(splits, model->words_.size() * 4));
  for (size_t id = 0; id < model->words_.size(); ++id) {
    const std::string_view word = model->words_[id];
    if (is_foreign[id]) continue;
    for (size_t at = 1; at < word.size(); ++at) {
      const int32_t left = find(word.substr(0, at));
      const int32_t right = left < 0 ? -1 : find(word.substr(at));
      if (right >= 0) merges.push_back({left, right, static_cast<int32_t>(id)});
    }
  }
  model->merges_ = MergeIndex(merges.size());
  model->has_short_ranks_ = model->words_.size() <= ShortWord::kMaxRank;
  for (const auto& [left, right, merged] : merges) model->merges_.Insert(left, right, {static_cast<uint32_t>(merged), merged});
  model->FillBytePairs();
  model->FillCharacterStarts(merges, true);
  return model;
}

Status BpeModel::EncodeWord(std::string_view word, SubwordScratch* scratch, const WordTokens& out) const {
  if (options_.ignore_merges) {
    const int32_t id = word_index_.Find(words_, word);
    if (id >= 0) {
      out.Add(id, 0, static_cast<uint32_t>(word.size()));
      return Status::Ok();
    }
  }
  if (word.size() >= kLongRun && MergeRepeated(word, scratch, out)) return Status::Ok();
  const bool is_all_bytes = options_.byte_level && has_all_bytes_;
  if (is_all_bytes && has_short_ranks_ && word.size() <= kMaxShortBytes && FillBytes(word, &scratch->short_word)) {
    MergeShort(static_cast<uint32_t>(word.size()), &scratch->short_word, out);
    return Status::Ok();
  }
  std::vector<Symbol>& symbols = scratch->symbols;
  symbols.clear();
  FillSymbols(word, &symbols);
  if (symbols.empty()) return Status::Ok();
  if (has_short_ranks_ && symbols.size() <= ShortWord::kMaxSymbols) {
    ShortWord& short_word = scratch->short_word;
    short_word.Clear();
    uint32_t begin = 0;
    for (const Symbol& symbol : symbols) {
      short_word.Add(symbol.id, begin);
      begin += symbol.bytes;
    }
    for (size_t i = 0; i + 1 < symbols.size(); ++i) short_word.SetMerge(i, merges_.Find(symbols[i].id, symbols[i + 1].id));
    MergeShort(begin, &short_word, out);
    return Status::Ok();
  }
  for (size_t i = 0; i < symbols.size(); ++i) {
    symbols[i].previous = i == 0 ? SubwordScratch::kEnd : static_cast<uint32_t>(i - 1);
    const bool is_last = i + 1 == symbols.size();
    symbols[i].next = is_last ? SubwordScratch::kEnd : static_cast<uint32_t>(i + 1);
    const Merge merge = is_last ? Merge{} : merges_.Find(symbols[i].id, symbols[i + 1].id);
    symbols[i].rank = merge.rank;
    symbols[i].merged_id = merge.id;
  }
  MergeLong(scratch);
  uint32_t begin = 0;
  for (uint32_t i = 0; i != SubwordScratch::kEnd; i = symbols[i].next) {
    AddToken(symbols[i].id, begin, begin + symbols[i].bytes, out);
    begin += symbols[i].bytes;
  }
  return Status::Ok();
}

bool BpeModel::FillBytes(std::string_view word, ShortWord* symbols) const {
  symbols->Clear();
  const auto byte_at = [&](size_t at) { return static_cast<uint8_t>(word.data()[at]); };
  bool last_is_byte = false;
  const auto add = [&](int32_t id, size_t begin, bool is_byte) {
    if (symbols->count() == ShortWord::kMaxSymbols) return false;
    if (symbols->count() > 0) {
      const size_t last = symbols->count() - 1;
      symbols->SetMerge(last, is_byte && last_is_byte ? byte_pairs_.data()[size_t{byte_at(begin - 1)} * 256 + byte_at(begin)]
                                                      : merges_.Find(symbols->id(last), id));
    }
    symbols->Add(id, static_cast<uint32_t>(begin));
    last_is_byte = is_byte;
    return true;
  };
  for (size_t at = 0; at < word.size();) {
    if (byte_at(at) < 0x80 || characters_.empty()) {
      if (!add(byte_ids_.data()[byte_at(at)], at, true)) return false;
      ++at;
      continue;
    }
    const Utf8Char c = DecodeUtf8(word, at);
    const int32_t id = c.bytes > 1 ? characters_.Find(word, at, c.bytes, c.code) : -1;
    if (id >= 0) {
      if (!add(id, at, false)) return false;
    } else {
      for (size_t i = at; i < at + c.bytes; ++i) {
        if (!add(byte_ids_.data()[byte_at(i)], i, true)) return false;
      }
    }
    at += c.bytes;
  }
  return true;
}

void BpeModel::FillSymbols(std::string_view word, std::vector<Symbol>* symbols) const {
  const auto add = [&](int32_t id, size_t bytes) {
    symbols->push_back({id, 0, 0, Merge::kNoRank, -1, 0, static_cast<uint32_t>(bytes)});
  };
  // The reference adds an unknown token only when the next known character comes; bytes of a fallback overtake it.
  size_t unknown_bytes = 0;
  const auto flush_unknown = [&] {
    if (unknown_bytes > 0) add(options_.unknown_id, unknown_bytes);
    unknown_bytes = 0;
  };
  std::string with_affixes;
  for (size_t position = 0; position < word.size();) {
    const size_t bytes = options_.byte_level ? 1 : DecodeUtf8(word, position).bytes;
    std::string_view character = word.substr(position, bytes);
    if (has_affixes_) {
      with_affixes.assign(position == 0 ? "" : options_.continuing_prefix).append(character);
      if (position + bytes == word.size()) with_affixes.append(options_.word_suffix);
      character = with_affixes;
    }
    position += bytes;
    const int32_t id = options_.byte_level ? byte_ids_[static_cast<uint8_t>(character[0])] : word_index_.Find(words_, character);
    if (id >= 0) {
      flush_unknown();
      add(id, bytes);
      continue;
    }
    const auto fallback = [&](char byte) { return byte_ids_[static_cast<uint8_t>(byte)]; };
    if (has_all_fallbacks_ && std::all_of(character.begin(), character.end(), [&](char byte) { return fallback(byte) >= 0; })) {
      for (const char byte : character) add(fallback(byte), 1);
    } else if (options_.unknown_id >= 0) {
      if (!options_.fuse_unknown) flush_unknown();
      unknown_bytes += bytes;
    }
  }
  flush_unknown();
}

void BpeModel::MergeShort(uint32_t bytes, ShortWord* word, const WordTokens& out) const {
  word->Run(merges_);
  word->ForEach(bytes, [&](int32_t id, uint32_t begin, uint32_t end) { AddToken(id, begin, end, out); });
}

// A line of spaces is one word of a vocabulary without pre-tokenizer, and a heap over megabytes of it is slow.
bool BpeModel::MergeRepeated(std::string_view word, SubwordScratch* scratch, const WordTokens& out) const {
  const size_t bytes = options_.byte_level ? 1 : DecodeUtf8(word, 0).bytes;
  if (has_affixes_ || word.size() % bytes != 0 || word.substr(bytes) != word.substr(0, word.size() - bytes)) return false;
  scratch->symbols.clear();
  FillSymbols(word.substr(0, bytes), &scratch->symbols);
  if (scratch->symbols.size() != 1 || scratch->symbols[0].id == options_.unknown_id) return false;
  std::vector<SymbolRun> runs = {
      {scratch->symbols[0].id, static_cast<uint32_t>(word.size() / bytes), static_cast<uint32_t>(bytes)}};
  if (!MergeRuns(merges_, &runs)) return false;
  uint32_t begin = 0;
  for (const SymbolRun& run : runs) {
    for (uint32_t i = 0; i < run.count; ++i, begin += run.bytes) AddToken(run.id, begin, begin + run.bytes, out);
  }
  return true;
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
