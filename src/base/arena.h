// Many blocks of memory that live and die together, packed into few huge-page maps.
#ifndef STERNA_BASE_ARENA_H_
#define STERNA_BASE_ARENA_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/buffer.h"
#include "base/status.h"

namespace sterna {

/// Hands out blocks that stay where they are until the arena dies. Blocks have Buffer's guarantees: 64-byte aligned, zero-filled,
/// with 64 readable bytes past the end (the next block's, or zeros). Small blocks share huge pages, which a map of their own would
/// leave half empty, and which make reading them about twice as fast as from 4 KiB pages. Maps grow with what they hold, from 2 MiB
/// to 64 MiB, so that an arena of little does not reserve much. One thread at a time.
class Arena {
 public:
  explicit Arena(MemoryTag tag = MemoryTag::kOther) : tag_(tag) {}

  /// Errors: ResourceExhausted, naming the size.
  Result<std::span<std::byte>> Allocate(size_t bytes);

  /// What bytes() grows by when a block of `bytes` is allocated. Nothing where that overflows.
  static std::optional<size_t> PaddedBytes(size_t bytes);

  /// Bytes handed out, with the padding between blocks.
  int64_t bytes() const { return bytes_; }

 private:
  MemoryTag tag_;
  std::vector<Buffer> chunks_;
  size_t used_ = 0;  // bytes of the last chunk
  int64_t bytes_ = 0;
};

}  // namespace sterna

#endif  // STERNA_BASE_ARENA_H_
