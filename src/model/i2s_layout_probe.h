// Guesses whether the I2_S tensors of a file lie in another layout than the one they were opened with.
#ifndef STERNA_MODEL_I2S_LAYOUT_PROBE_H_
#define STERNA_MODEL_I2S_LAYOUT_PROBE_H_

#include <array>
#include <optional>

#include "formats/weight_source.h"

namespace sterna {

inline constexpr size_t kI2sLayouts = 4;

/// How well each layout (by I2sLayout) explains the file: the mean, over projections of some layers, of n * r^2, where r is the
/// rank correlation between the share of non-zero weights in each of n columns and the norm weight of the channel that the column
/// reads. Training gives channels of their own magnitude; a wrong layout mixes columns or rows, and what remains is near 1, as for
/// noise.
struct I2sLayoutFit {
  std::array<double, kI2sLayouts> scores{};
  int projections = 0;  ///< that were compared; 0: nothing to go by
};
I2sLayoutFit FitI2sLayouts(const WeightSource& source);

/// The layout that fits much better than the one the file was opened with: four times its score, and at least 20. Nothing where the
/// file has no I2_S tensors or none stands out. A hint for a warning, not a proof: no byte of such a file is invalid in any layout.
std::optional<I2sLayout> BetterI2sLayout(const WeightSource& source);

}  // namespace sterna

#endif  // STERNA_MODEL_I2S_LAYOUT_PROBE_H_
