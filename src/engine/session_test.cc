#include "engine/session.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <limits>

#include "backend/top_logits.h"
#include "base/rng.h"
#include "engine/testing/tiny_model.h"

namespace sterna {
namespace {

using testing::Append;
using ::testing::HasSubstr;
using testing::kTinyContext;
using testing::kTinyVocab;
using testing::NewSession;
using testing::SomeTokens;
using testing::TinyModel;

/// Logits after every token.
std::vector<std::vector<float>> EvaluateAll(Session& session, std::span<const int32_t> tokens) {
  std::vector<std::vector<float>> rows;
  const Status status = session.EvaluateAll(tokens, [&](size_t index, std::span<const float> logits) {
    EXPECT_EQ(index, rows.size());
    rows.emplace_back(logits.begin(), logits.end());
    return Status::Ok();
  });
  EXPECT_TRUE(status.ok()) << status.message();
  return rows;
}

TEST(Session, WrongTokensAreNamedAndLeaveTheSequenceAlone) {
  const auto model = TinyModel();
  const auto session = NewSession(model, {.max_chunk = 4});
  const std::vector<int32_t> start = SomeTokens(10);
  Append(*session, start);
  const std::vector<int32_t> too_many = SomeTokens(kTinyContext - 9);
  struct Wrong {
    std::vector<int32_t> tokens;
    StatusCode code;
    std::string_view part;
  };
  for (const Wrong& wrong : std::vector<Wrong>{
           {{}, StatusCode::kInvalidArgument, "empty"},
           {{1, 2, 50}, StatusCode::kInvalidArgument, "token 2 of the input: expected an id from 0 to 49, found 50"},
           {{1, -1}, StatusCode::kInvalidArgument, "token 1 of the input: expected an id from 0 to 49, found -1"},
           {{std::numeric_limits<int32_t>::min()}, StatusCode::kInvalidArgument, "found -2147483648"},
           {{std::numeric_limits<int32_t>::max()}, StatusCode::kInvalidArgument, "found 2147483647"},
           {too_many, StatusCode::kOutOfRange, "the context holds 80 tokens, but 81 are needed (10 before, 71 new)"}}) {
    for (const bool all : {false, true}) {
      const Status status =
          all ? session->EvaluateAll(wrong.tokens, [](size_t, std::span<const float>) { return Internal("a row was reported"); })
              : session->Append(wrong.tokens).status();
      EXPECT_EQ(status.code(), wrong.code) << status.message();
      EXPECT_THAT(std::string(status.message()), HasSubstr(std::string(wrong.part)));
      EXPECT_EQ(session->tokens(), start);
    }
  }
  const std::vector<int32_t> next = {7};
  const std::vector<float> after_errors = Append(*session, next);
  const auto fresh = NewSession(model);
  Append(*fresh, start);
  EXPECT_EQ(after_errors, Append(*fresh, next));
}

TEST(Session, TheContextCanBeFilledToItsLastPosition) {
  const auto session = NewSession(TinyModel());
  EXPECT_EQ(session->max_context(), kTinyContext);
  EXPECT_EQ(Append(*session, SomeTokens(kTinyContext)).size(), static_cast<size_t>(kTinyVocab));
  EXPECT_EQ(session->positions(), kTinyContext);
  const int32_t one = 1;
  EXPECT_EQ(session->Append({&one, 1}).status().code(), StatusCode::kOutOfRange);
  EXPECT_EQ(session->positions(), kTinyContext);
}

TEST(Session, AnyCutIntoCallsAndChunksGivesTheSameBits) {
  const auto model = TinyModel();
  const std::vector<int32_t> tokens = SomeTokens(70);
  const std::vector<float> expected = Append(*NewSession(model), tokens);
  RngStream rng{.key = 1, .stream = 0, .counter = 0};
  for (const int64_t max_chunk : {1, 2, 7, 31, 32, 33, 64, 70, 1000}) {
    const auto session = NewSession(model, {.max_chunk = max_chunk});
    std::vector<float> logits;
    for (size_t at = 0; at < tokens.size();) {
      const size_t size = std::min<size_t>(tokens.size() - at, 1 + rng.NextUint32() % 40);
      logits = Append(*session, std::span(tokens).subspan(at, size));
      at += size;
    }
    EXPECT_EQ(logits, expected) << "chunks of " << max_chunk;
    EXPECT_EQ(session->tokens(), tokens);
  }
}

TEST(Session, EvaluateAllReportsWhatAppendReturnsAfterEachToken) {
  const auto model = TinyModel();
  const std::vector<int32_t> tokens = SomeTokens(40);
  std::vector<std::vector<float>> expected;
  const auto one_by_one = NewSession(model);
  for (const int32_t token : tokens) expected.push_back(Append(*one_by_one, {&token, 1}));
  for (const SessionOptions& options :
       {SessionOptions{.max_chunk = 64, .max_selected = 64}, SessionOptions{.max_chunk = 64, .max_selected = 1},
        SessionOptions{.max_chunk = 5, .max_selected = 64}, SessionOptions{.max_chunk = 1, .max_selected = 1}}) {
    EXPECT_EQ(EvaluateAll(*NewSession(model, options), tokens), expected) << options.max_chunk << ' ' << options.max_selected;
  }
}

TEST(Session, RewindingAndGoingOnGivesTheBitsOfAFreshSequence) {
  const auto model = TinyModel();
  const std::vector<int32_t> tokens = SomeTokens(70), other = SomeTokens(40, /*start=*/8);
  for (const int64_t keep : {0, 1, 31, 32, 33, 64, 69, 70}) {
    const auto session = NewSession(model);
    Append(*session, tokens);
    session->Rewind(keep);
    EXPECT_EQ(session->positions(), keep);
    const auto rest = std::span(other).first(static_cast<size_t>(std::min<int64_t>(40, kTinyContext - keep)));
    const std::vector<float> logits = Append(*session, rest);
    const auto fresh = NewSession(model);
    if (keep > 0) Append(*fresh, std::span(tokens).first(static_cast<size_t>(keep)));
    EXPECT_EQ(logits, Append(*fresh, rest)) << "kept " << keep;
    EXPECT_EQ(session->tokens(), fresh->tokens());
  }
}

TEST(Session, RewindingOutsideTheSequenceStaysInside) {
  const auto session = NewSession(TinyModel());
  Append(*session, SomeTokens(10));
  session->Rewind(11);
  EXPECT_EQ(session->positions(), 10);
  session->Rewind(-1);
  EXPECT_EQ(session->positions(), 0);
}

TEST(Session, AnErrorOfARowCallbackEndsTheEvaluation) {
  const auto session = NewSession(TinyModel(), {.max_chunk = 4, .max_selected = 4});
  size_t rows = 0;
  const Status status = session->EvaluateAll(
      SomeTokens(10), [&](size_t, std::span<const float>) { return ++rows == 6 ? Cancelled("enough") : Status::Ok(); });
  EXPECT_EQ(status.code(), StatusCode::kCancelled);
  EXPECT_EQ(rows, 6u);
}

TEST(Session, CacheMemoryGrowsByBlocksAndIsKeptForReuse) {
  const auto session = NewSession(TinyModel());
  const int64_t block = KvBlockBytes(session->model().kv_shape());
  EXPECT_EQ(session->kv_bytes(), 0);
  Append(*session, SomeTokens(32));
  EXPECT_EQ(session->kv_bytes(), block);
  Append(*session, SomeTokens(1));
  EXPECT_EQ(session->kv_bytes(), 2 * block);
  session->Rewind(0);
  Append(*session, SomeTokens(64));
  EXPECT_EQ(session->kv_bytes(), 2 * block);
}

TEST(Session, OptionsThatCannotMakeAStepAreRefused) {
  const auto model = TinyModel();
  for (const SessionOptions& options : {SessionOptions{.max_chunk = 0}, SessionOptions{.max_chunk = -1},
                                        SessionOptions{.max_selected = 0}, SessionOptions{.max_selected = -5}}) {
    const auto session = Session::Create(model, options);
    EXPECT_EQ(session.status().code(), StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(session.status().message()), HasSubstr(options.max_chunk < 1 ? "max_chunk" : "max_selected"));
  }
}

TEST(Session, SessionsOfOneModelDoNotSeeEachOther) {
  const auto model = TinyModel();
  const auto a = NewSession(model), b = NewSession(model);
  const std::vector<int32_t> first = SomeTokens(20), second = SomeTokens(20, /*start=*/8);
  for (size_t i = 0; i < 19; ++i) {
    Append(*a, {&first[i], 1});
    Append(*b, {&second[i], 1});
  }
  EXPECT_EQ(Append(*a, {&first[19], 1}), Append(*NewSession(model), first));
  EXPECT_EQ(Append(*b, {&second[19], 1}), Append(*NewSession(model), second));
}

TEST(Session, AStopBetweenChunksLeavesTheSequenceAsItWas) {
  const auto model = TinyModel();
  const auto session = NewSession(model, {.max_chunk = 4});
  const std::vector<int32_t> start = SomeTokens(5), more = SomeTokens(20, 9);
  Append(*session, start);
  int asked = 0;
  const auto stopped = session->Append(more, [&] { return ++asked < 3; });
  EXPECT_EQ(stopped.status().code(), StatusCode::kCancelled);
  EXPECT_EQ(asked, 3) << "once before each of the chunks, the refused one included";
  EXPECT_EQ(session->tokens(), start);
  asked = 0;
  const auto whole = session->Append(more, [&] { return ++asked > 0; });
  ASSERT_TRUE(whole.ok());
  EXPECT_EQ(asked, 5);
  const auto fresh = NewSession(model);
  Append(*fresh, start);
  EXPECT_EQ(std::vector<float>(whole->begin(), whole->end()), Append(*fresh, more));
}

TEST(Session, ShortMemoryGetsTheFreeBlocksOfTheCache) {
  const std::string root = ::testing::TempDir() + "sterna_session_pressure";
  std::filesystem::create_directories(root + "/proc");
  std::ofstream(root + "/proc/meminfo") << "MemTotal: 1048576 kB\nMemAvailable: 1024 kB\n";
  const auto pressure = std::make_shared<MemoryPressure>(MemoryPressure::Options{.interval_s = 0, .root = root});
  {
    const auto session = NewSession(TinyModel(), {.pressure = pressure});
    Append(*session, SomeTokens(70));
    EXPECT_EQ(session->kv_use().blocks, 3);
    session->Rewind(10);
    EXPECT_EQ(session->kv_use().free_blocks, 2);
    Append(*session, SomeTokens(5));
    EXPECT_EQ(session->kv_use().free_blocks, 2) << "nobody asks for memory";
    Append(*session, SomeTokens(20));
    EXPECT_EQ(session->kv_use().blocks, 2) << "both free blocks went before one was allocated";
    EXPECT_EQ(session->kv_use().free_blocks, 0);
  }
  EXPECT_EQ(pressure->Poll(), 0) << "a session that is gone is not asked";
  std::filesystem::remove_all(root);
}

TEST(Session, TheTopLogitsAreThoseOfAllLogits) {
  for (const ScreenHead screen_head : {ScreenHead::kOff, ScreenHead::kOn}) {
    const auto model = TinyModel(ModelOutput::kLogits, screen_head);
    EXPECT_EQ(model->screen_bytes() > 0, screen_head == ScreenHead::kOn);
    const auto session = NewSession(model, {.max_chunk = 7}), other = NewSession(model);
    for (const std::vector<int32_t>& tokens : {SomeTokens(20), SomeTokens(1, 9), SomeTokens(3, 4)}) {
      for (const int64_t count : {1, 7, 50, 5000}) {
        const std::vector<float> all = Append(*other, tokens);
        std::vector<TokenLogit> expected(static_cast<size_t>(std::min(count, kTinyVocab)));
        SelectTopLogits(all, expected);
        const auto top = session->AppendTop(tokens, count);
        ASSERT_TRUE(top.ok()) << top.status().message();
        EXPECT_EQ(std::vector<TokenLogit>(top->begin(), top->end()), expected);
        EXPECT_EQ(session->tokens(), other->tokens());
        if (session->positions() > 40) session->Rewind(5), other->Rewind(5);
      }
    }
    EXPECT_EQ(session->AppendTop({}, 1).status().code(), StatusCode::kInvalidArgument);
  }
}

}  // namespace
}  // namespace sterna
