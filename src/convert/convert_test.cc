#include "convert/convert.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <filesystem>

#include "convert/gguf_metadata.h"
#include "formats/testing/temporary_directory.h"
#include "formats/weight_source.h"
#include "tensor/encodings.h"

namespace sterna {
namespace {

using testing::TemporaryDirectory;
using Source = std::shared_ptr<const WeightSource>;

Source Open(const std::string& path) {
  auto source = OpenWeights(path);
  EXPECT_TRUE(source.ok()) << source.status().message();
  return source.ok() ? *source : nullptr;
}

Source Fixture(const std::string& name) {
  return Open(STERNA_FIXTURES "/" + name);
}

Source Convert(const Source& source, const ConvertOptions& options, const std::string& path) {
  const auto report = ConvertToGguf(source, options, path);
  EXPECT_TRUE(report.ok()) << report.status().message();
  return report.ok() ? Open(path) : nullptr;
}

/// Types of projections and, where not the source's own, of embedding and head.
ConvertOptions Types(std::optional<DType> projection, std::optional<DType> embedding = std::nullopt) {
  ConvertOptions options;
  options.types.projection = projection;
  options.types.embedding = embedding;
  return options;
}

std::vector<float> Floats(const Source& source, const std::string& name) {
  const TensorEntry* entry = source->Find(name);
  EXPECT_NE(entry, nullptr) << name;
  if (entry == nullptr) return {};
  const int64_t rows = entry->shape.size() == 1 ? 1 : entry->shape[0];
  std::vector<float> values(static_cast<size_t>(rows * entry->shape.back()));
  const Status status = Dequantize(entry->dtype, entry->data, rows, entry->shape.back(), values);
  EXPECT_TRUE(status.ok()) << status.message();
  return values;
}

bool SameBytes(const TensorEntry& a, const TensorEntry& b) {
  return a.dtype == b.dtype && a.shape == b.shape && a.data.size() == b.data.size() &&
         std::memcmp(a.data.data(), b.data.data(), a.data.size()) == 0;
}

size_t FilesIn(const TemporaryDirectory& folder) {
  const std::filesystem::directory_iterator files(folder.path());
  return static_cast<size_t>(std::distance(begin(files), end(files)));
}

// Scales of this fixture are exact in f16, and TQ blocks of llama.cpp and ours choose the same codes, so nothing may change.
TEST(Convert, GgufThroughI2SAndBackGivesTheSameTensorBytes) {
  for (const DType type : {DType::kTQ2_0, DType::kTQ1_0}) {
    const TemporaryDirectory folder;
    const Source original = Fixture("gguf/bitnet.llama_cpp." + std::string(Name(type)) + ".gguf");
    const Source packed = Convert(original, Types(DType::kI2_S), folder.File("i2_s.gguf"));
    const Source back = Convert(packed, Types(type), folder.File("back.gguf"));
    ASSERT_EQ(back->entries().size(), original->entries().size());
    for (const TensorEntry& entry : original->entries()) {
      const TensorEntry* found = back->Find(entry.name);
      ASSERT_NE(found, nullptr) << entry.name;
      EXPECT_TRUE(SameBytes(*found, entry)) << entry.name;
      EXPECT_EQ(packed->Find(entry.name)->dtype, entry.dtype == type ? DType::kI2_S : entry.dtype) << entry.name;
    }
  }
}

TEST(Convert, TokenizerKeysOfAGgufSourceStay) {
  const TemporaryDirectory folder;
  const Source original = Fixture("gguf/bitnet.llama_cpp.TQ2_0.gguf");
  const Source converted = Convert(original, Types(DType::kI2_S), folder.File("out.gguf"));
  int tokenizer_keys = 0;
  for (const Metadata::Item& item : original->metadata().items()) {
    if (!item.key.starts_with("tokenizer.")) continue;
    ++tokenizer_keys;
    const auto& items = converted->metadata().items();
    const auto found = std::ranges::find(items, item.key, &Metadata::Item::key);
    ASSERT_NE(found, items.end()) << item.key;
    EXPECT_TRUE(found->value == item.value) << item.key;
  }
  EXPECT_EQ(tokenizer_keys, 7);
}

TEST(Convert, TextsOfADirectoryAreKept) {
  const TemporaryDirectory folder;
  ConvertOptions options = Types(DType::kI2_S);
  options.tokenizer_json = "{\"a\": 1}";
  options.tokenizer_config_json = "{\"b\": 2}";
  options.chat_template = "{{ c }}";
  const Source converted = Convert(Fixture("models/bitnet-packed"), options, folder.File("out.gguf"));
  const Metadata& metadata = converted->metadata();
  EXPECT_EQ(*metadata.GetString("tokenizer.huggingface.json"), options.tokenizer_json);
  EXPECT_EQ(*metadata.GetString("tokenizer.huggingface.config"), options.tokenizer_config_json);
  EXPECT_EQ(*metadata.GetString("tokenizer.chat_template"), options.chat_template);
}

// GGUF's llama interleaves the halves of each head: row 2i + j of a head is row j * (head_dim / 2) + i of the checkpoint.
TEST(Convert, QueryAndKeyRowsOfLlamaAreInterleaved) {
  const TemporaryDirectory folder;
  const Source original = Fixture("models/llama-dense-rope3");
  const Source converted = Convert(original, Types(DType::kF32), folder.File("out.gguf"));
  constexpr int64_t kHeadDim = 64, kWidth = 256;
  for (const auto& [hf, gguf, rows] : {std::tuple("q_proj", "attn_q", 256), std::tuple("k_proj", "attn_k", 128)}) {
    const auto before = Floats(original, "model.layers.1.self_attn." + std::string(hf) + ".weight");
    const auto after = Floats(converted, "blk.1." + std::string(gguf) + ".weight");
    ASSERT_EQ(after.size(), static_cast<size_t>(rows * kWidth));
    for (int64_t head = 0; head < rows / kHeadDim; ++head) {
      for (int64_t i = 0; i < kHeadDim / 2; ++i) {
        for (int64_t j = 0; j < 2; ++j) {
          const int64_t to = head * kHeadDim + 2 * i + j, from = head * kHeadDim + j * kHeadDim / 2 + i;
          ASSERT_EQ(std::memcmp(&after[static_cast<size_t>(to * kWidth)], &before[static_cast<size_t>(from * kWidth)],
                                kWidth * sizeof(float)),
                    0)
              << gguf << " row " << to;
        }
      }
    }
  }
  EXPECT_EQ(Floats(converted, "blk.1.attn_v.weight"), Floats(original, "model.layers.1.self_attn.v_proj.weight"));
}

TEST(Convert, QueryRowsOfOtherArchitecturesKeepTheirOrder) {
  const TemporaryDirectory folder;
  const Source original = Fixture("models/qwen3-dense");
  const Source converted = Convert(original, {}, folder.File("out.gguf"));
  EXPECT_EQ(Floats(converted, "blk.0.attn_q.weight"), Floats(original, "model.layers.0.self_attn.q_proj.weight"));
}

// Reference: llama.cpp's convert_hf_to_gguf.py, generate_extra_tensors of LlamaModel; the fixture's numbers are written out.
TEST(Convert, Llama3ScalingBecomesFrequencyFactors) {
  const TemporaryDirectory folder;
  const Source converted = Convert(Fixture("models/llama-dense-rope3"), {}, folder.File("out.gguf"));
  const std::vector<float> factors = Floats(converted, "rope_freqs.weight");
  ASSERT_EQ(factors.size(), 32u);
  constexpr double kTheta = 500000, kFactor = 8, kLow = 1, kHigh = 4, kOldContext = 64;
  int middle = 0;
  for (size_t i = 0; i < factors.size(); ++i) {
    const double wavelength = 2 * M_PI * std::pow(kTheta, 2.0 * static_cast<double>(i) / 64);
    double expected = kFactor;
    if (wavelength < kOldContext / kHigh) {
      expected = 1;
    } else if (wavelength <= kOldContext / kLow) {
      const double smooth = (kOldContext / wavelength - kLow) / (kHigh - kLow);
      expected = 1 / ((1 - smooth) / kFactor + smooth);
      ++middle;
    }
    EXPECT_NEAR(factors[i], expected, 1e-6 * expected) << i;
  }
  EXPECT_GT(middle, 0);
  // The factors say it all: a reader that scaled again would scale twice.
  EXPECT_FALSE(converted->metadata().Has("llama.rope.scaling.type"));
}

// Masters of bitnet-master have scales that f16 rounds; the bound is half a step of its 11 significant bits.
TEST(Convert, ReportTellsWhatHalfPrecisionScalesLose) {
  const TemporaryDirectory folder;
  const Source source = Fixture("models/bitnet-master");
  const auto exact = ConvertToGguf(source, Types(DType::kI2_S), folder.File("exact.gguf"));
  const auto rounded = ConvertToGguf(source, Types(DType::kTQ2_0), folder.File("rounded.gguf"));
  ASSERT_TRUE(exact.ok() && rounded.ok());
  EXPECT_EQ(exact->max_scale_error, 0);
  EXPECT_GT(rounded->max_scale_error, 0);
  EXPECT_LE(rounded->max_scale_error, std::ldexp(1.0, -11));
  EXPECT_EQ(exact->bytes, static_cast<int64_t>(std::filesystem::file_size(folder.File("exact.gguf"))));
}

TEST(Convert, EmbeddingTakesTheTypeAskedFor) {
  const TemporaryDirectory folder;
  const Source source = Fixture("models/bitnet-packed");
  for (const DType type : {DType::kF32, DType::kF16, DType::kBF16, DType::kQ8_0, DType::kQ6_K}) {
    const std::string path = folder.File(std::string(Name(type)));
    const Source converted = Convert(source, Types(DType::kI2_S, type), path);
    EXPECT_EQ(converted->Find("token_embd.weight")->dtype, type);
    EXPECT_EQ(converted->Find("output.weight")->dtype, type);
    EXPECT_EQ(converted->Find("output_norm.weight")->dtype, DType::kF32);
  }
}

TEST(Convert, ArchitectureFollowsTheGraphNotTheName) {
  for (const auto& [fixture, architecture] :
       {std::pair("models/bitnet-packed", "bitnet-b1.58"), std::pair("gguf/bitnet", "bitnet"),
        std::pair("models/llama-bitlinear", "llama"), std::pair("models/qwen3-dense", "qwen3"),
        std::pair("models/qwen2-dense", "qwen2"), std::pair("models/gemma3-embedding", "gemma3")}) {
    const Source source = Fixture(fixture);
    const auto config = ReadModelConfig(source->format(), source->metadata());
    ASSERT_TRUE(config.ok()) << config.status().message();
    const auto found = GgufArchitecture(*config);
    ASSERT_TRUE(found.ok()) << found.status().message();
    EXPECT_EQ(*found, architecture) << fixture;
  }
}

TEST(Convert, WhatATypeCannotHoldIsRefusedByName) {
  const TemporaryDirectory folder;
  const std::string path = folder.File("out.gguf");
  const auto expect_refusal = [&](const char* fixture, const ConvertOptions& options, std::string_view part) {
    const auto report = ConvertToGguf(Fixture(fixture), options, path);
    ASSERT_FALSE(report.ok()) << fixture;
    EXPECT_EQ(report.status().code(), StatusCode::kUnsupported) << report.status().message();
    EXPECT_NE(report.status().message().find(part), std::string_view::npos) << report.status().message();
  };
  expect_refusal("models/bitnet-packed", {}, "attn_q.weight is ternary: choose");
  expect_refusal("models/qwen3-dense", Types(DType::kTQ2_0), "attn_q.weight is dense, not ternary");
  expect_refusal("models/gemma3-dense", {}, "query_pre_attn_scalar");
  // Written as floats these would be made ternary by whoever reads them.
  for (const DType type : {DType::kF32, DType::kF16, DType::kBF16}) {
    expect_refusal("gguf/bitnet.llama_cpp.Q4_0.gguf", Types(type),
                   "attn_q.weight is dense (Q4_0), and as " + std::string(Name(type)));
  }
  EXPECT_EQ(FilesIn(folder), 0u);
}

TEST(Convert, CancelledAtAnyTensorLeavesTheOldFile) {
  const TemporaryDirectory folder;
  const std::string path = folder.Write("out.gguf", "old");
  const Source source = Fixture("models/bitnet-packed");
  for (const int64_t stop : {0, 1, 12, 24}) {
    ConvertOptions options = Types(DType::kI2_S);
    options.progress = [&](int64_t done, int64_t, const std::string&) { return done < stop; };
    const auto report = ConvertToGguf(source, options, path);
    EXPECT_EQ(report.status().code(), StatusCode::kCancelled);
    EXPECT_EQ(std::filesystem::file_size(path), 3u);
    EXPECT_EQ(FilesIn(folder), 1u);
  }
}

TEST(Convert, ProgressNamesEveryTensorOnce) {
  const TemporaryDirectory folder;
  std::vector<std::string> names;
  ConvertOptions options = Types(DType::kI2_S);
  options.progress = [&](int64_t done, int64_t total, const std::string& name) {
    EXPECT_EQ(done, static_cast<int64_t>(names.size()));
    EXPECT_EQ(total, 25);
    names.push_back(name);
    return true;
  };
  const Source converted = Convert(Fixture("models/bitnet-packed"), options, folder.File("out.gguf"));
  ASSERT_EQ(converted->entries().size(), names.size());
  for (size_t i = 0; i < names.size(); ++i) EXPECT_EQ(converted->entries()[i].name, names[i]);
}

}  // namespace
}  // namespace sterna
