#include "kernels/ternary/layouts.h"

#include <array>

#include "kernels/ternary/five_trit_pack.h"
#include "kernels/ternary/pack.h"
#include "kernels/ternary/variants.h"

namespace sterna {
namespace {

constexpr std::array<TernaryLayoutInfo, 2> kLayouts = {{
    {TernaryLayout::kTwoBit, "two_bit", TernaryTileBytes, PackTernaryTile, UnpackTernaryTile, TernaryLinearKernels},
    {TernaryLayout::kFiveTrit, "five_trit", FiveTritTileBytes, PackFiveTritTile, UnpackFiveTritTile, FiveTritLinearKernels},
}};

}  // namespace

std::span<const TernaryLayoutInfo> TernaryLayouts() {
  return kLayouts;
}

const TernaryLayoutInfo& LayoutInfo(TernaryLayout layout) {
  return kLayouts[static_cast<size_t>(layout)];
}

std::optional<TernaryLayout> TernaryLayoutFromName(std::string_view name) {
  for (const TernaryLayoutInfo& info : kLayouts) {
    if (name == info.name) return info.layout;
  }
  return std::nullopt;
}

}  // namespace sterna
