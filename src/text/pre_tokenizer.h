// Cuts text into the words that a subword model encodes one by one: the pre-tokenizers of Hugging Face and of GGUF, as a chain of
// steps.
#ifndef STERNA_TEXT_PRE_TOKENIZER_H_
#define STERNA_TEXT_PRE_TOKENIZER_H_

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/function_ref.h"
#include "base/status.h"
#include "text/aligned_text.h"
#include "text/normalizer.h"
#include "text/word_scanner.h"

namespace sterna {

/// Part of a text on its way through the steps.
struct Piece {
  std::string_view text;
  const TextRange* origins;  ///< one for each byte, or null where nobody asks
  bool at_text_start;        ///< it begins where the whole input does

  /// Null origins stay null.
  Piece Part(size_t begin, size_t end) const {
    const bool starts = origins == nullptr ? at_text_start && begin == 0 : begin < end && origins[begin].begin == 0;
    return {text.substr(begin, end - begin), origins == nullptr ? nullptr : origins + begin, starts};
  }
};

/// Where steps put their pieces; owns texts that a step had to change. Empty pieces are dropped.
class PieceSink {
 public:
  explicit PieceSink(std::deque<AlignedText>* storage) : storage_(storage) {}

  void Add(const Piece& piece) {
    if (!piece.text.empty()) pieces.push_back(piece);
  }
  void AddPart(const Piece& parent, size_t begin, size_t end) { Add(parent.Part(begin, end)); }
  /// A copy that the step may change; it lives as long as the storage.
  AlignedText* Copy(const Piece& piece);
  /// The changed copy of `parent`; changes keep what is at the start of the text there.
  static Piece Changed(const Piece& parent, const AlignedText& changed) {
    return {changed.text, changed.is_tracked ? changed.origins.data() : nullptr, parent.at_text_start};
  }

  std::vector<Piece> pieces;

 private:
  std::deque<AlignedText>* storage_;
};

/// One pre-tokenizer. Immutable; Split may run on many threads.
class PreTokenizerStep {
 public:
  virtual ~PreTokenizerStep() = default;
  virtual Status Split(const Piece& piece, PieceSink* sink) const = 0;
  /// The pattern whose matches are the pieces, where that is all the step does.
  virtual std::optional<WordPattern> words() const { return std::nullopt; }
};
using PreTokenizerSteps = std::vector<std::unique_ptr<const PreTokenizerStep>>;

/// What becomes of the parts that a pattern matches (`tokenizers` SplitDelimiterBehavior).
enum class SplitBehavior : uint8_t { kRemoved, kIsolated, kMergedWithPrevious, kMergedWithNext, kContiguous };

/// The matches of one of the known expressions.
std::unique_ptr<const PreTokenizerStep> MakeWordStep(WordPattern pattern);
/// By a regular expression; a known one that would isolate its matches becomes a scanner. Errors as Regex::Compile.
Result<std::unique_ptr<const PreTokenizerStep>> MakeRegexStep(std::string_view regex, SplitBehavior behavior, bool invert);
/// By a literal text. Unsupported where it is empty.
Result<std::unique_ptr<const PreTokenizerStep>> MakeLiteralStep(std::string_view literal, SplitBehavior behavior, bool invert);
/// By characters that have any of `classes` (UnicodeClass); with_ascii_symbols: also the printable ASCII symbols such as '$' and
/// '+'.
std::unique_ptr<const PreTokenizerStep> MakeClassStep(uint32_t classes, bool with_ascii_symbols, SplitBehavior behavior);
/// By numbers (IsNumericForDigits).
std::unique_ptr<const PreTokenizerStep> MakeDigitsStep(SplitBehavior behavior);
/// Runs of \w and runs of neither \w nor \s; white space is dropped.
std::unique_ptr<const PreTokenizerStep> MakeWhitespaceStep();
/// Puts a space in front of a piece that does not start with one.
std::unique_ptr<const PreTokenizerStep> MakePrefixSpaceStep();
/// A new piece wherever the script changes (`tokenizers` UnicodeScripts).
std::unique_ptr<const PreTokenizerStep> MakeScriptsStep();
/// Pieces of so many characters, the last perhaps of fewer. Precondition: length > 0.
std::unique_ptr<const PreTokenizerStep> MakeFixedLengthStep(size_t length);
/// What the normalizer does, to every piece by itself.
std::unique_ptr<const PreTokenizerStep> MakeRewriteStep(std::unique_ptr<const NormalizerStep> rewrite);
/// Rewrites bytes in the GPT-2 alphabet, for steps that come after a ByteLevel one.
std::unique_ptr<const PreTokenizerStep> MakeByteLevelTextStep();

enum class PrependScheme : uint8_t { kFirst, kNever, kAlways };
/// Spaces become `replacement`, which is put in front by the scheme; where `split`, every one begins a new piece.
std::unique_ptr<const PreTokenizerStep> MakeMetaspaceStep(std::string_view replacement, PrependScheme scheme, bool split);

/// Runs every step over the pieces of the one before, and hands the last ones to `use` in order, some at a time, so that the words
/// of a long text need not be kept. They view into `text` and `storage`. An error of `use` ends the run.
Status RunPreTokenizer(const PreTokenizerSteps& steps, const Piece& text, std::deque<AlignedText>* storage,
                       FunctionRef<Status(std::span<const Piece>)> use);

}  // namespace sterna

#endif  // STERNA_TEXT_PRE_TOKENIZER_H_
