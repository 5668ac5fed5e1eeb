// What is large in a tokenizer.json, apart from the rest of it. Internal to Tokenizer::FromJson and the vocabulary cache.
#ifndef STERNA_TEXT_JSON_VOCABULARY_H_
#define STERNA_TEXT_JSON_VOCABULARY_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/status.h"
#include "text/bpe_merges.h"
#include "text/tokenizer.h"

namespace sterna {

/// Of a tokenizer.json.
inline constexpr int64_t kMaxTokenId = (int64_t{1} << 24) - 1;

/// model.vocab as (text, id), in the file's order.
using VocabularyEntries = std::vector<std::pair<std::string_view, int64_t>>;

/// Of a BPE model.
struct VocabularyParts {
  VocabularyEntries entries;
  std::vector<BpeMergeIds> merges;  ///< by rank
};

struct JsonTexts {
  std::string_view tokenizer;
  std::string_view config;              ///< or empty
  std::string_view special_tokens_map;  ///< or empty
};

/// rest: tokenizer.json with an empty vocabulary and no merges. Both arguments live as long as the call.
using KeepVocabulary = std::function<void(std::string_view rest, const VocabularyParts& parts)>;

/// Tokenizer::FromJson. known: what stands for model.vocab and model.merges, which `texts.tokenizer` then holds empty; or null.
/// keep: called where a BPE model was built from a text that holds both; or empty.
Result<std::shared_ptr<const Tokenizer>> BuildFromJson(const JsonTexts& texts, const VocabularyParts* known,
                                                       const KeepVocabulary& keep);

}  // namespace sterna

#endif  // STERNA_TEXT_JSON_VOCABULARY_H_
