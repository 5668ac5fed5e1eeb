#include "base/cpu_features.h"

#include <fmt/format.h>

#include <array>
#include <cstring>

#if defined(__x86_64__)
#include <cpuid.h>
#endif

namespace sterna {
namespace {

constexpr std::array<Isa, 4> kIsas = {Isa::kRef, Isa::kAvx2, Isa::kAvxVnni, Isa::kAvx512};

#if defined(__x86_64__)

/// XCR0: which register files the operating system saves. Only valid where CPUID says OSXSAVE.
uint64_t ReadXcr0() {
  uint32_t low, high;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return (uint64_t{high} << 32) | low;
}

CpuFeatures Detect() {
  uint32_t a, b, c, d;
  if (!__get_cpuid(1, &a, &b, &c, &d)) return {};
  constexpr uint32_t kOsXsave = 1u << 27;
  constexpr uint32_t kAvx = 1u << 28;
  if ((c & kOsXsave) == 0 || (c & kAvx) == 0) return {};
  const uint64_t xcr0 = ReadXcr0();
  constexpr uint64_t kYmmState = 0x6;   // xmm, upper halves of ymm
  constexpr uint64_t kZmmState = 0xe6;  // and mask registers, upper halves of zmm, zmm16-31
  if ((xcr0 & kYmmState) != kYmmState) return {};

  CpuFeatures found;
  const auto add = [&](bool present, CpuFeatures feature) {
    if (present) found = found | feature;
  };
  add(c & (1u << 12), kCpuFma);
  add(c & (1u << 29), kCpuF16c);
  if (!__get_cpuid_count(7, 0, &a, &b, &c, &d)) return found;
  const uint32_t subleaves = a;
  add(b & (1u << 5), kCpuAvx2);
  if ((xcr0 & kZmmState) == kZmmState) {
    constexpr uint32_t kFDqBwVl = (1u << 16) | (1u << 17) | (1u << 30) | (1u << 31);
    add((b & kFDqBwVl) == kFDqBwVl, kCpuAvx512);
    add(c & (1u << 11), kCpuAvx512Vnni);
  }
  if (subleaves >= 1 && __get_cpuid_count(7, 1, &a, &b, &c, &d)) add(a & (1u << 4), kCpuAvxVnni);
  return found;
}

#else
CpuFeatures Detect() {
  return {};
}
#endif

std::string LevelsOfThisMachine() {
  std::string names;
  for (const Isa isa : kIsas) {
    if (!HostCpu().Contains(IsaFeatures(isa))) continue;
    if (!names.empty()) names += ", ";
    names += IsaName(isa);
  }
  return names;
}

}  // namespace

std::string_view IsaName(Isa isa) {
  switch (isa) {
    case Isa::kRef:
      return "ref";
    case Isa::kAvx2:
      return "avx2";
    case Isa::kAvxVnni:
      return "avxvnni";
    case Isa::kAvx512:
      return "avx512";
  }
  return "unknown";
}

std::span<const Isa> AllIsas() {
  return kIsas;
}

CpuFeatures HostCpu() {
  static const CpuFeatures features = Detect();
  return features;
}

std::string HostCpuName() {
#if defined(__x86_64__)
  std::array<uint32_t, 12> words{};
  for (uint32_t i = 0; i < 3; ++i) {
    if (!__get_cpuid(0x80000002u + i, &words[4 * i], &words[4 * i + 1], &words[4 * i + 2], &words[4 * i + 3])) return "unknown";
  }
  char text[sizeof words + 1] = "";
  std::memcpy(text, words.data(), sizeof words);
  std::string name = text;
  name.erase(0, name.find_first_not_of(' '));
  while (!name.empty() && name.back() == ' ') name.pop_back();
  return name.empty() ? "unknown" : name;
#else
  return "unknown";
#endif
}

Isa HostIsa() {
  Isa best = Isa::kRef;
  for (const Isa isa : kIsas) {
    if (HostCpu().Contains(IsaFeatures(isa))) best = isa;
  }
  return best;
}

Result<Isa> ChooseIsa(std::string_view requested) {
  if (requested.empty()) return HostIsa();
  for (const Isa isa : kIsas) {
    if (IsaName(isa) != requested) continue;
    if (HostCpu().Contains(IsaFeatures(isa))) return isa;
    return Unsupported(
        fmt::format("instruction set '{}' is not available on this processor, which has: {}", requested, LevelsOfThisMachine()));
  }
  return InvalidArgument(fmt::format("unknown instruction set '{}'; this processor has: {}", requested, LevelsOfThisMachine()));
}

}  // namespace sterna
