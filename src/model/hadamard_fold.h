// Weights that were rotated before they were quantized (Prism's `prism.hadamard` metadata): the rotation, and its removal at load.
#ifndef STERNA_MODEL_HADAMARD_FOLD_H_
#define STERNA_MODEL_HADAMARD_FOLD_H_

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "base/metadata.h"
#include "base/status.h"

namespace sterna {

/// The file holds W' = W R^T, where y = W x is meant and R = H S / sqrt(block): S flips the signs of the inputs, H is the Sylvester
/// Hadamard matrix on blocks of the input dimension (PrismML-Eng/llama.cpp pull request 121). So W = W' R, for matrices that
/// multiply (`weight_names`) and for tables of rows (`inverse_weight_names`) alike.
struct HadamardFold {
  int64_t block = 0;                             ///< a power of two
  std::map<int64_t, std::vector<int8_t>> signs;  ///< by number of columns; empty: no sign is flipped
  std::set<std::string, std::less<>> tensors;
};

/// Nothing where the metadata has no key under prism.hadamard. Unsupported for another version, transform, axis or sign mode, and
/// for keys this engine does not know: running such weights without their rotation would give wrong answers. Malformed for values
/// that contradict each other.
Result<std::optional<HadamardFold>> ReadHadamardFold(const Metadata& metadata);

/// Replaces each row of values [rows, cols] by row * R. Malformed where cols is no multiple of the block or has no signs.
Status UnfoldRows(const HadamardFold& fold, std::span<float> values, int64_t cols);

}  // namespace sterna

#endif  // STERNA_MODEL_HADAMARD_FOLD_H_
