// Taking things out of the cache: models, revisions, and what nothing refers to.
#ifndef STERNA_HUB_CACHE_CLEANUP_H_
#define STERNA_HUB_CACHE_CLEANUP_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "hub/cache.h"
#include "hub/model_reference.h"

namespace sterna {

/// What goes, or went.
struct Removal {
  std::vector<std::string> paths;  ///< files and folders, sorted
  uint64_t bytes = 0;              ///< of content that this frees
};

/// A whole repository; or, with a quantization, that model's files in every snapshot; or, with `revision` (a ref or a commit), that
/// snapshot and the refs to it. Blobs go once no snapshot refers to them. With `dry_run` nothing goes. NotFound where the cache
/// lacks it. Links are removed, never followed.
Result<Removal> RemoveModel(const Cache& cache, const ModelReference& reference, std::string_view revision, bool dry_run);

/// In every model's folder: downloads that have not ended, except those that another process is at; snapshots that no ref stands
/// for; blobs that no snapshot refers to; links to nothing. As `hf cache prune`.
Result<Removal> PruneCache(const Cache& cache, bool dry_run);

}  // namespace sterna

#endif  // STERNA_HUB_CACHE_CLEANUP_H_
