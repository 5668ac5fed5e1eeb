#include "text/merge_runs.h"

#include <cstddef>

namespace sterna {
namespace {

/// Takes out runs that have become empty and joins those of one id.
void Tidy(std::vector<SymbolRun>* runs) {
  size_t kept = 0;
  for (const SymbolRun& run : *runs) {
    if (run.count == 0) continue;
    if (kept > 0 && (*runs)[kept - 1].id == run.id) {
      (*runs)[kept - 1].count += run.count;
    } else {
      (*runs)[kept++] = run;
    }
  }
  runs->resize(kept);
}

}  // namespace

bool MergeRuns(const MergeIndex& merges, std::vector<SymbolRun>* runs) {
  constexpr size_t kMaxRuns = 64;
  constexpr int kMaxSteps = 4096;
  for (int step = 0; step < kMaxSteps && runs->size() <= kMaxRuns; ++step) {
    Merge best;
    size_t at = 0;
    bool is_within = false;
    for (size_t i = 0; i < runs->size(); ++i) {
      const SymbolRun& run = (*runs)[i];
      const auto consider = [&](Merge merge, bool within) {
        if (merge.rank >= best.rank) return;
        best = merge;
        at = i;
        is_within = within;
      };
      if (run.count >= 2) consider(merges.Find(run.id, run.id), true);
      if (i + 1 < runs->size()) consider(merges.Find(run.id, (*runs)[i + 1].id), false);
    }
    if (best.rank == Merge::kNoRank) return true;
    SymbolRun& run = (*runs)[at];
    if (is_within) {
      const bool stops = merges.Find(best.id, best.id).rank < best.rank || merges.Find(best.id, run.id).rank < best.rank ||
                         (at > 0 && merges.Find((*runs)[at - 1].id, best.id).rank < best.rank);
      if (stops) return false;
      const SymbolRun merged{best.id, run.count / 2, run.bytes * 2};
      run.count %= 2;
      runs->insert(runs->begin() + static_cast<ptrdiff_t>(at), merged);
    } else {
      const SymbolRun merged{best.id, 1, run.bytes + (*runs)[at + 1].bytes};
      --run.count;
      --(*runs)[at + 1].count;
      runs->insert(runs->begin() + static_cast<ptrdiff_t>(at) + 1, merged);
    }
    Tidy(runs);
  }
  return false;
}

}  // namespace sterna
