// For the matrix of types: every way a GGUF file can hold the projections of a model, and a file of each.
#ifndef STERNA_TESTS_MATRIX_TYPE_FILES_H_
#define STERNA_TESTS_MATRIX_TYPE_FILES_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/status.h"
#include "formats/weight_source.h"
#include "tensor/dtype.h"

namespace sterna::matrix {

/// A row of the matrix.
struct FileType {
  std::string name;  ///< in docs/models.md
  DType dtype;
  std::optional<uint32_t> id = std::nullopt;  ///< in the file, where it is not the one GgufWriter writes
  I2sLayout layout = I2sLayout::kInterleaved128;
  bool is_rotated = false;    ///< prism.hadamard.* keys say that the weights are rotated
  bool is_converted = false;  ///< made by ConvertToGguf; else encoded here from another file's tensors
};
/// Every type that holds weights: each DType that is no integer at least once.
const std::vector<FileType>& FileTypes();
bool IsBinary(const FileType& type);

/// Writes `golden` as a file of this type, with the text of a tokenizer.json (may be empty). Errors are those of conversion and
/// encoding.
Status WriteFile(const FileType& type, const std::shared_ptr<const WeightSource>& golden, const std::string& path,
                 const std::string& tokenizer_json = {});

/// Opens what WriteFile wrote, with the options it needs.
Result<std::shared_ptr<const WeightSource>> OpenFile(const FileType& type, const std::string& path);

/// A projection in a GGUF file.
bool IsProjection(const TensorEntry& entry);

}  // namespace sterna::matrix

#endif  // STERNA_TESTS_MATRIX_TYPE_FILES_H_
