// A large tokenizer.json's vocabulary and merges kept in a file that loads several times as fast.
#ifndef STERNA_TEXT_VOCABULARY_CACHE_H_
#define STERNA_TEXT_VOCABULARY_CACHE_H_

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/status.h"
#include "text/json_vocabulary.h"
#include "text/keyed_hash.h"
#include "text/tokenizer.h"

namespace sterna {

/// What TokenizerFromCachedJson did.
enum class VocabularyCacheUse : uint8_t {
  kUnsuited,    ///< the file is small, or its model is not BPE
  kRead,        ///< the cache file was there, and right
  kWritten,     ///< it was missing, broken or of something else, and is new now
  kNotWritten,  ///< the same, but it could not be written
};

/// Tokenizer::FromJson with the same result and errors. Vocabulary and merges of a BPE model of least_bytes of tokenizer.json or
/// more come from `folder`, from a file named by a hash of the text; one that is missing, broken, older than this format or of
/// another text is written anew, whole or not at all, and a folder that cannot be written is none. What the file holds is used only
/// if it was made from these very bytes: it keeps their hash under a random key of its own, so that no other text can be made to
/// fit.
Result<std::shared_ptr<const Tokenizer>> TokenizerFromCachedJson(std::string_view tokenizer_json, std::string_view config_json,
                                                                 std::string_view special_tokens_map_json,
                                                                 const std::string& folder, VocabularyCacheUse* use = nullptr,
                                                                 size_t least_bytes = size_t{1} << 20);

/// The file's name for a text.
std::string VocabularyCacheName(std::string_view tokenizer_json);

/// What a cache file says: tokenizer.json without its vocabulary and merges, and those. Views into the file's bytes.
struct CachedVocabulary {
  std::string_view rest;
  VocabularyParts parts;
};
/// The bytes of a cache file (layout: vocabulary_cache.cc).
std::string FormatVocabularyCache(std::string_view tokenizer_json, std::string_view rest, const VocabularyParts& parts,
                                  HashKey key);
/// Any bytes are safe. Malformed where they are not the cache of tokenizer_json.
Result<CachedVocabulary> ParseVocabularyCache(std::string_view bytes, std::string_view tokenizer_json);

}  // namespace sterna

#endif  // STERNA_TEXT_VOCABULARY_CACHE_H_
