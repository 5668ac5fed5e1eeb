// Any bytes as the pickle of a PyTorch checkpoint: an error, or tensors inside their storages.
#include <cstdint>
#include <span>

#include "formats/pickle_reader.h"
#include "sound_index.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto tensors = sterna::ReadPickledTensors(std::as_bytes(std::span(data, size)), "fuzz");
  if (!tensors.ok()) {
    sterna::Demand(!tensors.status().message().empty());
    return 0;
  }
  for (const sterna::PickledTensor& tensor : *tensors) {
    const auto elements = sterna::ElementCount(tensor.shape);
    sterna::Demand(!tensor.name.empty() && elements.ok() && tensor.first_element >= 0);
    sterna::Demand(tensor.storage_elements - tensor.first_element >= *elements);
    sterna::Demand(tensor.storage.find('/') == std::string::npos);
  }
  return 0;
}
