#include "hub/file_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <filesystem>
#include <system_error>
#include <thread>

namespace sterna {

Result<std::unique_ptr<FileLock>> FileLock::TryAcquire(const std::string& path) {
  std::error_code error;
  std::filesystem::create_directories(std::filesystem::path(path).parent_path(), error);
  while (true) {
    const int file = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0664);
    if (file < 0) return IoErrorFromErrno(path, errno);
    std::unique_ptr<FileLock> lock(new FileLock(file));
    if (flock(file, LOCK_EX | LOCK_NB) != 0) {
      if (errno == EWOULDBLOCK) return std::unique_ptr<FileLock>();
      if (errno == EINTR) continue;
      return IoErrorFromErrno(path + ": cannot lock", errno);
    }
    // Older versions of filelock remove the file when they release it: a lock on a removed file locks nobody out.
    struct stat status {};
    if (fstat(file, &status) == 0 && status.st_nlink > 0) return lock;
  }
}

Result<std::unique_ptr<FileLock>> FileLock::Acquire(const std::string& path, FunctionRef<bool()> keep_going) {
  while (true) {
    STERNA_ASSIGN_OR_RETURN(std::unique_ptr<FileLock> lock, TryAcquire(path));
    if (lock != nullptr) return lock;
    if (!keep_going()) return Cancelled("interrupted while waiting for another download of the same file");
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
}

FileLock::~FileLock() {
  close(file_);
}

}  // namespace sterna
