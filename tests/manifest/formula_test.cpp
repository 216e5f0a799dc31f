#include "manifest/formula.h"

#include <gtest/gtest.h>

#include "manifest/profiled.h"

namespace gavotte {
namespace {

using internal::evaluate;
using internal::evaluate_count;
using test::expect_says;

const internal::Symbols kSymbols = {{"N_in", {1000, manifest::Source::measured, "test"}},
                                    {"pairs_0", {7, manifest::Source::measured, "test"}},
                                    {"lost", {}}};

TEST(Formula, FollowsTheOrderOfOperations) {
  EXPECT_EQ(evaluate("1+2*3", kSymbols, "f"), 7);
  EXPECT_EQ(evaluate("(1+2)*3", kSymbols, "f"), 9);
  EXPECT_EQ(evaluate("10-2-3", kSymbols, "f"), 5);
  EXPECT_EQ(evaluate("8/2/2", kSymbols, "f"), 2);
  EXPECT_EQ(evaluate(" N_in * 4 + pairs_0*8 ", kSymbols, "f"), 4056);
  EXPECT_EQ(evaluate("-pairs_0*-2", kSymbols, "f"), 14);
  EXPECT_EQ(evaluate("0.5*pairs_0", kSymbols, "f"), 3.5);
}

TEST(Formula, HasFunctions) {
  EXPECT_EQ(evaluate("min(N_in, 528)", kSymbols, "f"), 528);
  EXPECT_EQ(evaluate("max(pairs_0,3)*2", kSymbols, "f"), 14);
  EXPECT_EQ(evaluate("ceil(N_in/64)*floor(pairs_0/2)", kSymbols, "f"), 48);
  EXPECT_EQ(evaluate("min(ceil((floor(N_in/3)+1)/64),max(2,1))", kSymbols, "f"), 2);
  for (const char* text :
       {"min(1)", "min(1,2,3)", "ceil(1,2)", "ceil 1", "ceil", "floor()", "sqrt(4)", "min(1,2"})
    EXPECT_THROW(evaluate(text, kSymbols, "f"), Error) << text;
}

TEST(Formula, RefusesWhatIsNone) {
  for (const char* text : {"", "1+", "*2", "(1", "1)", "N_out", "1 2", "N_in N_in", "a;b", "lost",
                           "1,2", "()", "1e", "--"})
    EXPECT_THROW(evaluate(text, kSymbols, "f"), Error) << text;
  expect_says([] { evaluate("N_in*N_out", kSymbols, "m.size"); },
              {"m.size", "a symbol of the run", "character 5"});
  EXPECT_THROW(evaluate("1/0", kSymbols, "f"), Error);
  EXPECT_THROW(evaluate(std::string(100000, '('), kSymbols, "f"), Error);
  EXPECT_THROW(evaluate(std::string(100000, '-') + "1", kSymbols, "f"), Error);
}

TEST(Formula, CountsAreWholeAndNotNegative) {
  EXPECT_EQ(evaluate_count("N_in*4", kSymbols, "f"), 4000);
  EXPECT_EQ(evaluate_count("4503599627370496", kSymbols, "f"), std::int64_t{1} << 52);
  for (const char* text : {"1-2", "1/2", "4503599627370496*2"})
    EXPECT_THROW(evaluate_count(text, kSymbols, "f"), Error) << text;
}

}  // namespace
}  // namespace gavotte
