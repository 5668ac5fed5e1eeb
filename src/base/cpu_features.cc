#include "base/cpu_features.h"

#include <fmt/format.h>

#include <array>
#include <cstring>

#if defined(__x86_64__)
#include <cpuid.h>
#elif defined(__aarch64__) && defined(__linux__)
#include <sys/auxv.h>

#include <cstdlib>
#include <fstream>
#endif

namespace sterna {
namespace {

#if defined(__x86_64__)
constexpr std::array kIsas = {Isa::kRef, Isa::kAvx2, Isa::kAvxVnni, Isa::kAvx512, Isa::kAvx512Vbmi};
#elif defined(__aarch64__)
constexpr std::array kIsas = {Isa::kRef, Isa::kNeon, Isa::kNeonDotprod, Isa::kNeonI8mm};
#else
constexpr std::array kIsas = {Isa::kRef};
#endif
/// Of every architecture: a name of another one is known, but not available.
constexpr std::array kAllIsas = {Isa::kRef,        Isa::kAvx2, Isa::kAvxVnni,     Isa::kAvx512,
                                 Isa::kAvx512Vbmi, Isa::kNeon, Isa::kNeonDotprod, Isa::kNeonI8mm};

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
    add(c & (1u << 1), kCpuAvx512Vbmi);
  }
  if (subleaves >= 1 && __get_cpuid_count(7, 1, &a, &b, &c, &d)) add(a & (1u << 4), kCpuAvxVnni);
  return found;
}

#elif defined(__aarch64__)

CpuFeatures Detect() {
#if defined(__linux__)
  // Bits of the kernel's interface, arch/arm64/include/uapi/asm/hwcap.h; C libraries before 2.33 do not name all of them.
  constexpr unsigned long kHwcapAsimd = 1ul << 1, kHwcapAsimdDp = 1ul << 20, kHwcap2I8mm = 1ul << 13;
  const unsigned long hwcap = getauxval(AT_HWCAP), hwcap2 = getauxval(AT_HWCAP2);
  if ((hwcap & kHwcapAsimd) == 0) return {};
  CpuFeatures found = kCpuNeon;
  if ((hwcap & kHwcapAsimdDp) != 0) found = found | kCpuDotprod;
  if ((hwcap2 & kHwcap2I8mm) != 0) found = found | kCpuI8mm;
  return found;
#else
  return kCpuNeon;  // part of the architecture
#endif
}

#else
CpuFeatures Detect() {
  return {};
}
#endif

#if defined(__aarch64__) && defined(__linux__)

/// "0x41 0xd40" of "CPU implementer" and "CPU part" in /proc/cpuinfo, 0 where they are missing.
struct CoreId {
  unsigned long implementer = 0, part = 0;
};

CoreId ReadCoreId() {
  CoreId id;
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    const size_t colon = line.find(':');
    if (colon == std::string::npos) continue;
    const unsigned long number = std::strtoul(line.c_str() + colon + 1, nullptr, 16);
    if (line.starts_with("CPU implementer")) id.implementer = number;
    if (line.starts_with("CPU part")) id.part = number;
    if (id.implementer != 0 && id.part != 0) break;
  }
  return id;
}

std::string_view CoreName(CoreId id) {
  struct Known {
    unsigned long implementer, part;
    std::string_view name;
  };
  constexpr Known kKnown[] = {
      {0x41, 0xd03, "Cortex-A53"},  {0x41, 0xd05, "Cortex-A55"},  {0x41, 0xd07, "Cortex-A57"},  {0x41, 0xd08, "Cortex-A72"},
      {0x41, 0xd0b, "Cortex-A76"},  {0x41, 0xd0c, "Neoverse N1"}, {0x41, 0xd40, "Neoverse V1"}, {0x41, 0xd41, "Cortex-A78"},
      {0x41, 0xd49, "Neoverse N2"}, {0x41, 0xd4f, "Neoverse V2"}, {0x61, 0x022, "Apple M1"},    {0x61, 0x023, "Apple M1"},
  };
  for (const Known& known : kKnown) {
    if (known.implementer == id.implementer && known.part == id.part) return known.name;
  }
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
    case Isa::kAvx512Vbmi:
      return "avx512vbmi";
    case Isa::kNeon:
      return "neon";
    case Isa::kNeonDotprod:
      return "neon_dotprod";
    case Isa::kNeonI8mm:
      return "neon_i8mm";
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
#elif defined(__aarch64__) && defined(__linux__)
  const CoreId id = ReadCoreId();
  if (id.part == 0) return "unknown";
  const std::string_view name = CoreName(id);
  return name.empty() ? fmt::format("implementer {:#x}, part {:#x}", id.implementer, id.part) : std::string(name);
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
  for (const Isa isa : kAllIsas) {
    if (IsaName(isa) != requested) continue;
    if (HostCpu().Contains(IsaFeatures(isa))) return isa;
    return Unsupported(
        fmt::format("instruction set '{}' is not available on this processor, which has: {}", requested, LevelsOfThisMachine()));
  }
  return InvalidArgument(fmt::format("unknown instruction set '{}'; this processor has: {}", requested, LevelsOfThisMachine()));
}

}  // namespace sterna
