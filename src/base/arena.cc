#include "base/arena.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/checked_math.h"

namespace sterna {
namespace {

// Address space, not memory: pages that no block touches are never backed.
constexpr size_t kChunkBytes = size_t{64} << 20;

}  // namespace

Result<std::span<std::byte>> Arena::Allocate(size_t bytes) {
  const auto padded = CheckedAdd(bytes, Buffer::kReadablePadding);
  const auto total = padded ? CheckedRoundUp(*padded, Buffer::kAlignment) : std::nullopt;
  if (!total) return ResourceExhausted(fmt::format("cannot allocate {} bytes", bytes));
  if (chunks_.empty() || chunks_.back().size() - used_ < *total) {
    STERNA_ASSIGN_OR_RETURN(Buffer chunk, Buffer::Allocate(std::max(*total, kChunkBytes)));
    chunks_.push_back(std::move(chunk));
    used_ = 0;
  }
  const std::span<std::byte> block(chunks_.back().data() + used_, bytes);
  used_ += *total;
  bytes_ += static_cast<int64_t>(*total);
  return block;
}

}  // namespace sterna
