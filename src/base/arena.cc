#include "base/arena.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/checked_math.h"

namespace sterna {
namespace {

constexpr size_t kLeastChunkBytes = size_t{2} << 20;
// Address space, not memory: pages that no block touches are never backed.
constexpr size_t kMostChunkBytes = size_t{64} << 20;

}  // namespace

std::optional<size_t> Arena::PaddedBytes(size_t bytes) {
  const auto padded = CheckedAdd(bytes, Buffer::kReadablePadding);
  return padded ? CheckedRoundUp(*padded, Buffer::kAlignment) : std::nullopt;
}

Result<std::span<std::byte>> Arena::Allocate(size_t bytes) {
  const std::optional<size_t> total = PaddedBytes(bytes);
  if (!total) return ResourceExhausted(fmt::format("cannot allocate {} bytes", bytes));
  if (chunks_.empty() || chunks_.back().size() - used_ < *total) {
    // Less the buffer's own padding, which would take one huge page more.
    const size_t wanted = std::clamp(static_cast<size_t>(bytes_), kLeastChunkBytes, kMostChunkBytes) - Buffer::kReadablePadding;
    const size_t chunk_bytes = std::max(*total, wanted / Buffer::kAlignment * Buffer::kAlignment);
    STERNA_ASSIGN_OR_RETURN(Buffer chunk, Buffer::Allocate(chunk_bytes, tag_));
    chunks_.push_back(std::move(chunk));
    used_ = 0;
  }
  const std::span<std::byte> block(chunks_.back().data() + used_, bytes);
  used_ += *total;
  bytes_ += static_cast<int64_t>(*total);
  return block;
}

}  // namespace sterna
