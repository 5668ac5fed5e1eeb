// Two checkpoints of one model, compared matrix by matrix: what a conversion kept, and what it lost.
#ifndef STERNA_CONVERT_VERIFY_H_
#define STERNA_CONVERT_VERIFY_H_

#include <functional>
#include <string>
#include <vector>

#include "base/status.h"
#include "convert/tensor_plan.h"

namespace sterna {

/// How far a written matrix is from its source.
struct TensorComparison {
  std::string name;  ///< in the new file
  DType dtype = DType::kF32;
  bool is_ternary = false;        ///< on both sides: codes are equal, and only scales may differ
  double scale_error = 0;         ///< ternary: the largest relative difference of a row's scale
  double max_error = 0;           ///< largest |written - source|
  double rms_relative_error = 0;  ///< sqrt(sum (written - source)^2 / sum source^2); 0 where both are 0
};

/// Compares every norm, table and projection of `written` with `source`; both are read as any model is. `planned`: the tensors of
/// the new checkpoint by plan. Internal, naming the tensor, where a type, shape or name is not the planned one; where vectors or
/// ternary codes differ; where a scale differs by more than its type's rounding; where a type that holds the source exactly does
/// not; or where a lossy one is no nearer than zeros would be. `progress`: called before each matrix, false cancels; may be empty.
Result<std::vector<TensorComparison>> CompareCheckpoints(OpenCheckpoint* source, OpenCheckpoint* written,
                                                         const std::vector<PlannedTensor>& planned,
                                                         const std::function<bool(int64_t, int64_t, const std::string&)>& progress);

}  // namespace sterna

#endif  // STERNA_CONVERT_VERIFY_H_
