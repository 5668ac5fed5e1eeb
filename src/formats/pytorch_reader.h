// Reads a PyTorch checkpoint (torch.save, zip format) that lies in memory: a checked list of tensors.
#ifndef STERNA_FORMATS_PYTORCH_READER_H_
#define STERNA_FORMATS_PYTORCH_READER_H_

#include <cstddef>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "base/buffer.h"
#include "formats/weight_source.h"

namespace sterna {

/// Tensors in the order of the state dictionary (pickle_reader.h); their data are views of the archive's records. Tied tensors view
/// the same bytes. Tensors whose elements do not follow each other (transposed, cut out) are copied in their order into buffers
/// that are added to *copies, all together no larger than the file; with null they are Unsupported. Checksums of all records are
/// compared. Errors: those of ParseZip and ReadPickledTensors; Malformed where records and pickle disagree; Unsupported for
/// TorchScript archives, big-endian files and versions other than 2 and 3.
Result<std::vector<TensorEntry>> ParsePyTorch(std::span<const std::byte> bytes, std::string_view name,
                                              std::vector<std::shared_ptr<const Buffer>>* copies = nullptr);

}  // namespace sterna

#endif  // STERNA_FORMATS_PYTORCH_READER_H_
