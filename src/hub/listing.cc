#include "hub/listing.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>

#include "hub/digest.h"
#include "hub/file_name.h"
#include "hub/model_reference.h"
#include "hub/quoted.h"

namespace sterna {
namespace {

using simdjson::dom::array;
using simdjson::dom::element;
using simdjson::dom::object;

constexpr size_t kMaxDepth = 16;
constexpr size_t kMaxFiles = 200'000;
constexpr uint64_t kMaxFileBytes = uint64_t{1} << 50;

Result<element> Parse(simdjson::dom::parser& parser, std::string_view json) {
  // simdjson counts the level of the values inside the innermost bracket as one more.
  simdjson::error_code error = parser.allocate(json.size(), kMaxDepth + 1);
  element root;
  if (error == simdjson::SUCCESS) error = parser.parse(json.data(), json.size()).get(root);
  if (error == simdjson::SUCCESS) return root;
  return Malformed(fmt::format("the hub's answer: expected JSON, found {} bytes of something else ({})", json.size(),
                               simdjson::error_message(error)));
}

Result<std::string_view> Text(const object& from, std::string_view key, std::string_view where) {
  std::string_view text;
  if (from.at_key(key).get(text) != simdjson::SUCCESS) return Malformed(fmt::format("{}: {}: expected a string", where, key));
  return text;
}

Result<uint64_t> Size(const object& from, std::string_view where) {
  uint64_t size = 0;
  if (from.at_key("size").get(size) == simdjson::SUCCESS && size <= kMaxFileBytes) return size;
  return Malformed(fmt::format("{}: size: expected a number of bytes up to {}", where, kMaxFileBytes));
}

/// The hash of `kind` under `key`.
Result<std::string> Hash(const object& from, std::string_view key, DigestKind kind, std::string_view where) {
  STERNA_ASSIGN_OR_RETURN(const std::string_view hash, Text(from, key, where));
  const Result<DigestKind> found = DigestKindOf(hash);
  if (found.ok() && *found == kind) return std::string(hash);
  return Malformed(fmt::format("{}: {}: expected {} hexadecimal digits, found {}", where, key,
                               kind == DigestKind::kSha256 ? 64 : 40, InQuotes(hash)));
}

Result<RepoFile> ParseFile(const object& entry) {
  RepoFile file;
  STERNA_ASSIGN_OR_RETURN(const std::string_view path, Text(entry, "path", "the hub's list of files"));
  STERNA_RETURN_IF_ERROR(CheckFileName(path).WithContext("the hub's list of files"));
  file.path = path;
  STERNA_ASSIGN_OR_RETURN(file.size, Size(entry, InQuotes(path)));
  object large;
  if (entry.at_key("lfs").get(large) == simdjson::SUCCESS) {
    STERNA_ASSIGN_OR_RETURN(file.blob, Hash(large, "oid", DigestKind::kSha256, InQuotes(path)));
    STERNA_ASSIGN_OR_RETURN(const uint64_t large_size, Size(large, InQuotes(path)));
    if (large_size != file.size) {
      return Malformed(fmt::format("{}: expected one size, found {} and {} bytes", InQuotes(path), file.size, large_size));
    }
    return file;
  }
  STERNA_ASSIGN_OR_RETURN(file.blob, Hash(entry, "oid", DigestKind::kGitBlob, InQuotes(path)));
  return file;
}

}  // namespace

Result<std::string> ParseRevision(std::string_view json) {
  simdjson::dom::parser parser;
  STERNA_ASSIGN_OR_RETURN(const element root, Parse(parser, json));
  object fields;
  if (root.get(fields) != simdjson::SUCCESS) return Malformed("the hub's answer: expected an object");
  STERNA_ASSIGN_OR_RETURN(const std::string_view sha, Text(fields, "sha", "the hub's answer"));
  if (!IsCommitHash(sha)) return Malformed(fmt::format("the hub's answer: sha: expected a commit hash, found {}", InQuotes(sha)));
  return std::string(sha);
}

Status ParseTreePage(std::string_view json, std::vector<RepoFile>* files) {
  simdjson::dom::parser parser;
  STERNA_ASSIGN_OR_RETURN(const element root, Parse(parser, json));
  array entries;
  if (root.get(entries) != simdjson::SUCCESS) return Malformed("the hub's list of files: expected an array");
  for (const element entry : entries) {
    object fields;
    if (entry.get(fields) != simdjson::SUCCESS) return Malformed("the hub's list of files: expected objects");
    STERNA_ASSIGN_OR_RETURN(const std::string_view type, Text(fields, "type", "the hub's list of files"));
    if (type != "file") continue;
    if (files->size() >= kMaxFiles) return Malformed(fmt::format("the hub's list of files: expected at most {}", kMaxFiles));
    STERNA_ASSIGN_OR_RETURN(RepoFile file, ParseFile(fields));
    files->push_back(std::move(file));
  }
  return Status::Ok();
}

Status FinishListing(std::vector<RepoFile>* files) {
  std::sort(files->begin(), files->end(), [](const RepoFile& a, const RepoFile& b) { return a.path < b.path; });
  const auto find = [&](std::string_view path) {
    return std::lower_bound(files->begin(), files->end(), path,
                            [](const RepoFile& file, std::string_view p) { return file.path < p; });
  };
  for (size_t i = 0; i < files->size(); ++i) {
    const std::string& path = (*files)[i].path;
    if (i > 0 && (*files)[i - 1].path == path) {
      return Malformed(fmt::format("the hub's list of files: {}: expected it once, found it again", InQuotes(path)));
    }
    for (size_t slash = path.find('/'); slash != std::string::npos; slash = path.find('/', slash + 1)) {
      const std::string_view folder = std::string_view(path).substr(0, slash);
      const auto found = find(folder);
      if (found != files->end() && found->path == folder) {
        return Malformed(
            fmt::format("the hub's list of files: {} is a file and the folder of {}", InQuotes(folder), InQuotes(path)));
      }
    }
  }
  return Status::Ok();
}

std::string ErrorTextOf(std::string_view json) {
  simdjson::dom::parser parser;
  const Result<element> root = Parse(parser, json);
  object fields;
  std::string_view text;
  if (!root.ok() || root->get(fields) != simdjson::SUCCESS || fields.at_key("error").get(text) != simdjson::SUCCESS) return {};
  return OneLine(text);
}

}  // namespace sterna
