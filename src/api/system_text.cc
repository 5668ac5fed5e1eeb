#include "api/system_text.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

namespace sterna {

Result<std::string> ReadSystemText(const std::string& path) {
  constexpr size_t kLimit = size_t{64} << 10;
  const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (file < 0) return IoErrorFromErrno(path, errno);
  std::string text(kLimit, '\0');
  size_t done = 0;
  ssize_t got = 0;
  while (done < kLimit && (got = read(file, text.data() + done, kLimit - done)) > 0) done += static_cast<size_t>(got);
  const int error = errno;
  close(file);
  if (got < 0) return IoErrorFromErrno(path, error);
  text.resize(done);
  return text;
}

}  // namespace sterna
