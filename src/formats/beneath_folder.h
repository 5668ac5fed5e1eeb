// Opens a file that another file names, and only beneath one folder: model files come from strangers.
#ifndef STERNA_FORMATS_BENEATH_FOLDER_H_
#define STERNA_FORMATS_BENEATH_FOLDER_H_

#include <memory>
#include <string>
#include <string_view>

#include "base/file.h"
#include "base/status.h"

namespace sterna {

/// Maps `folder`/`location`, walking down one name at a time. Malformed for a location that is empty, absolute, has a drive letter,
/// a backslash, a NUL, or a part "", "." or ".."; for a symbolic link anywhere on the way; and for what is no regular file or has
/// several hard links, by which a file of anybody's can be given a place in the folder. NotFound and Io from the system.
Result<std::shared_ptr<const MappedFile>> OpenBeneath(const std::string& folder, std::string_view location);

}  // namespace sterna

#endif  // STERNA_FORMATS_BENEATH_FOLDER_H_
