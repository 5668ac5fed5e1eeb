// The layouts that ternary weights can have in memory, each with what loaders and products need of it. One list: a layout is a
// line.
#ifndef STERNA_KERNELS_TERNARY_LAYOUTS_H_
#define STERNA_KERNELS_TERNARY_LAYOUTS_H_

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "kernels/ternary/linear.h"

namespace sterna {

enum class TernaryLayout : uint8_t {
  kTwoBit,    ///< four codes a byte (tile_layout.h)
  kFiveTrit,  ///< five codes a byte (five_trit_layout.h): a fifth fewer bytes, more work for each
};

struct TernaryLayoutInfo {
  TernaryLayout layout;
  const char* name;  ///< "two_bit": for STERNA_LAYOUT and for people
  /// Bytes of one tile of 16 rows.
  int64_t (*tile_bytes)(int64_t cols);
  /// PackTernaryTile and UnpackTernaryTile (pack.h) in this layout.
  void (*pack_tile)(std::span<const int8_t* const> rows, int64_t cols, uint8_t* tile) noexcept;
  void (*unpack_tile)(const uint8_t* tile, int64_t cols, std::span<int8_t* const> rows) noexcept;
  /// The products of this layout, from slow to fast; the first is the scalar reference. TernaryLinearArgs::codes are tiles of
  /// tile_bytes(cols) bytes. Every layout gives the same bits.
  std::span<const Kernel<TernaryLinearFunction>> (*kernels)();
};

/// In the order of the enumeration. The first has a fast product on every instruction set.
std::span<const TernaryLayoutInfo> TernaryLayouts();
const TernaryLayoutInfo& LayoutInfo(TernaryLayout layout);
/// By name; nullopt for another word.
std::optional<TernaryLayout> TernaryLayoutFromName(std::string_view name);

}  // namespace sterna

#endif  // STERNA_KERNELS_TERNARY_LAYOUTS_H_
