// What the cache holds: finding a model in it by name, and the list that `sterna ls` prints.
#ifndef STERNA_HUB_CACHED_MODELS_H_
#define STERNA_HUB_CACHED_MODELS_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "hub/cache.h"
#include "hub/model_reference.h"

namespace sterna {

/// The path to open for a model that is in the cache: a GGUF file, or the snapshot's folder. The commit of `revision` is looked at
/// first (empty: of refs/main, then the other snapshots, newest first); files are chosen as ChooseModelFiles does, among those that
/// are there. NotFound where no snapshot has the model.
Result<std::string> FindCachedModel(const Cache& cache, const ModelReference& reference, std::string_view revision = {});

struct CachedRevision {
  std::string commit;
  std::vector<std::string> refs;  ///< branches and tags that stand for it
  std::vector<SnapshotFile> files;
  uint64_t bytes = 0;   ///< of its blobs, each counted once
  int64_t changed = 0;  ///< seconds since 1970; 0 where it has no file
};

struct CachedRepo {
  std::string repo;
  std::string folder;
  std::vector<CachedRevision> revisions;  ///< newest first
  uint64_t bytes = 0;                     ///< of all blobs and partial downloads
  uint64_t partial_bytes = 0;             ///< of downloads that have not ended
  int64_t used = 0;                       ///< last access of a blob, as far as the file system keeps it
  std::vector<std::string> problems;      ///< refs to nothing, broken links: one line each
};

/// NotFound where the cache has no such repository.
Result<CachedRepo> ScanRepo(const Cache& cache, std::string_view repo);

/// All models, sorted by name; an absent cache is an empty one. Data sets and spaces are passed over.
Result<std::vector<CachedRepo>> ScanCache(const Cache& cache);

}  // namespace sterna

#endif  // STERNA_HUB_CACHED_MODELS_H_
