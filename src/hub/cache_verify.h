// Whether the cache still holds what it was given: each blob hashed again and compared with its name.
#ifndef STERNA_HUB_CACHE_VERIFY_H_
#define STERNA_HUB_CACHE_VERIFY_H_

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "hub/cache.h"

namespace sterna {

enum class BlobState : uint8_t {
  kGood,
  kDamaged,      ///< the content has another hash than the name
  kUnreadable,   ///< a link to nothing or out of the cache, or an error while reading
  kUnknownName,  ///< the name is no hash, as some mirrors have it: nothing to compare with
};

struct BlobCheck {
  std::string repo;
  std::string blob;
  uint64_t bytes = 0;
  BlobState state = BlobState::kGood;
  std::string detail;               ///< what was found; empty where it is good
  std::vector<std::string> usages;  ///< "COMMIT/PATH" of the files that are this blob
};

/// Hashes every blob of one repository, or of all where `repo` is empty. `progress` is called with the bytes hashed so far and
/// returns whether to go on. With `remove_damaged` a damaged blob is removed with the links to it, so that the next download
/// fetches it.
Result<std::vector<BlobCheck>> VerifyCache(const Cache& cache, std::string_view repo, bool remove_damaged,
                                           const std::function<bool(uint64_t done, uint64_t total)>& progress);

}  // namespace sterna

#endif  // STERNA_HUB_CACHE_VERIFY_H_
