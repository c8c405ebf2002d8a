// What the parts of the shim share.
#pragma once

#include "shim.h"

#include "ggml-backend.h"
#include "llama.h"

#include <cstdio>
#include <exception>
#include <new>
#include <vector>

// a0_closer is what ends with a token.
enum a0_closer : uint8_t { A0_NOTHING, A0_STRING, A0_ARRAY_OR_OBJECT, A0_ANSWER };

struct a0_model {
	llama_model *model;
	const llama_vocab *vocab;
	int32_t n_vocab;
	std::vector<a0_closer> closers; // by token
	llama_token tilde;              // "~", which stands in strings and nowhere else in JSON; -1 is none
};

struct a0_context {
	a0_model *model;
	llama_context *ctx;
	llama_memory_t memory;
	llama_batch batch;
	int32_t n_batch, n_seq;
	std::vector<llama_token_data> candidates;
};

namespace a0 {

// closers fills in what ends with which token.
void closers(a0_model *m);

inline void say(a0_message *why, const char *text) {
	std::snprintf(why->text, sizeof why->text, "%s", text);
}

// guard runs f, which returns an a0_status, and makes a status of whatever it throws.
template <typename F> int guard(a0_message *why, F f) noexcept {
	try {
		return f();
	} catch (const std::bad_alloc &) {
		say(why, "out of memory");
	} catch (const std::exception &e) {
		say(why, e.what());
	} catch (...) {
		say(why, "an exception that says nothing");
	}
	return A0_FAILED;
}

} // namespace a0
