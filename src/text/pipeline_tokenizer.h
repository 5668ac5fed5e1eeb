// The one implementation of Tokenizer: added tokens, normalizer, pre-tokenizer, subword model and decoder put together.
#ifndef STERNA_TEXT_PIPELINE_TOKENIZER_H_
#define STERNA_TEXT_PIPELINE_TOKENIZER_H_

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "text/added_tokens.h"
#include "text/normalizer.h"
#include "text/pre_tokenizer.h"
#include "text/subword_model.h"
#include "text/token_decoder.h"
#include "text/token_table.h"
#include "text/tokenizer.h"

namespace sterna {

/// U+2581, which stands for a space in SentencePiece vocabularies.
inline constexpr std::string_view kSpaceSymbol = "\xE2\x96\x81";

/// Everything a vocabulary says, checked. All ids are in [0, texts.size()).
struct PipelineParts {
  std::string description;

  TokenTable texts;                 // "" for an id without token
  TokenIndex index;                 // of texts
  std::vector<uint8_t> is_control;  // by id
  std::vector<uint8_t> is_end;      // by id: ends a generation

  AddedTokenMatcher added;             // searched in the text as it is
  AddedTokenMatcher added_normalized;  // searched in normalized text
  bool longest_first = false;          // GGUF's order of search, else Hugging Face's
  bool space_after_special = false;    // a space in front of the text and of what follows an added token (GGUF add_space_prefix)
  NormalizerSteps normalizer;
  PreTokenizerSteps pre_tokenizer;
  std::unique_ptr<const SubwordModel> model;
  std::vector<TokenId> prefix;  // what add_special puts around a text
  std::vector<TokenId> suffix;
  std::optional<TokenId> bos;
  std::optional<TokenId> eos;

  TokenTable bytes;                                 // by id: what one token adds inside a text
  std::map<TokenId, std::string> normalized_texts;  // decoding starts from these instead of `texts`, for added tokens that differ
  bool joins_bytes = false;                         // a text is its tokens' bytes joined; otherwise `decoder` runs
  bool drops_first_space = false;                   // with joins_bytes: encoding added it
  std::optional<DecoderSteps> decoder;              // none: texts joined by spaces, as the reference does
};

/// Whether a text may be cut before every run of kSpaceSymbol without changing what a merging model gives: no token that it could
/// form has one after another character. Makes words short in vocabularies that have no pre-tokenizer.
bool MayCutBeforeSpaces(const TokenTable& texts, const std::vector<uint8_t>& is_control);
std::unique_ptr<const PreTokenizerStep> MakeCutBeforeSpacesStep();

class PipelineTokenizer final : public Tokenizer {
 public:
  explicit PipelineTokenizer(PipelineParts parts) : parts_(std::move(parts)) {}

  Result<std::vector<TokenId>> Encode(std::string_view text, const EncodeOptions& options) const override;
  Result<std::string> Decode(std::span<const TokenId> ids, bool skip_special) const override;
  std::string_view TokenBytes(TokenId id) const override { return parts_.bytes[static_cast<size_t>(id)]; }
  int64_t vocab_size() const override { return static_cast<int64_t>(parts_.texts.size()); }
  bool IsControl(TokenId id) const override { return InRange(id) && parts_.is_control[static_cast<size_t>(id)] != 0; }
  bool IsEndOfGeneration(TokenId id) const override { return InRange(id) && parts_.is_end[static_cast<size_t>(id)] != 0; }
  std::optional<TokenId> bos() const override { return parts_.bos; }
  std::optional<TokenId> eos() const override { return parts_.eos; }
  std::optional<TokenId> Find(std::string_view token_text) const override;
  std::string description() const override { return parts_.description; }

 private:
  class EncodeCall;

  bool InRange(TokenId id) const { return id >= 0 && static_cast<size_t>(id) < parts_.texts.size(); }

  PipelineParts parts_;
};

}  // namespace sterna

#endif  // STERNA_TEXT_PIPELINE_TOKENIZER_H_
