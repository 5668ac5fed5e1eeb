// For tests only: arrays of exactly the promised size and alignment, so that AddressSanitizer sees every access beyond them.
#ifndef STERNA_KERNELS_TERNARY_ALIGNED_ARRAY_H_
#define STERNA_KERNELS_TERNARY_ALIGNED_ARRAY_H_

#include <algorithm>
#include <cstdint>
#include <memory>
#include <new>

namespace sterna {

/// Zero-filled, 64-byte aligned.
template <class T>
class AlignedArray {
 public:
  explicit AlignedArray(int64_t size)
      : size_(size), data_(static_cast<T*>(::operator new (static_cast<size_t>(size) * sizeof(T), std::align_val_t{64}))) {
    std::fill_n(data_.get(), size, T{});
  }
  T* data() { return data_.get(); }
  const T* data() const { return data_.get(); }
  int64_t size() const { return size_; }
  T& operator[](int64_t i) { return data_.get()[i]; }
  const T& operator[](int64_t i) const { return data_.get()[i]; }

 private:
  struct Delete {
    void operator()(T* data) const { ::operator delete (data, std::align_val_t{64}); }
  };
  int64_t size_;
  std::unique_ptr<T, Delete> data_;
};

}  // namespace sterna

#endif  // STERNA_KERNELS_TERNARY_ALIGNED_ARRAY_H_
