#include "hub/response_headers.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <charconv>

#include "hub/quoted.h"

namespace sterna {
namespace {

constexpr size_t kMaxHeaders = 256;
constexpr size_t kMaxHeaderBytes = size_t{128} << 10;

std::string Lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return out;
}

std::string_view Trim(std::string_view text) {
  const auto is_space = [](char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; };
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  return text;
}

/// The number at the front of `text`, which is taken off it.
std::optional<uint64_t> TakeNumber(std::string_view* text) {
  uint64_t number = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), number);
  if (error != std::errc() || number > uint64_t{INT64_MAX}) return std::nullopt;
  text->remove_prefix(static_cast<size_t>(end - text->data()));
  return number;
}

bool TakePrefix(std::string_view* text, std::string_view prefix) {
  if (!text->starts_with(prefix)) return false;
  text->remove_prefix(prefix.size());
  return true;
}

}  // namespace

Status ResponseHeaders::Add(std::string_view name, std::string_view value) {
  bytes_ += name.size() + value.size();
  if (headers_.size() >= kMaxHeaders || bytes_ > kMaxHeaderBytes) {
    return Malformed(
        fmt::format("the answer's headers: expected at most {} in {} bytes, found more", kMaxHeaders, kMaxHeaderBytes));
  }
  headers_.push_back({Lower(Trim(name)), std::string(Trim(value))});
  return Status::Ok();
}

Status ResponseHeaders::AddLine(std::string_view line) {
  const size_t colon = line.find(':');
  if (colon == std::string_view::npos) return Status::Ok();
  return Add(line.substr(0, colon), line.substr(colon + 1));
}

Result<std::optional<std::string_view>> ResponseHeaders::Find(std::string_view name) const {
  const std::string wanted = Lower(name);
  std::optional<std::string_view> found;
  for (const Header& header : headers_) {
    if (header.name != wanted) continue;
    if (found && *found != header.value) {
      return Malformed(
          fmt::format("header {}: expected one value, found {} and {}", name, InQuotes(*found), InQuotes(header.value)));
    }
    found = header.value;
  }
  return found;
}

std::string_view ResponseHeaders::Text(std::string_view name) const {
  const auto found = Find(name);
  return found.ok() ? found->value_or(std::string_view()) : std::string_view();
}

Result<ContentRange> ParseContentRange(std::string_view value) {
  std::string_view rest = value;
  const auto parse = [&]() -> std::optional<ContentRange> {
    if (!TakePrefix(&rest, "bytes ")) return std::nullopt;
    const auto first = TakeNumber(&rest);
    if (!first || !TakePrefix(&rest, "-")) return std::nullopt;
    const auto last = TakeNumber(&rest);
    if (!last || !TakePrefix(&rest, "/")) return std::nullopt;
    const auto size = TakeNumber(&rest);
    if (!size || !rest.empty() || *first > *last || *last >= *size) return std::nullopt;
    return ContentRange{*first, *last, *size};
  };
  if (const auto range = parse()) return *range;
  return Malformed(fmt::format("header Content-Range: expected 'bytes FIRST-LAST/SIZE', found {}", InQuotes(value)));
}

Result<uint64_t> ParseByteCount(std::string_view name, std::string_view value) {
  std::string_view rest = value;
  const auto number = TakeNumber(&rest);
  if (number && rest.empty()) return *number;
  return Malformed(fmt::format("{}: expected a number of bytes, found {}", name, InQuotes(value)));
}

std::string EtagValue(std::string_view value) {
  TakePrefix(&value, "W/");
  while (value.starts_with('"')) value.remove_prefix(1);
  while (value.ends_with('"')) value.remove_suffix(1);
  return std::string(value);
}

std::optional<std::string> NextPage(std::string_view link) {
  while (!link.empty()) {
    const size_t open = link.find('<');
    const size_t close = link.find('>', open == std::string_view::npos ? link.size() : open);
    if (close == std::string_view::npos) return std::nullopt;
    const std::string_view target = link.substr(open + 1, close - open - 1);
    const size_t next = std::min(link.find('<', close), link.size());
    const std::string parameters = Lower(link.substr(close + 1, next - close - 1));
    if (parameters.find("rel=\"next\"") != std::string::npos || parameters.find("rel=next") != std::string::npos) {
      return std::string(target);
    }
    link.remove_prefix(next);
  }
  return std::nullopt;
}

std::optional<int64_t> RetryAfterSeconds(std::string_view value) {
  std::string_view rest = Trim(value);
  const auto seconds = TakeNumber(&rest);
  if (!seconds || !rest.empty()) return std::nullopt;
  return static_cast<int64_t>(*seconds);
}

}  // namespace sterna
