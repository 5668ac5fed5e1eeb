#include "formats/testing/allocation_watch.h"

#include <algorithm>
#include <cstdlib>
#include <new>

namespace {
thread_local size_t largest_bytes_seen = 0;

void* Allocate(size_t bytes) noexcept {
  largest_bytes_seen = std::max(largest_bytes_seen, bytes);
  return std::malloc(std::max<size_t>(bytes, 1));
}

void* AllocateOrThrow(size_t bytes) {
  if (void* out = Allocate(bytes)) return out;
  throw std::bad_alloc();
}
}  // namespace

void* operator new(size_t bytes) {
  return AllocateOrThrow(bytes);
}
void* operator new[](size_t bytes) {
  return AllocateOrThrow(bytes);
}
void* operator new(size_t bytes, const std::nothrow_t&) noexcept {
  return Allocate(bytes);
}
void* operator new[](size_t bytes, const std::nothrow_t&) noexcept {
  return Allocate(bytes);
}
void operator delete(void* block) noexcept {
  std::free(block);
}
void operator delete[](void* block) noexcept {
  std::free(block);
}
void operator delete(void* block, size_t) noexcept {
  std::free(block);
}
void operator delete[](void* block, size_t) noexcept {
  std::free(block);
}
void operator delete(void* block, const std::nothrow_t&) noexcept {
  std::free(block);
}
void operator delete[](void* block, const std::nothrow_t&) noexcept {
  std::free(block);
}

namespace sterna::testing {

AllocationWatch::AllocationWatch() {
  largest_bytes_seen = 0;
}
size_t AllocationWatch::largest_bytes() const {
  return largest_bytes_seen;
}

}  // namespace sterna::testing
