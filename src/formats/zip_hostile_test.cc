// Hostile archives, by the rows of the catalogue: P07, and what a checkpoint's records may say, P08 and P10.
#include <gtest/gtest.h>

#include "formats/pytorch_reader.h"
#include "formats/testing/expect_rejected.h"
#include "formats/testing/temporary_directory.h"
#include "formats/testing/torch_builder.h"
#include "formats/zip_reader.h"

namespace sterna {
namespace {

using namespace testing;

constexpr StatusCode kMalformed = StatusCode::kMalformed, kUnsupported = StatusCode::kUnsupported;

void ExpectZipRejected(const ByteBuilder& file, std::string_view message_part, StatusCode code = kMalformed) {
  ExpectRejected([](auto bytes, auto name) { return ParseZip(bytes, name); }, file, message_part, code);
}
const ZipPart kPlain = {.name = "a/x", .data = "hello"};
ZipPart With(const std::function<void(ZipPart&)>& change) {
  ZipPart part = kPlain;
  change(part);
  return part;
}

TEST(Zip, ReadsStoredEntriesWithAndWithoutDescriptors) {
  for (const bool has_descriptor : {false, true}) {
    const ByteBuilder file =
        MakeZip({{.name = "a/x", .data = "hello", .has_descriptor = has_descriptor},
                 {.name = "a/data/0", .data = std::string(1000, 'd'), .has_descriptor = has_descriptor, .pad = 40},
                 {.name = "a/empty", .data = "", .has_descriptor = has_descriptor}});
    const auto entries = ParseZip(file.bytes(), "test file");
    ASSERT_TRUE(entries.ok()) << entries.status().message();
    ASSERT_EQ(entries->size(), 3u);
    EXPECT_EQ((*entries)[1].name, "a/data/0");
    EXPECT_EQ((*entries)[1].data.size(), 1000u);
    for (const ZipEntry& entry : *entries) EXPECT_TRUE(CheckZipEntry(entry, "test file").ok());
  }
  EXPECT_TRUE(ParseZip(MakeZip({}).bytes(), "test file").ok());
}

TEST(Zip, P07BothHeadersMustTellTheSame) {
  ExpectZipRejected(MakeZip({With([](ZipPart& p) { p.local_name = "a/y"; })}), "local name: expected 'a/x', found 'a/y'");
  for (const bool has_descriptor : {false, true}) {
    ExpectZipRejected(MakeZip({With([&](ZipPart& p) {
                        p.crc_error = 1;
                        p.has_descriptor = has_descriptor;
                      })}),
                      has_descriptor ? "data descriptor" : "local header");
    for (const uint32_t error : {1u, 0xffffffffu, 0x7fffff00u}) {
      ExpectZipRejected(MakeZip({With([&](ZipPart& p) {
                          p.size_error = error;
                          p.has_descriptor = has_descriptor;
                        })}),
                        "");
    }
  }
  ExpectZipRejected(MakeZip({With([](ZipPart& p) { p.descriptor_error = 1; })}), "data descriptor");
}

TEST(Zip, P07NamesAreUniqueAndStayInside) {
  ExpectZipRejected(MakeZip({kPlain, kPlain}), "each name once, found 'a/x' again");
  for (const char* name : {"/etc/passwd", "../x", "a/../x", "a/..", "a//x", "a/./x", "a\\x", "a/\x1b[31m", "a/\x7f", "\xff/x"}) {
    ExpectZipRejected(MakeZip({With([&](ZipPart& p) { p.name = name; })}), "a file inside the archive");
  }
  ExpectZipRejected(MakeZip({With([](ZipPart& p) { p.name = std::string("a\0x", 3); })}), "a file inside the archive");
}

TEST(Zip, P07OnlyPlainStoredEntries) {
  ExpectZipRejected(MakeZip({With([](ZipPart& p) { p.flags = 1; })}), "is encrypted", kUnsupported);
  for (const uint16_t method : {uint16_t{8}, uint16_t{14}, uint16_t{93}}) {
    ExpectZipRejected(MakeZip({With([&](ZipPart& p) { p.method = method; })}), "is compressed", kUnsupported);
  }
  ExpectZipRejected(MakeZip({With([](ZipPart& p) { p.comment = "c"; })}), "comment length");
  // Sizes in a ZIP64 field that is not there, or lies.
  ExpectZipRejected(MakeZip({With([](ZipPart& p) { p.size_error = 0u - 5u - 1u; })}), "ZIP64");
  const std::string lie = ByteBuilder().Put(uint16_t{1}).Put(uint16_t{16}).Put(uint64_t{1} << 63).Put(uint64_t{1} << 63).text();
  ExpectZipRejected(MakeZip({With([&](ZipPart& p) {
                      p.size_error = 0u - 5u - 1u;
                      p.central_extra = lie;
                    })}),
                    "");
}

TEST(Zip, P07NothingLiesBeforeBetweenOrBehind) {
  ExpectZipRejected(MakeZip({kPlain}, "#!/bin/sh\n"), "entries follow each other");
  ExpectZipRejected(MakeZip({kPlain}, "", "x"), "end of directory");
  ExpectZipRejected(MakeZip({kPlain, With([](ZipPart& p) { p.name = "a/y"; })}, "", "", "gap"), "");
  ExpectZipRejected(MakeZip({kPlain, With([](ZipPart& p) {
                               p.name = "a/y";
                               p.offset_error = 0u - 40u;
                             })}),
                    "");
  ExpectZipRejected(ByteBuilder().Text("7z\xbc\xaf\x27\x1c and more than a whole directory end"), "end of directory");
  ExpectZipRejected(ByteBuilder().Text("PK\x03\x04"), "expected a ZIP archive, found 4 bytes");
}

TEST(Zip, P07EveryCutAndEveryFlippedBitIsSeenOrHarmless) {
  const ByteBuilder file = MakeCheckpoint(PickleDict({{"w", PickleTensor(PickleStorage("0", 4), 0, {2, 2}, {2, 1})}}),
                                          {{"data/0", std::string(16, 'w')}});
  ASSERT_TRUE(ParsePyTorch(file.bytes(), "test file").ok());
  for (size_t length = 0; length < file.size(); ++length) {
    EXPECT_FALSE(ParsePyTorch(file.bytes().first(length), "test file").ok()) << "cut to " << length;
  }
  std::string text = file.text();
  for (size_t bit = 0; bit < 8 * text.size(); ++bit) {
    text[bit / 8] = static_cast<char>(text[bit / 8] ^ 1 << bit % 8);
    const auto entries = ParsePyTorch(std::as_bytes(std::span(text.data(), text.size())), "test file");
    // What no reader looks at (times, versions, attributes) may differ; tensors may not.
    if (entries.ok()) {
      ASSERT_EQ(entries->size(), 1u) << bit;
      EXPECT_EQ((*entries)[0].name, "w");
      EXPECT_EQ((*entries)[0].shape, (Shape{2, 2}));
      EXPECT_EQ(static_cast<char>((*entries)[0].data[15]), 'w');
    }
    text[bit / 8] = static_cast<char>(text[bit / 8] ^ 1 << bit % 8);
  }
}

const std::string kPickle = PickleDict({{"w", PickleTensor(PickleStorage("0", 4), 0, {2, 2}, {2, 1})}});
const std::string kData(16, 'w');

void ExpectTorchRejected(const ByteBuilder& file, std::string_view message_part, StatusCode code = kMalformed) {
  ExpectRejected([](auto bytes, auto name) { return ParsePyTorch(bytes, name); }, file, message_part, code);
}

TEST(PyTorch, P04RecordsHoldExactlyTheirStorages) {
  ExpectTorchRejected(MakeCheckpoint(kPickle, {{"data/0", kData.substr(1)}}),
                      "expected 4 F32 elements in record 'data/0', found 15 bytes");
  ExpectTorchRejected(MakeCheckpoint(kPickle, {{"data/0", kData + "x"}}), "found 17 bytes");
  ExpectTorchRejected(MakeCheckpoint(kPickle, {{"data/1", kData}}), "expected record 'data/0', found none");
}

TEST(PyTorch, P08RecordsAreOnesOwn) {
  const auto with = [](std::string_view name, std::string_view data) {
    return MakeZip({{.name = "a/data.pkl", .data = kPickle},
                    {.name = "a/data/0", .data = kData},
                    {.name = std::string(name), .data = std::string(data)}});
  };
  ExpectTorchRejected(with("a/byteorder", "big"), "byteorder: expected little, found 'big'", kUnsupported);
  for (const char* version : {"0", "1", "99", "3a", ""})
    ExpectTorchRejected(with("a/version", version), "version: expected 3", kUnsupported);
  ExpectTorchRejected(with("b/version", "3"), "expected all entries in folder 'a'");
  ExpectTorchRejected(with("version", "3"), "expected all entries in one folder");
  ExpectTorchRejected(with("a/constants.pkl", "x"), "a TorchScript program", kUnsupported);
  ExpectTorchRejected(MakeZip({{.name = "a/data/0", .data = kData}}), "with data.pkl, found none");
  ExpectTorchRejected(MakeZip({{.name = "a/data.pkl", .data = kPickle}, {.name = "a/data.pkl", .data = kPickle}}),
                      "each name once");
  for (const char* key : {"a/0", "..", ".", "", "a\\b"}) {
    ExpectTorchRejected(MakeCheckpoint(PickleDict({{"w", PickleTensor(PickleStorage(key, 4), 0, {4}, {1})}}), {{"data/0", kData}}),
                        "storage key: expected the name of a record");
  }
  ExpectTorchRejected(MakeCheckpoint(PickleDict({{"w", PickleTensor(PickleStorage("0", 4), 0, {4}, {1})},
                                                 {"w", PickleTensor(PickleStorage("0", 4), 0, {4}, {1})}}),
                                     {{"data/0", kData}}),
                      "each name once, found 'w' again");
}

TEST(PyTorch, P04StridedTensorsAreCopiedUpToTheSizeOfTheFile) {
  const std::string storage = PickleStorage("0", 12, "ByteStorage");
  const auto bytes_of = [](const ByteBuilder& file) {
    std::vector<std::shared_ptr<const Buffer>> copies;
    const auto tensors = ParsePyTorch(file.bytes(), "test file", &copies);
    std::vector<std::string> texts;
    if (!tensors.ok()) texts.emplace_back(tensors.status().message());
    for (const TensorEntry& entry : tensors.ok() ? *tensors : std::vector<TensorEntry>()) {
      texts.emplace_back(reinterpret_cast<const char*>(entry.data.data()), entry.data.size());
    }
    return texts;
  };
  const std::string data = "abcdefghijkl";
  const auto file = [&](const std::vector<std::pair<std::string, std::string>>& tensors) {
    return MakeCheckpoint(PickleDict(tensors), {{"data/0", data}});
  };
  EXPECT_EQ(bytes_of(file({{"transposed", PickleTensor(storage, 0, {4, 3}, {1, 4})},
                           {"columns", PickleTensor(storage, 1, {3, 2}, {4, 2})},
                           {"rotated", PickleTensor(storage, 0, {2, 2, 3}, {2, 1, 4})},
                           {"repeated", PickleTensor(storage, 2, {3, 2}, {0, 1})},
                           {"plain", PickleTensor(storage, 4, {2, 4}, {4, 1})}})),
            (std::vector<std::string>{"aeibfjcgkdhl", "bdfhjl", "aeibfjcgkdhl", "cdcdcd", "efghijkl"}));
  const ByteBuilder transposed = file({{"w", PickleTensor(storage, 0, {4, 3}, {1, 4})}});
  ExpectTorchRejected(transposed, "do not follow each other", kUnsupported);  // the caller keeps no copies
  // One tensor under a hundred names: each would be a copy of the whole storage.
  std::vector<std::pair<std::string, std::string>> many = {
      {"0", PickleTensor(PickleStorage("0", 4096, "ByteStorage"), 0, {64, 64}, {1, 64}) + "q\x01"}};
  for (int i = 1; i < 100; ++i) many.emplace_back(std::to_string(i), "h\x01");
  const auto refused = bytes_of(MakeCheckpoint(PickleDict(many), {{"data/0", std::string(4096, 'x')}}));
  ASSERT_EQ(refused.size(), 1u);
  EXPECT_NE(refused[0].find("would be larger than the file"), std::string::npos) << refused[0];
}

TEST(PyTorch, P07WrongChecksumsAreSeen) {
  std::string text = MakeCheckpoint(kPickle, {{"data/0", kData}}).text();
  text[text.find("wwww")] = 'v';
  ExpectTorchRejected(ByteBuilder().Text(text), "entry 'archive/data/0': checksum");
}

TEST(PyTorch, P10OldFormatsAreNamedWithAdvice) {
  const TemporaryDirectory directory;
  ExpectError(OpenWeights(directory.Write("old.pt",
                                          "\x80\x02\x8a\nl\xfc\x9c"
                                          "F\xf9 j\xa8P\x19.")),
              kMalformed, "before 2020: load it with weights_only=True and save it again");
  std::string tar(512, '\0');
  tar.replace(0, 4, "pick").replace(257, 5, "ustar");
  ExpectError(OpenWeights(directory.Write("older.pth", tar)), kMalformed, "tar archive");
}

}  // namespace
}  // namespace sterna
