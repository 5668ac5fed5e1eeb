#include "text/training/corpus_reader.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "text/utf8.h"
#include "text/word_scanner.h"

namespace sterna {
namespace {

// A word is certain once this many bytes behind it are known: the longest look ahead is that of "'" for "'re", "'ve" and "'ll".
constexpr size_t kLookAheadBytes = 4;
constexpr size_t kMaxCharacterBytes = 4;

/// Splits the text of successive pieces into sequences and words.
class PieceCounter {
 public:
  PieceCounter(bool add_prefix_space, WordCounts* words) : add_prefix_space_(add_prefix_space), words_(words) {}

  /// Counts what is certain in `text`, whole characters that begin where the last call ended; sets `used` to its length. `ends`:
  /// nothing follows.
  Status CountLines(std::string_view text, bool ends, size_t* used) {
    size_t begin = 0;
    for (size_t line_end = text.find('\n'); line_end != std::string_view::npos; line_end = text.find('\n', begin)) {
      STERNA_RETURN_IF_ERROR(CountToEnd(text.substr(begin, line_end + 1 - begin)));
      begin = line_end + 1;
    }
    *used = begin;
    if (begin == text.size()) return Status::Ok();
    if (ends) {
      *used = text.size();
      return CountToEnd(text.substr(begin));
    }
    return CountCertain(text.substr(begin), used);
  }

  /// `rest` is the rest of a sequence.
  Status CountToEnd(std::string_view rest) {
    std::string with_space;
    if (LacksSpace(rest)) {
      with_space = WithSpace(rest);
      rest = with_space;
    }
    in_sequence_ = false;
    for (size_t begin = 0; begin < rest.size();) {
      const size_t end = ScanWord(WordPattern::kGpt2, rest, begin);
      STERNA_RETURN_IF_ERROR(words_->Add(rest.substr(begin, end - begin)));
      begin = end;
    }
    return Status::Ok();
  }

 private:
  bool LacksSpace(std::string_view text) const { return add_prefix_space_ && !in_sequence_ && !text.starts_with(' '); }

  static std::string WithSpace(std::string_view text) {
    std::string with_space;
    with_space.reserve(text.size() + 1);
    with_space += ' ';
    with_space += text;
    return with_space;
  }

  /// `part` begins where the line in progress goes on, and ends before its end; adds to `used`.
  Status CountCertain(std::string_view part, size_t* used) {
    std::string with_space;
    const size_t added = LacksSpace(part) ? 1 : 0;
    if (added > 0) {
      with_space = WithSpace(part);
      part = with_space;
    }
    size_t begin = 0;
    while (begin + kLookAheadBytes < part.size()) {
      const size_t end = ScanWord(WordPattern::kGpt2, part, begin);
      if (end + kLookAheadBytes > part.size()) break;
      STERNA_RETURN_IF_ERROR(words_->Add(part.substr(begin, end - begin)));
      begin = end;
    }
    if (begin == 0) return Status::Ok();
    in_sequence_ = true;
    *used += begin - added;
    return Status::Ok();
  }

  bool add_prefix_space_;
  bool in_sequence_ = false;  // words of the line in progress have been counted
  WordCounts* words_;
};

class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (number_ >= 0) close(number_);
  }
  int number() const { return number_; }

 private:
  int number_;
};

/// Appends up to `bytes` bytes; 0 at the end of the file.
Result<size_t> AppendFrom(int file, const std::string& path, size_t bytes, std::string* out) {
  const size_t before = out->size();
  out->resize(before + bytes);
  ssize_t got = 0;
  do {
    got = read(file, out->data() + before, bytes);
  } while (got < 0 && errno == EINTR);
  const int error = errno;
  out->resize(before + (got > 0 ? static_cast<size_t>(got) : 0));
  if (got < 0) return IoErrorFromErrno(fmt::format("{}: cannot read", path), error);
  return static_cast<size_t>(got);
}

Status NotUtf8(std::string_view where, uint64_t byte) {
  return InvalidArgument(
      fmt::format("{}: expected UTF-8 text, byte {} is not part of a character; convert it, for example by iconv", where, byte));
}

}  // namespace

Status CountWordsOfSequence(std::string_view text, const CorpusOptions& options, WordCounts* words) {
  const size_t valid = ValidUtf8Prefix(text);
  if (valid < text.size()) return NotUtf8("sequence", valid);
  // `tokenizers` splits an empty sequence into nothing, even where a space would go in front of it.
  if (text.empty()) return Status::Ok();
  return PieceCounter(options.add_prefix_space, words).CountToEnd(text);
}

Status CountWordsOfFile(const std::string& path, const CorpusOptions& options, FunctionRef<bool(int64_t, int64_t)> progress,
                        WordCounts* words) {
  const Descriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.number() < 0) {
    if (errno == ENOENT) return NotFound(fmt::format("{}: no such file", path));
    return IoErrorFromErrno(fmt::format("{}: cannot open", path), errno);
  }
  struct stat about {};
  const bool is_sized = fstat(file.number(), &about) == 0 && S_ISREG(about.st_mode);
  PieceCounter counter(options.add_prefix_space, words);
  std::string held;         // bytes not counted yet
  size_t valid = 0;         // of `held`, whole characters
  int64_t held_begins = 0;  // in the file
  while (true) {
    // Reading as much again as is held keeps the time for a very long word linear.
    const size_t wanted = std::max({options.piece_bytes, held.size(), size_t{1}});
    STERNA_ASSIGN_OR_RETURN(const size_t got, AppendFrom(file.number(), path, wanted, &held));
    const bool ends = got == 0;
    valid += ValidUtf8Prefix(std::string_view(held).substr(valid));
    // Less than a whole character at the end of a piece may still become one.
    if (held.size() - valid >= kMaxCharacterBytes || (ends && valid < held.size())) {
      return NotUtf8(path, static_cast<uint64_t>(held_begins) + valid);
    }
    size_t used = 0;
    STERNA_RETURN_IF_ERROR(counter.CountLines(std::string_view(held).substr(0, valid), ends, &used));
    held.erase(0, used);
    valid -= used;
    held_begins += static_cast<int64_t>(used);
    if (!progress(held_begins + static_cast<int64_t>(held.size()), is_sized ? about.st_size : 0)) return Cancelled("interrupted");
    if (ends) return Status::Ok();
  }
}

}  // namespace sterna
