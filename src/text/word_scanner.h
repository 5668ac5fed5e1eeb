// The regular expressions that split text into words in the common byte-level vocabularies, as hand-written scanners.
#ifndef STERNA_TEXT_WORD_SCANNER_H_
#define STERNA_TEXT_WORD_SCANNER_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace sterna {

/// Which expression. Each matches at every position, so that its matches tile the text.
enum class WordPattern : uint8_t {
  kGpt2,    ///< 's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
  kLlama3,  ///< (?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+
  kQwen2,   ///< as kLlama3 with \p{N}
  kQwen35,  ///< as kQwen2 with [\p{L}\p{M}] for \p{L} in its second alternative, and \p{M} excluded in its fourth
};

/// The pattern whose text in tokenizer.json files is `regex`, if it is one of these.
std::optional<WordPattern> FindWordPattern(std::string_view regex);

/// End of the match that begins at text[position]. Precondition: position < text.size(). A byte that is not valid UTF-8 is a
/// character of no class. The total time over a text is linear.
size_t ScanWord(WordPattern pattern, std::string_view text, size_t position);

/// The ends of the matches from text[position] on, as many as there are and fit into `ends`; returns their number. The same as
/// ScanWord again and again, faster.
size_t ScanWords(WordPattern pattern, std::string_view text, size_t position, std::span<size_t> ends);

}  // namespace sterna

#endif  // STERNA_TEXT_WORD_SCANNER_H_
