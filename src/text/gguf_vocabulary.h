// The keys tokenizer.ggml.* of a GGUF file on their way to a tokenizer. Internal to Tokenizer::FromMetadata.
#ifndef STERNA_TEXT_GGUF_VOCABULARY_H_
#define STERNA_TEXT_GGUF_VOCABULARY_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "base/metadata.h"
#include "base/status.h"
#include "text/bpe_merges.h"
#include "text/gguf_pre_types.h"
#include "text/pipeline_tokenizer.h"

namespace sterna {

/// Every read is checked: Malformed names the key, what it should hold and what it holds.
class GgufVocabulary {
 public:
  explicit GgufVocabulary(const Metadata& metadata) : metadata_(metadata) {}

  /// Once.
  Result<std::shared_ptr<const Tokenizer>> Build();

 private:
  /// Values of tokenizer.ggml.token_type, as files hold them.
  enum TokenType : int64_t { kNormal = 1, kUnknown = 2, kControl = 3, kUserDefined = 4, kUnused = 5, kByte = 6 };

  // What all models share (gguf_vocabulary.cc).
  Status ReadTokens();
  Status ReadTypes();
  Status CheckLength(std::string_view key, size_t found) const;
  void FindEndTokens();
  Result<std::optional<TokenId>> ReadId(std::string_view name) const;
  Status ReadSpecialIds(bool adds_bos);
  Status AddAround(std::string_view name, bool fallback, std::optional<TokenId> id, std::string_view id_name,
                   std::vector<TokenId>* around) const;
  Result<std::vector<float>> ReadScores() const;
  std::optional<TokenId> ControlId(std::string_view text) const;
  bool Has(size_t id, std::string_view text) const { return id < types_.size() && parts_.texts[id] == text; }
  void AppendBytes();
  Status CollectAddedTokens();

  // gpt2 (gguf_bpe.cc)
  std::string_view GuessPreType(bool is_bitnet) const;
  Result<const GgufPreType*> ReadPreType();
  Result<std::vector<BpeMerge>> ReadMerges() const;
  Status BuildBpe();

  // llama and t5 (gguf_sentencepiece.cc)
  Status BuildSentencePiece();
  Status BuildUnigram();

  // bert (tokenizer_from_metadata.cc)
  Status BuildWordPiece();

  const Metadata& metadata_;
  PipelineParts parts_;
  std::vector<int64_t> types_;  // TokenType by id
  std::optional<TokenId> unknown_;
};

}  // namespace sterna

#endif  // STERNA_TEXT_GGUF_VOCABULARY_H_
