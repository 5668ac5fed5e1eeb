// Malformed ONNX files, rows O01 to O06 of the catalogue in README.md.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "formats/beneath_folder.h"
#include "formats/onnx_reader.h"
#include "formats/testing/expect_rejected.h"
#include "formats/testing/onnx_builder.h"
#include "formats/testing/temporary_directory.h"
#include "formats/weight_source.h"

namespace sterna {
namespace {

using testing::ByteBuilder;
using testing::ExpectError;
using testing::ExpectOk;
using testing::ExpectRejected;
using testing::MessageBuilder;
using testing::OnnxExternalTensor;
using testing::OnnxGraphOf;
using testing::OnnxModel;
using testing::OnnxNodeMessage;
using testing::OnnxTensorMessage;
using testing::TemporaryDirectory;

void Rejected(const ByteBuilder& file, std::string_view message_part, StatusCode code = StatusCode::kMalformed) {
  ExpectRejected(ParseOnnx, file, message_part, code);
}

ByteBuilder Bytes(std::string_view text) {
  return ByteBuilder().Text(text);
}

const std::string kEightBytes(8, '\0');

TEST(OnnxHostile, O01VarintsLengthsAndWireTypes) {
  Rejected(Bytes("\x08" + std::string(10, '\xff') + "\x01"), "at most 10 bytes and 64 bits");
  Rejected(Bytes("\x08" + std::string(9, '\xff') + "\x7f"), "at most 10 bytes and 64 bits");
  Rejected(Bytes("\x08\xff"), "end of its message");
  Rejected(Bytes("\x3a\x05zz"), "expected at most 2 bytes, found 5");
  Rejected(Bytes("\x3a" + testing::Varint(~uint64_t{0})), "length: expected at most 0 bytes");
  Rejected(Bytes(std::string("\x00\x01", 2)), "a field: expected a number from 1");
  Rejected(Bytes("\x0b"), "wire type 0, 1, 2 or 5, found 3");
  Rejected(Bytes("\x0e"), "wire type 0, 1, 2 or 5, found 6");
  Rejected(Bytes("\x09"
                 "1234"),
           "expected 8 bytes, found 4");
}

TEST(OnnxHostile, O01MessagesTenThousandDeep) {
  // Nested graphs are refused at the first, so depth costs nothing.
  MessageBuilder graph;
  for (int depth = 0; depth < 10000; ++depth) {
    graph = MessageBuilder().Message(1, MessageBuilder().Message(5, MessageBuilder().Message(6, graph)));
  }
  const auto result = ParseOnnx(OnnxModel(graph).bytes(), "test file");
  ExpectError(result, StatusCode::kUnsupported, "graph inside");
}

TEST(OnnxHostile, O02LocationsOutsideTheFolder) {
  const TemporaryDirectory outer;
  outer.Write("secret.bin", kEightBytes);
  outer.Write("model/data.bin", kEightBytes);
  const std::string folder = outer.File("model");
  std::filesystem::create_symlink("../secret.bin", folder + "/link.bin");
  std::filesystem::create_directory_symlink("..", folder + "/up");
  std::filesystem::create_hard_link(outer.File("secret.bin"), folder + "/hard.bin");
  ASSERT_EQ(mkfifo((folder + "/fifo").c_str(), 0600), 0);
  const auto open = [&](std::string_view location) {
    const MessageBuilder graph = OnnxGraphOf(OnnxExternalTensor("n.weight", {2}, location));
    return OpenWeights(outer.Write("model/m.onnx", OnnxModel(graph).text()));
  };
  ExpectOk(open("data.bin"));
  const std::string absolute = outer.File("secret.bin");
  for (const std::string_view location :
       {std::string_view("../secret.bin"), std::string_view("a/../../secret.bin"), std::string_view(absolute),
        std::string_view("C:\\secret.bin"), std::string_view("C:secret"), std::string_view("..\\secret.bin"),
        std::string_view("data.bin\0x", 10), std::string_view("./data.bin"), std::string_view("//data.bin"),
        std::string_view("data.bin/")}) {
    ExpectError(open(location), StatusCode::kMalformed, "beneath the model's folder");
  }
  ExpectError(open("link.bin"), StatusCode::kMalformed, "symbolic link");
  ExpectError(open("up/secret.bin"), StatusCode::kMalformed, "symbolic link");
  ExpectError(open("up/model/data.bin"), StatusCode::kMalformed, "symbolic link");
  ExpectError(open("hard.bin"), StatusCode::kMalformed, "hard links");
  ExpectError(open("fifo"), StatusCode::kMalformed, "regular file");
  ExpectError(open("missing.bin"), StatusCode::kNotFound, "missing.bin");
  ExpectError(OpenBeneath("/dev", "zero"), StatusCode::kMalformed, "regular file");
  ExpectError(open(""), StatusCode::kMalformed, "expected a location");
}

TEST(OnnxHostile, O03OffsetsAndLengthsOfExternalData) {
  const TemporaryDirectory folder;
  folder.Write("data.bin", kEightBytes);
  const auto open = [&](std::string_view offset, std::string_view length) {
    MessageBuilder tensor = OnnxExternalTensor("n.weight", {2}, "data.bin", offset);
    if (!length.empty()) tensor.Message(13, testing::OnnxEntry("length", length));
    return OpenWeights(folder.Write("m.onnx", OnnxModel(OnnxGraphOf(tensor)).text()));
  };
  ExpectOk(open("0", "8"));
  ExpectError(open("1", ""), StatusCode::kMalformed, "expected 8 bytes at 1");
  ExpectError(open("18446744073709551615", ""), StatusCode::kMalformed, "expected 8 bytes at 18446744073709551615");
  ExpectError(open("18446744073709551616", ""), StatusCode::kMalformed, "expected a whole number");
  ExpectError(open("-1", ""), StatusCode::kMalformed, "expected a whole number");
  ExpectError(open("0", "4"), StatusCode::kMalformed, "length: expected 8, found 4");
}

TEST(OnnxHostile, O03SparseTensorsAndConstantsCannotNameFiles) {
  Rejected(OnnxModel(MessageBuilder().Message(15, MessageBuilder())), "sparse initializers", StatusCode::kUnsupported);
  const MessageBuilder sparse = MessageBuilder().Bytes(1, "sparse_value").Message(22, MessageBuilder());
  Rejected(OnnxModel(MessageBuilder().Message(1, OnnxNodeMessage("Constant", {}, "y").Message(5, sparse))), "sparse tensors",
           StatusCode::kUnsupported);
  const MessageBuilder value = MessageBuilder().Bytes(1, "value").Message(5, OnnxExternalTensor("c", {2}, "../secret"));
  Rejected(OnnxModel(MessageBuilder().Message(1, OnnxNodeMessage("Constant", {}, "y").Message(5, value))),
           "constant in another file");
}

TEST(OnnxHostile, O04ValuesThatContradictTheShape) {
  Rejected(OnnxModel(OnnxGraphOf(OnnxTensorMessage("w", {3}, 1, kEightBytes))), "expected 12 bytes of values, found 8");
  Rejected(OnnxModel(OnnxGraphOf(OnnxTensorMessage("w", {2}, 1, kEightBytes).Bytes(4, kEightBytes))), "values in one place");
  Rejected(OnnxModel(OnnxGraphOf(OnnxTensorMessage("w", {-2}, 1, kEightBytes))), "dimension 0: expected at least 0, found -2");
  Rejected(OnnxModel(OnnxGraphOf(OnnxTensorMessage("w", {1ll << 40, 1ll << 40}, 1, kEightBytes))), "tensor 'w'");
  Rejected(OnnxModel(OnnxGraphOf(OnnxTensorMessage("w", {1, 1, 1, 1, 1, 1, 1, 1, 2}, 1, kEightBytes))), "at most 8 dimensions");
  Rejected(OnnxModel(OnnxGraphOf(OnnxExternalTensor("w", {2}, "a").Bytes(9, kEightBytes))), "values in one place");
  Rejected(OnnxModel(OnnxGraphOf(OnnxTensorMessage("w", {2}, 1, kEightBytes).Int(14, 1))), "values in one place");
  Rejected(OnnxModel(OnnxGraphOf(MessageBuilder().Bytes(8, "w").Int(1, 2).Int(2, 1).Bytes(1, "ÿ"))), "a dimension");
  Rejected(OnnxModel(OnnxGraphOf(MessageBuilder().Bytes(8, "a.weight").Int(1, 1).Int(2, 10).Bytes(5, ""))), "one by one",
           StatusCode::kUnsupported);
  Rejected(OnnxModel(OnnxGraphOf(OnnxTensorMessage("a.weight", {2}, 17, "ab"))), "element type 17", StatusCode::kUnsupported);
}

TEST(OnnxHostile, O05GraphsThatAreNoOrder) {
  const auto node = [](const char* input, const char* output) { return OnnxNodeMessage("Relu", {input}, output); };
  Rejected(OnnxModel(MessageBuilder().Message(1, node("b", "a")).Message(1, node("a", "b"))), "input 'b': expected");
  Rejected(OnnxModel(MessageBuilder().Message(1, node("x", "a")).Message(1, node("x", "a"))), "output 'a': expected a new name");
  Rejected(OnnxModel(MessageBuilder()
                         .Message(5, OnnxTensorMessage("w", {2}, 1, kEightBytes))
                         .Message(5, OnnxTensorMessage("w", {2}, 1, kEightBytes))),
           "initializer 'w': found it twice");
  Rejected(OnnxModel(MessageBuilder()
                         .Message(1, OnnxNodeMessage("MatMul", {"x", "a.weight"}, "y"))
                         .Message(1, OnnxNodeMessage("Gather", {"a.weight", "x"}, "z"))
                         .Message(5, OnnxTensorMessage("a.weight", {1, 2}, 1, kEightBytes))),
           "transposed by another", StatusCode::kUnsupported);
  std::string nodes;
  const std::string one = MessageBuilder().Message(1, MessageBuilder()).text();
  for (size_t i = 0; i <= kOnnxMaxNodes; ++i) nodes += one;
  ExpectError(ParseOnnx(OnnxModel(MessageBuilder().Raw(nodes)).bytes(), "test file"), StatusCode::kOutOfRange, "nodes");
}

TEST(OnnxHostile, O06OperatorsAndVersionsBeyondTheKnown) {
  const auto with_node = [](std::string_view op, std::string_view domain) {
    return OnnxModel(MessageBuilder().Message(1, OnnxNodeMessage(op, {"x"}, "y", "/n", domain)));
  };
  Rejected(with_node("MatMulNBits", "com.microsoft"), "'MatMulNBits'", StatusCode::kUnsupported);
  Rejected(with_node("Relu", "evil"), "domain 'evil'", StatusCode::kUnsupported);
  ExpectOk(ParseOnnx(with_node("RotaryEmbedding", "com.microsoft").bytes(), "test file"));
  Rejected(OnnxModel({}, 0), "operator set 0", StatusCode::kUnsupported);
  Rejected(OnnxModel({}, 9999), "operator set 9999", StatusCode::kUnsupported);
  Rejected(OnnxModel({}, 17, 9999), "ir_version 9999", StatusCode::kUnsupported);
  Rejected(Bytes(MessageBuilder().Int(1, 8).Message(7, {}).text()), "standard operator set");
  Rejected(Bytes(MessageBuilder().Int(1, 8).text()), "expected a graph");
  Rejected(Bytes(MessageBuilder().Message(25, {}).text()), "functions", StatusCode::kUnsupported);
}

TEST(OnnxHostile, EveryTruncationAndBitFlipEndsInAnErrorOrAModel) {
  const MessageBuilder graph = MessageBuilder()
                                   .Message(1, OnnxNodeMessage("MatMul", {"x", "w"}, "y", "/lm_head/MatMul"))
                                   .Message(5, OnnxTensorMessage("w", {1, 2}, 1, kEightBytes));
  const ByteBuilder file = OnnxModel(graph);
  const std::string text = file.text();
  for (size_t size = 0; size < text.size(); ++size) {
    (void)ParseOnnx(std::as_bytes(std::span(text.data(), size)), "test file");
  }
  for (size_t bit = 0; bit < text.size() * 8; ++bit) {
    std::string flipped = text;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << (bit % 8)));
    const auto result = ParseOnnx(std::as_bytes(std::span(flipped)), "test file");
    if (!result.ok()) continue;
    for (const OnnxWeight& weight : result->weights) {
      if (weight.external) continue;
      const auto bytes = TensorBytes(weight.dtype, weight.shape);
      ASSERT_TRUE(bytes.ok());
      ASSERT_EQ(static_cast<size_t>(*bytes), weight.data.size()) << bit;
    }
  }
}

}  // namespace
}  // namespace sterna
