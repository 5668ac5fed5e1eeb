// The WeightSource behind every format: parsed entries, their metadata, and the mapped files they point into.
#ifndef STERNA_FORMATS_FILE_SOURCE_INTERNAL_H_
#define STERNA_FORMATS_FILE_SOURCE_INTERNAL_H_

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/buffer.h"
#include "base/file.h"
#include "formats/weight_source.h"

namespace sterna {

struct FileSourceParts {
  std::string_view format;  ///< a literal
  std::string path;
  Metadata metadata;
  std::vector<TensorEntry> entries;
  std::vector<std::shared_ptr<const MappedFile>> files;     ///< hold the bytes of `entries`
  std::vector<std::shared_ptr<const Buffer>> buffers = {};  ///< hold the bytes of entries that had to be reordered
};

/// Malformed where two entries, perhaps from different files, have the same name.
Result<std::shared_ptr<const WeightSource>> MakeFileSource(FileSourceParts parts);

}  // namespace sterna

#endif  // STERNA_FORMATS_FILE_SOURCE_INTERNAL_H_
