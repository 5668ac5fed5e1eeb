#include "hub/partial_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <numeric>

#include "hub/quoted.h"

namespace sterna {
namespace {

constexpr uint64_t kMaxParts = 4096;
constexpr uint64_t kSaveBytes = uint64_t{1} << 20;
// Behind the content: this, the content's size, the size of a part, then a count for each part; 64 bits each, this machine's order.
constexpr uint64_t kMagic = 0x5374726e50617274;

struct Counts {
  uint64_t magic, size, part_bytes;
};

Status WriteAt(int file, uint64_t offset, std::span<const std::byte> bytes, const std::string& path) {
  while (!bytes.empty()) {
    const ssize_t wrote = pwrite(file, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0 && (errno == ENOSPC || errno == EDQUOT || errno == EFBIG)) {
      return ResourceExhausted(std::string(IoErrorFromErrno(path, errno).message()));
    }
    if (wrote < 0) return IoErrorFromErrno(path, errno);
    bytes = bytes.subspan(static_cast<size_t>(wrote));
    offset += static_cast<uint64_t>(wrote);
  }
  return Status::Ok();
}

bool ReadAt(int file, uint64_t offset, std::span<std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t got = pread(file, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return false;
    bytes = bytes.subspan(static_cast<size_t>(got));
    offset += static_cast<uint64_t>(got);
  }
  return true;
}

Status SyncFolderOf(const std::string& path) {
  const std::string folder = std::filesystem::path(path).parent_path().string();
  const int descriptor = open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) return IoErrorFromErrno(folder, errno);
  const int failed = fsync(descriptor);
  const int error = errno;
  close(descriptor);
  // Some file systems cannot sync a folder.
  return failed == 0 || error == EINVAL ? Status::Ok() : IoErrorFromErrno(folder, error);
}

}  // namespace

Result<std::unique_ptr<PartialFile>> PartialFile::Open(const std::string& path, uint64_t size, uint64_t part_bytes) {
  std::unique_ptr<PartialFile> file(new PartialFile);
  file->path_ = path;
  file->size_ = size;
  file->part_bytes_ = std::max({part_bytes, uint64_t{1}, (size + kMaxParts - 1) / kMaxParts});
  file->done_.assign(static_cast<size_t>((size + file->part_bytes_ - 1) / file->part_bytes_), 0);
  file->saved_ = file->done_;
  file->file_ = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666);
  if (file->file_ < 0) return IoErrorFromErrno(path, errno);
  struct stat status {};
  if (fstat(file->file_, &status) != 0) return IoErrorFromErrno(path, errno);
  if (!S_ISREG(status.st_mode)) return Unsupported(fmt::format("{}: expected a regular file", path));
  const uint64_t expected = file->counts_offset() + sizeof(Counts) + file->done_.size() * sizeof(uint64_t);
  if (static_cast<uint64_t>(status.st_size) == expected && file->ReadCounts()) return file;
  if (Status reset = file->Reset(); !reset.ok()) {
    file->Discard();
    return reset;
  }
  return file;
}

PartialFile::~PartialFile() {
  if (file_ >= 0) close(file_);
}

uint64_t PartialFile::counts_offset() const {
  return (size_ + 7) / 8 * 8;
}

uint64_t PartialFile::part_size(size_t part) const {
  return std::min(part_bytes_, size_ - part * part_bytes_);
}

uint64_t PartialFile::total_done() const {
  return std::accumulate(done_.begin(), done_.end(), uint64_t{0});
}

bool PartialFile::ReadCounts() {
  Counts counts{};
  std::vector<uint64_t> done(done_.size());
  if (!ReadAt(file_, counts_offset(), std::as_writable_bytes(std::span(&counts, 1))) ||
      !ReadAt(file_, counts_offset() + sizeof(Counts), std::as_writable_bytes(std::span(done)))) {
    return false;
  }
  if (counts.magic != kMagic || counts.size != size_ || counts.part_bytes != part_bytes_) return false;
  for (size_t part = 0; part < done.size(); ++part) {
    if (done[part] > part_size(part)) return false;
  }
  done_ = done;
  saved_ = std::move(done);
  return true;
}

Status PartialFile::Reset() {
  std::fill(done_.begin(), done_.end(), 0);
  saved_ = done_;
  if (ftruncate(file_, 0) != 0) return IoErrorFromErrno(path_, errno);
  const Counts counts{kMagic, size_, part_bytes_};
  STERNA_RETURN_IF_ERROR(WriteAt(file_, counts_offset(), std::as_bytes(std::span(&counts, 1)), path_));
  return WriteAt(file_, counts_offset() + sizeof(Counts), std::as_bytes(std::span(done_)), path_);
}

Status PartialFile::Restart() {
  return Reset();
}

Status PartialFile::Append(size_t part, std::span<const std::byte> bytes) {
  if (bytes.size() > part_size(part) - done_[part]) return Internal(fmt::format("{}: more bytes than part {} has", path_, part));
  STERNA_RETURN_IF_ERROR(WriteAt(file_, part_first(part) + done_[part], bytes, path_));
  done_[part] += bytes.size();
  return done_[part] - saved_[part] >= kSaveBytes ? Save(part) : Status::Ok();
}

Status PartialFile::Save(size_t part) {
  const uint64_t offset = counts_offset() + sizeof(Counts) + part * sizeof(uint64_t);
  STERNA_RETURN_IF_ERROR(WriteAt(file_, offset, std::as_bytes(std::span(&done_[part], 1)), path_));
  saved_[part] = done_[part];
  return Status::Ok();
}

Status PartialFile::Publish(const std::string& path) {
  if (ftruncate(file_, static_cast<off_t>(size_)) != 0) return IoErrorFromErrno(path_, errno);
  if (fsync(file_) != 0) return IoErrorFromErrno(path_, errno);
  if (rename(path_.c_str(), path.c_str()) != 0) return IoErrorFromErrno(path, errno);
  return SyncFolderOf(path);
}

void PartialFile::Discard() {
  unlink(path_.c_str());
}

}  // namespace sterna
