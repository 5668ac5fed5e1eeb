// Text as Python's str sees it, on UTF-8: characters, white space, case, line ends, printable characters.
#ifndef STERNA_TEXT_TEMPLATE_PYTHON_TEXT_H_
#define STERNA_TEXT_TEMPLATE_PYTHON_TEXT_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sterna::jinja {

/// The character at `position`, which moves behind it. A byte that is no part of valid UTF-8 is one character: 0xDC00 + byte, as
/// Python's "surrogateescape".
char32_t NextCharacter(std::string_view text, size_t& position);
/// Inverse of NextCharacter, escapes of invalid bytes included.
void AppendCharacter(char32_t character, std::string& out);
size_t CountCharacters(std::string_view text);
/// Byte offset of each character, and the size of the text at the end.
std::vector<size_t> CharacterOffsets(std::string_view text);
/// Byte offset of the character with this index; the size of the text where it is past the end.
size_t OffsetOfCharacter(std::string_view text, size_t index);

/// First place of `what` at or after `start`, in time linear in the text whatever it holds.
std::optional<size_t> FindText(std::string_view text, std::string_view what, size_t start = 0);
std::optional<size_t> FindLastText(std::string_view text, std::string_view what);

/// str.isspace of one character.
bool IsSpace(char32_t character);
bool IsPrintable(char32_t character);

enum class Side : uint8_t { kLeft, kRight, kBoth };
/// str.strip of white space.
std::string_view StripSpace(std::string_view text, Side side);
/// str.strip(characters).
std::string_view StripCharacters(std::string_view text, std::string_view characters, Side side);

/// str.splitlines; the line ends are kept where asked.
std::vector<std::string_view> SplitLines(std::string_view text, bool keep_ends = false);

std::string ToUpper(std::string_view text);
std::string ToLower(std::string_view text);
std::string CaseFold(std::string_view text);
std::string Capitalize(std::string_view text);
std::string SwapCase(std::string_view text);
/// str.title: each run of letters starts in title case.
std::string ToTitle(std::string_view text);

enum class CharacterClass : uint8_t { kAlphabetic, kAlphanumeric, kDecimal, kDigit, kNumeric, kSpace, kPrintable };
/// str.isalpha and so on: not empty, and every character is of the class.
bool AllCharactersAre(std::string_view text, CharacterClass character_class);
/// str.isupper and str.islower: some cased character, and none of the other case.
bool IsUpper(std::string_view text);
bool IsLower(std::string_view text);
bool IsTitle(std::string_view text);

/// HTML escapes of & < > ' " as MarkupSafe writes them.
std::string EscapeHtml(std::string_view text);

}  // namespace sterna::jinja

#endif  // STERNA_TEXT_TEMPLATE_PYTHON_TEXT_H_
