// The two hashes by which the hub names content: SHA-256 of large files, git's SHA-1 of the others.
#ifndef STERNA_HUB_DIGEST_H_
#define STERNA_HUB_DIGEST_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/function_ref.h"
#include "base/status.h"

namespace sterna {

enum class DigestKind : uint8_t {
  kSha256,   ///< 64 hexadecimal digits: files in large-file storage
  kGitBlob,  ///< 40 digits: SHA-1 of "blob SIZE\0" and the content, as `git hash-object` prints it
};

/// Which of the two a blob's name is. Unsupported for any other name; lower-case digits only, so a name is also safe as a file
/// name.
Result<DigestKind> DigestKindOf(std::string_view blob_name);

/// Hash of a stream of known size. One thread.
class Digest {
 public:
  /// `size`: bytes of the whole content, which git's hash begins with.
  static Result<Digest> Start(DigestKind kind, uint64_t size);
  Digest(Digest&&) noexcept;
  Digest& operator=(Digest&&) noexcept;
  ~Digest();

  Status Update(std::span<const std::byte> bytes);
  /// Lower-case hexadecimal digits. Ends the stream.
  Result<std::string> Finish();

 private:
  struct Context;
  explicit Digest(std::unique_ptr<Context> context);
  std::unique_ptr<Context> context_;
};

/// The digest of the first `size` bytes of an open file, by which the blob `name` is checked. `keep_going` is asked once a
/// megabyte: Cancelled where it says no. Io where the file is shorter or cannot be read.
Result<std::string> FileDigest(int file, uint64_t size, DigestKind kind, FunctionRef<bool()> keep_going);

}  // namespace sterna

#endif  // STERNA_HUB_DIGEST_H_
