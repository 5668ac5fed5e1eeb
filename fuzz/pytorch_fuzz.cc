// Any bytes as a PyTorch checkpoint: an error, or tensors whose bytes lie in the file, or in copies no larger than it. Tied tensors
// may share bytes.
#include <algorithm>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

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
  std::vector<std::shared_ptr<const sterna::Buffer>> copies;
  const auto tensors = sterna::ParsePyTorch(file, "fuzz", &copies);
  if (!tensors.ok()) {
    sterna::Demand(!tensors.status().message().empty());
    return 0;
  }
  size_t copied = 0;
  for (const auto& copy : copies) copied += copy->size();
  sterna::Demand(copied <= size);
  for (const sterna::TensorEntry& entry : *tensors) {
    const auto copy = std::ranges::find(copies, entry.data.data(), [](const auto& buffer) { return buffer->data(); });
    sterna::DemandSoundIndex({&entry, 1}, copy == copies.end() ? file : (*copy)->bytes());
  }
  return 0;
}
