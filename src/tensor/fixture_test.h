// What the tests of this room share: fixture files and matrices of a known pattern.
#ifndef STERNA_TENSOR_FIXTURE_TEST_H_
#define STERNA_TENSOR_FIXTURE_TEST_H_

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

namespace sterna {

inline std::vector<std::byte> ReadFixture(const std::string& name) {
  std::ifstream file(std::string(STERNA_FIXTURES "/encodings/") + name, std::ios::binary);
  const std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  EXPECT_FALSE(text.empty()) << name;
  std::vector<std::byte> bytes(text.size());
  std::memcpy(bytes.data(), text.data(), text.size());
  return bytes;
}

inline std::vector<float> ReadFloatFixture(const std::string& name) {
  const std::vector<std::byte> bytes = ReadFixture(name);
  std::vector<float> values(bytes.size() / sizeof(float));
  std::memcpy(values.data(), bytes.data(), bytes.size());
  return values;
}

// W[r, c] = ((31 r + 17 c + (r c mod 7)) mod 3) - 1.
inline std::vector<int8_t> TernaryPattern(int64_t rows, int64_t cols) {
  std::vector<int8_t> values;
  for (int64_t r = 0; r < rows; ++r) {
    for (int64_t c = 0; c < cols; ++c) values.push_back(static_cast<int8_t>((31 * r + 17 * c + r * c % 7) % 3 - 1));
  }
  return values;
}

}  // namespace sterna

#endif  // STERNA_TENSOR_FIXTURE_TEST_H_
