// usage: sterna_write_type_files CHECKPOINT OUT_DIR
// Writes the checkpoint, a directory with a tokenizer.json, as a GGUF file of every type, for tests of the command line. Prints a
// line for each: row of docs/models.md, type, I2_S layout, file; separated by tabs.
#include <fmt/format.h>

#include <cstdio>
#include <string>

#include "base/file.h"
#include "matrix/type_files.h"

namespace sterna::matrix {
namespace {

Status WriteAll(const std::string& checkpoint, const std::string& folder) {
  STERNA_ASSIGN_OR_RETURN(const std::shared_ptr<const WeightSource> source, OpenWeights(checkpoint));
  STERNA_ASSIGN_OR_RETURN(const std::string tokenizer_json, ReadWholeFile(checkpoint + "/tokenizer.json", size_t{1} << 20));
  for (size_t i = 0; i < FileTypes().size(); ++i) {
    const FileType& type = FileTypes()[i];
    const std::string path = fmt::format("{}/{}.gguf", folder, i);
    STERNA_RETURN_IF_ERROR(WriteFile(type, source, path, tokenizer_json).WithContext(type.name));
    fmt::print("{}\t{}\t{}\t{}\n", type.name, Name(type.dtype), I2sLayoutName(type.layout), path);
  }
  return Status::Ok();
}

}  // namespace
}  // namespace sterna::matrix

int main(int argc, char** argv) {
  if (argc != 3) {
    fmt::print(stderr, "usage: {} CHECKPOINT OUT_DIR\n", argv[0]);
    return 2;
  }
  const sterna::Status status = sterna::matrix::WriteAll(argv[1], argv[2]);
  if (!status.ok()) fmt::print(stderr, "error: {}\n", status.message());
  return status.ok() ? 0 : 1;
}
