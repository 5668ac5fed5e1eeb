#include "hub/digest.h"

#include <fmt/format.h>
#include <openssl/evp.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <vector>

#include "hub/quoted.h"

namespace sterna {

struct Digest::Context {
  EVP_MD_CTX* evp = EVP_MD_CTX_new();
  Context() = default;
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;
  ~Context() { EVP_MD_CTX_free(evp); }
};

Digest::Digest(std::unique_ptr<Context> context) : context_(std::move(context)) {}
Digest::Digest(Digest&&) noexcept = default;
Digest& Digest::operator=(Digest&&) noexcept = default;
Digest::~Digest() = default;

Result<DigestKind> DigestKindOf(std::string_view blob_name) {
  const auto is_digit = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); };
  if (std::all_of(blob_name.begin(), blob_name.end(), is_digit)) {
    if (blob_name.size() == 64) return DigestKind::kSha256;
    if (blob_name.size() == 40) return DigestKind::kGitBlob;
  }
  return Unsupported(fmt::format("{}: expected 64 hexadecimal digits (SHA-256) or 40 (git)", InQuotes(blob_name)));
}

Result<Digest> Digest::Start(DigestKind kind, uint64_t size) {
  auto context = std::make_unique<Context>();
  const EVP_MD* algorithm = kind == DigestKind::kSha256 ? EVP_sha256() : EVP_sha1();
  // Hardened systems switch SHA-1 off.
  if (context->evp == nullptr || EVP_DigestInit_ex(context->evp, algorithm, nullptr) != 1) {
    return Unsupported(fmt::format("libcrypto does not offer {}", kind == DigestKind::kSha256 ? "SHA-256" : "SHA-1"));
  }
  Digest digest(std::move(context));
  if (kind == DigestKind::kGitBlob) {
    const std::string header = fmt::format("blob {}", size);
    // With its final zero.
    STERNA_RETURN_IF_ERROR(digest.Update(std::as_bytes(std::span(header.c_str(), header.size() + 1))));
  }
  return digest;
}

Status Digest::Update(std::span<const std::byte> bytes) {
  if (EVP_DigestUpdate(context_->evp, bytes.data(), bytes.size()) == 1) return Status::Ok();
  return Internal("libcrypto: a digest could not be continued");
}

Result<std::string> Digest::Finish() {
  std::array<unsigned char, EVP_MAX_MD_SIZE> hash{};
  unsigned int length = 0;
  if (EVP_DigestFinal_ex(context_->evp, hash.data(), &length) != 1) return Internal("libcrypto: a digest could not be finished");
  std::string text;
  for (unsigned int i = 0; i < length; ++i) text += fmt::format("{:02x}", hash[i]);
  return text;
}

Result<std::string> FileDigest(int file, uint64_t size, DigestKind kind, FunctionRef<bool()> keep_going) {
  STERNA_ASSIGN_OR_RETURN(Digest digest, Digest::Start(kind, size));
  std::vector<std::byte> buffer(size_t{1} << 20);
  uint64_t done = 0;
  while (done < size) {
    if (!keep_going()) return Cancelled("interrupted while hashing");
    const size_t wanted = static_cast<size_t>(std::min<uint64_t>(buffer.size(), size - done));
    const ssize_t got = pread(file, buffer.data(), wanted, static_cast<off_t>(done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return IoErrorFromErrno("cannot read", errno);
    if (got == 0) return IoError(fmt::format("expected {} bytes, found {}", size, done));
    STERNA_RETURN_IF_ERROR(digest.Update(std::span(buffer).first(static_cast<size_t>(got))));
    done += static_cast<uint64_t>(got);
  }
  return digest.Finish();
}

}  // namespace sterna
