// The key-value section of a GGUF file.
#ifndef STERNA_FORMATS_GGUF_VALUES_INTERNAL_H_
#define STERNA_FORMATS_GGUF_VALUES_INTERNAL_H_

#include "base/metadata.h"
#include "formats/byte_reader.h"

namespace sterna {

/// Reads `count` key-values into `metadata` and leaves the reader behind them.
Status ReadGgufMetadata(ByteReader& reader, uint64_t count, Metadata& metadata);

}  // namespace sterna

#endif  // STERNA_FORMATS_GGUF_VALUES_INTERNAL_H_
