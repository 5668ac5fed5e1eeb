// Reads the directory of a ZIP file that lies in memory, as PyTorch writes it: stored entries, nothing hidden between them.
#ifndef STERNA_FORMATS_ZIP_READER_H_
#define STERNA_FORMATS_ZIP_READER_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace sterna {

inline constexpr uint64_t kZipMaxEntries = 65536;

struct ZipEntry {
  std::string name;
  std::span<const std::byte> data;
  uint32_t crc32 = 0;  ///< as the file says; CheckZipEntry compares
};

/// Entries in file order. A reader that trusts local headers and one that trusts the directory see the same: names, sizes, methods
/// and checksums of both (and of data descriptors) must agree, entries must follow each other from byte 0 to the directory without
/// gap or overlap, the directory must end the file. Refused: compression, encryption, several disks, comments, names that are
/// absolute, hold '..', backslashes, NUL or control characters, or occur twice. ZIP64 is read. No data is touched.
/// Errors: Malformed / Unsupported (FILE: byte N: field: expected, found); OutOfRange past kZipMaxEntries.
Result<std::vector<ZipEntry>> ParseZip(std::span<const std::byte> bytes, std::string_view name);

/// Malformed where the entry's bytes do not have its checksum. Reads all of them.
Status CheckZipEntry(const ZipEntry& entry, std::string_view name);

}  // namespace sterna

#endif  // STERNA_FORMATS_ZIP_READER_H_
