// Any bytes as a GGUF file: an error, or an index that holds.
#include <cstdint>
#include <span>

#include "formats/gguf_reader.h"
#include "sound_index.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto file = std::as_bytes(std::span(data, size));
  const auto contents = sterna::ParseGguf(file, "fuzz");
  if (contents.ok()) {
    sterna::DemandSoundIndex(contents->tensors, file);
    for (const sterna::Metadata::Item& item : contents->metadata.items()) sterna::Demand(!sterna::MetaTypeName(item.value).empty());
  } else {
    sterna::Demand(!contents.status().message().empty());
  }
  return 0;
}
