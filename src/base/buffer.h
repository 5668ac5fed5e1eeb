// Owned bytes, aligned for vector loads and with readable padding, so that kernels may load a full vector at any valid element.
#ifndef STERNA_BASE_BUFFER_H_
#define STERNA_BASE_BUFFER_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

#include "base/memory_tracker.h"
#include "base/status.h"

namespace sterna {

/// Move-only block of bytes: 64-byte aligned, zero-filled, with kReadablePadding zero bytes past the end that may be read.
class Buffer {
 public:
  static constexpr size_t kAlignment = 64;
  static constexpr size_t kReadablePadding = 64;

  Buffer() = default;
  Buffer(Buffer&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)),
        size_(std::exchange(other.size_, 0)),
        mapped_bytes_(std::exchange(other.mapped_bytes_, 0)),
        tracked_(std::move(other.tracked_)) {}
  Buffer& operator=(Buffer&& other) noexcept;
  ~Buffer();

  /// Allocates and zero-fills. Blocks of 1 MiB and more come from anonymous maps that ask the system for huge pages; their zero
  /// pages cost no memory until written. Counts under `tag`. Errors: ResourceExhausted, naming the size.
  static Result<Buffer> Allocate(size_t bytes, MemoryTag tag = MemoryTag::kOther);

  std::byte* data() { return data_; }
  const std::byte* data() const { return data_; }
  size_t size() const { return size_; }
  std::span<std::byte> bytes() { return {data_, size_}; }
  std::span<const std::byte> bytes() const { return {data_, size_}; }

  /// The same bytes as a span of T (a trivially copyable type); the tail that holds no whole T is left out.
  template <class T>
  std::span<T> as() {
    return {reinterpret_cast<T*>(data_), size_ / sizeof(T)};
  }
  template <class T>
  std::span<const T> as() const {
    return {reinterpret_cast<const T*>(data_), size_ / sizeof(T)};
  }

 private:
  std::byte* data_ = nullptr;
  size_t size_ = 0;
  size_t mapped_bytes_ = 0;  // > 0: data_ came from mmap and goes back with munmap of that many bytes
  TrackedMemory tracked_;
};

}  // namespace sterna

#endif  // STERNA_BASE_BUFFER_H_
