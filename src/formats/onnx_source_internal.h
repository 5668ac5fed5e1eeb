// Opens an ONNX file as a checkpoint.
#ifndef STERNA_FORMATS_ONNX_SOURCE_INTERNAL_H_
#define STERNA_FORMATS_ONNX_SOURCE_INTERNAL_H_

#include <memory>
#include <string>

#include "base/file.h"
#include "formats/file_source_internal.h"

namespace sterna {

/// Adds the weights of the file, external data from beneath its folder. Matrices that lie transposed are put in order in memory,
/// one copy of each: unlike other formats, such a file takes memory when it is opened. Errors: those of ParseOnnx and OpenBeneath;
/// Malformed where external bytes lie past their file's end.
Status AddOnnxWeights(std::shared_ptr<const MappedFile> file, FileSourceParts* parts);

}  // namespace sterna

#endif  // STERNA_FORMATS_ONNX_SOURCE_INTERNAL_H_
