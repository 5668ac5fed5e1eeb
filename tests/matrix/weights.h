// For the matrix of types: the golden models as sources of any family, and their weights changed in one stated way.
#ifndef STERNA_TESTS_MATRIX_WEIGHTS_H_
#define STERNA_TESTS_MATRIX_WEIGHTS_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/status.h"
#include "formats/weight_source.h"
#include "model/checkpoint_weights.h"
#include "model/model.h"

namespace sterna::matrix {

/// How a column of the matrix looks in the two kinds of files. Paths are relative to tests/fixtures.
struct Family {
  std::string name;     ///< the column in docs/models.md
  std::string ternary;  ///< the golden model that ternary types hold
  std::string dense;    ///< the one that all other types hold
  /// `ternary` holds floats: they are read as masters, as a checkpoint with quantization_mode "online" asks for.
  bool is_master = false;
};
const std::vector<Family>& Families();

/// A golden model, its configuration changed where the family says so.
std::shared_ptr<const WeightSource> OpenGolden(const Family& family, bool is_ternary);

/// What is done to the projections of a checkpoint on their way to a model.
enum class Change : uint8_t {
  kNone,
  kF16Scales,   ///< of ternary rows: the factor rounded to f16
  kBf16Scales,  ///< to bf16
  kSigns,       ///< of ternary rows: 0 becomes +1, and the factor is rounded to f16
  kUnrotated,   ///< of ternary rows with f16 factors: multiplied by H S / sqrt(n) in blocks of kRotationBlock, dense
  kDecoded,     ///< of anything: dense f32, by the definition of the type (tensor/encodings.h)
};
inline constexpr int64_t kRotationBlock = 64;
/// The sign S of an input column: a pattern without a period of two.
inline int8_t RotationSign(int64_t column) {
  return column % 3 == 0 ? int8_t{-1} : int8_t{1};
}

/// A model of `source` with changed projections, on one thread of the given instruction set.
Result<std::shared_ptr<const Model>> BuildChanged(const std::shared_ptr<const WeightSource>& source, Change change, Isa isa);

/// Logits (of embedding models: rows of the final norm) after every one of some fixed tokens.
std::vector<float> Outputs(const std::shared_ptr<const Model>& model);

/// Root mean square of the difference in standard deviations of `expected`.
double RmsErrorInStd(const std::vector<float>& found, const std::vector<float>& expected);

}  // namespace sterna::matrix

#endif  // STERNA_TESTS_MATRIX_WEIGHTS_H_
