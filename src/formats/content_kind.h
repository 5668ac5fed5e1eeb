// Tells from the first bytes of a file what it probably is, so that opening the wrong thing ends with its name.
#ifndef STERNA_FORMATS_CONTENT_KIND_H_
#define STERNA_FORMATS_CONTENT_KIND_H_

#include <cstddef>
#include <span>
#include <string_view>

namespace sterna {

enum class ContentKind { kGguf, kSafetensors, kZip, kOnnx, kOther };

/// By magic number (GGUF, ZIP) by the opening brace behind the length word (safetensors), or by LooksLikeOnnx.
ContentKind KindOfContent(std::span<const std::byte> bytes);

/// What the bytes look like, as the end of a sentence: "a ZIP archive (perhaps a PyTorch checkpoint)". Never empty.
std::string_view DescribeContent(std::span<const std::byte> bytes);

}  // namespace sterna

#endif  // STERNA_FORMATS_CONTENT_KIND_H_
