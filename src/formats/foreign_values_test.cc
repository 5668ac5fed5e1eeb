// Tensors of files other engines wrote have the values that the Python package gguf reads (tools/fixtures/gguf_values.py).
#include <gtest/gtest.h>

#include <cstring>
#include <fstream>

#include "formats/weight_source.h"
#include "tensor/encodings.h"

namespace sterna {
namespace {

// FNV-1a over 64-bit words, each two floats.
uint64_t Digest(const std::vector<float>& values) {
  uint64_t digest = 0xcbf29ce484222325u;
  for (size_t i = 0; i + 1 < values.size(); i += 2) {
    uint64_t word;
    std::memcpy(&word, values.data() + i, sizeof(word));
    digest = (digest ^ word) * 0x100000001b3u;
  }
  return digest;
}

TEST(ForeignValues, EveryTensorDecodesAsInTheGgufPackage) {
  std::ifstream lines(STERNA_FIXTURES "/gguf/values.txt");
  std::string file, tensor, type, digest, open_file;
  std::shared_ptr<const WeightSource> source;
  int compared = 0;
  while (lines >> file >> tensor >> type >> digest) {
    if (file != open_file) {
      auto opened = OpenWeights(STERNA_FIXTURES "/gguf/" + file);
      ASSERT_TRUE(opened.ok()) << opened.status().message();
      source = *std::move(opened);
      open_file = file;
    }
    const TensorEntry* entry = source->Find(tensor);
    ASSERT_NE(entry, nullptr) << file << ' ' << tensor;
    EXPECT_EQ(Name(entry->dtype), type);
    const int64_t cols = entry->shape.back();
    const int64_t rows = *ElementCount(entry->shape) / cols;
    std::vector<float> values(static_cast<size_t>(rows * cols));
    const Status status = Dequantize(entry->dtype, entry->data, rows, cols, values);
    ASSERT_TRUE(status.ok()) << status.message();
    EXPECT_EQ(Digest(values), std::stoull(digest, nullptr, 16)) << file << ' ' << tensor;
    ++compared;
  }
  EXPECT_EQ(compared, 192);
}

}  // namespace
}  // namespace sterna
