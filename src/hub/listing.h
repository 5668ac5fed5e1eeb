// What the hub's API answers about a repository, parsed and checked: every name, size and hash in it may be a lie.
#ifndef STERNA_HUB_LISTING_H_
#define STERNA_HUB_LISTING_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace sterna {

/// One file of a repository at one commit.
struct RepoFile {
  std::string path;   ///< passed CheckFileName
  uint64_t size = 0;  ///< bytes, at most 2^50
  std::string blob;   ///< hash of the content and its name in the cache: DigestKindOf says which
};

/// The commit hash in the answer of /api/models/REPO/revision/REVISION ("sha"). Malformed where it is none.
Result<std::string> ParseRevision(std::string_view json);

/// Appends the files of one page of /api/models/REPO/tree/COMMIT?recursive=true; folders are passed over. Malformed for an answer
/// of another shape, a name that CheckFileName refuses, a size or hash that is none, more than 200,000 files in all.
Status ParseTreePage(std::string_view json, std::vector<RepoFile>* files);

/// Sorts by path. Malformed where a path is there twice, or one file would be the folder of another.
Status FinishListing(std::vector<RepoFile>* files);

/// The "error" text of an answer with a failure's status code; empty where there is none.
std::string ErrorTextOf(std::string_view json);

}  // namespace sterna

#endif  // STERNA_HUB_LISTING_H_
