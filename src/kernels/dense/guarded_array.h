// For tests only: memory that ends where a page without access begins, so that a read or write past the end is a fault.
#ifndef STERNA_KERNELS_DENSE_GUARDED_ARRAY_H_
#define STERNA_KERNELS_DENSE_GUARDED_ARRAY_H_

#include <sys/mman.h>

#include <cstddef>
#include <cstdint>
#include <span>

namespace sterna {

/// `count` zeros of type T, the last of them directly in front of the page without access. Where count * sizeof(T) is a multiple of
/// 64, the first is 64-byte aligned. data() is null where the system gives no memory.
template <class T>
class GuardedArray {
 public:
  explicit GuardedArray(int64_t count) : count_(count) {
    constexpr size_t kPage = 4096;
    const size_t bytes = static_cast<size_t>(count) * sizeof(T);
    const size_t usable = (bytes + kPage - 1) / kPage * kPage;
    mapped_bytes_ = usable + kPage;
    void* map = mmap(nullptr, mapped_bytes_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (map == MAP_FAILED) return;
    map_ = static_cast<std::byte*>(map);
    if (mprotect(map_ + usable, kPage, PROT_NONE) == 0) data_ = reinterpret_cast<T*>(map_ + usable - bytes);
  }
  GuardedArray(const GuardedArray&) = delete;
  GuardedArray& operator=(const GuardedArray&) = delete;
  ~GuardedArray() {
    if (map_ != nullptr) munmap(map_, mapped_bytes_);
  }

  T* data() { return data_; }
  const T* data() const { return data_; }
  std::span<T> values() { return {data_, static_cast<size_t>(count_)}; }
  T& operator[](int64_t i) { return data_[i]; }
  const T& operator[](int64_t i) const { return data_[i]; }

 private:
  int64_t count_;
  std::byte* map_ = nullptr;
  size_t mapped_bytes_ = 0;
  T* data_ = nullptr;
};

}  // namespace sterna

#endif  // STERNA_KERNELS_DENSE_GUARDED_ARRAY_H_
