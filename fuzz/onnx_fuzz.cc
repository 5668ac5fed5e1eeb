// Any bytes as an ONNX model: an error, or weights whose inline bytes lie in the file and have the size of their shape.
#include <cstdint>
#include <functional>
#include <set>
#include <span>
#include <string>

#include "formats/onnx_reader.h"
#include "sound_index.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto file = std::as_bytes(std::span(data, size));
  const auto contents = sterna::ParseOnnx(file, "fuzz");
  if (!contents.ok()) {
    sterna::Demand(!contents.status().message().empty());
    return 0;
  }
  std::set<std::string> names;
  for (const sterna::OnnxWeight& weight : contents->weights) {
    sterna::Demand(!weight.name.empty() && names.insert(weight.name).second);
    sterna::Demand(!weight.is_transposed || weight.shape.size() == 2);
    if (weight.external) {
      sterna::Demand(weight.data.empty() && !weight.external->location.empty());
      continue;
    }
    // Two weights share no bytes: each has a message of its own.
    const sterna::TensorEntry entry{.name = weight.name, .dtype = weight.dtype, .shape = weight.shape, .data = weight.data};
    sterna::DemandSoundIndex({&entry, 1}, file);
  }
  return 0;
}
