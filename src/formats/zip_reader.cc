#include "formats/zip_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/checked_math.h"
#include "formats/byte_reader.h"
#include "formats/quoted.h"
#include "formats/unique_names_internal.h"

namespace sterna {
namespace {

constexpr uint32_t kLocalMagic = 0x04034b50, kDescriptorMagic = 0x08074b50, kCentralMagic = 0x02014b50, kEndMagic = 0x06054b50;
constexpr uint32_t kEnd64Magic = 0x06064b50, kEnd64LocatorMagic = 0x07064b50;
constexpr uint64_t kEndBytes = 22, kEnd64Bytes = 56, kEnd64LocatorBytes = 20, kMinCentralBytes = 46 + 1;
constexpr uint16_t kEncrypted = 1, kHasDescriptor = 1 << 3;
constexpr uint16_t kZip64Extra = 1;
constexpr uint32_t kIn64 = 0xffffffff;
constexpr uint16_t kCountIn64 = 0xffff;
constexpr size_t kMaxNameBytes = 4096;

/// What both headers of an entry say.
struct Header {
  uint16_t flags = 0, method = 0;
  uint32_t crc32 = 0;
  uint64_t stored_bytes = 0, full_bytes = 0, offset = 0;
  std::string_view name;
};

/// Sizes and offset that did not fit 32 bits lie in the extra field with this number, in this order.
Status ReadZip64(ByteReader& reader, std::span<const std::byte> extra, std::span<uint64_t* const> wanted) {
  if (wanted.empty()) return Status::Ok();
  ByteReader fields(extra, "extra field");
  while (fields.remaining() >= 4) {
    STERNA_ASSIGN_OR_RETURN(const auto id, fields.Read<uint16_t>("id"));
    STERNA_ASSIGN_OR_RETURN(const auto size, fields.Read<uint16_t>("size"));
    STERNA_ASSIGN_OR_RETURN(const std::span<const std::byte> body, fields.ReadBytes("extra field", size));
    if (id != kZip64Extra) continue;
    ByteReader numbers(body, "ZIP64 field");
    for (uint64_t* number : wanted) {
      STERNA_ASSIGN_OR_RETURN(*number, numbers.Read<uint64_t>("size"));
    }
    return Status::Ok();
  }
  return reader.Wrong(reader.offset(), "ZIP64 field", "sizes above 4 GiB in an extra field", "none");
}

Status ReadMagic(ByteReader& reader, std::string_view field, uint32_t expected) {
  const uint64_t at = reader.offset();
  STERNA_ASSIGN_OR_RETURN(const auto magic, reader.Read<uint32_t>(field));
  if (magic != expected) return reader.Wrong(at, field, fmt::format("{:08x}", expected), fmt::format("{:08x}", magic));
  return Status::Ok();
}

Status CheckName(const ByteReader& reader, std::string_view name) {
  const uint64_t at = reader.offset();
  const bool is_plain =
      std::ranges::none_of(name, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == '\\' || c == 0x7f; });
  bool is_inside = !name.empty() && name.size() <= kMaxNameBytes && name[0] != '/' && is_plain && IsValidUtf8(name);
  for (size_t first = 0; is_inside && first <= name.size();) {
    const size_t end = std::min(name.find('/', first), name.size());
    const std::string_view part = name.substr(first, end - first);
    is_inside = !part.empty() && part != "." && part != "..";
    first = end + 1;
  }
  return is_inside ? Status::Ok() : reader.Wrong(at, "entry name", "a file inside the archive", Quoted(name));
}

/// The part both headers share, from the flags on. Local headers end in name and extra field, central ones hold more in between.
Result<Header> ReadHeader(ByteReader& reader, bool is_central) {
  Header header;
  STERNA_RETURN_IF_ERROR(reader.ReadBytes("version", is_central ? 4 : 2).status());
  const uint64_t flags_at = reader.offset();
  STERNA_ASSIGN_OR_RETURN(header.flags, reader.Read<uint16_t>("flags"));
  STERNA_ASSIGN_OR_RETURN(header.method, reader.Read<uint16_t>("method"));
  STERNA_RETURN_IF_ERROR(reader.ReadBytes("time", 4).status());
  STERNA_ASSIGN_OR_RETURN(header.crc32, reader.Read<uint32_t>("checksum"));
  STERNA_ASSIGN_OR_RETURN(header.stored_bytes, reader.Read<uint32_t>("stored size"));
  STERNA_ASSIGN_OR_RETURN(header.full_bytes, reader.Read<uint32_t>("size"));
  STERNA_ASSIGN_OR_RETURN(const auto name_bytes, reader.Read<uint16_t>("name length"));
  STERNA_ASSIGN_OR_RETURN(const auto extra_bytes, reader.Read<uint16_t>("extra field length"));
  if (is_central) {
    STERNA_ASSIGN_OR_RETURN(const auto comment_bytes, reader.Read<uint16_t>("comment length"));
    STERNA_ASSIGN_OR_RETURN(const auto disk, reader.Read<uint16_t>("disk"));
    STERNA_RETURN_IF_ERROR(reader.ReadBytes("attributes", 6).status());
    STERNA_ASSIGN_OR_RETURN(header.offset, reader.Read<uint32_t>("offset"));
    if (comment_bytes != 0) return reader.Wrong(flags_at, "comment length", "0", comment_bytes);
    if (disk != 0) return reader.Wrong(flags_at, "disk", "0", disk);
  }
  STERNA_ASSIGN_OR_RETURN(const std::span<const std::byte> name, reader.ReadBytes("entry name", name_bytes));
  header.name = AsText(name);
  STERNA_RETURN_IF_ERROR(CheckName(reader, header.name));
  STERNA_ASSIGN_OR_RETURN(const std::span<const std::byte> extra, reader.ReadBytes("extra field", extra_bytes));
  std::vector<uint64_t*> wide;
  if (header.full_bytes == kIn64) wide.push_back(&header.full_bytes);
  if (header.stored_bytes == kIn64) wide.push_back(&header.stored_bytes);
  if (is_central && header.offset == kIn64) wide.push_back(&header.offset);
  STERNA_RETURN_IF_ERROR(ReadZip64(reader, extra, wide));
  if ((header.flags & kEncrypted) != 0)
    return Unsupported(fmt::format("{}: {} is encrypted", reader.Where(flags_at), Quoted(header.name)));
  if (header.method != 0) {
    return Unsupported(fmt::format("{}: {} is compressed (method {}); PyTorch stores", reader.Where(flags_at), Quoted(header.name),
                                   header.method));
  }
  if (header.stored_bytes != header.full_bytes) return reader.Wrong(flags_at, "stored size", "the size", header.stored_bytes);
  return header;
}

/// The descriptor behind an entry whose sizes the writer did not know: magic, checksum and both sizes, of 4 or 8 bytes each.
Status ReadDescriptor(ByteReader& reader, const Header& central, uint64_t end) {
  const uint64_t at = reader.offset();
  STERNA_RETURN_IF_ERROR(ReadMagic(reader, "data descriptor", kDescriptorMagic));
  STERNA_ASSIGN_OR_RETURN(const auto crc32, reader.Read<uint32_t>("checksum"));
  uint64_t sizes[2];
  const bool is_wide = end > at && end - at == 24;
  for (uint64_t& size : sizes) {
    if (is_wide) {
      STERNA_ASSIGN_OR_RETURN(size, reader.Read<uint64_t>("size"));
    } else {
      STERNA_ASSIGN_OR_RETURN(size, reader.Read<uint32_t>("size"));
    }
  }
  if (crc32 == central.crc32 && sizes[0] == central.full_bytes && sizes[1] == central.full_bytes) return Status::Ok();
  return reader.Wrong(at, "data descriptor", "the checksum and sizes of the directory", "others");
}

/// The local entry at reader.offset(), which must end where the next one starts.
Result<std::span<const std::byte>> ReadLocal(ByteReader& reader, const Header& central, uint64_t end) {
  const uint64_t at = reader.offset();
  STERNA_RETURN_IF_ERROR(ReadMagic(reader, "local header", kLocalMagic));
  STERNA_ASSIGN_OR_RETURN(const Header local, ReadHeader(reader, false));
  if (local.name != central.name) return reader.Wrong(at, "local name", Quoted(central.name), Quoted(local.name));
  const bool has_descriptor = (central.flags & kHasDescriptor) != 0;
  // With a descriptor behind the data the local header may leave out what that says.
  const bool agrees = (local.crc32 == central.crc32 || (has_descriptor && local.crc32 == 0)) &&
                      (local.full_bytes == central.full_bytes || (has_descriptor && local.full_bytes == 0));
  if (local.flags != central.flags || !agrees) {
    return reader.Wrong(at, "local header", "flags, checksum and size of the directory", "others");
  }
  STERNA_ASSIGN_OR_RETURN(const std::span<const std::byte> data, reader.ReadBytes("data", central.full_bytes));
  if (has_descriptor) STERNA_RETURN_IF_ERROR(ReadDescriptor(reader, central, end));
  if (reader.offset() != end)
    return reader.Wrong(reader.offset(), "entry", fmt::format("to end at byte {}", end), "bytes in between");
  return data;
}

struct Directory {
  uint64_t offset = 0, bytes = 0, entries = 0;
};

Result<Directory> ReadEnd(std::span<const std::byte> bytes, std::string_view name) {
  if (bytes.size() < kEndBytes) return Malformed(fmt::format("{}: expected a ZIP archive, found {} bytes", name, bytes.size()));
  const uint64_t end_at = bytes.size() - kEndBytes;
  ByteReader reader(bytes, name);
  STERNA_RETURN_IF_ERROR(reader.ReadBytes("archive", end_at).status());
  STERNA_RETURN_IF_ERROR(ReadMagic(reader, "end of directory (a cut file, or bytes behind the archive?)", kEndMagic));
  STERNA_ASSIGN_OR_RETURN(const auto disks, reader.Read<uint32_t>("disks"));
  STERNA_ASSIGN_OR_RETURN(const auto entries_here, reader.Read<uint16_t>("entries of this disk"));
  STERNA_ASSIGN_OR_RETURN(const auto entries, reader.Read<uint16_t>("entries"));
  STERNA_ASSIGN_OR_RETURN(const auto directory_bytes, reader.Read<uint32_t>("directory size"));
  STERNA_ASSIGN_OR_RETURN(const auto directory_offset, reader.Read<uint32_t>("directory offset"));
  STERNA_ASSIGN_OR_RETURN(const auto comment_bytes, reader.Read<uint16_t>("comment length"));
  if (disks != 0 || entries_here != entries) return reader.Wrong(end_at, "disks", "one", "several");
  if (comment_bytes != 0) return reader.Wrong(end_at, "comment length", "0", comment_bytes);
  Directory directory{directory_offset, directory_bytes, entries};
  uint64_t directory_end = end_at;
  if (directory_offset == kIn64 || directory_bytes == kIn64 || entries == kCountIn64) {
    if (end_at < kEnd64Bytes + kEnd64LocatorBytes) return reader.Wrong(end_at, "ZIP64 end of directory", "one", "none");
    directory_end = end_at - kEnd64LocatorBytes - kEnd64Bytes;
    ByteReader wide(bytes, name);
    STERNA_RETURN_IF_ERROR(wide.ReadBytes("archive", directory_end).status());
    STERNA_RETURN_IF_ERROR(ReadMagic(wide, "ZIP64 end of directory", kEnd64Magic));
    STERNA_ASSIGN_OR_RETURN(const auto record_bytes, wide.Read<uint64_t>("record size"));
    STERNA_RETURN_IF_ERROR(wide.ReadBytes("versions and disks", 12).status());
    STERNA_ASSIGN_OR_RETURN(const auto wide_entries_here, wide.Read<uint64_t>("entries of this disk"));
    STERNA_ASSIGN_OR_RETURN(directory.entries, wide.Read<uint64_t>("entries"));
    STERNA_ASSIGN_OR_RETURN(directory.bytes, wide.Read<uint64_t>("directory size"));
    STERNA_ASSIGN_OR_RETURN(directory.offset, wide.Read<uint64_t>("directory offset"));
    STERNA_RETURN_IF_ERROR(ReadMagic(wide, "ZIP64 locator", kEnd64LocatorMagic));
    STERNA_RETURN_IF_ERROR(wide.ReadBytes("disk", 4).status());
    STERNA_ASSIGN_OR_RETURN(const auto located, wide.Read<uint64_t>("ZIP64 end offset"));
    if (record_bytes != kEnd64Bytes - 12 || wide_entries_here != directory.entries || located != directory_end) {
      return wide.Wrong(directory_end, "ZIP64 end of directory", "sizes and offsets that agree", "others");
    }
  }
  const auto ends = CheckedAdd(directory.offset, directory.bytes);
  if (!ends || *ends != directory_end) {
    return reader.Wrong(end_at, "directory", fmt::format("to end at byte {}", directory_end),
                        fmt::format("offset {} and {} bytes", directory.offset, directory.bytes));
  }
  if (directory.entries > directory.bytes / kMinCentralBytes) {
    return reader.Wrong(end_at, "entries", fmt::format("at most {}", directory.bytes / kMinCentralBytes), directory.entries);
  }
  if (directory.entries > kZipMaxEntries) {
    return OutOfRange(fmt::format("{}: expected at most {} entries, found {}", name, kZipMaxEntries, directory.entries));
  }
  return directory;
}

}  // namespace

Result<std::vector<ZipEntry>> ParseZip(std::span<const std::byte> bytes, std::string_view name) {
  STERNA_ASSIGN_OR_RETURN(const Directory directory, ReadEnd(bytes, name));
  ByteReader reader(bytes.first(directory.offset + directory.bytes), name);
  STERNA_RETURN_IF_ERROR(reader.ReadBytes("archive", directory.offset).status());
  std::vector<Header> headers;
  for (uint64_t i = 0; i < directory.entries; ++i) {
    reader.EnterRecord("entry", i);
    STERNA_RETURN_IF_ERROR(ReadMagic(reader, "directory header", kCentralMagic));
    STERNA_ASSIGN_OR_RETURN(Header header, ReadHeader(reader, true));
    headers.push_back(header);
  }
  if (reader.remaining() != 0) return reader.Wrong(reader.offset(), "directory", "its end", "more bytes");
  std::vector<std::string_view> names;
  for (const Header& header : headers) names.push_back(header.name);
  if (const auto twice = FirstRepeatedName(std::move(names))) {
    return Malformed(fmt::format("{}: entry name: expected each name once, found {} again", name, Quoted(*twice)));
  }
  std::sort(headers.begin(), headers.end(), [](const Header& a, const Header& b) { return a.offset < b.offset; });
  std::vector<ZipEntry> entries;
  ByteReader local(bytes.first(directory.offset), name);
  for (size_t i = 0; i < headers.size(); ++i) {
    local.EnterRecord("entry", i);
    local.NameRecord(headers[i].name);
    if (headers[i].offset != local.offset()) {
      return local.Wrong(local.offset(), "offset", fmt::format("{}: entries follow each other", local.offset()), headers[i].offset);
    }
    const uint64_t end = i + 1 < headers.size() ? headers[i + 1].offset : directory.offset;
    STERNA_ASSIGN_OR_RETURN(const std::span<const std::byte> data, ReadLocal(local, headers[i], end));
    entries.push_back({std::string(headers[i].name), data, headers[i].crc32});
  }
  if (local.remaining() != 0) return local.Wrong(local.offset(), "directory", "at the end of the last entry", "bytes in between");
  return entries;
}

Status CheckZipEntry(const ZipEntry& entry, std::string_view name) {
  // Eight bytes a step (slicing): tables[k][b] is the checksum of byte b followed by k zeros.
  static const auto tables = [] {
    std::array<std::array<uint32_t, 256>, 8> out{};
    for (uint32_t b = 0; b < 256; ++b) {
      uint32_t crc = b;
      for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ (0xedb88320u & (0u - (crc & 1u)));
      out[0][b] = crc;
    }
    for (size_t k = 1; k < 8; ++k) {
      for (size_t b = 0; b < 256; ++b) out[k][b] = out[k - 1][b] >> 8 ^ out[0][out[k - 1][b] & 0xff];
    }
    return out;
  }();
  uint32_t crc = 0xffffffffu;
  size_t at = 0;
  for (; at + 8 <= entry.data.size(); at += 8) {
    uint64_t word;
    std::memcpy(&word, entry.data.data() + at, sizeof(word));
    word ^= crc;
    crc = 0;
    for (size_t k = 0; k < 8; ++k) crc ^= tables[7 - k][word >> (8 * k) & 0xff];
  }
  for (; at < entry.data.size(); ++at) crc = crc >> 8 ^ tables[0][(crc ^ static_cast<uint32_t>(entry.data[at])) & 0xff];
  crc = ~crc;
  if (crc == entry.crc32) return Status::Ok();
  return Malformed(
      fmt::format("{}: entry {}: checksum: expected {:08x}, found {:08x}", name, Quoted(entry.name), entry.crc32, crc));
}

}  // namespace sterna
