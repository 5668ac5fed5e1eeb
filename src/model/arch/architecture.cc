#include "model/arch/architecture.h"

#include <algorithm>
#include <array>

namespace sterna {
namespace {
constexpr std::array<const Architecture*, 5> kArchitectures = {&kBitnetArchitecture, &kLlamaArchitecture, &kQwen2Architecture,
                                                               &kQwen3Architecture, &kGemma3Architecture};
}  // namespace

const Architecture* FindArchitecture(std::string_view name) {
  for (const Architecture* architecture : kArchitectures) {
    if (std::ranges::find(architecture->names, name) != architecture->names.end()) return architecture;
  }
  return nullptr;
}

std::string SupportedArchitectures() {
  std::string names;
  for (const Architecture* architecture : kArchitectures) {
    for (const std::string_view name : architecture->names) {
      if (!names.empty()) names += ", ";
      names += name;
    }
  }
  return names;
}

}  // namespace sterna
