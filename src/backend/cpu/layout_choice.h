// Which layout a ternary matrix gets in memory: measured on this machine, by what one decoded token costs.
#ifndef STERNA_BACKEND_CPU_LAYOUT_CHOICE_H_
#define STERNA_BACKEND_CPU_LAYOUT_CHOICE_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "backend/cpu/kernel_set.h"
#include "base/status.h"
#include "base/thread_pool.h"
#include "kernels/ternary/layouts.h"

namespace sterna {

/// A matrix belongs to the first class whose columns are at least its own, or to the last: short rows cost more per weight, where
/// every row ends with sums to store.
inline constexpr std::array<int64_t, 3> kLayoutClassCols = {1024, 2560, 6912};
/// Index into kLayoutClassCols.
size_t LayoutClass(int64_t cols);

/// One layout for each class. Every layout gives the same bits, so that a choice changes speed and memory only.
using LayoutChoice = std::array<TernaryLayout, kLayoutClassCols.size()>;

constexpr LayoutChoice AllInLayout(TernaryLayout layout) {
  LayoutChoice choice{};
  choice.fill(layout);
  return choice;
}

struct LayoutMeasurement {
  int64_t cols;  ///< one of kLayoutClassCols
  TernaryLayout layout;
  double gweights_per_s;  ///< 10^9 weights a second, all threads, read from memory: one token
};

/// Whether another layout than two bits has a product of its own among these kernels: its reference is some hundred times slower.
bool HasLayoutChoice(const KernelSet& kernels);

/// Measures two bits and each layout that has a product of its own, in every class, on `pool`; nothing where there is no choice.
/// Several passes over more codes than the caches hold, of which the fastest counts, for other programs can only slow one down.
/// Takes some tenths of a second and 64 MB for that time, less where `codes_bytes` is less. ResourceExhausted where memory is used
/// up.
Result<std::vector<LayoutMeasurement>> MeasureLayouts(const KernelSet& kernels, ThreadPool& pool,
                                                      int64_t codes_bytes = int64_t{64} << 20);

/// The fastest layout of each class. Two bits a weight stay where nothing is faster by more than 3 %, which is noise, and where a
/// class was not measured.
LayoutChoice FastestLayouts(std::span<const LayoutMeasurement> measurements);

}  // namespace sterna

#endif  // STERNA_BACKEND_CPU_LAYOUT_CHOICE_H_
