// For tests: puts files together piece by piece, right or wrong.
#ifndef STERNA_FORMATS_TESTING_BYTE_BUILDER_H_
#define STERNA_FORMATS_TESTING_BYTE_BUILDER_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "formats/gguf_types.h"

namespace sterna::testing {

/// Little-endian bytes in the order of the calls.
class ByteBuilder {
 public:
  template <class T>
  ByteBuilder& Put(T value) {
    static_assert(std::is_arithmetic_v<T>);
    bytes_.append(reinterpret_cast<const char*>(&value), sizeof value);
    return *this;
  }
  ByteBuilder& Text(std::string_view text) {
    bytes_ += text;
    return *this;
  }
  /// u64 length, then the bytes: a GGUF string.
  ByteBuilder& String(std::string_view text) { return Put(uint64_t{text.size()}).Text(text); }
  ByteBuilder& Fill(size_t count, char value = '\0') {
    bytes_.append(count, value);
    return *this;
  }
  ByteBuilder& PadTo(size_t alignment) { return Fill((alignment - bytes_.size() % alignment) % alignment); }

  // Records of GGUF.
  ByteBuilder& GgufHeader(uint64_t tensors, uint64_t key_values, uint32_t version = 3) {
    return Text("GGUF").Put(version).Put(tensors).Put(key_values);
  }
  ByteBuilder& Key(std::string_view key, GgufValueType type) { return String(key).Put(static_cast<uint32_t>(type)); }
  ByteBuilder& KeyU32(std::string_view key, uint32_t value) { return Key(key, GgufValueType::kU32).Put(value); }
  ByteBuilder& KeyString(std::string_view key, std::string_view value) { return Key(key, GgufValueType::kString).String(value); }
  /// `dimensions` as the file lists them: fastest axis first.
  ByteBuilder& Tensor(std::string_view name, const std::vector<uint64_t>& dimensions, uint32_t type, uint64_t offset) {
    String(name).Put(static_cast<uint32_t>(dimensions.size()));
    for (const uint64_t dimension : dimensions) Put(dimension);
    return Put(type).Put(offset);
  }

  /// A whole safetensors file.
  static ByteBuilder Safetensors(std::string_view header, size_t data_bytes) {
    return ByteBuilder().Put(uint64_t{header.size()}).Text(header).Fill(data_bytes);
  }

  size_t size() const { return bytes_.size(); }
  std::string& text() { return bytes_; }
  const std::string& text() const { return bytes_; }
  std::span<const std::byte> bytes() const { return std::as_bytes(std::span(bytes_.data(), bytes_.size())); }

 private:
  std::string bytes_;
};

inline constexpr uint32_t kIdF32 = 0, kIdQ6K = 14, kIdI8 = 24, kIdTQ1 = 34, kIdTQ2 = 35, kIdI2S = 36;

/// A GGUF file of one tensor without metadata, with `data_bytes` behind it.
inline ByteBuilder OneTensor(std::string_view name, const std::vector<uint64_t>& dimensions, uint32_t type, uint64_t offset,
                             size_t data_bytes) {
  return ByteBuilder().GgufHeader(1, 0).Tensor(name, dimensions, type, offset).PadTo(32).Fill(data_bytes);
}

}  // namespace sterna::testing

#endif  // STERNA_FORMATS_TESTING_BYTE_BUILDER_H_
