#include "formats/onnx_reader.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <filesystem>

#include "formats/testing/expect_rejected.h"
#include "formats/testing/onnx_builder.h"
#include "formats/testing/temporary_directory.h"
#include "formats/weight_source.h"

namespace sterna {
namespace {

using testing::ExpectOk;
using testing::MessageBuilder;
using testing::OnnxExternalTensor;
using testing::OnnxGraphOf;
using testing::OnnxModel;
using testing::OnnxNodeMessage;
using testing::OnnxTensorMessage;
using testing::TemporaryDirectory;

std::string Numbers(const std::vector<float>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float)};
}

std::vector<float> Floats(const TensorEntry& entry) {
  std::vector<float> out(entry.data.size() / sizeof(float));
  std::memcpy(out.data(), entry.data.data(), entry.data.size());
  return out;
}

/// The same decoder as the exporters of torch and onnxruntime-genai write it, as far as names and row orders go.
MessageBuilder ExportedGraph() {
  return MessageBuilder()
      .Message(1, OnnxNodeMessage("Gather", {"model.embed_tokens.weight", "x"}, "e", "/model/embed_tokens/Gather"))
      .Message(1, OnnxNodeMessage("MatMul", {"e", "onnx::MatMul_7"}, "q", "/model/layers.0/self_attn/q_proj/MatMul"))
      .Message(1, OnnxNodeMessage("MatMul", {"q", "model.layers.1.attn.q_proj.MatMul.weight"}, "r", "/any/MatMul"))
      .Message(1, OnnxNodeMessage("Add", {"r", "mask"}, "s"))
      .Message(5, OnnxTensorMessage("model.embed_tokens.weight", {3, 2}, 1, Numbers({1, 2, 3, 4, 5, 6})))
      .Message(5, OnnxTensorMessage("onnx::MatMul_7", {2, 3}, 1, Numbers({1, 2, 3, 4, 5, 6})))
      .Message(5, OnnxTensorMessage("model.layers.1.attn.q_proj.MatMul.weight", {2, 1}, 1, Numbers({7, 8})))
      .Message(5, OnnxTensorMessage("mask", {1}, 1, Numbers({0})))
      .Message(5, OnnxTensorMessage("shape", {1}, 7, std::string(8, '\0')));
}

TEST(Onnx, WeightsGetTheNamesAndRowOrderOfTheCheckpoint) {
  const TemporaryDirectory folder;
  const auto source = OpenWeights(folder.Write("any.name", OnnxModel(ExportedGraph()).text()));
  ExpectOk(source);
  EXPECT_EQ((*source)->format(), "ONNX");
  EXPECT_EQ(*(*source)->metadata().GetString("made_by"), "a test");
  ASSERT_EQ((*source)->entries().size(), 3u);
  const TensorEntry* embedding = (*source)->Find("model.embed_tokens.weight");
  const TensorEntry* query = (*source)->Find("model.layers.0.self_attn.q_proj.weight");
  const TensorEntry* renamed = (*source)->Find("model.layers.1.self_attn.q_proj.weight");
  ASSERT_TRUE(embedding != nullptr && query != nullptr && renamed != nullptr);
  EXPECT_EQ(Floats(*embedding), (std::vector<float>{1, 2, 3, 4, 5, 6}));
  EXPECT_EQ(query->shape, (Shape{3, 2}));
  EXPECT_EQ(Floats(*query), (std::vector<float>{1, 4, 2, 5, 3, 6}));
  EXPECT_EQ(renamed->shape, (Shape{1, 2}));
}

TEST(Onnx, TransposesMatricesLargerThanATileAtEveryEdge) {
  for (const int64_t rows : {1, 63, 64, 65, 130}) {
    for (const int64_t cols : {1, 63, 64, 65, 129}) {
      std::vector<float> values(static_cast<size_t>(rows * cols));
      for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i);
      const TemporaryDirectory folder;
      const MessageBuilder graph = MessageBuilder()
                                       .Message(1, OnnxNodeMessage("MatMul", {"x", "w"}, "y", "/lm_head/MatMul"))
                                       .Message(5, OnnxTensorMessage("w", {rows, cols}, 1, Numbers(values)));
      const auto source = OpenWeights(folder.Write("m.onnx", OnnxModel(graph).text()));
      ExpectOk(source);
      const std::vector<float> found = Floats(*(*source)->Find("lm_head.weight"));
      for (int64_t r = 0; r < rows; ++r) {
        for (int64_t c = 0; c < cols; ++c)
          ASSERT_EQ(found[static_cast<size_t>(c * rows + r)], values[static_cast<size_t>(r * cols + c)]);
      }
    }
  }
}

TEST(Onnx, GemmSaysItselfWhetherItTransposes) {
  for (const bool transposes : {false, true}) {
    MessageBuilder node = OnnxNodeMessage("Gemm", {"x", "a.weight"}, "y");
    if (transposes) node.Message(5, MessageBuilder().Bytes(1, "transB").Int(3, 1));
    const TemporaryDirectory folder;
    const MessageBuilder graph =
        MessageBuilder().Message(1, node).Message(5, OnnxTensorMessage("a.weight", {2, 3}, 1, std::string(24, '\0')));
    const auto source = OpenWeights(folder.Write("m.onnx", OnnxModel(graph).text()));
    ExpectOk(source);
    EXPECT_EQ((*source)->Find("a.weight")->shape, transposes ? (Shape{2, 3}) : (Shape{3, 2}));
  }
}

TEST(Onnx, ValuesMayLieInPackedFloatData) {
  MessageBuilder tensor;
  tensor.Bytes(1, testing::Varint(2)).Int(2, 1).Bytes(8, "n.weight").Bytes(4, Numbers({5, 6}));
  const TemporaryDirectory folder;
  const auto source = OpenWeights(folder.Write("m.onnx", OnnxModel(OnnxGraphOf(tensor)).text()));
  ExpectOk(source);
  EXPECT_EQ(Floats(*(*source)->Find("n.weight")), (std::vector<float>{5, 6}));
}

TEST(Onnx, ExternalDataBeneathTheFolderIsMapped) {
  const TemporaryDirectory folder;
  folder.Write("data/weights.bin", "pad!" + Numbers({1.5f, -2}));
  const MessageBuilder graph = OnnxGraphOf(OnnxExternalTensor("n.weight", {2}, "data/weights.bin", "4"));
  const auto source = OpenWeights(folder.Write("m.onnx", OnnxModel(graph).text()));
  ExpectOk(source);
  EXPECT_EQ(Floats(*(*source)->Find("n.weight")), (std::vector<float>{1.5f, -2}));
  ExpectOk(Result<bool>((*source)->StillUnchanged().ok()));
}

TEST(Onnx, ConfigBesideTheFileIsTheMetadata) {
  const TemporaryDirectory folder;
  folder.Write("config.json", R"({"model_type": "llama"})");
  const std::string path = folder.Write("model.onnx", OnnxModel(ExportedGraph()).text());
  for (const std::string& name : {path, folder.path()}) {
    const auto source = OpenWeights(name);
    ExpectOk(source);
    EXPECT_EQ((*source)->format(), "ONNX");
    EXPECT_EQ(*(*source)->metadata().GetString("model_type"), "llama");
    EXPECT_EQ((*source)->entries().size(), 3u);
  }
}

// Files of the onnx package in the spellings of three exporters; tests/fixtures/onnx/README.md.
TEST(Onnx, FilesOfThePackageHoldTheCheckpoint) {
  const auto expected = OpenWeights(STERNA_FIXTURES "/onnx/model.safetensors");
  ExpectOk(expected);
  for (const std::string form : {"torch", "external", "genai"}) {
    const auto found = OpenWeights(STERNA_FIXTURES "/onnx/" + form + "/model.onnx");
    ExpectOk(found);
    ASSERT_EQ((*found)->entries().size(), (*expected)->entries().size()) << form;
    for (const TensorEntry& entry : (*expected)->entries()) {
      const TensorEntry* other = (*found)->Find(entry.name);
      ASSERT_NE(other, nullptr) << form << ": " << entry.name;
      EXPECT_EQ(other->shape, entry.shape) << entry.name;
      EXPECT_TRUE(std::ranges::equal(other->data, entry.data)) << form << ": " << entry.name;
    }
  }
}

}  // namespace
}  // namespace sterna
