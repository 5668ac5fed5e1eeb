#include "hub/url.h"

#include <curl/curl.h>
#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <memory>

#include "hub/quoted.h"

namespace sterna {
namespace {

constexpr size_t kMaxUrlBytes = 16384;

struct FreeUrl {
  void operator()(CURLU* url) const { curl_url_cleanup(url); }
};
struct FreeText {
  void operator()(char* text) const { curl_free(text); }
};
using CurlUrl = std::unique_ptr<CURLU, FreeUrl>;

/// Empty where the address has no such part.
std::string Part(CURLU* url, CURLUPart part, unsigned int flags = 0) {
  char* text = nullptr;
  if (curl_url_get(url, part, &text, flags) != CURLUE_OK || text == nullptr) return {};
  const std::unique_ptr<char, FreeText> owner(text);
  return text;
}

Result<Url> FromParts(CURLU* parts, std::string_view shown) {
  curl_url_set(parts, CURLUPART_FRAGMENT, nullptr, 0);
  Url url;
  url.text = Part(parts, CURLUPART_URL);
  url.scheme = Part(parts, CURLUPART_SCHEME);
  url.host = Part(parts, CURLUPART_HOST);
  url.port = Part(parts, CURLUPART_PORT, CURLU_DEFAULT_PORT);
  url.has_credentials = !Part(parts, CURLUPART_USER).empty() || !Part(parts, CURLUPART_PASSWORD).empty();
  std::transform(url.host.begin(), url.host.end(), url.host.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  if ((url.scheme != "http" && url.scheme != "https") || url.host.empty() || url.text.empty()) {
    return Malformed(fmt::format("{}: expected an http or https address", InQuotes(shown)));
  }
  return url;
}

std::string Escape(std::string_view text, bool keeps_slash) {
  std::string out;
  for (const char c : text) {
    const bool is_plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
                          c == '_' || c == '~' || (keeps_slash && c == '/');
    if (is_plain) {
      out += c;
    } else {
      out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return out;
}

}  // namespace

Result<Url> ParseUrl(std::string_view text) {
  const CurlUrl parts(curl_url());
  const std::string terminated(text);
  const bool is_plain = text.size() <= kMaxUrlBytes && text.find('\0') == std::string_view::npos;
  if (parts == nullptr || !is_plain || curl_url_set(parts.get(), CURLUPART_URL, terminated.c_str(), 0) != CURLUE_OK) {
    return InvalidArgument(fmt::format("{}: expected an http or https address", InQuotes(WithoutQuery(text))));
  }
  return FromParts(parts.get(), WithoutQuery(text));
}

Result<Url> ResolveUrl(const Url& base, std::string_view reference) {
  const CurlUrl parts(curl_url());
  const std::string terminated(reference);
  const bool is_plain = reference.size() <= kMaxUrlBytes && reference.find('\0') == std::string_view::npos;
  if (parts == nullptr || !is_plain || curl_url_set(parts.get(), CURLUPART_URL, base.text.c_str(), 0) != CURLUE_OK ||
      curl_url_set(parts.get(), CURLUPART_URL, terminated.c_str(), 0) != CURLUE_OK) {
    return Malformed(fmt::format("{}: expected an http or https address", InQuotes(WithoutQuery(reference))));
  }
  return FromParts(parts.get(), WithoutQuery(reference));
}

bool SameOrigin(const Url& a, const Url& b) {
  return a.scheme == b.scheme && a.host == b.host && a.port == b.port;
}

std::string EscapeSegment(std::string_view text) {
  return Escape(text, false);
}
std::string EscapePath(std::string_view text) {
  return Escape(text, true);
}

std::string WithoutQuery(std::string_view url) {
  return OneLine(url.substr(0, url.find_first_of("?#")));
}

}  // namespace sterna
