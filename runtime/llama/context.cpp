//go:build llama

#include "shim.hpp"

#include <limits>

int a0_context_new(a0_model *m, const a0_context_params *p, a0_context **out, a0_message *why) {
	return a0::guard(why, [&] {
		llama_context_params cp = llama_context_default_params();
		cp.n_ctx = p->n_ctx;
		cp.n_batch = p->n_batch;
		cp.n_ubatch = p->n_ubatch;
		cp.n_seq_max = p->n_seq_max;
		cp.n_threads = p->threads;
		cp.n_threads_batch = p->threads_batch;
		cp.type_k = static_cast<ggml_type>(p->type_k);
		cp.type_v = static_cast<ggml_type>(p->type_v);
		cp.flash_attn_type = static_cast<llama_flash_attn_type>(p->flash_attention);
		cp.kv_unified = p->unified;
		cp.no_perf = true;
		llama_context *ctx = llama_init_from_model(m->model, cp);
		if (ctx == nullptr) {
			a0::say(why, "llama.cpp makes no context: there may not be enough memory for it");
			return A0_FAILED;
		}
		auto n_batch = static_cast<int32_t>(p->n_batch);
		*out = new a0_context{m, ctx, llama_get_memory(ctx), llama_batch_init(n_batch, 0, 1), n_batch, static_cast<int32_t>(p->n_seq_max),
		                      std::vector<llama_token_data>(m->n_vocab)};
		return A0_OK;
	});
}

void a0_context_free(a0_context *c) {
	llama_batch_free(c->batch);
	llama_free(c->ctx);
	delete c;
}

uint32_t a0_context_size(const a0_context *c) { return llama_n_ctx(c->ctx); }

static bool valid(const a0_context *c, const a0_entry &e) {
	return e.token >= 0 && e.token < c->model->n_vocab && e.seq >= 0 && e.seq < c->n_seq && e.pos >= 0;
}

int a0_decode(a0_context *c, const a0_entry *entries, int32_t n, a0_message *why) {
	return a0::guard(why, [&] {
		if (n < 1 || n > c->n_batch) {
			a0::say(why, "a batch of a wrong size");
			return A0_REFUSED;
		}
		llama_batch &b = c->batch;
		for (int32_t i = 0; i < n; i++) {
			if (!valid(c, entries[i])) {
				a0::say(why, "an entry of a batch is out of range");
				return A0_REFUSED;
			}
			b.token[i] = entries[i].token;
			b.pos[i] = entries[i].pos;
			b.n_seq_id[i] = 1;
			b.seq_id[i][0] = entries[i].seq;
			b.logits[i] = entries[i].output != 0;
		}
		b.n_tokens = n;
		switch (int rc = llama_decode(c->ctx, b); rc) {
		case 0:
			llama_synchronize(c->ctx);
			return A0_OK;
		case 1:
			a0::say(why, "no room in the KV cache");
			return A0_NO_ROOM;
		default:
			std::snprintf(why->text, sizeof why->text, "llama_decode returned %d", rc);
			return A0_FAILED;
		}
	});
}

bool a0_seq_remove(a0_context *c, int32_t seq, int32_t from, int32_t to) { return llama_memory_seq_rm(c->memory, seq, from, to); }

void a0_seq_copy(a0_context *c, int32_t from_seq, int32_t to_seq, int32_t from, int32_t to) {
	llama_memory_seq_cp(c->memory, from_seq, to_seq, from, to);
}

int32_t a0_seq_first(a0_context *c, int32_t seq) { return llama_memory_seq_pos_min(c->memory, seq); }

int32_t a0_seq_last(a0_context *c, int32_t seq) { return llama_memory_seq_pos_max(c->memory, seq); }

void a0_clear(a0_context *c) { llama_memory_clear(c->memory, false); }

void a0_top_two(a0_context *c, int32_t i, float *first, float *second) {
	const float *logits = llama_get_logits_ith(c->ctx, i);
	*first = *second = -std::numeric_limits<float>::infinity();
	for (int32_t t = 0; t < c->model->n_vocab; t++) {
		if (logits[t] > *first) {
			*second = *first, *first = logits[t];
		} else if (logits[t] > *second) {
			*second = logits[t];
		}
	}
}
