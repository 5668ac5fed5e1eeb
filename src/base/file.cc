#include "base/file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>

namespace sterna {
namespace {

int64_t ModifiedNs(const struct stat& info) {
  return int64_t{info.st_mtim.tv_sec} * 1'000'000'000 + info.st_mtim.tv_nsec;
}

/// Closes on scope exit.
class FileCloser {
 public:
  explicit FileCloser(int file) : file_(file) {}
  FileCloser(const FileCloser&) = delete;
  FileCloser& operator=(const FileCloser&) = delete;
  ~FileCloser() {
    if (file_ >= 0) close(file_);
  }
  int Release() { return std::exchange(file_, -1); }

 private:
  int file_;
};

/// Opens a regular file for reading and reports its status. O_NONBLOCK: a FIFO must not make us wait for a writer.
Result<int> OpenRegular(const std::string& path, struct stat* info) {
  const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (file < 0) return IoErrorFromErrno(fmt::format("cannot open '{}'", path), errno);
  FileCloser closer(file);
  if (fstat(file, info) != 0) return IoErrorFromErrno(fmt::format("cannot inspect '{}'", path), errno);
  if (!S_ISREG(info->st_mode)) return Unsupported(fmt::format("'{}' is not a regular file", path));
  return closer.Release();
}

}  // namespace

Result<std::shared_ptr<const MappedFile>> MappedFile::Open(const std::string& path) {
  struct stat info {};
  STERNA_ASSIGN_OR_RETURN(const int file, OpenRegular(path, &info));
  auto mapped = std::shared_ptr<MappedFile>(new MappedFile());
  mapped->path_ = path;
  mapped->file_ = file;
  mapped->size_ = static_cast<size_t>(info.st_size);
  mapped->modified_ns_ = ModifiedNs(info);
  if (mapped->size_ > 0) {
    void* data = mmap(nullptr, mapped->size_, PROT_READ, MAP_SHARED, file, 0);
    if (data == MAP_FAILED) {
      mapped->size_ = 0;
      return IoErrorFromErrno(fmt::format("cannot map '{}'", path), errno);
    }
    mapped->data_ = static_cast<const std::byte*>(data);
  }
  return std::shared_ptr<const MappedFile>(std::move(mapped));
}

MappedFile::~MappedFile() {
  if (data_ != nullptr) munmap(const_cast<std::byte*>(data_), size_);
  if (file_ >= 0) close(file_);
}

void MappedFile::ReleasePages() const {
  // The map is private and read-only, so dropped pages are those of the file again. A refusal costs nothing but memory.
  if (size_ > 0) madvise(const_cast<std::byte*>(data_), size_, MADV_DONTNEED);
}

Status MappedFile::StillUnchanged() const {
  struct stat info {};
  if (fstat(file_, &info) != 0) return IoErrorFromErrno(fmt::format("cannot inspect '{}'", path_), errno);
  if (static_cast<size_t>(info.st_size) != size_ || ModifiedNs(info) != modified_ns_) {
    return Malformed(fmt::format("'{}' changed while it was being read: expected {} bytes, found {}", path_, size_, info.st_size));
  }
  return Status::Ok();
}

Result<std::string> ReadWholeFile(const std::string& path, size_t limit_bytes) {
  struct stat info {};
  STERNA_ASSIGN_OR_RETURN(const int file, OpenRegular(path, &info));
  const FileCloser closer(file);
  const auto size = static_cast<size_t>(info.st_size);
  if (size > limit_bytes) {
    return OutOfRange(fmt::format("'{}' has {} bytes; at most {} are accepted here", path, size, limit_bytes));
  }
  std::string text(size, '\0');
  size_t done = 0;
  while (done < size) {
    const ssize_t got = read(file, text.data() + done, size - done);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return IoErrorFromErrno(fmt::format("cannot read '{}'", path), errno);
    if (got == 0) return Malformed(fmt::format("'{}' ended after {} of {} bytes", path, done, size));
    done += static_cast<size_t>(got);
  }
  return text;
}

Result<std::unique_ptr<AtomicFile>> AtomicFile::Create(const std::string& path) {
  auto out = std::unique_ptr<AtomicFile>(new AtomicFile());
  out->path_ = path;
  std::string pattern = path + ".tmp-XXXXXX";
  const int file = mkostemp(pattern.data(), O_CLOEXEC);
  if (file < 0) return IoErrorFromErrno(fmt::format("cannot create a file beside '{}'", path), errno);
  out->file_ = file;
  out->temporary_path_ = std::move(pattern);
  return out;
}

AtomicFile::~AtomicFile() {
  if (file_ >= 0) close(file_);
  if (!temporary_path_.empty()) unlink(temporary_path_.c_str());
}

Status AtomicFile::Append(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t put = write(file_, bytes.data(), bytes.size());
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return IoErrorFromErrno(fmt::format("cannot write '{}'", path_), errno);
    bytes = bytes.subspan(static_cast<size_t>(put));
    written_ += static_cast<uint64_t>(put);
  }
  return Status::Ok();
}

Status AtomicFile::Commit() {
  // mkostemp made the file private to its owner; a finished file follows the user's umask like any other.
  const mode_t mask = umask(0);
  umask(mask);
  fchmod(file_, static_cast<mode_t>(0666) & ~mask);
  if (fsync(file_) != 0) return IoErrorFromErrno(fmt::format("cannot flush '{}'", path_), errno);
  if (close(std::exchange(file_, -1)) != 0) return IoErrorFromErrno(fmt::format("cannot close '{}'", path_), errno);
  if (rename(temporary_path_.c_str(), path_.c_str()) != 0) {
    return IoErrorFromErrno(fmt::format("cannot rename to '{}'", path_), errno);
  }
  temporary_path_.clear();
  std::string directory = std::filesystem::path(path_).parent_path().string();
  if (directory.empty()) directory = ".";
  const int handle = open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (handle < 0) return IoErrorFromErrno(fmt::format("cannot open directory '{}'", directory), errno);
  const FileCloser closer(handle);
  if (fsync(handle) != 0) return IoErrorFromErrno(fmt::format("cannot flush directory '{}'", directory), errno);
  return Status::Ok();
}

}  // namespace sterna
