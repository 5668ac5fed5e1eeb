// Conversion as users ask for it: paths and type names.
#ifndef STERNA_API_CONVERT_H_
#define STERNA_API_CONVERT_H_

#include <string>

#include "base/status.h"
#include "convert/convert.h"

namespace sterna {

struct ConvertRequest {
  std::string source;          ///< a Hugging Face directory or a GGUF file
  std::string output;          ///< the GGUF file to write
  std::string type;            ///< of the projections; empty: I2_S for ternary models, the source's own for dense ones
  std::string embedding_type;  ///< empty: the source's own
  bool overwrite = false;      ///< replace an existing output
  bool verify = true;
  std::function<bool(int64_t done, int64_t total, const std::string& name)> progress;  ///< as ConvertOptions::progress
};

/// ConvertToGguf (convert/convert.h), with the tokenizer and chat template of the source's directory kept in the file.
/// InvalidArgument where a type name is unknown, the output may not be written (CheckOutputPath) or is the source itself.
Result<ConvertReport> Convert(const ConvertRequest& request);

}  // namespace sterna

#endif  // STERNA_API_CONVERT_H_
