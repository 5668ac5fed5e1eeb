#include "text/training/symbol_words.h"

#include <span>

namespace sterna {

SymbolWords::SymbolWords(const WordCounts& words, const ByteTokens& byte_tokens) {
  for (size_t i = 0; i < words.size(); ++i) {
    const auto begin = static_cast<uint32_t>(symbols_.size());
    for (const char byte : words.word(i)) {
      const uint32_t token = byte_tokens[static_cast<uint8_t>(byte)];
      if (token != kNoToken) symbols_.push_back(token);
    }
    const auto length = static_cast<uint32_t>(symbols_.size()) - begin;
    if (length < 2) {
      symbols_.resize(begin);  // nothing to merge, ever
      continue;
    }
    words_.push_back({begin, length, static_cast<int64_t>(words.count(i))});
  }
}

void SymbolWords::CountPairs(PairQueue* queue) const {
  for (size_t i = 0; i < words_.size(); ++i) {
    const Word& word = words_[i];
    for (size_t at = word.begin; at + 1 < size_t{word.begin} + word.length; ++at) {
      queue->Change({symbols_[at], symbols_[at + 1]}, word.count, static_cast<uint32_t>(i));
    }
  }
}

void SymbolWords::Merge(uint32_t word_index, TokenPair pair, uint32_t replacement, const std::vector<uint64_t>& token_length,
                        uint64_t max_length, PairQueue* queue) {
  Word& word = words_[word_index];
  const std::span<uint32_t> symbols = std::span(symbols_).subspan(word.begin, word.length);
  const auto form = [&](TokenPair formed) {
    if (token_length[formed.first] + token_length[formed.second] < max_length) queue->Change(formed, word.count, word_index);
  };
  size_t written = 0;
  for (size_t read = 0; read < symbols.size();) {
    if (symbols[read] != pair.first || read + 1 == symbols.size() || symbols[read + 1] != pair.second) {
      symbols[written++] = symbols[read++];
      continue;
    }
    if (written > 0) {
      queue->Change({symbols[written - 1], pair.first}, -word.count, word_index);
      form({symbols[written - 1], replacement});
    }
    read += 2;
    if (read < symbols.size()) {
      queue->Change({pair.second, symbols[read]}, -word.count, word_index);
      form({replacement, symbols[read]});
    }
    symbols[written++] = replacement;
  }
  word.length = static_cast<uint32_t>(written);
}

}  // namespace sterna
