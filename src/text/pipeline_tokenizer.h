// The one implementation of Tokenizer: added tokens, normalizer, pre-tokenizer, subword model and decoder put together.
#ifndef STERNA_TEXT_PIPELINE_TOKENIZER_H_
#define STERNA_TEXT_PIPELINE_TOKENIZER_H_

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
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

/// A step after encoding that takes white space off the ends of spans (`tokenizers` ByteLevel and RobertaProcessing).
struct SpanTrim {
  bool spares_prefix_space = false;  ///< where encoding put one space in front of the text, the first token keeps it
  bool after_special = false;        ///< it counts tokens together with those in front of the text
};

/// Everything a vocabulary says, checked. All ids are in [0, texts.size()).
struct PipelineParts {
  std::string description;

  TokenTable texts;                 // "" for an id without token
  TokenIndex index;                 // of texts
  std::vector<uint8_t> is_control;  // by id
  std::vector<uint8_t> is_end;      // by id: ends a generation
  std::vector<uint8_t> is_skipped;  // by id: left out of decoding that skips special tokens; empty: is_control
  std::vector<std::string> warnings;

  AddedTokenMatcher added;             // searched in the text as it is
  AddedTokenMatcher added_normalized;  // searched in normalized text
  bool longest_first = false;          // GGUF's order of search, else Hugging Face's
  bool space_after_special = false;    // a space in front of the text and of what follows an added token (GGUF add_space_prefix)
  NormalizerSteps normalizer;
  PreTokenizerSteps pre_tokenizer;
  bool needs_origins = false;  // a step depends on where in the original its piece begins
  std::unique_ptr<const SubwordModel> model;
  std::vector<SpanTrim> span_trims;
  std::vector<TokenId> prefix;  // what add_special puts around a text
  std::vector<TokenId> suffix;
  std::optional<TokenId> bos;
  std::optional<TokenId> eos;
  std::vector<std::pair<std::string, TokenId>> roles;  // others than bos and eos

  TokenTable bytes;                                 // by id: what one token adds inside a text
  std::map<TokenId, std::string> normalized_texts;  // decoding starts from these instead of `texts`, for added tokens that differ
  bool joins_bytes = false;                         // a text is its tokens' bytes joined; otherwise `decoder` runs
  bool drops_first_space = false;                   // with joins_bytes: encoding added it
  std::optional<DecoderSteps> decoder;              // none: texts joined by spaces, as the reference does
  bool declares_clean_up = false;
};

/// Whether a text may be cut before every run of kSpaceSymbol without changing what a merging model gives: no token that it could
/// form has one after another character. Makes words short in vocabularies that have no pre-tokenizer.
bool MayCutBeforeSpaces(const TokenTable& texts, const std::vector<uint8_t>& is_control);
std::unique_ptr<const PreTokenizerStep> MakeCutBeforeSpacesStep();

/// Byte ranges of the original text, at its characters' boundaries, with the characters counted.
std::vector<TokenSpan> MakeSpans(std::string_view text, const std::vector<TextRange>& ranges);
struct TrimmedToken {
  std::string_view text;
  TokenSpan* span;
};
/// tokens: those of the text alone. index_of_first: the first one's number.
void TrimSpans(const SpanTrim& trim, std::string_view text, size_t index_of_first, std::vector<TrimmedToken>* tokens);

class PipelineTokenizer final : public Tokenizer {
 public:
  explicit PipelineTokenizer(PipelineParts parts) : parts_(std::move(parts)) {}

  Result<std::vector<TokenId>> Encode(std::string_view text, const EncodeOptions& options) const override;
  Result<TokenizedText> EncodeWithSpans(std::string_view text, const EncodeOptions& options) const override;
  using Tokenizer::Decode;
  Result<std::string> Decode(std::span<const TokenId> ids, const DecodeOptions& options) const override;
  std::string_view TokenBytes(TokenId id) const override { return parts_.bytes[static_cast<size_t>(id)]; }
  int64_t vocab_size() const override { return static_cast<int64_t>(parts_.texts.size()); }
  bool IsControl(TokenId id) const override { return InRange(id) && parts_.is_control[static_cast<size_t>(id)] != 0; }
  bool IsEndOfGeneration(TokenId id) const override { return InRange(id) && parts_.is_end[static_cast<size_t>(id)] != 0; }
  std::optional<TokenId> bos() const override { return parts_.bos; }
  std::optional<TokenId> eos() const override { return parts_.eos; }
  std::optional<TokenId> Find(std::string_view token_text) const override;
  std::vector<SpecialToken> special_tokens() const override;
  std::string description() const override { return parts_.description; }
  bool declares_clean_up() const override { return parts_.declares_clean_up; }
  const std::vector<std::string>& warnings() const override { return parts_.warnings; }

 private:
  class EncodeCall;

  Result<std::string> DecodeAsIs(std::span<const TokenId> ids, bool skip_special) const;
  bool IsSkipped(TokenId id) const {
    return parts_.is_skipped.empty() ? IsControl(id) : parts_.is_skipped[static_cast<size_t>(id)] != 0;
  }
  bool InRange(TokenId id) const { return id >= 0 && static_cast<size_t>(id) < parts_.texts.size(); }

  PipelineParts parts_;
};

}  // namespace sterna

#endif  // STERNA_TEXT_PIPELINE_TOKENIZER_H_
