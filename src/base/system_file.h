// The short text files of /proc and /sys, whose size is not known before they are read.
#ifndef STERNA_BASE_SYSTEM_FILE_H_
#define STERNA_BASE_SYSTEM_FILE_H_

#include <string>

namespace sterna {

/// The first 4096 bytes, without line feeds at their end; empty where the file cannot be read.
std::string ReadShortFile(const std::string& path);

}  // namespace sterna

#endif  // STERNA_BASE_SYSTEM_FILE_H_
