// Files: read-only maps, bounded whole reads, and writes that are there whole or not at all.
#ifndef STERNA_BASE_FILE_H_
#define STERNA_BASE_FILE_H_

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/status.h"

namespace sterna {

/// A whole regular file mapped read-only. The size is taken once, when opened. Shared and immutable: views stay valid as long as
/// the object lives. If another process cuts the file meanwhile, reading past the cut raises SIGBUS (the command line installs a
/// handler that says so); StillUnchanged tells after the fact.
class MappedFile {
 public:
  /// Errors: NotFound, Io, Unsupported where `path` is not a regular file. An empty file maps to an empty view.
  static Result<std::shared_ptr<const MappedFile>> Open(const std::string& path);

  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;
  ~MappedFile();

  std::span<const std::byte> bytes() const { return {data_, size_}; }
  const std::string& path() const { return path_; }
  /// Gives the memory of the mapped pages back to the system; they are read again where they are touched again.
  void ReleasePages() const;
  /// Malformed where size or modification time differ from those at opening.
  Status StillUnchanged() const;

 private:
  MappedFile() = default;

  std::string path_;
  const std::byte* data_ = nullptr;
  size_t size_ = 0;
  int file_ = -1;
  int64_t modified_ns_ = 0;
};

/// Whole file as text. OutOfRange where it is larger than `limit_bytes`: nothing is read then.
Result<std::string> ReadWholeFile(const std::string& path, size_t limit_bytes);

/// Writes a temporary file beside `path` and renames it over `path` on Commit, after fsync of file and directory; without Commit
/// the destructor removes the temporary and `path` keeps its old content. One thread.
class AtomicFile {
 public:
  static Result<std::unique_ptr<AtomicFile>> Create(const std::string& path);
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;
  ~AtomicFile();

  Status Append(std::span<const std::byte> bytes);
  Status Append(std::string_view text) { return Append(std::as_bytes(std::span(text.data(), text.size()))); }
  uint64_t bytes_written() const { return written_; }
  Status Commit();

 private:
  AtomicFile() = default;

  std::string path_, temporary_path_;
  int file_ = -1;
  uint64_t written_ = 0;
};

}  // namespace sterna

#endif  // STERNA_BASE_FILE_H_
