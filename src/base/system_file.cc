#include "base/system_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>

namespace sterna {

std::string ReadShortFile(const std::string& path) {
  const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (file < 0) return {};
  std::array<char, 4096> text;
  size_t size = 0;
  ssize_t got = 0;
  while (size < text.size() && (got = read(file, text.data() + size, text.size() - size)) > 0) size += static_cast<size_t>(got);
  close(file);
  while (size > 0 && text[size - 1] == '\n') --size;
  return {text.data(), size};
}

}  // namespace sterna
