// Whether a file may be written under a name, asked before the work and not after it.
#ifndef STERNA_API_OUTPUT_PATH_H_
#define STERNA_API_OUTPUT_PATH_H_

#include <string>

#include "base/status.h"

namespace sterna {

/// Ok where a finished file may take the name `path`: nothing is there, an empty file is (as mktemp leaves it), or a file and
/// `overwrite`. InvalidArgument for an empty name, a directory, a device or pipe (the rename at the end would replace /dev/null
/// itself), or a file that is not to be overwritten. NotFound where the folder does not exist. Other programs may still change what
/// is there afterwards.
Status CheckOutputPath(const std::string& path, bool overwrite);

}  // namespace sterna

#endif  // STERNA_API_OUTPUT_PATH_H_
