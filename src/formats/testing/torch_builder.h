// For tests: pickles and ZIP files as torch.save writes them, right or wrong.
#ifndef STERNA_FORMATS_TESTING_TORCH_BUILDER_H_
#define STERNA_FORMATS_TESTING_TORCH_BUILDER_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "formats/testing/byte_builder.h"

namespace sterna::testing {

// Pieces of a pickle of protocol 2.
inline std::string PickleString(std::string_view text) {
  return 'X' + ByteBuilder().Put(static_cast<uint32_t>(text.size())).Text(text).text();
}
inline std::string PickleInt(int32_t number) {
  return 'J' + ByteBuilder().Put(number).text();
}
inline std::string PickleTuple(const std::vector<std::string>& items) {
  std::string out = "(";
  for (const std::string& item : items) out += item;
  return out + 't';
}
inline std::string PickleInts(const std::vector<int32_t>& numbers) {
  std::vector<std::string> items;
  for (const int32_t number : numbers) items.push_back(PickleInt(number));
  return PickleTuple(items);
}
inline std::string PickleGlobal(std::string_view module, std::string_view name) {
  return 'c' + std::string(module) + '\n' + std::string(name) + '\n';
}
inline const std::string kNoHooks = PickleGlobal("collections", "OrderedDict") + ")R";

inline std::string PickleStorage(std::string_view key, int32_t elements, std::string_view storage_class = "FloatStorage") {
  return PickleTuple({PickleString("storage"), PickleGlobal("torch", storage_class), PickleString(key), PickleString("cpu"),
                      PickleInt(elements)}) +
         'Q';
}
inline std::string PickleTensor(const std::string& storage, int32_t offset, const std::vector<int32_t>& shape,
                                const std::vector<int32_t>& strides, const std::string& hooks = kNoHooks) {
  return PickleGlobal("torch._utils", "_rebuild_tensor_v2") +
         PickleTuple({storage, PickleInt(offset), PickleInts(shape), PickleInts(strides), "\x89", hooks}) + 'R';
}
/// A whole pickle of a dict.
inline std::string PickleDict(const std::vector<std::pair<std::string, std::string>>& items) {
  std::string out = "\x80\x02}(";
  for (const auto& item : items) out += PickleString(item.first) + item.second;
  return out + "u.";
}

inline uint32_t Crc32(std::string_view text) {
  uint32_t crc = 0xffffffffu;
  for (const char c : text) {
    crc ^= static_cast<uint8_t>(c);
    for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ (0xedb88320u & (0u - (crc & 1u)));
  }
  return ~crc;
}

/// One entry, with everything a writer could lie about.
struct ZipPart {
  std::string name;
  std::string data;
  bool has_descriptor = true;  // as torch.save's writer: sizes and checksum behind the data
  uint16_t flags = 0x0800;
  uint16_t method = 0;
  size_t pad = 0;  // bytes of an extra field in the local header
  // Where set, the directory or the local header says this instead of the truth.
  std::string local_name = {}, central_extra = {}, comment = {};
  uint32_t crc_error = 0, size_error = 0, descriptor_error = 0, offset_error = 0;
};

inline ByteBuilder MakeZip(const std::vector<ZipPart>& parts, std::string_view prefix = "", std::string_view suffix = "",
                           std::string_view gap = "") {
  ByteBuilder file;
  file.Text(prefix);
  ByteBuilder directory;
  for (const ZipPart& part : parts) {
    const auto offset = static_cast<uint32_t>(file.size());
    const uint32_t crc = Crc32(part.data);
    const auto size = static_cast<uint32_t>(part.data.size());
    const uint16_t flags = static_cast<uint16_t>(part.flags | (part.has_descriptor ? 8 : 0));
    const std::string& local_name = part.local_name.empty() ? part.name : part.local_name;
    file.Put(uint32_t{0x04034b50}).Put(uint16_t{0}).Put(flags).Put(part.method).Put(uint32_t{0});
    file.Put(part.has_descriptor ? 0 : crc).Put(part.has_descriptor ? 0 : size).Put(part.has_descriptor ? 0 : size);
    file.Put(static_cast<uint16_t>(local_name.size())).Put(static_cast<uint16_t>(part.pad > 0 ? part.pad + 4 : 0)).Text(local_name);
    if (part.pad > 0) file.Text("FB").Put(static_cast<uint16_t>(part.pad)).Fill(part.pad, 'Z');
    file.Text(part.data);
    if (part.has_descriptor) file.Put(uint32_t{0x08074b50}).Put(crc + part.descriptor_error).Put(size).Put(size);
    file.Text(gap);
    directory.Put(uint32_t{0x02014b50}).Put(uint16_t{0}).Put(uint16_t{0}).Put(flags).Put(part.method).Put(uint32_t{0});
    directory.Put(crc + part.crc_error).Put(size + part.size_error).Put(size + part.size_error);
    directory.Put(static_cast<uint16_t>(part.name.size())).Put(static_cast<uint16_t>(part.central_extra.size()));
    directory.Put(static_cast<uint16_t>(part.comment.size())).Put(uint16_t{0}).Put(uint16_t{0}).Put(uint32_t{0});
    directory.Put(offset + part.offset_error).Text(part.name).Text(part.central_extra).Text(part.comment);
  }
  const auto start = static_cast<uint32_t>(file.size());
  const auto count = static_cast<uint16_t>(parts.size());
  file.Text(directory.text()).Put(uint32_t{0x06054b50}).Put(uint32_t{0}).Put(count).Put(count);
  file.Put(static_cast<uint32_t>(directory.size())).Put(start).Put(uint16_t{0}).Text(suffix);
  return file;
}

/// A checkpoint with these records beside the pickle.
inline ByteBuilder MakeCheckpoint(const std::string& pickle, const std::vector<std::pair<std::string, std::string>>& records) {
  std::vector<ZipPart> parts = {{.name = "archive/data.pkl", .data = pickle}, {.name = "archive/byteorder", .data = "little"}};
  for (const auto& record : records) parts.push_back({.name = "archive/" + record.first, .data = record.second, .pad = 20});
  parts.push_back({.name = "archive/version", .data = "3\n"});
  return MakeZip(parts);
}

}  // namespace sterna::testing

#endif  // STERNA_FORMATS_TESTING_TORCH_BUILDER_H_
