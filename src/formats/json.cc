#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "formats/json_internal.h"

namespace sterna {
namespace {

/// The number behind "\u" at `at`, or nothing.
std::optional<uint32_t> EscapedUnit(std::string_view text, size_t at) {
  if (!text.substr(at).starts_with("\\u") || text.size() - at < 6) return std::nullopt;
  uint32_t unit = 0;
  const char* first = text.data() + at + 2;
  const auto [end, error] = std::from_chars(first, first + 4, unit, 16);
  if (error != std::errc() || end != first + 4) return std::nullopt;
  return unit;
}

/// Position of an escaped half of a surrogate pair that lacks its other half; simdjson 3.0 lets some of them pass.
std::optional<size_t> LoneSurrogate(std::string_view text) {
  for (size_t at = text.find('\\'); at != std::string_view::npos; at = text.find('\\', at)) {
    const auto unit = EscapedUnit(text, at);
    const bool is_high = unit && *unit >= 0xd800 && *unit < 0xdc00;
    const bool is_low = unit && *unit >= 0xdc00 && *unit < 0xe000;
    if (is_low) return at;
    if (is_high) {
      const auto low = EscapedUnit(text, at + 6);
      if (!low || *low < 0xdc00 || *low >= 0xe000) return at;
      at += 12;
    } else {
      at += 2;
    }
    if (at >= text.size()) break;
  }
  return std::nullopt;
}

/// Whether an integer literal is outside i64 (negative ones) or u64.
bool IsWide(std::string_view digits, bool is_negative) {
  const std::string_view most = is_negative ? "9223372036854775808" : "18446744073709551615";
  return digits.size() != most.size() ? digits.size() > most.size() : digits > most;
}

}  // namespace

std::optional<std::string> WideIntegersAsDecimals(std::string_view text) {
  std::string out;
  size_t copied = 0;
  bool in_string = false;
  for (size_t at = 0; at < text.size(); ++at) {
    if (in_string && text[at] == '\\') {
      ++at;
    } else if (text[at] == '"') {
      in_string = !in_string;
    } else if (!in_string && text[at] >= '0' && text[at] <= '9') {
      const size_t end = std::min(text.find_first_not_of("0123456789", at), text.size());
      const bool is_integer = end == text.size() || (text[end] != '.' && text[end] != 'e' && text[end] != 'E');
      const bool is_fraction = at > 0 && (text[at - 1] == '.' || text[at - 1] == 'e' || text[at - 1] == 'E' || text[at - 1] == '+');
      const bool is_exponent = at > 1 && text[at - 1] == '-' && (text[at - 2] == 'e' || text[at - 2] == 'E');
      if (is_integer && !is_fraction && !is_exponent && IsWide(text.substr(at, end - at), at > 0 && text[at - 1] == '-')) {
        out.append(text.substr(copied, end - copied)).append("e0");
        copied = end;
      }
      at = end - 1;
    }
  }
  if (copied == 0) return std::nullopt;
  return out.append(text.substr(copied));
}

Result<simdjson::dom::element> ParseJson(simdjson::dom::parser& parser, std::string_view text, std::string_view name,
                                         size_t max_depth) {
  if (const auto at = LoneSurrogate(text)) {
    return Malformed(fmt::format("{}: JSON: character {}: expected a pair of surrogate escapes, found one alone", name, *at));
  }
  // simdjson counts the level of the values inside the innermost bracket as one more.
  simdjson::error_code error = parser.allocate(text.size(), max_depth + 1);
  simdjson::dom::element root;
  if (error == simdjson::SUCCESS) error = parser.parse(text.data(), text.size()).get(root);
  if (error == simdjson::SUCCESS) return root;
  const std::string reason = simdjson::error_message(error);
  if (error == simdjson::MEMALLOC) return ResourceExhausted(fmt::format("{}: JSON of {} bytes: {}", name, text.size(), reason));
  if (error == simdjson::DEPTH_ERROR) {
    return Malformed(fmt::format("{}: JSON: expected at most {} nested brackets, found more", name, max_depth));
  }
  return Malformed(fmt::format("{}: JSON: {}", name, reason));
}

std::string_view JsonTypeName(simdjson::dom::element element) {
  switch (element.type()) {
    case simdjson::dom::element_type::ARRAY:
      return "an array";
    case simdjson::dom::element_type::OBJECT:
      return "an object";
    case simdjson::dom::element_type::INT64:
    case simdjson::dom::element_type::UINT64:
      return "an integer";
    case simdjson::dom::element_type::DOUBLE:
      return "a decimal number";
    case simdjson::dom::element_type::STRING:
      return "a string";
    case simdjson::dom::element_type::BOOL:
      return "a bool";
    case simdjson::dom::element_type::NULL_VALUE:
      break;
  }
  return "null";
}

}  // namespace sterna
