// Expects an Error with one line of text that says a certain thing.
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "gavotte/error.h"

namespace gavotte::test {

template <class Call>
void expect_error(const std::string& wanted, Call&& call) {
  try {
    call();
    ADD_FAILURE() << "expected an Error that says: " << wanted;
  } catch (const Error& error) {
    const std::string text = error.what();
    EXPECT_NE(text.find(wanted), std::string::npos) << text;
    EXPECT_EQ(text.find('\n'), std::string::npos) << text;
  }
}

}  // namespace gavotte::test
