// Any bytes as a PyTorch checkpoint: an error, or tensors whose bytes lie in the file. Tied tensors may share bytes.
#include <cstdint>
#include <span>

#include "formats/pytorch_reader.h"
#include "formats/zip_reader.h"
#include "sound_index.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto file = std::as_bytes(std::span(data, size));
  if (const auto entries = sterna::ParseZip(file, "fuzz"); entries.ok()) {
    for (const sterna::ZipEntry& entry : *entries) {
      sterna::Demand(entry.name[0] != '/' && entry.data.size() <= size);
    }
  }
  const auto tensors = sterna::ParsePyTorch(file, "fuzz");
  if (!tensors.ok()) {
    sterna::Demand(!tensors.status().message().empty());
    return 0;
  }
  for (const sterna::TensorEntry& entry : *tensors) sterna::DemandSoundIndex({&entry, 1}, file);
  return 0;
}
