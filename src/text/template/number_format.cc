#include "text/template/number_format.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "text/template/print.h"
#include "text/template/python_text.h"
#include "text/template/runtime.h"

namespace sterna::jinja {
namespace {

std::string Grouped(std::string_view digits, char separator) {
  std::string out;
  const size_t end = std::min(digits.find_first_not_of("0123456789"), digits.size());
  for (size_t i = 0; i < end; ++i) {
    if (i > 0 && (end - i) % 3 == 0) out += separator;
    out += digits[i];
  }
  return out.append(digits.substr(end));
}

Result<std::string> Padded(Runtime& runtime, std::string_view sign, std::string body, const FormatSpec& spec, char default_align) {
  const auto size = static_cast<int64_t>(sign.size() + CountCharacters(body));
  if (spec.width <= size) return std::string(sign) + body;
  STERNA_RETURN_IF_ERROR(runtime.CheckTextSize(static_cast<uint64_t>(spec.width)));
  const auto missing = static_cast<size_t>(spec.width - size);
  const char align = spec.align == '\0' ? default_align : spec.align;
  const size_t before = align == '<' ? 0 : align == '^' ? missing / 2 : missing;
  std::string out;
  if (align == '=') out += sign;
  for (size_t i = 0; i < before; ++i) out += spec.fill;
  if (align != '=') out += sign;
  out += body;
  for (size_t i = before; i < missing; ++i) out += spec.fill;
  return out;
}

std::string_view SignOf(bool is_negative, char sign) {
  return is_negative ? "-" : sign == '+' ? "+" : sign == ' ' ? " " : "";
}

std::string Lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return text;
}

}  // namespace

Result<std::string> FormatInteger(Runtime& runtime, int64_t value, const FormatSpec& spec) {
  int base = 10;
  std::string_view prefix;
  switch (spec.type) {
    case '\0':
    case 'd':
    case 'i':
    case 'u':
    case 'n':
      break;
    case 'b':
      base = 2, prefix = "0b";
      break;
    case 'o':
      base = 8, prefix = "0o";
      break;
    case 'x':
      base = 16, prefix = "0x";
      break;
    case 'X':
      base = 16, prefix = "0X";
      break;
    case 'c': {
      if (value < 0 || value > 0x10FFFF || (value >= 0xD800 && value <= 0xDFFF))
        return InvalidArgument("%c arg not in range(0x110000)");
      std::string character;
      AppendCharacter(static_cast<char32_t>(value), character);
      return FormatText(runtime, character, spec);
    }
    case 'e':
    case 'E':
    case 'f':
    case 'F':
    case 'g':
    case 'G':
    case '%':
      return FormatFloat(runtime, static_cast<double>(value), spec);
    default:
      return InvalidArgument(fmt::format("Unknown format code '{}' for object of type 'int'", spec.type));
  }
  char buffer[72];
  const uint64_t magnitude = value < 0 ? uint64_t{0} - static_cast<uint64_t>(value) : static_cast<uint64_t>(value);
  std::string digits(buffer, std::to_chars(buffer, buffer + sizeof(buffer), magnitude, base).ptr);
  if (spec.type == 'X')
    std::transform(digits.begin(), digits.end(), digits.begin(), [](char c) { return c >= 'a' ? static_cast<char>(c - 32) : c; });
  if (spec.precision && *spec.precision > static_cast<int64_t>(digits.size())) {
    if (*spec.precision > kMaxPrecision) return InvalidArgument(fmt::format("precision {} is too large", *spec.precision));
    digits.insert(0, static_cast<size_t>(*spec.precision) - digits.size(), '0');
  }
  if (spec.grouping != '\0') digits = Grouped(digits, spec.grouping);
  std::string sign(SignOf(value < 0, spec.sign));
  if (spec.is_alternate) sign += prefix;
  return Padded(runtime, sign, std::move(digits), spec, '>');
}

Result<std::string> FormatFloat(Runtime& runtime, double value, const FormatSpec& spec) {
  const int64_t precision = spec.precision.value_or(6);
  if (precision > kMaxPrecision) return InvalidArgument(fmt::format("precision {} is too large", precision));
  const double magnitude = std::fabs(value);
  const auto digits = static_cast<int>(precision);
  std::string body;
  if (!std::isfinite(value)) {
    body = std::isnan(value) ? "nan" : "inf";
    if (spec.type == 'E' || spec.type == 'F' || spec.type == 'G') body = std::isnan(value) ? "NAN" : "INF";
  } else {
    switch (spec.type) {
      case 'e':
        body = fmt::format("{:.{}e}", magnitude, digits);
        break;
      case 'E':
        body = fmt::format("{:.{}E}", magnitude, digits);
        break;
      case 'f':
      case 'F':
        body = fmt::format("{:.{}f}", magnitude, digits);
        break;
      case 'g':
      case 'n':
        body = spec.is_alternate ? fmt::format("{:#.{}g}", magnitude, std::max(digits, 1))
                                 : fmt::format("{:.{}g}", magnitude, std::max(digits, 1));
        break;
      case 'G':
        body = fmt::format("{:.{}G}", magnitude, std::max(digits, 1));
        break;
      case '%':
        body = fmt::format("{:.{}f}%", magnitude * 100, digits);
        break;
      case '\0':
        // As 'g', but always with a digit behind the point; without a precision, as repr.
        body = spec.precision ? Lower(fmt::format("{:.{}g}", magnitude, std::max(digits, 1))) : FloatText(magnitude);
        if (body.find_first_of(".e") == std::string::npos) body += ".0";
        break;
      default:
        return InvalidArgument(fmt::format("Unknown format code '{}' for object of type 'float'", spec.type));
    }
  }
  if (spec.grouping != '\0') body = Grouped(body, spec.grouping);
  return Padded(runtime, SignOf(std::signbit(value) && !std::isnan(value), spec.sign), std::move(body), spec, '>');
}

Result<std::string> FormatText(Runtime& runtime, std::string_view text, const FormatSpec& spec) {
  if (spec.precision) text = text.substr(0, OffsetOfCharacter(text, static_cast<size_t>(std::max<int64_t>(*spec.precision, 0))));
  STERNA_RETURN_IF_ERROR(runtime.CheckTextSize(text.size()));
  return Padded(runtime, {}, std::string(text), spec, '<');
}

}  // namespace sterna::jinja
