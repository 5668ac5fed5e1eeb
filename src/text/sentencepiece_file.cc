#include "text/sentencepiece_file.h"

#include <fmt/format.h>

#include <bit>
#include <cmath>

#include "text/utf8.h"

namespace sterna {
namespace {

constexpr size_t kMaxPieces = size_t{1} << 24;

// Field types of the protocol buffer encoding.
enum WireType : uint32_t { kVarint = 0, kFixed64 = 1, kBytes = 2, kFixed32 = 5 };

/// Reads the fields of one message. `base` is where in the file it begins.
class Message {
 public:
  Message(std::string_view bytes, size_t base) : bytes_(bytes), base_(base) {}

  bool at_end() const { return position_ == bytes_.size(); }
  uint32_t field() const { return field_; }
  size_t offset() const { return base_ + position_; }

  Status Next() {
    STERNA_ASSIGN_OR_RETURN(const uint64_t key, ReadVarint());
    field_ = static_cast<uint32_t>(key >> 3);
    type_ = static_cast<uint32_t>(key & 7);
    if (key >> 3 == 0 || key >> 3 > 0x1FFFFFFF) return Broken(fmt::format("field number {}", key >> 3));
    return Status::Ok();
  }

  Result<uint64_t> Varint() {
    STERNA_RETURN_IF_ERROR(Expect(kVarint));
    return ReadVarint();
  }
  Result<bool> Bool() {
    STERNA_ASSIGN_OR_RETURN(const uint64_t number, Varint());
    return number != 0;
  }
  Result<int32_t> Int32() {
    STERNA_ASSIGN_OR_RETURN(const uint64_t number, Varint());
    return static_cast<int32_t>(static_cast<uint32_t>(number));
  }
  Result<float> Float() {
    STERNA_RETURN_IF_ERROR(Expect(kFixed32));
    STERNA_RETURN_IF_ERROR(Need(4));
    uint32_t bits = 0;
    for (size_t i = 0; i < 4; ++i) bits |= uint32_t{static_cast<uint8_t>(bytes_[position_ + i])} << (8 * i);
    position_ += 4;
    return std::bit_cast<float>(bits);
  }
  Result<std::string_view> Bytes() {
    STERNA_RETURN_IF_ERROR(Expect(kBytes));
    STERNA_ASSIGN_OR_RETURN(const uint64_t length, ReadVarint());
    STERNA_RETURN_IF_ERROR(Need(length));
    const std::string_view bytes = bytes_.substr(position_, length);
    position_ += length;
    return bytes;
  }
  Result<std::string_view> Text() {
    STERNA_ASSIGN_OR_RETURN(const std::string_view text, Bytes());
    if (ValidUtf8Prefix(text) != text.size()) return Broken("a text that is not valid UTF-8");
    return text;
  }
  Result<Message> Nested() {
    STERNA_ASSIGN_OR_RETURN(const std::string_view bytes, Bytes());
    return Message(bytes, base_ + position_ - bytes.size());
  }
  Status Skip() {
    switch (type_) {
      case kVarint:
        return ReadVarint().status();
      case kFixed64:
        STERNA_RETURN_IF_ERROR(Need(8));
        position_ += 8;
        return Status::Ok();
      case kBytes:
        return Bytes().status();
      case kFixed32:
        STERNA_RETURN_IF_ERROR(Need(4));
        position_ += 4;
        return Status::Ok();
      default:
        return Broken(fmt::format("field {} of wire type {}", field_, type_));
    }
  }
  Status Broken(std::string_view what) const { return Malformed(fmt::format("SentencePiece model: byte {}: {}", offset(), what)); }

 private:
  Status Expect(WireType type) const {
    if (type_ == type) return Status::Ok();
    return Broken(fmt::format("field {} has wire type {}, expected {}", field_, type_, static_cast<uint32_t>(type)));
  }
  Status Need(uint64_t count) const {
    if (count <= bytes_.size() - position_) return Status::Ok();
    return Broken(fmt::format("{} bytes expected, {} left", count, bytes_.size() - position_));
  }
  Result<uint64_t> ReadVarint() {
    uint64_t number = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      STERNA_RETURN_IF_ERROR(Need(1));
      const auto byte = static_cast<uint8_t>(bytes_[position_++]);
      number |= uint64_t{byte & 0x7Fu} << shift;
      if (byte < 0x80) return number;
    }
    return Broken("a number of more than 10 bytes");
  }

  std::string_view bytes_;
  size_t base_;
  size_t position_ = 0;
  uint32_t field_ = 0;
  uint32_t type_ = 0;
};

Status ReadPiece(Message message, SentencePieceFile* file) {
  SentencePieceFile::Piece piece;
  while (!message.at_end()) {
    STERNA_RETURN_IF_ERROR(message.Next());
    if (message.field() == 1) {
      STERNA_ASSIGN_OR_RETURN(piece.text, message.Text());
    } else if (message.field() == 2) {
      STERNA_ASSIGN_OR_RETURN(piece.score, message.Float());
    } else if (message.field() == 3) {
      STERNA_ASSIGN_OR_RETURN(const uint64_t type, message.Varint());
      if (type < 1 || type > 6) return message.Broken(fmt::format("piece {} has type {}", file->pieces.size(), type));
      piece.type = static_cast<SentencePieceType>(type);
    } else {
      STERNA_RETURN_IF_ERROR(message.Skip());
    }
  }
  const size_t id = file->pieces.size();
  if (piece.text.empty()) return message.Broken(fmt::format("piece {} has no text", id));
  if (!std::isfinite(piece.score)) return message.Broken(fmt::format("piece {} has the score {}", id, piece.score));
  if (id >= kMaxPieces) return Unsupported(fmt::format("SentencePiece model: more than {} pieces", kMaxPieces));
  file->pieces.push_back(piece);
  return Status::Ok();
}

Status ReadTrainerSpec(Message message, SentencePieceFile* file) {
  while (!message.at_end()) {
    STERNA_RETURN_IF_ERROR(message.Next());
    if (message.field() == 3) {
      STERNA_ASSIGN_OR_RETURN(const uint64_t type, message.Varint());
      if (type < 1 || type > 4) return message.Broken(fmt::format("model_type {}", type));
      file->algorithm = static_cast<SentencePieceAlgorithm>(type);
    } else if (message.field() == 24) {
      STERNA_ASSIGN_OR_RETURN(file->whitespace_as_suffix, message.Bool());
    } else if (message.field() == 35) {
      STERNA_ASSIGN_OR_RETURN(file->byte_fallback, message.Bool());
    } else if (message.field() == 41) {
      STERNA_ASSIGN_OR_RETURN(file->bos_id, message.Int32());
    } else if (message.field() == 42) {
      STERNA_ASSIGN_OR_RETURN(file->eos_id, message.Int32());
    } else if (message.field() == 44) {
      STERNA_ASSIGN_OR_RETURN(file->unknown_surface, message.Text());
    } else {
      STERNA_RETURN_IF_ERROR(message.Skip());
    }
  }
  return Status::Ok();
}

Status ReadNormalizerSpec(Message message, SentencePieceFile* file) {
  while (!message.at_end()) {
    STERNA_RETURN_IF_ERROR(message.Next());
    if (message.field() == 2) {
      STERNA_ASSIGN_OR_RETURN(file->charsmap, message.Bytes());
    } else if (message.field() == 3) {
      STERNA_ASSIGN_OR_RETURN(file->add_dummy_prefix, message.Bool());
    } else if (message.field() == 4) {
      STERNA_ASSIGN_OR_RETURN(file->remove_extra_whitespaces, message.Bool());
    } else if (message.field() == 5) {
      STERNA_ASSIGN_OR_RETURN(file->escape_whitespaces, message.Bool());
    } else {
      STERNA_RETURN_IF_ERROR(message.Skip());
    }
  }
  return Status::Ok();
}

}  // namespace

Result<SentencePieceFile> ParseSentencePieceFile(std::string_view bytes) {
  SentencePieceFile file;
  Message root(bytes, 0);
  while (!root.at_end()) {
    STERNA_RETURN_IF_ERROR(root.Next());
    if (root.field() == 1) {
      STERNA_ASSIGN_OR_RETURN(const Message piece, root.Nested());
      STERNA_RETURN_IF_ERROR(ReadPiece(piece, &file));
    } else if (root.field() == 2) {
      STERNA_ASSIGN_OR_RETURN(const Message spec, root.Nested());
      STERNA_RETURN_IF_ERROR(ReadTrainerSpec(spec, &file));
    } else if (root.field() == 3) {
      STERNA_ASSIGN_OR_RETURN(const Message spec, root.Nested());
      STERNA_RETURN_IF_ERROR(ReadNormalizerSpec(spec, &file));
    } else if (root.field() == 5) {
      // A denormalizer rewrites decoded text by its rules; one without rules does nothing.
      SentencePieceFile denormalizer;
      STERNA_ASSIGN_OR_RETURN(const Message spec, root.Nested());
      STERNA_RETURN_IF_ERROR(ReadNormalizerSpec(spec, &denormalizer));
      file.has_denormalizer = !denormalizer.charsmap.empty();
    } else {
      STERNA_RETURN_IF_ERROR(root.Skip());
    }
  }
  if (file.pieces.empty()) return Malformed("SentencePiece model: no pieces");
  return file;
}

}  // namespace sterna
