#include "formats/beneath_folder.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cctype>
#include <cerrno>
#include <utility>
#include <vector>

#include "formats/quoted.h"

namespace sterna {
namespace {

/// Closes on scope exit.
class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  Descriptor(Descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(number_, other.number_);
    return *this;
  }
  ~Descriptor() {
    if (number_ >= 0) close(number_);
  }
  int number() const { return number_; }

 private:
  int number_;
};

Result<std::vector<std::string>> PartsOf(std::string_view location) {
  const auto wrong = [&](std::string_view why) {
    return Malformed(fmt::format("external file {}: expected a path beneath the model's folder, found {}", Quoted(location), why));
  };
  if (location.empty()) return wrong("an empty one");
  if (location.front() == '/') return wrong("an absolute one");
  if (location.find('\\') != std::string_view::npos) return wrong("a backslash");
  if (location.find('\0') != std::string_view::npos) return wrong("a NUL");
  if (location.size() > 1 && location[1] == ':' && std::isalpha(static_cast<unsigned char>(location[0])))
    return wrong("a drive letter");
  std::vector<std::string> parts;
  for (size_t begin = 0; begin <= location.size();) {
    const size_t end = std::min(location.find('/', begin), location.size());
    const std::string_view part = location.substr(begin, end - begin);
    if (part.empty() || part == "." || part == "..") return wrong(fmt::format("the part {}", Quoted(part)));
    parts.emplace_back(part);
    begin = end + 1;
  }
  return parts;
}

}  // namespace

Result<std::shared_ptr<const MappedFile>> OpenBeneath(const std::string& folder, std::string_view location) {
  STERNA_ASSIGN_OR_RETURN(const std::vector<std::string> parts, PartsOf(location));
  // The folder itself is the user's word, links and all.
  Descriptor at(open(folder.empty() ? "." : folder.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (at.number() < 0) return IoErrorFromErrno(fmt::format("cannot open the folder '{}'", folder), errno);
  for (size_t i = 0; i < parts.size(); ++i) {
    // O_NOFOLLOW fails on a link; O_NONBLOCK keeps a FIFO from waiting for its writer.
    const int flags = i + 1 < parts.size() ? O_PATH | O_DIRECTORY : O_RDONLY | O_NONBLOCK;
    Descriptor next(openat(at.number(), parts[i].c_str(), flags | O_NOFOLLOW | O_CLOEXEC));
    if (next.number() < 0 && (errno == ELOOP || (errno == ENOTDIR && i + 1 < parts.size()))) {
      return Malformed(
          fmt::format("external file {}: {} is a symbolic link or no folder: expected the file itself beneath the model's folder",
                      Quoted(location), Quoted(parts[i])));
    }
    if (next.number() < 0) return IoErrorFromErrno(fmt::format("external file {}", Quoted(location)), errno);
    at = std::move(next);
  }
  struct stat info {};
  if (fstat(at.number(), &info) != 0) return IoErrorFromErrno(fmt::format("external file {}", Quoted(location)), errno);
  if (!S_ISREG(info.st_mode)) return Malformed(fmt::format("external file {}: expected a regular file", Quoted(location)));
  if (info.st_nlink != 1) {
    return Malformed(fmt::format("external file {}: expected one name in the file system, found {} hard links: copy the file",
                                 Quoted(location), info.st_nlink));
  }
  // The descriptor's own name: nothing can be put in its place between the checks and the mapping.
  return MappedFile::Open(fmt::format("/proc/self/fd/{}", at.number()))
      .WithContext(fmt::format("external file {}", Quoted(location)));
}

}  // namespace sterna
