// Byte-pair merges of words that are few symbols repeated many times, in steps of whole runs.
#ifndef STERNA_TEXT_MERGE_RUNS_H_
#define STERNA_TEXT_MERGE_RUNS_H_

#include <cstdint>
#include <vector>

#include "text/token_table.h"

namespace sterna {

/// Neighbouring symbols of one id, as many as `count`.
struct SymbolRun {
  int32_t id;
  uint32_t count;
  uint32_t bytes;  // of one symbol
};

/// Merges by definition, all equal pairs of a run in one step. False, and `runs` worthless, where a step would have to stop on its
/// way because what it makes merges before it, or where the runs become many: no vocabulary that was learned from text does either.
bool MergeRuns(const MergeIndex& merges, std::vector<SymbolRun>* runs);

}  // namespace sterna

#endif  // STERNA_TEXT_MERGE_RUNS_H_
