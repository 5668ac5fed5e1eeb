#include "hub/file_name.h"

#include <fmt/format.h>
#include <fnmatch.h>
#include <simdjson.h>

#include <algorithm>
#include <array>
#include <cctype>

#include "hub/quoted.h"

namespace sterna {
namespace {

constexpr size_t kMaxNameBytes = 1024;
constexpr size_t kMaxComponentBytes = 255;

/// CON, PRN, AUX, NUL, COM1-9 and LPT1-9, whatever their case and extension.
bool IsDeviceName(std::string_view component) {
  std::string stem(component.substr(0, component.find('.')));
  std::transform(stem.begin(), stem.end(), stem.begin(), [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  static constexpr std::array<std::string_view, 4> kNames = {"CON", "PRN", "AUX", "NUL"};
  if (std::find(kNames.begin(), kNames.end(), stem) != kNames.end()) return true;
  return stem.size() == 4 && (stem.starts_with("COM") || stem.starts_with("LPT")) && stem[3] >= '1' && stem[3] <= '9';
}

/// Why one component cannot stand in a path; empty where it can.
std::string_view ProblemOfComponent(std::string_view component) {
  if (component.empty()) return "an empty component";
  if (component == "." || component == "..") return "a component that leads elsewhere";
  if (component.size() > kMaxComponentBytes) return "a component of more than 255 bytes";
  if (component.back() == '.' || component.back() == ' ') return "a component that ends in a dot or a space";
  if (component.size() > 1 && component[1] == ':') return "a drive letter";
  if (IsDeviceName(component)) return "a name that Windows reserves for a device";
  return {};
}

std::string_view ProblemOf(std::string_view name) {
  if (name.empty()) return "an empty name";
  if (name.size() > kMaxNameBytes) return "more than 1024 bytes";
  if (name.front() == '/') return "an absolute path";
  for (const char c : name) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f) return "a control character";
    if (c == '\\') return "a backslash";
  }
  if (!simdjson::validate_utf8(name.data(), name.size())) return "bytes that are not UTF-8";
  for (size_t begin = 0; begin <= name.size();) {
    const size_t end = std::min(name.find('/', begin), name.size());
    if (const std::string_view problem = ProblemOfComponent(name.substr(begin, end - begin)); !problem.empty()) return problem;
    begin = end + 1;
  }
  return {};
}

}  // namespace

Status CheckFileName(std::string_view name) {
  const std::string_view problem = ProblemOf(name);
  if (problem.empty()) return Status::Ok();
  return Malformed(fmt::format("file name {}: expected a plain relative path, found {}", InQuotes(name), problem));
}

bool MatchesPattern(std::string_view name, std::string_view pattern) {
  std::string normalized(pattern);
  std::replace(normalized.begin(), normalized.end(), '\\', '/');
  if (normalized.ends_with('/')) normalized += '*';
  return fnmatch(normalized.c_str(), std::string(name).c_str(), FNM_NOESCAPE) == 0;
}

bool IsIncluded(std::string_view name, std::span<const std::string> include, std::span<const std::string> exclude) {
  const auto matches = [&](const std::string& pattern) { return MatchesPattern(name, pattern); };
  return (include.empty() || std::any_of(include.begin(), include.end(), matches)) &&
         std::none_of(exclude.begin(), exclude.end(), matches);
}

}  // namespace sterna
