// For tests: puts protobuf messages and small ONNX models together, right or wrong.
#ifndef STERNA_FORMATS_TESTING_ONNX_BUILDER_H_
#define STERNA_FORMATS_TESTING_ONNX_BUILDER_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "formats/testing/byte_builder.h"

namespace sterna::testing {

inline std::string Varint(uint64_t value) {
  std::string out;
  for (; value >= 0x80; value >>= 7) out += static_cast<char>(value | 0x80);
  return out += static_cast<char>(value);
}

/// Fields in the order of the calls.
class MessageBuilder {
 public:
  MessageBuilder& Int(uint32_t field, uint64_t value) { return Raw(Varint(field << 3) + Varint(value)); }
  MessageBuilder& Bytes(uint32_t field, std::string_view bytes) {
    return Raw(Varint(field << 3 | 2) + Varint(bytes.size())).Raw(bytes);
  }
  MessageBuilder& Message(uint32_t field, const MessageBuilder& message) { return Bytes(field, message.text_); }
  MessageBuilder& Raw(std::string_view bytes) {
    text_ += bytes;
    return *this;
  }
  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

/// TensorProto with raw_data.
inline MessageBuilder OnnxTensorMessage(std::string_view name, const std::vector<int64_t>& shape, uint64_t type,
                                        std::string_view raw) {
  MessageBuilder tensor;
  for (const int64_t dimension : shape) tensor.Int(1, static_cast<uint64_t>(dimension));
  return tensor.Int(2, type).Bytes(8, name).Bytes(9, raw);
}

/// StringStringEntryProto of external_data.
inline MessageBuilder OnnxEntry(std::string_view key, std::string_view value) {
  return MessageBuilder().Bytes(1, key).Bytes(2, value);
}

inline MessageBuilder OnnxExternalTensor(std::string_view name, const std::vector<int64_t>& shape, std::string_view location,
                                         std::string_view offset = "0") {
  MessageBuilder tensor;
  for (const int64_t dimension : shape) tensor.Int(1, static_cast<uint64_t>(dimension));
  return tensor.Int(2, 1)
      .Bytes(8, name)
      .Message(13, OnnxEntry("location", location))
      .Message(13, OnnxEntry("offset", offset))
      .Int(14, 1);
}

inline MessageBuilder OnnxNodeMessage(std::string_view op, const std::vector<std::string>& inputs, std::string_view output,
                                      std::string_view name = "/node", std::string_view domain = "") {
  MessageBuilder node;
  for (const std::string& input : inputs) node.Bytes(1, input);
  return node.Bytes(2, output).Bytes(3, name).Bytes(4, op).Bytes(7, domain);
}

/// ModelProto around a graph whose only input is "x".
inline ByteBuilder OnnxModel(const MessageBuilder& graph, uint64_t opset = 17, uint64_t ir_version = 8) {
  MessageBuilder whole = graph;
  whole.Message(11, MessageBuilder().Bytes(1, "x"));
  const MessageBuilder model = MessageBuilder()
                                   .Int(1, ir_version)
                                   .Message(7, whole)
                                   .Message(8, MessageBuilder().Bytes(1, "").Int(2, opset))
                                   .Message(14, OnnxEntry("made_by", "a test"));
  return ByteBuilder().Text(model.text());
}

inline MessageBuilder OnnxGraphOf(const MessageBuilder& tensor) {
  return MessageBuilder().Message(5, tensor);
}

}  // namespace sterna::testing

#endif  // STERNA_FORMATS_TESTING_ONNX_BUILDER_H_
