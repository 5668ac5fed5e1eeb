#include "hub/model_reference.h"

#include <fmt/format.h>

#include <algorithm>

#include "hub/quoted.h"

namespace sterna {
namespace {

constexpr size_t kMaxPartBytes = 96;
constexpr size_t kMaxQuantBytes = 255;
constexpr size_t kMaxRevisionBytes = 255;
constexpr std::string_view kFolderPrefix = "models--";

bool IsWord(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

bool IsRepoPart(std::string_view part) {
  const auto allowed = [](char c) { return IsWord(c) || c == '-' || c == '.'; };
  return !part.empty() && part.size() <= kMaxPartBytes && IsWord(part.front()) && IsWord(part.back()) &&
         std::all_of(part.begin(), part.end(), allowed);
}

}  // namespace

bool IsRepoId(std::string_view text) {
  if (text.find("--") != std::string_view::npos || text.find("..") != std::string_view::npos || text.ends_with(".git"))
    return false;
  const size_t slash = text.find('/');
  if (slash == std::string_view::npos) return IsRepoPart(text);
  return IsRepoPart(text.substr(0, slash)) && IsRepoPart(text.substr(slash + 1));
}

Result<ModelReference> ParseModelReference(std::string_view text) {
  const size_t colon = text.find(':');
  ModelReference reference;
  reference.repo = text.substr(0, colon);
  if (!IsRepoId(reference.repo)) {
    return InvalidArgument(fmt::format("{}: expected org/repo[:quant], with letters, digits, '-', '_' and '.'", InQuotes(text)));
  }
  if (colon == std::string_view::npos) return reference;
  reference.quant = text.substr(colon + 1);
  const auto allowed = [](char c) { return IsWord(c) || c == '-' || c == '.' || c == '/'; };
  if (reference.quant.empty() || reference.quant.size() > kMaxQuantBytes ||
      !std::all_of(reference.quant.begin(), reference.quant.end(), allowed)) {
    return InvalidArgument(
        fmt::format("{}: expected a quantization such as Q8_0, or a file name, behind the colon", InQuotes(text)));
  }
  return reference;
}

bool IsCommitHash(std::string_view text) {
  const auto is_digit = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); };
  return text.size() == 40 && std::all_of(text.begin(), text.end(), is_digit);
}

Status CheckRevision(std::string_view revision) {
  const auto allowed = [](char c) { return IsWord(c) || c == '-' || c == '.' || c == '/' || c == '+' || c == '@' || c == '='; };
  const bool is_good = !revision.empty() && revision.size() <= kMaxRevisionBytes && revision.front() != '/' &&
                       revision.back() != '/' && revision.front() != '-' && revision.front() != '.' &&
                       revision.find("..") == std::string_view::npos && revision.find("//") == std::string_view::npos &&
                       revision.find("/.") == std::string_view::npos && std::all_of(revision.begin(), revision.end(), allowed);
  if (is_good) return Status::Ok();
  return InvalidArgument(fmt::format("revision {}: expected a branch, a tag or a commit hash", InQuotes(revision)));
}

std::string RepoFolderName(std::string_view repo) {
  std::string name(kFolderPrefix);
  for (const char c : repo) {
    if (c == '/') {
      name += "--";
    } else {
      name += c;
    }
  }
  return name;
}

std::optional<std::string> RepoOfFolderName(std::string_view folder) {
  if (!folder.starts_with(kFolderPrefix)) return std::nullopt;
  std::string repo(folder.substr(kFolderPrefix.size()));
  if (const size_t separator = repo.find("--"); separator != std::string::npos) repo.replace(separator, 2, "/");
  if (!IsRepoId(repo)) return std::nullopt;
  return repo;
}

}  // namespace sterna
