#include "base/buffer.h"

#include <fmt/format.h>
#include <sys/mman.h>

#include <cstdlib>
#include <cstring>

#include "base/checked_math.h"

namespace sterna {
namespace {
constexpr size_t kMapThreshold = size_t{1} << 20;
constexpr size_t kHugePage = size_t{2} << 20;
}  // namespace

Buffer& Buffer::operator=(Buffer&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  std::swap(mapped_bytes_, other.mapped_bytes_);
  tracked_ = std::move(other.tracked_);
  return *this;
}

Buffer::~Buffer() {
  tracked_ = {};  // before the pages go: a report may be counting them
  if (mapped_bytes_ > 0) {
    munmap(data_, mapped_bytes_);
  } else {
    std::free(data_);
  }
}

Result<Buffer> Buffer::Allocate(size_t bytes, MemoryTag tag) {
  const Status too_large = ResourceExhausted(fmt::format("cannot allocate {} bytes", bytes));
  const auto padded = CheckedAdd(bytes, kReadablePadding);
  const auto total = padded ? CheckedRoundUp(*padded, bytes >= kMapThreshold ? kHugePage : kAlignment) : std::nullopt;
  if (!total) return too_large;
  Buffer buffer;
  buffer.size_ = bytes;
  if (bytes >= kMapThreshold) {
    // Map one huge page more, then give back the ends, so that the block starts on a huge-page boundary.
    const auto reserve = CheckedAdd(*total, kHugePage);
    if (!reserve) return too_large;
    void* base = mmap(nullptr, *reserve, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (base == MAP_FAILED) return too_large;
    auto* start = static_cast<std::byte*>(base);
    const size_t lead = (kHugePage - reinterpret_cast<uintptr_t>(start) % kHugePage) % kHugePage;
    if (lead > 0) munmap(start, lead);
    if (kHugePage - lead > 0) munmap(start + lead + *total, kHugePage - lead);
    buffer.data_ = start + lead;
    buffer.mapped_bytes_ = *total;
    madvise(buffer.data_, *total, MADV_HUGEPAGE);  // a wish: the system may say no, and the buffer works all the same
    buffer.tracked_ = TrackedMemory(tag, *total, buffer.data_);
    return buffer;
  }
  buffer.data_ = static_cast<std::byte*>(std::aligned_alloc(kAlignment, *total));
  if (buffer.data_ == nullptr) return too_large;
  std::memset(buffer.data_, 0, *total);
  buffer.tracked_ = TrackedMemory(tag, *total);
  return buffer;
}

}  // namespace sterna
