// Reads a PyTorch checkpoint (torch.save, zip format) that lies in memory: a checked list of tensors.
#ifndef STERNA_FORMATS_PYTORCH_READER_H_
#define STERNA_FORMATS_PYTORCH_READER_H_

#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

#include "formats/weight_source.h"

namespace sterna {

/// Tensors in the order of the state dictionary (pickle_reader.h); their data are views of the archive's records. Tied tensors view
/// the same bytes. Checksums of all records are compared. Errors: those of ParseZip and ReadPickledTensors; Malformed where records
/// and pickle disagree; Unsupported for TorchScript archives, big-endian files and versions other than 2 and 3.
Result<std::vector<TensorEntry>> ParsePyTorch(std::span<const std::byte> bytes, std::string_view name);

}  // namespace sterna

#endif  // STERNA_FORMATS_PYTORCH_READER_H_
