// Rewrites text before it is cut into words: Unicode normal forms, replacements, prefixes (`tokenizers` normalizers).
#ifndef STERNA_TEXT_NORMALIZER_H_
#define STERNA_TEXT_NORMALIZER_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "text/aligned_text.h"
#include "text/precompiled_charsmap.h"
#include "text/regex.h"

namespace sterna {

/// One rewriting of a whole text. Immutable; Apply may run on many threads. Bytes that are not valid UTF-8 pass unchanged.
class NormalizerStep {
 public:
  virtual ~NormalizerStep() = default;
  /// OutOfRange where the text would grow past kMaxNormalizedBytes.
  virtual Status Apply(AlignedText* text) const = 0;
};
using NormalizerSteps = std::vector<std::unique_ptr<const NormalizerStep>>;

enum class NormalForm : uint8_t { kNfc, kNfd, kNfkc, kNfkd };
/// By ICU's data, for the characters of the Unicode version that `tokenizers` knows (unicode_forms.cc); newer ones stay as they
/// are. Internal where ICU lacks its data.
Result<std::unique_ptr<const NormalizerStep>> MakeNormalFormStep(NormalForm form);
/// In front of a text that is not empty.
std::unique_ptr<const NormalizerStep> MakePrependStep(std::string_view prefix);
/// Precondition: `literal` is not empty.
std::unique_ptr<const NormalizerStep> MakeReplaceLiteralStep(std::string_view literal, std::string_view replacement);
std::unique_ptr<const NormalizerStep> MakeReplaceRegexStep(std::shared_ptr<const Regex> regex, std::string_view replacement);
/// Every character by itself, without the context rules of words (Rust char::to_lowercase).
std::unique_ptr<const NormalizerStep> MakeLowercaseStep();
/// White space at the ends.
std::unique_ptr<const NormalizerStep> MakeStripStep(bool left, bool right);
/// Bytes to the characters of GPT-2's byte alphabet.
std::unique_ptr<const NormalizerStep> MakeByteLevelNormalizerStep();
/// Drops \p{M}.
std::unique_ptr<const NormalizerStep> MakeStripAccentsStep();
/// Drops control characters and makes spaces of separators and marks of direction (NMT's cleaning in sentencepiece).
std::unique_ptr<const NormalizerStep> MakeNmtStep();
/// Replaces by the rules of a SentencePiece model, a grapheme at a time where that is short (`tokenizers` Precompiled).
std::unique_ptr<const NormalizerStep> MakePrecompiledStep(PrecompiledCharsmap charsmap);

struct BertNormalizerOptions {
  bool clean_text = true;            ///< drop control characters, make every white space a space
  bool handle_chinese_chars = true;  ///< a space on both sides of every ideograph
  bool strip_accents = true;         ///< NFD, then drop \p{Mn}
  bool lowercase = true;
};
/// Errors as MakeNormalFormStep.
Result<std::unique_ptr<const NormalizerStep>> MakeBertStep(const BertNormalizerOptions& options);

Status RunNormalizer(const NormalizerSteps& steps, AlignedText* text);
/// The same for a text whose origins do not matter.
Result<std::string> NormalizeText(const NormalizerSteps& steps, std::string_view text);

}  // namespace sterna

#endif  // STERNA_TEXT_NORMALIZER_H_
