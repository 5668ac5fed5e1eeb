// A lock between processes, on the lock files of huggingface_hub's cache.
#ifndef STERNA_HUB_FILE_LOCK_H_
#define STERNA_HUB_FILE_LOCK_H_

#include <memory>
#include <string>

#include "base/function_ref.h"
#include "base/status.h"

namespace sterna {

/// An exclusive flock(2) on a file, which is what the `filelock` package of Python takes; released by the destructor. The file
/// stays.
class FileLock {
 public:
  /// Waits for another holder, asking `keep_going` ten times a second: Cancelled where it says no. Folders above `path` are made.
  static Result<std::unique_ptr<FileLock>> Acquire(const std::string& path, FunctionRef<bool()> keep_going);
  /// Null where another process holds it.
  static Result<std::unique_ptr<FileLock>> TryAcquire(const std::string& path);
  FileLock(const FileLock&) = delete;
  FileLock& operator=(const FileLock&) = delete;
  ~FileLock();

 private:
  explicit FileLock(int file) : file_(file) {}
  int file_;
};

}  // namespace sterna

#endif  // STERNA_HUB_FILE_LOCK_H_
