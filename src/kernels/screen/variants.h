// Private to this family: the functions that the kernel list names, and where the parts of a row lie. Plain data: files with ISA
// flags include this.
#ifndef STERNA_KERNELS_SCREEN_VARIANTS_H_
#define STERNA_KERNELS_SCREEN_VARIANTS_H_

#include "kernels/screen/screen.h"

namespace sterna {

inline constexpr float kScreenTiny = 0x1p-80f;
inline constexpr int64_t kScreenHighBits = 32;  // offset in a block, behind the nibbles

void ScreenRef(const ScreenArgs& args) noexcept;
#if defined(__x86_64__)
void ScreenAvx2(const ScreenArgs& args) noexcept;
void ScreenAvx512(const ScreenArgs& args) noexcept;
#endif

}  // namespace sterna

#endif  // STERNA_KERNELS_SCREEN_VARIANTS_H_
