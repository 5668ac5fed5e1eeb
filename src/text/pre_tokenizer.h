// Cuts text into the words that a subword model encodes one by one: the pre-tokenizers of Hugging Face and of GGUF, as a chain of
// steps.
#ifndef STERNA_TEXT_PRE_TOKENIZER_H_
#define STERNA_TEXT_PRE_TOKENIZER_H_

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "text/word_scanner.h"

namespace sterna {

/// Part of a text on its way through the steps.
struct Piece {
  std::string_view text;
  bool at_text_start;  ///< its first byte is the first of the whole input
};

/// Where steps put their pieces; owns texts that a step had to change. Empty pieces are dropped.
class PieceSink {
 public:
  explicit PieceSink(std::deque<std::string>* storage) : storage_(storage) {}

  void Add(std::string_view text, bool at_text_start) {
    if (!text.empty()) pieces.push_back({text, at_text_start});
  }
  /// Part of `parent`.
  void AddPart(const Piece& parent, size_t begin, size_t end) {
    Add(parent.text.substr(begin, end - begin), parent.at_text_start && begin == 0);
  }
  /// Keeps a changed text alive as long as the storage.
  std::string_view Keep(std::string text) { return storage_->emplace_back(std::move(text)); }

  std::vector<Piece> pieces;

 private:
  std::deque<std::string>* storage_;
};

/// One pre-tokenizer. Immutable; Split may run on many threads.
class PreTokenizerStep {
 public:
  virtual ~PreTokenizerStep() = default;
  virtual Status Split(const Piece& piece, PieceSink* sink) const = 0;
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
/// Runs of \w and runs of neither \w nor \s; white space is dropped.
std::unique_ptr<const PreTokenizerStep> MakeWhitespaceStep();
/// Puts a space in front of a piece that does not start with one.
std::unique_ptr<const PreTokenizerStep> MakePrefixSpaceStep();
/// Rewrites bytes in the GPT-2 alphabet, for steps that come after a ByteLevel one.
std::unique_ptr<const PreTokenizerStep> MakeByteLevelTextStep();

enum class PrependScheme : uint8_t { kFirst, kNever, kAlways };
/// Spaces become `replacement`, which is put in front by the scheme; where `split`, every one begins a new piece.
std::unique_ptr<const PreTokenizerStep> MakeMetaspaceStep(std::string_view replacement, PrependScheme scheme, bool split);

/// Runs every step over the pieces of the one before. The result views into `text` and `storage`.
Result<std::vector<Piece>> RunPreTokenizer(const PreTokenizerSteps& steps, const Piece& text, std::deque<std::string>* storage);

}  // namespace sterna

#endif  // STERNA_TEXT_PRE_TOKENIZER_H_
