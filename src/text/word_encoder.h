// Encodes the words of one text, those that were met before from a cache.
#ifndef STERNA_TEXT_WORD_ENCODER_H_
#define STERNA_TEXT_WORD_ENCODER_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "text/pre_tokenizer.h"
#include "text/subword_model.h"
#include "text/word_cache.h"

namespace sterna {

/// For one text and one thread. Words are looked at some at a time, so that waits for memory overlap.
class WordEncoder {
 public:
  /// model: must live as long. text_bytes: of the whole text; the cache fits it.
  WordEncoder(const SubwordModel& model, size_t text_bytes) : model_(model), cache_(text_bytes) {}

  /// Appends the ids of every word. `text`: what the words may be parts of. Errors as SubwordModel::EncodeWord.
  Status Encode(std::span<const Piece> words, std::string_view text, std::vector<int32_t>* ids);

 private:
  static constexpr size_t kAhead = 32;
  struct Place {
    WordCache::Key key;
    size_t slot;
  };

  Status EncodeSome(std::span<const Piece> words, std::string_view text, std::vector<int32_t>* ids);

  const SubwordModel& model_;
  WordCache cache_;
  std::array<Place, kAhead> places_;  // of the words at hand that the cache can hold
  SubwordScratch scratch_;
};

}  // namespace sterna

#endif  // STERNA_TEXT_WORD_ENCODER_H_
