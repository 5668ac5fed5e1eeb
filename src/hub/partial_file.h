// A file that arrives in parts, in any order, and remembers what it has when the program ends.
#ifndef STERNA_HUB_PARTIAL_FILE_H_
#define STERNA_HUB_PARTIAL_FILE_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/status.h"

namespace sterna {

/// The content's bytes, each at its place, and behind them the counts of what has arrived of each part, so that the file alone is
/// enough to go on. The counts are written after the bytes they count; a power failure may still turn that around, which the digest
/// finds. Parts may be written by several threads, each part by one.
class PartialFile {
 public:
  /// Opens `path`, or makes it; what is there and is of another size or other parts, or is damaged, begins anew. `part_bytes` > 0;
  /// parts become longer where there would be more than 4096. Symbolic links are not followed.
  static Result<std::unique_ptr<PartialFile>> Open(const std::string& path, uint64_t size, uint64_t part_bytes);
  PartialFile(const PartialFile&) = delete;
  PartialFile& operator=(const PartialFile&) = delete;
  ~PartialFile();

  size_t parts() const { return done_.size(); }
  uint64_t part_first(size_t part) const { return part * part_bytes_; }
  uint64_t part_size(size_t part) const;
  uint64_t part_done(size_t part) const { return done_[part]; }
  /// Bytes of all parts; not while they are written.
  uint64_t total_done() const;

  /// Appends to what `part` has. ResourceExhausted where the disk is full; never more than the part's size.
  Status Append(size_t part, std::span<const std::byte> bytes);
  /// Writes down what `part` has, which Append does only once a megabyte.
  Status Save(size_t part);
  /// Forgets everything that has arrived.
  Status Restart();

  int descriptor() const { return file_; }
  uint64_t size() const { return size_; }
  const std::string& path() const { return path_; }

  /// Cuts the counts off, writes everything to the disk and gives the file its final name.
  Status Publish(const std::string& path);
  /// Removes the file.
  void Discard();

 private:
  PartialFile() = default;
  Status Reset();
  bool ReadCounts();
  uint64_t counts_offset() const;

  std::string path_;
  int file_ = -1;
  uint64_t size_ = 0, part_bytes_ = 1;
  std::vector<uint64_t> done_, saved_;
};

}  // namespace sterna

#endif  // STERNA_HUB_PARTIAL_FILE_H_
