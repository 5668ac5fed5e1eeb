#include "formats/content_kind.h"

#include <array>

#include "formats/onnx_reader.h"
#include "formats/quoted.h"

namespace sterna {
namespace {

using namespace std::string_view_literals;

constexpr std::string_view kOldPyTorch =
    "a Python pickle (perhaps a PyTorch checkpoint of before 2020: load it with weights_only=True and save it again)";

struct Magic {
  std::string_view bytes;
  std::string_view description;
};

// The older containers of the GGUF family hold their magic as a little-endian word, so it reads backwards in the file.
constexpr std::array kMagics = {
    Magic{"GGUF"sv, "a GGUF file"sv},
    Magic{"lmgg"sv, "an old GGML file (before GGUF); convert the original checkpoint again"sv},
    Magic{"GGML"sv, "an old GGML file (before GGUF); convert the original checkpoint again"sv},
    Magic{"fmgg"sv, "an old GGMF file (before GGUF); convert the original checkpoint again"sv},
    Magic{"tjgg"sv, "an old GGJT file (before GGUF); convert the original checkpoint again"sv},
    Magic{"GGJT"sv, "an old GGJT file (before GGUF); convert the original checkpoint again"sv},
    Magic{"algg"sv, "an old GGLA adapter file (before GGUF)"sv},
    Magic{"GGLA"sv, "an old GGLA adapter file (before GGUF)"sv},
    Magic{"PK\x03\x04"sv, "a ZIP archive (perhaps a PyTorch checkpoint)"sv},
    Magic{"PK\x05\x06"sv, "an empty ZIP archive"sv},
    Magic{"\x80\x02"sv, kOldPyTorch},
    Magic{"\x80\x03"sv, kOldPyTorch},
    Magic{"\x80\x04"sv, kOldPyTorch},
    Magic{"\x80\x05"sv, kOldPyTorch},
    Magic{"\x89HDF\r\n\x1a\n"sv, "an HDF5 file (perhaps a Keras checkpoint)"sv},
    Magic{"\x93NUMPY"sv, "a NumPy array"sv},
    Magic{"\x1f\x8b"sv, "a gzip archive"sv},
    Magic{"\x28\xb5\x2f\xfd"sv, "a Zstandard archive"sv},
    Magic{"7z\xbc\xaf\x27\x1c"sv, "a 7-Zip archive"sv},
    Magic{"PAR1"sv, "a Parquet file"sv},
    Magic{"\x7f"
          "ELF"sv,
          "a program (ELF)"sv},
    Magic{"version https://git-lfs"sv, "a Git LFS pointer: the real file has not been downloaded"sv},
    Magic{"<!DOCTYPE"sv, "an HTML page (perhaps a failed download)"sv},
    Magic{"<!doctype"sv, "an HTML page (perhaps a failed download)"sv},
    Magic{"<html"sv, "an HTML page (perhaps a failed download)"sv},
};

// A length word below 2^32, then the brace of the header. Asked before the magic numbers: a header of 640 bytes begins like a
// pickle.
bool LooksLikeSafetensors(std::string_view text) {
  return text.size() > 8 && text[8] == '{' && text.substr(4, 4) == "\0\0\0\0"sv;
}

}  // namespace

ContentKind KindOfContent(std::span<const std::byte> bytes) {
  const std::string_view text = AsText(bytes);
  if (LooksLikeSafetensors(text)) return ContentKind::kSafetensors;
  if (text.starts_with("PK\x03\x04")) return ContentKind::kZip;
  if (text.starts_with("GGUF")) return ContentKind::kGguf;
  return LooksLikeOnnx(bytes) ? ContentKind::kOnnx : ContentKind::kOther;
}

std::string_view DescribeContent(std::span<const std::byte> bytes) {
  const std::string_view text = AsText(bytes);
  if (text.empty()) return "an empty file";
  if (LooksLikeSafetensors(text)) return "a safetensors file";
  if (LooksLikeOnnx(bytes)) return "an ONNX model";
  for (const Magic& magic : kMagics) {
    if (text.starts_with(magic.bytes)) return magic.description;
  }
  constexpr size_t kTarMagicAt = 257;
  if (text.size() > kTarMagicAt && text.substr(kTarMagicAt).starts_with("ustar")) {
    return "a tar archive (perhaps a PyTorch checkpoint of before 2018: load it with weights_only=True and save it again)";
  }
  if (text[0] == '{') return "a JSON document (to open a checkpoint, name its directory)";
  constexpr size_t kLookedAt = 4096;
  if (text.substr(0, kLookedAt).find_first_not_of('\0') == std::string_view::npos) {
    return "a file of zeros (perhaps an unfinished download)";
  }
  return "an unknown format";
}

}  // namespace sterna
