#include "hub/settings.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <cstdlib>

#include "base/file.h"
#include "hub/quoted.h"
#include "hub/url.h"

namespace sterna {
namespace {

constexpr size_t kMaxTokenFileBytes = 4096;

/// huggingface_hub takes 1, ON, YES and TRUE, in any case; everything else is no.
bool IsTrue(const std::optional<std::string>& value) {
  if (!value) return false;
  std::string upper = *value;
  std::transform(upper.begin(), upper.end(), upper.begin(), [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  static constexpr std::array<std::string_view, 4> kTrue = {"1", "ON", "YES", "TRUE"};
  return std::find(kTrue.begin(), kTrue.end(), upper) != kTrue.end();
}

bool IsNameCharacter(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_';
}

/// $NAME and ${NAME}; what is not set stays as it is, as Python's expandvars leaves it.
std::string ExpandVariables(std::string_view text, const EnvironmentLookup& environment) {
  std::string out;
  for (size_t at = 0; at < text.size();) {
    const bool has_brace = text.substr(at).starts_with("${");
    size_t end = at + (has_brace ? 2 : 1);
    const size_t begin = end;
    while (end < text.size() && IsNameCharacter(text[end])) ++end;
    const bool is_closed = !has_brace || (end < text.size() && text[end] == '}');
    if (text[at] != '$' || end == begin || !is_closed) {
      out += text[at++];
      continue;
    }
    const size_t after = has_brace ? end + 1 : end;
    const auto value = environment(std::string(text.substr(begin, end - begin)));
    out += value ? *value : std::string(text.substr(at, after - at));
    at = after;
  }
  return out;
}

Result<std::string> ExpandPath(std::string_view name, const std::string& value, const EnvironmentLookup& environment) {
  std::string path = value;
  if (path == "~" || path.starts_with("~/")) {
    const auto home = environment("HOME");
    if (!home || home->empty()) return InvalidArgument(fmt::format("{}: '~' needs the environment variable HOME", name));
    path.replace(0, 1, *home);
  }
  path = ExpandVariables(path, environment);
  while (path.size() > 1 && path.ends_with('/')) path.pop_back();
  if (path.empty()) return InvalidArgument(fmt::format("{}: expected a folder, found an empty value", name));
  return path;
}

Result<std::string> HubHome(const EnvironmentLookup& environment) {
  if (const auto home = environment("HF_HOME")) return ExpandPath("HF_HOME", *home, environment);
  if (const auto cache = environment("XDG_CACHE_HOME")) return ExpandPath("XDG_CACHE_HOME", *cache + "/huggingface", environment);
  return ExpandPath("the cache folder", "~/.cache/huggingface", environment);
}

/// Without the spaces and line ends around it. Characters that no token has would end a header early.
Result<std::string> CleanToken(std::string_view text, std::string_view origin) {
  const auto is_space = [](char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; };
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  if (!std::all_of(text.begin(), text.end(), [](char c) { return c > 0x20 && c < 0x7f; })) {
    return InvalidArgument(fmt::format("{}: the token has a character that no token has", origin));
  }
  return std::string(text);
}

Status ReadToken(const EnvironmentLookup& environment, HubSettings* settings) {
  if (IsTrue(environment("HF_HUB_DISABLE_IMPLICIT_TOKEN"))) return Status::Ok();
  for (const char* name : {"HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"}) {
    const auto value = environment(name);
    if (!value) continue;
    STERNA_ASSIGN_OR_RETURN(settings->token, CleanToken(*value, name));
    settings->token_origin = name;
    if (!settings->token.empty()) return Status::Ok();
  }
  std::string path;
  if (const auto value = environment("HF_TOKEN_PATH")) {
    STERNA_ASSIGN_OR_RETURN(path, ExpandPath("HF_TOKEN_PATH", *value, environment));
  } else {
    STERNA_ASSIGN_OR_RETURN(path, HubHome(environment));
    path += "/token";
  }
  settings->token_origin.clear();
  const Result<std::string> text = ReadWholeFile(path, kMaxTokenFileBytes);
  if (!text.ok() && text.status().code() == StatusCode::kNotFound) return Status::Ok();
  STERNA_RETURN_IF_ERROR(text.status());
  STERNA_ASSIGN_OR_RETURN(settings->token, CleanToken(*text, path));
  if (!settings->token.empty()) settings->token_origin = fmt::format("the file {}", path);
  return Status::Ok();
}

template <class T>
Status ReadNumber(const EnvironmentLookup& environment, const char* name, T least, T most, T* number) {
  const auto value = environment(name);
  if (!value || value->empty()) return Status::Ok();
  T parsed = 0;
  const auto [end, error] = std::from_chars(value->data(), value->data() + value->size(), parsed);
  if (error != std::errc() || end != value->data() + value->size() || parsed < least || parsed > most) {
    return InvalidArgument(fmt::format("{}: expected a number from {} to {}, found {}", name, least, most, InQuotes(*value)));
  }
  *number = parsed;
  return Status::Ok();
}

Status ReadEndpoint(const EnvironmentLookup& environment, HubSettings* settings) {
  const auto value = environment("HF_ENDPOINT");
  if (!value || value->empty()) return Status::Ok();
  settings->endpoint = *value;
  while (settings->endpoint.ends_with('/')) settings->endpoint.pop_back();
  const Result<Url> url = ParseUrl(settings->endpoint);
  STERNA_RETURN_IF_ERROR(url.status().WithContext("HF_ENDPOINT"));
  if (url->has_credentials || settings->endpoint.find_first_of("?#") != std::string::npos) {
    return InvalidArgument("HF_ENDPOINT: expected http(s)://host[:port][/path], without a user, a query or a fragment");
  }
  return Status::Ok();
}

}  // namespace

Result<std::string> HubCacheFolder(const EnvironmentLookup& environment) {
  for (const char* name : {"HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"}) {
    if (const auto value = environment(name)) return ExpandPath(name, *value, environment);
  }
  STERNA_ASSIGN_OR_RETURN(const std::string home, HubHome(environment));
  return home + "/hub";
}

Result<HubSettings> ReadHubSettings(const EnvironmentLookup& environment) {
  HubSettings settings;
  STERNA_ASSIGN_OR_RETURN(settings.cache, HubCacheFolder(environment));
  STERNA_RETURN_IF_ERROR(ReadEndpoint(environment, &settings));
  STERNA_RETURN_IF_ERROR(ReadToken(environment, &settings));
  settings.offline = IsTrue(environment("HF_HUB_OFFLINE")) || IsTrue(environment("TRANSFORMERS_OFFLINE"));
  settings.no_progress_bars = IsTrue(environment("HF_HUB_DISABLE_PROGRESS_BARS"));
  STERNA_RETURN_IF_ERROR(ReadNumber(environment, "HF_HUB_ETAG_TIMEOUT", 1, 86400, &settings.api_timeout_seconds));
  STERNA_RETURN_IF_ERROR(ReadNumber(environment, "HF_HUB_DOWNLOAD_TIMEOUT", 1, 86400, &settings.download_timeout_seconds));
  STERNA_RETURN_IF_ERROR(ReadNumber(environment, "STERNA_HUB_RETRY_MS", int64_t{0}, int64_t{3600000}, &settings.retry_ms));
  return settings;
}

std::optional<std::string> ProcessEnvironment(const std::string& name) {
  const char* value = std::getenv(name.c_str());
  if (value == nullptr) return std::nullopt;
  return std::string(value);
}

}  // namespace sterna
