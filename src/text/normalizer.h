// Rewrites text before it is cut into words: Unicode normal forms, replacements, prefixes (`tokenizers` normalizers).
#ifndef STERNA_TEXT_NORMALIZER_H_
#define STERNA_TEXT_NORMALIZER_H_

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "text/regex.h"

namespace sterna {

/// One rewriting of a whole text. Immutable; Apply may run on many threads. Bytes that are not valid UTF-8 pass unchanged.
class NormalizerStep {
 public:
  virtual ~NormalizerStep() = default;
  /// OutOfRange where the text would grow past kMaxNormalizedBytes.
  virtual Result<std::string> Apply(std::string text) const = 0;
};
using NormalizerSteps = std::vector<std::unique_ptr<const NormalizerStep>>;
inline constexpr size_t kMaxNormalizedBytes = size_t{1} << 31;

enum class NormalForm : uint8_t { kNfc, kNfd, kNfkc, kNfkd };
/// By ICU, for the characters of Unicode 11, which is what `tokenizers` knows; newer ones stay as they are. Internal where ICU
/// lacks its data.
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

Result<std::string> RunNormalizer(const NormalizerSteps& steps, std::string_view text);

}  // namespace sterna

#endif  // STERNA_TEXT_NORMALIZER_H_
