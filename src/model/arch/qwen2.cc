// Qwen2 and Qwen2.5: a Llama whose query, key and value projections have a bias.
#include <array>

#include "model/arch/architecture.h"

namespace sterna {
namespace {

constexpr std::array<std::string_view, 1> kNames = {"qwen2"};

Status Adapt(const Metadata& metadata, bool is_gguf, ModelConfig* config) {
  config->needs_attention_bias = true;
  return is_gguf ? Status::Ok() : RefuseSlidingWindow(metadata);
}

}  // namespace

const Architecture kQwen2Architecture = {kNames, Adapt};

}  // namespace sterna
