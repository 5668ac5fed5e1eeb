// Qwen3: a Llama with RMS norms on every query and key head; the architecture of the Bonsai models.
#include <array>

#include "model/arch/architecture.h"

namespace sterna {
namespace {

constexpr std::array<std::string_view, 1> kNames = {"qwen3"};

Status Adapt(const Metadata& metadata, bool is_gguf, ModelConfig* config) {
  config->has_qk_norms = true;
  return is_gguf ? Status::Ok() : RefuseSlidingWindow(metadata);
}

}  // namespace

const Architecture kQwen3Architecture = {kNames, Adapt};

}  // namespace sterna
