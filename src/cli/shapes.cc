#include "cli/shapes.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <vector>

#include "cli/command.h"
#include "model/named_shapes.h"

namespace sterna {

void CheckShapeName(std::string_view name) {
  std::vector<std::string_view> near;
  for (const NamedShape& shape : NamedShapes()) {
    if (shape.name == name) return;
    constexpr size_t kSharedLetters = 4;
    if (shape.name.substr(0, kSharedLetters) == name.substr(0, kSharedLetters)) near.push_back(shape.name);
  }
  FailUsage(fmt::format("unknown shape '{}'{}; `sterna bench --list-shapes` lists all", name,
                        near.empty() ? std::string() : fmt::format("; near it: {}", fmt::join(near, ", "))));
}

std::string ShapesTable() {
  std::string out = fmt::format("{:<15} {:>8}  {:>6} {:>6} {:>6} {:>9} {:>8} {:>7} {:>8}  {}\n", "shape", "weights", "layers",
                                "width", "ff", "heads", "head dim", "vocab", "context", "sizes of");
  for (const NamedShape& shape : NamedShapes()) {
    const Result<ModelConfig> config = ShapeConfig(shape.name);
    if (!config.ok()) continue;
    const double millions = static_cast<double>(ParameterCount(*config)) * 1e-6;
    out += fmt::format("{:<15} {:>8}  {:>6} {:>6} {:>6} {:>9} {:>8} {:>7} {:>8}  {}\n", shape.name,
                       millions < 1000 ? fmt::format("{:.0f}M", millions) : fmt::format("{:.2f}B", millions / 1000), shape.layers,
                       shape.d_model, shape.d_ff, fmt::format("{}/{}", shape.heads, shape.kv_heads), shape.head_dim, shape.vocab,
                       shape.context, shape.model);
  }
  return out;
}

std::string ShapesJson() {
  nlohmann::ordered_json out = nlohmann::ordered_json::array();
  for (const NamedShape& shape : NamedShapes()) {
    const Result<ModelConfig> config = ShapeConfig(shape.name);
    if (!config.ok()) continue;
    out.push_back({{"name", shape.name},
                   {"model", shape.model},
                   {"architecture", config->architecture},
                   {"parameters", ParameterCount(*config)},
                   {"layers", shape.layers},
                   {"d_model", shape.d_model},
                   {"d_ff", shape.d_ff},
                   {"heads", shape.heads},
                   {"kv_heads", shape.kv_heads},
                   {"head_dim", shape.head_dim},
                   {"vocab", shape.vocab},
                   {"context", shape.context}});
  }
  return out.dump(2) + "\n";
}

}  // namespace sterna
