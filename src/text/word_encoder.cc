#include "text/word_encoder.h"

#include <algorithm>

namespace sterna {
namespace {

bool MayBeCached(std::string_view word) {
  return word.size() <= WordCache::kMaxBytes;
}

}  // namespace

Status WordEncoder::Encode(std::span<const Piece> words, std::string_view text, std::vector<int32_t>* ids) {
  for (; !words.empty(); words = words.subspan(std::min(words.size(), kAhead))) {
    STERNA_RETURN_IF_ERROR(EncodeSome(words.first(std::min(words.size(), kAhead)), text, ids));
  }
  return Status::Ok();
}

Status WordEncoder::EncodeSome(std::span<const Piece> words, std::string_view text, std::vector<int32_t>* ids) {
  const auto is_known = [&](size_t i) {
    return MayBeCached(words[i].text) && cache_.Holds(places_.data()[i].key, places_.data()[i].slot);
  };
  for (size_t i = 0; i < words.size(); ++i) {
    const std::string_view word = words[i].text;
    if (!MayBeCached(word)) continue;
    const bool is_part = word.data() >= text.data() && word.data() + word.size() <= text.data() + text.size();
    Place& place = places_.data()[i];
    place.key = WordCache::MakeKey(word, is_part ? text : word);
    place.slot = cache_.Prefetch(place.key);
  }
  for (size_t i = 0; i < words.size(); ++i) {
    if (!is_known(i)) model_.Prefetch(words[i].text);
  }
  for (size_t i = 0; i < words.size(); ++i) {
    const size_t first = ids->size();
    if (is_known(i)) {
      // A copy of fixed size is faster than one of few ids whose number varies.
      ids->resize(first + WordCache::kMaxIds);
      ids->resize(first + cache_.CopyIds(places_.data()[i].slot, ids->data() + first));
      continue;
    }
    STERNA_RETURN_IF_ERROR(model_.EncodeWord(words[i].text, &scratch_, {ids, nullptr}));
    if (!MayBeCached(words[i].text)) continue;
    cache_.Remember(places_.data()[i].key, places_.data()[i].slot, std::span(*ids).subspan(first));
  }
  return Status::Ok();
}

}  // namespace sterna
