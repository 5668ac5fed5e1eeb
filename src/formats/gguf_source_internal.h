// Opens a GGUF model that is one file or a series PREFIX-00001-of-0000N.gguf in one directory.
#ifndef STERNA_FORMATS_GGUF_SOURCE_INTERNAL_H_
#define STERNA_FORMATS_GGUF_SOURCE_INTERNAL_H_

#include <memory>

#include "base/file.h"
#include "formats/weight_source.h"

namespace sterna {

/// `file` is the whole model or its first part (keys split.no = 0, split.count = N, split.tensors.count). Further parts are looked
/// for beside it by name only: nothing in a file can lead elsewhere. Their split keys must agree with the first's, and so must
/// every other key both have. The source's metadata is the first part's without its split keys. Errors: those of ParseGguf;
/// InvalidArgument where `file` is a later part; NotFound naming the missing part; Malformed where the parts disagree.
Result<std::shared_ptr<const WeightSource>> OpenGguf(std::shared_ptr<const MappedFile> file, const OpenOptions& options);

}  // namespace sterna

#endif  // STERNA_FORMATS_GGUF_SOURCE_INTERNAL_H_
