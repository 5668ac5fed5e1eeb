// Token texts back to text: the decoders of Hugging Face, as a chain of steps.
#ifndef STERNA_TEXT_TOKEN_DECODER_H_
#define STERNA_TEXT_TOKEN_DECODER_H_

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "text/regex.h"

namespace sterna {

/// One decoder. Immutable; both functions may run on many threads.
class DecoderStep {
 public:
  virtual ~DecoderStep() = default;
  /// Rewrites the texts of a whole sequence; they may become fewer (`tokenizers` decode_chain).
  virtual Status Apply(std::vector<std::string>* tokens) const = 0;
  /// What the step does to one token inside a text, for output token by token; byte tokens give their raw byte.
  virtual Status ApplyInside(std::string* token) const = 0;
  /// Steps after a fusing one see the text as one token, so they have nothing to do inside it.
  virtual bool fuses() const { return false; }
};
using DecoderSteps = std::vector<std::unique_ptr<const DecoderStep>>;

/// GPT-2's byte alphabet to bytes; a token with a foreign character keeps its text.
std::unique_ptr<const DecoderStep> MakeByteLevelDecoder();
/// "<0x41>" to 'A'; a run of byte tokens that is not valid UTF-8 gives one U+FFFD a token.
std::unique_ptr<const DecoderStep> MakeByteFallbackDecoder();
std::unique_ptr<const DecoderStep> MakeFuseDecoder();
/// Up to `start` times `content` off the start of every token, and `stop` times off its end.
std::unique_ptr<const DecoderStep> MakeStripDecoder(std::string_view content, size_t start, size_t stop);
/// Precondition: `literal` is not empty.
std::unique_ptr<const DecoderStep> MakeReplaceLiteralDecoder(std::string_view literal, std::string_view replacement);
std::unique_ptr<const DecoderStep> MakeReplaceRegexDecoder(std::shared_ptr<const Regex> regex, std::string_view replacement);
/// Pieces that continue a word lose `prefix`, others get a space in front, but for the first; cleans up where asked.
std::unique_ptr<const DecoderStep> MakeWordPieceDecoder(std::string_view prefix, bool cleanup);
/// `suffix` to a space, or to nothing in the last token. Precondition: `suffix` is not empty.
std::unique_ptr<const DecoderStep> MakeBpeDecoder(std::string_view suffix);
/// Repeated tokens count once, `pad` goes, `word_delimiter` becomes a space where `cleanup`. Precondition: neither is empty.
std::unique_ptr<const DecoderStep> MakeCtcDecoder(std::string_view pad, std::string_view word_delimiter, bool cleanup);
/// `replacement` to a space, or to nothing in the first token where `drops_first`.
std::unique_ptr<const DecoderStep> MakeMetaspaceDecoder(std::string_view replacement, bool drops_first);

/// All tokens to one text: byte tokens to their characters, or a U+FFFD a byte; U+2581 to spaces. Where drops_first_space, the
/// text's first piece loses one U+2581 at its start; where drops_more, so does every piece until there is text (sentencepiece
/// Decode).
std::unique_ptr<const DecoderStep> MakeSentencePieceDecoder(bool drops_first_space, bool drops_more);

/// Takes out the spaces that words joined by spaces have too many: before punctuation and in English contractions (`tokenizers`
/// wordpiece::cleanup; with_do_not: also " do not" to " don't", which `transformers` leaves).
void CleanUpSpaces(bool with_do_not, std::string* text);

/// The byte that "<0x41>" names, or -1.
int ByteOfFallbackToken(std::string_view text);

}  // namespace sterna

#endif  // STERNA_TEXT_TOKEN_DECODER_H_
