// Text, from memory or from files of any size, cut into the words of the ByteLevel pre-tokenizer and counted.
#ifndef STERNA_TEXT_TRAINING_CORPUS_READER_H_
#define STERNA_TEXT_TRAINING_CORPUS_READER_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "base/function_ref.h"
#include "base/status.h"
#include "text/training/word_counts.h"

namespace sterna {

struct CorpusOptions {
  bool add_prefix_space = false;         ///< put a space in front of every sequence that does not begin with one
  size_t piece_bytes = size_t{1} << 20;  ///< how much of a file is read at once, at least 1
};

/// Counts the words of one sequence: `text` is split as a whole, its line breaks are white space like any other (`tokenizers`
/// train_from_iterator). InvalidArgument where it is not UTF-8.
Status CountWordsOfSequence(std::string_view text, const CorpusOptions& options, WordCounts* words);

/// Counts the words of a file, every line of which, with its line break, is a sequence (`tokenizers` train_from_files). The file,
/// which may be a pipe, is read in pieces: besides them only an unfinished word is held. progress(bytes read, size of the file, 0
/// where it is unknown) is asked after every piece and returns whether to go on. Errors: NotFound, Io, InvalidArgument with the
/// place of the first byte that is not UTF-8, Cancelled.
Status CountWordsOfFile(const std::string& path, const CorpusOptions& options, FunctionRef<bool(int64_t, int64_t)> progress,
                        WordCounts* words);

}  // namespace sterna

#endif  // STERNA_TEXT_TRAINING_CORPUS_READER_H_
