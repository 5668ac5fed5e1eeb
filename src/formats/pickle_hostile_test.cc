// Hostile pickles, by the rows of the catalogue: P01-P06, P09.
#include <gtest/gtest.h>

#include "formats/pickle_reader.h"
#include "formats/testing/expect_rejected.h"
#include "formats/testing/torch_builder.h"

namespace sterna {
namespace {

using namespace testing;

constexpr StatusCode kMalformed = StatusCode::kMalformed, kUnsupported = StatusCode::kUnsupported;

void ExpectPickleRejected(std::string_view pickle, std::string_view message_part, StatusCode code = kMalformed) {
  ExpectRejected([](auto bytes, auto name) { return ReadPickledTensors(bytes, name); }, ByteBuilder().Text(pickle), message_part,
                 code);
}
void ExpectValueRejected(const std::string& value, std::string_view message_part, StatusCode code = kMalformed) {
  ExpectPickleRejected(PickleDict({{"w", value}}), message_part, code);
}
Result<std::vector<PickledTensor>> Read(const std::string& pickle) {
  return ReadPickledTensors(std::as_bytes(std::span(pickle.data(), pickle.size())), "test file");
}
std::string Protocol(std::string_view rest) {
  return "\x80\x02" + std::string(rest);
}

TEST(Pickle, ReadsTheTensorsOfAStateDictionary) {
  const std::string storage = PickleStorage("0", 20);
  const auto tensors =
      Read(PickleDict({{"a", PickleTensor(storage, 4, {2, 8}, {8, 1})}, {"b", PickleTensor(storage, 0, {4}, {1})}}));
  ASSERT_TRUE(tensors.ok()) << tensors.status().message();
  ASSERT_EQ(tensors->size(), 2u);
  EXPECT_EQ((*tensors)[0].name, "a");
  EXPECT_EQ((*tensors)[0].shape, (Shape{2, 8}));
  EXPECT_EQ((*tensors)[0].first_element, 4);
  EXPECT_EQ((*tensors)[0].storage, "0");
  EXPECT_EQ((*tensors)[0].storage_elements, 20);
  EXPECT_EQ((*tensors)[1].dtype, DType::kF32);
}

TEST(Pickle, FindsTheStateDictionaryAmongOtherThings) {
  const std::string tensor = PickleTensor(PickleStorage("0", 4), 0, {4}, {1});
  const std::string inner = "}(" + PickleString("x.weight") + tensor + "u";
  const auto wrapped = Read(PickleDict({{"epoch", PickleInt(3)}, {"state_dict", inner}, {"optimizer", "](" + tensor + "e"}}));
  ASSERT_TRUE(wrapped.ok()) << wrapped.status().message();
  ASSERT_EQ(wrapped->size(), 1u);
  EXPECT_EQ((*wrapped)[0].name, "x.weight");
  const auto nested = Read(PickleDict({{"layers", "](" + tensor + inner + "e"}, {"note", "N"}}));
  ASSERT_TRUE(nested.ok()) << nested.status().message();
  ASSERT_EQ(nested->size(), 2u);
  EXPECT_EQ((*nested)[0].name, "layers.0");
  EXPECT_EQ((*nested)[1].name, "layers.1.x.weight");
}

TEST(Pickle, P01GlobalsOffTheListAreRefusedByName) {
  for (const auto& [module, name] :
       {std::pair{"os", "system"}, std::pair{"builtins", "eval"}, std::pair{"posix", "system"},
        std::pair{"torch.serialization", "load"}, std::pair{"builtins", "getattr"}, std::pair{"torch", "os"},
        std::pair{"torch._utils", "_rebuild_tensor_v2.__globals__"}, std::pair{"collections", "OrderedDict "},
        std::pair{"torch.storage", "_load_from_bytes"}, std::pair{"numpy.core.multiarray", "_reconstruct"}}) {
    const std::string full = std::string(module) + "." + name;
    ExpectValueRejected(PickleGlobal(module, name) + PickleTuple({PickleString("id")}) + "R", full, kUnsupported);
    ExpectValueRejected(PickleString(module) + PickleString(name) + "\x93", full, kUnsupported);
  }
  ExpectValueRejected("c" + std::string(2000, 'a'), "a line of at most 1024 bytes");
  ExpectValueRejected("cos", "line");
}

TEST(Pickle, P02OpcodesThatMakeObjectsAreRefused) {
  const std::string dict = PickleGlobal("collections", "OrderedDict");
  ExpectValueRejected("(ios\nsystem\n", "INST", kUnsupported);
  ExpectValueRejected("(" + dict + "o", "OBJ", kUnsupported);
  ExpectValueRejected(dict + ")\x81", "NEWOBJ", kUnsupported);
  ExpectValueRejected(dict + ")}\x92", "NEWOBJ_EX", kUnsupported);
  ExpectValueRejected("\x82\x01", "EXT", kUnsupported);
  ExpectValueRejected(PickleStorage("0", 4) + "}b", "BUILD sets the state of a storage", kUnsupported);
  ExpectValueRejected("}" + PickleDict({}).substr(2, 3) + "b", "BUILD sets the state of a dict", kUnsupported);
  ExpectValueRejected(PickleString("os") + ")R", "called object: expected a global, found a string");
  ExpectValueRejected(PickleGlobal("torch", "FloatStorage") + PickleTuple({PickleInt(4)}) + "R", "a storage class is called",
                      kUnsupported);
  ExpectValueRejected(dict + PickleInt(1) + "R", "arguments: expected a tuple");
  // The one state that state dictionaries have.
  EXPECT_TRUE(Read(Protocol(kNoHooks + "}" + PickleString("_metadata") + kNoHooks + "sb.")).ok());
}

TEST(Pickle, P03ItemsGoIntoContainersOnly) {
  const std::string tensor = PickleTensor(PickleStorage("0", 4), 0, {4}, {1});
  for (const std::string& target : {tensor, PickleInt(5), PickleString("s"), std::string(")"), std::string("N")}) {
    ExpectValueRejected(target + PickleString("k") + PickleInt(1) + "s", "SETITEMS: expected a dict");
    ExpectValueRejected(target + "(" + PickleString("k") + PickleInt(1) + "u", "SETITEMS: expected a dict");
    ExpectValueRejected(target + PickleInt(1) + "a", "APPENDS: expected a list");
    ExpectValueRejected(target + "(" + PickleInt(1) + "e", "APPENDS: expected a list");
  }
  ExpectValueRejected("}(" + PickleString("k") + "u", "pairs of key and value");
  ExpectValueRejected("}" + tensor + PickleInt(1) + "s", "dict key: expected a string or number, found a tensor");
}

TEST(Pickle, P04TensorsStayInsideTheirStorage) {
  const std::string storage = PickleStorage("0", 16);
  ExpectValueRejected(PickleTensor(storage, 0, {17}, {1}), "inside the 16 elements");
  ExpectValueRejected(PickleTensor(storage, 1, {16}, {1}), "inside the 16 elements");
  ExpectValueRejected(PickleTensor(storage, -1, {4}, {1}), "storage offset");
  ExpectValueRejected(PickleTensor(storage, 0, {-4}, {1}), "numbers that are not negative");
  ExpectValueRejected(PickleTensor(storage, 0, {4}, {-1}), "numbers that are not negative");
  ExpectValueRejected(PickleTensor(storage, 0, {4, 4}, {1}), "strides: expected 2 numbers");
  ExpectValueRejected(PickleTensor(storage, 1, {4, 4}, {1, 4}), "inside the 16 elements");
  ExpectValueRejected(PickleTensor(storage, 0, {2, 2}, {1 << 30, 1 << 30}), "inside the 16 elements");
  ExpectValueRejected(PickleTensor(storage, 0, {17, 1}, {0, 1}), "more elements than its storage", kUnsupported);
  ExpectValueRejected(PickleTensor(storage, 0, {1 << 30, 1 << 30, 1 << 30}, {0, 0, 0}), "strides", kUnsupported);
  const int32_t large = 1 << 30;
  const std::string product =
      PickleGlobal("torch._utils", "_rebuild_tensor_v2") +
      PickleTuple({storage, PickleInt(0), PickleInts({large, large, large}),
                   PickleTuple({"\x8a\x08" + ByteBuilder().Put(int64_t{1} << 60).text(), PickleInt(large), PickleInt(1)}), "\x89",
                   kNoHooks}) +
      "R";
  ExpectValueRejected(product, "too many elements");
  ExpectValueRejected(PickleTensor(PickleStorage("0", -4), 0, {4}, {1}), "storage elements");
  ExpectValueRejected(PickleTensor(PickleInt(1), 0, {4}, {1}), "expected a storage");
  ExpectValueRejected(PickleTuple({PickleString("module"), PickleInt(1)}) + "Q", "persistent id");
}

TEST(Pickle, P05MemoStackAndDepthHaveLimits) {
  ExpectValueRejected("h\x07", "memo entry: expected one that was stored, found 7");
  ExpectValueRejected("j" + ByteBuilder().Put(uint32_t{1} << 31).text(), "memo entry");
  ExpectValueRejected("Nr" + ByteBuilder().Put(uint32_t{1} << 31).text(), "memo entry 2147483648", StatusCode::kOutOfRange);
  // A list that holds itself, and lists in lists: a walk over them ends.
  ExpectError(Read(PickleDict({{"w", std::string("]q\x01") + "h\x01" + "a"}})), StatusCode::kOutOfRange,
              "nested more than 256 deep");
  ExpectError(Read(PickleDict({{"w", std::string(100000, ']') + std::string(99999, 'a')}})), StatusCode::kOutOfRange,
              "nested more than 256");
  ExpectError(Read(Protocol("}" + std::string(1 << 21, '2'))), StatusCode::kOutOfRange, "objects on the stack");
  ExpectError(Read(Protocol(std::string(1 << 21, 'N'))), StatusCode::kOutOfRange, "objects");
  // Each level twice the one before: 2^30 paths to one tensor.
  std::string doubling = "](" + PickleInt(1) + "eq\x01";
  for (int i = 0; i < 30; ++i) doubling += std::string("0](h\x01h\x01") + "eq\x01";
  ExpectError(Read(PickleDict({{"w", doubling}})), StatusCode::kOutOfRange, "objects below the root");
}

TEST(Pickle, P06LengthsFramesAndProtocolsAreChecked) {
  ExpectPickleRejected("", "opcode");
  ExpectPickleRejected("}.", "PROTO first");
  for (const char protocol : {'\0', '\1', '\6', '\x7f'})
    ExpectPickleRejected(std::string("\x80") + protocol + "}.", "protocol: expected 2 to 5");
  ExpectPickleRejected(Protocol("\x95" + ByteBuilder().Put(uint64_t{1} << 62).text() + "}."), "FRAME: expected at most 2 bytes");
  ExpectPickleRejected(Protocol("\x95" + ByteBuilder().Put(uint64_t{4}).text() + "}.x"), "FRAME: expected at most");
  ExpectPickleRejected(
      Protocol("\x95" + ByteBuilder().Put(uint64_t{12}).text() + "\x95" + ByteBuilder().Put(uint64_t{0}).text() + "}..."),
      "FRAME: expected behind the frame");
  ExpectPickleRejected(Protocol("\x95" + ByteBuilder().Put(uint64_t{3}).text() + "}.x"), "STOP: expected at the end");
  EXPECT_TRUE(Read(Protocol("\x95" + ByteBuilder().Put(uint64_t{2}).text() + "}.")).ok());
  ExpectValueRejected("\x8b" + ByteBuilder().Put(int32_t{0x7fffffff}).text(), "LONG4", kUnsupported);
  ExpectValueRejected("\x8a\x09" + std::string(9, 'x'), "LONG1: expected at most 8 bytes, found 9");
  ExpectValueRejected("\x8d" + ByteBuilder().Put(uint64_t{1} << 60).text(), "string: expected 1152921504606846976 more bytes");
  ExpectValueRejected("X" + ByteBuilder().Put(uint32_t{0xffffffff}).text() + "abc", "string");
  ExpectValueRejected("X" + ByteBuilder().Put(uint32_t{1}).text() + "\xff", "UTF-8");
  ExpectPickleRejected(PickleDict({}) + "x", "STOP: expected at the end of the pickle");
  ExpectPickleRejected(Protocol("}}."), "one object");
  ExpectPickleRejected(Protocol("(."), "stack: expected an object");
  ExpectPickleRejected(Protocol("t."), "a mark");
  ExpectPickleRejected(Protocol("I1\n."), "text opcodes", kUnsupported);
  ExpectPickleRejected(Protocol("\xff."), "an unknown opcode", kUnsupported);
  ExpectPickleRejected(Protocol("N."), "expected a dict of tensors, found None");
}

TEST(Pickle, P09OtherKindsOfTensorsAreRefusedByName) {
  const auto called = [](std::string_view module, std::string_view name) { return PickleGlobal(module, name) + ")R"; };
  ExpectValueRejected(called("torch._utils", "_rebuild_sparse_tensor"), "a sparse tensor", kUnsupported);
  ExpectValueRejected(called("torch._utils", "_rebuild_qtensor"), "a quantized tensor", kUnsupported);
  ExpectValueRejected(called("torch._utils", "_rebuild_nested_tensor"), "a nested tensor", kUnsupported);
  ExpectValueRejected(called("torch._utils", "_rebuild_meta_tensor_no_storage"), "a tensor without data", kUnsupported);
  ExpectValueRejected(called("torch._utils", "_rebuild_tensor_v3"), "such as fp8", kUnsupported);
  ExpectValueRejected(PickleTensor(PickleStorage("0", 4, "ComplexFloatStorage"), 0, {4}, {1}), "a complex tensor", kUnsupported);
  ExpectValueRejected(PickleTensor(PickleStorage("0", 4, "QInt8Storage"), 0, {4}, {1}), "a quantized tensor", kUnsupported);
  const std::string hooks = kNoHooks + PickleInt(1) + PickleGlobal("torch", "Size") + "s";
  ExpectValueRejected(PickleTensor(PickleStorage("0", 4), 0, {4}, {1}, hooks), "backward hooks", kUnsupported);
}

// Of the pickle itself: in an archive its checksum would catch most of these before it is read.
TEST(Pickle, P06EveryTruncationIsRefusedAndNoBitFlipBreaksATensor) {
  const std::string storage = PickleStorage("0", 20);
  const std::string whole =
      PickleDict({{"a", PickleTensor(storage, 4, {2, 8}, {8, 1})}, {"b", PickleTensor(storage, 0, {4}, {1})}, {"n", PickleInt(7)}});
  ASSERT_TRUE(Read(whole).ok());
  for (size_t length = 0; length < whole.size(); ++length) {
    // A block of its own size, so that a sanitizer sees the first byte read past it.
    const std::vector<char> cut(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(length));
    EXPECT_FALSE(ReadPickledTensors(std::as_bytes(std::span(cut)), "test file").ok()) << "cut to " << length << " bytes";
  }
  size_t accepted = 0;
  for (size_t bit = 0; bit < 8 * whole.size(); ++bit) {
    std::string flipped = whole;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ 1 << bit % 8);
    const auto tensors = Read(flipped);
    if (!tensors.ok()) continue;
    ++accepted;
    for (const PickledTensor& tensor : *tensors) {
      const auto elements = ElementCount(tensor.shape);
      ASSERT_TRUE(elements.ok()) << bit;
      EXPECT_GE(tensor.first_element, 0) << bit;
      int64_t end = tensor.first_element + (tensor.strides.empty() ? *elements : 1);
      for (size_t i = 0; i < tensor.strides.size(); ++i) end += (tensor.shape[i] - 1) * tensor.strides[i];
      EXPECT_LE(end, tensor.storage_elements) << bit;
      EXPECT_LE(*elements, tensor.storage_elements) << bit;
    }
  }
  // Other names and numbers are other valid pickles; other opcodes and lengths are not.
  EXPECT_GT(accepted, 0u);
  EXPECT_LT(accepted, 8 * whole.size() / 2);
}

}  // namespace
}  // namespace sterna
