// What this processor can run, and the instruction-set levels that kernels are written for.
#ifndef STERNA_BASE_CPU_FEATURES_H_
#define STERNA_BASE_CPU_FEATURES_H_

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/status.h"

namespace sterna {

/// A set of features, one bit each. Plain data: kernel lists hold it.
struct CpuFeatures {
  uint32_t bits = 0;

  constexpr bool Contains(CpuFeatures needs) const { return (bits & needs.bits) == needs.bits; }
  constexpr CpuFeatures operator|(CpuFeatures other) const { return {bits | other.bits}; }
  constexpr bool operator==(const CpuFeatures&) const = default;
};

inline constexpr CpuFeatures kCpuAvx2{1u << 0};  ///< AVX2 and AVX, with the OS saving ymm registers
inline constexpr CpuFeatures kCpuFma{1u << 1};
inline constexpr CpuFeatures kCpuF16c{1u << 2};
inline constexpr CpuFeatures kCpuAvxVnni{1u << 3};  ///< vpdpbusd on ymm, VEX-encoded
inline constexpr CpuFeatures kCpuAvx512{1u << 4};   ///< F, BW, VL and DQ together, with the OS saving zmm and mask registers
inline constexpr CpuFeatures kCpuAvx512Vnni{1u << 5};
inline constexpr CpuFeatures kCpuAvx512Vbmi{1u << 6};  ///< tables of 64 and 128 bytes: vpermb, vpermi2b
inline constexpr CpuFeatures kCpuNeon{1u << 7};        ///< Advanced SIMD of AArch64, with f16 conversions
inline constexpr CpuFeatures kCpuDotprod{1u << 8};     ///< sdot, udot on NEON registers
inline constexpr CpuFeatures kCpuI8mm{1u << 9};        ///< smmla, usdot on NEON registers

/// Levels a user can force with STERNA_ISA, from least to most on each architecture. Each allows a fixed set of features.
enum class Isa : uint8_t { kRef, kAvx2, kAvxVnni, kAvx512, kAvx512Vbmi, kNeon, kNeonDotprod, kNeonI8mm };

/// "ref", "avx2", "avxvnni", "avx512", "avx512vbmi", "neon", "neon_dotprod", "neon_i8mm".
std::string_view IsaName(Isa isa);
/// The features a kernel of this level may use.
constexpr CpuFeatures IsaFeatures(Isa isa) {
  constexpr CpuFeatures kBase = kCpuAvx2 | kCpuFma | kCpuF16c;
  switch (isa) {
    case Isa::kRef:
      return {};
    case Isa::kAvx2:
      return kBase;
    case Isa::kAvxVnni:
      return kBase | kCpuAvxVnni;
    case Isa::kAvx512:
      return kBase | kCpuAvx512 | kCpuAvx512Vnni;
    case Isa::kAvx512Vbmi:
      return kBase | kCpuAvx512 | kCpuAvx512Vnni | kCpuAvx512Vbmi;
    case Isa::kNeon:
      return kCpuNeon;
    case Isa::kNeonDotprod:
      return kCpuNeon | kCpuDotprod;
    case Isa::kNeonI8mm:
      return kCpuNeon | kCpuDotprod | kCpuI8mm;
  }
  return {};
}
/// The levels of the architecture this program is built for, in order.
std::span<const Isa> AllIsas();

/// Features of the running machine: CPUID, and XGETBV for what the operating system saves; on AArch64 the kernel's AT_HWCAP words.
/// Found once, then constant; thread-safe.
CpuFeatures HostCpu();
/// Brand string: "AMD EPYC 9R14"; on AArch64 "Neoverse V1" or the two numbers that name the core; or "unknown".
std::string HostCpuName();
/// The highest level the machine can run.
Isa HostIsa();

/// `requested`: a level's name, or empty for the machine's highest. InvalidArgument for an unknown name, Unsupported where this
/// machine lacks the level; both list the levels it has.
Result<Isa> ChooseIsa(std::string_view requested);

}  // namespace sterna

#endif  // STERNA_BASE_CPU_FEATURES_H_
