// Decides what the tensor type ids that several engines use mean in one file.
#ifndef STERNA_FORMATS_GGUF_TYPE_CHOICE_INTERNAL_H_
#define STERNA_FORMATS_GGUF_TYPE_CHOICE_INTERNAL_H_

#include <cstdint>
#include <span>

#include "formats/gguf_reader.h"

namespace sterna {

/// Where a tensor's bytes lie, relative to the data section.
struct GgufExtent {
  uint64_t offset = 0;
  uint64_t bytes = 0;
  uint64_t record_at = 0;  ///< where the file says so
  uint32_t type_id = 0;
};

/// Gives every tensor whose id has several meanings its dtype and bytes. All tensors of one id mean the same: the meaning that
/// fills most of the gaps up to the next tensor (or the end of the data section, `data_bytes`) to less than the alignment; where
/// several do, mainline's. TL2 counts only in files of architectures bitnet.cpp writes it for. Malformed where no meaning suits the
/// shapes.
Status ChooseGgufTypes(GgufContents& contents, std::span<GgufExtent> extents, uint64_t data_bytes);

}  // namespace sterna

#endif  // STERNA_FORMATS_GGUF_TYPE_CHOICE_INTERNAL_H_
