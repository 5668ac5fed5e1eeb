// Any bytes as a safetensors file, and its header as a config: an error, or an index that holds.
#include <cstdint>
#include <span>
#include <string_view>

#include "formats/json_metadata.h"
#include "formats/safetensors_reader.h"
#include "sound_index.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto file = std::as_bytes(std::span(data, size));
  const auto contents = sterna::ParseSafetensors(file, "fuzz");
  if (contents.ok()) {
    sterna::DemandSoundIndex(contents->tensors, file);
    size_t bytes = 0;
    for (const sterna::TensorEntry& entry : contents->tensors) bytes += entry.data.size();
    sterna::Demand(contents->data_offset + bytes == size);
  } else {
    sterna::Demand(!contents.status().message().empty());
  }
  constexpr size_t kLengthBytes = 8;
  if (size > kLengthBytes) {
    const std::string_view text(reinterpret_cast<const char*>(data) + kLengthBytes, size - kLengthBytes);
    const auto metadata = sterna::FlattenJson(text, "fuzz");
    sterna::Demand(metadata.ok() || !metadata.status().message().empty());
  }
  return 0;
}
