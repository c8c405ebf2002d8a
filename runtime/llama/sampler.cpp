//go:build llama

#include "shim.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>

namespace {

struct sampler_free {
	void operator()(llama_sampler *s) const { llama_sampler_free(s); }
};
using sampler_ptr = std::unique_ptr<llama_sampler, sampler_free>;

sampler_ptr chain() { return sampler_ptr(llama_sampler_chain_init(llama_sampler_chain_default_params())); }

void add(const sampler_ptr &chain, llama_sampler *s) {
	if (s != nullptr) {
		llama_sampler_chain_add(chain.get(), s);
	}
}

// mirostat is the state of version 1 or 2 (arXiv:2007.14966): the surprise that is aimed at, and how far it may go now.
struct mirostat {
	int32_t version = 0;
	float tau = 0, eta = 0, mu = 0;
};

} // namespace

struct a0_sampler {
	sampler_ptr grammar;  // or null
	sampler_ptr before;   // what changes logits and knows what was said: biases and penalties
	sampler_ptr after;    // what cuts the distribution
	sampler_ptr gated;    // xtc, which is used by chance
	sampler_ptr scale;    // temperature
	mirostat miro;
	float xtc_probability = 0;
	bool leads = false;  // to the end, where the model would end and may not
	bool hurries = false; // there at every token
	bool greedy = false;
	bool plain = false; // nothing changes logits before the largest is taken
};

static void penalties(const a0_model *m, const a0_sampling *p, const sampler_ptr &to) {
	if (p->n_biases > 0) {
		std::vector<llama_logit_bias> biases;
		for (size_t i = 0; i < p->n_biases; i++) {
			biases.push_back({p->biases[i].token, p->biases[i].bias});
		}
		add(to, llama_sampler_init_logit_bias(m->n_vocab, static_cast<int32_t>(biases.size()), biases.data()));
	}
	if (p->repeat_last_n != 0 && (p->repeat_penalty != 1 || p->frequency_penalty != 0 || p->presence_penalty != 0)) {
		add(to, llama_sampler_init_penalties(p->repeat_last_n, p->repeat_penalty, p->frequency_penalty, p->presence_penalty));
	}
	if (p->dry_multiplier > 0 && p->dry_penalty_last_n != 0) {
		add(to, llama_sampler_init_dry(m->vocab, llama_model_n_ctx_train(m->model), p->dry_multiplier, p->dry_base, p->dry_allowed_length,
		                               p->dry_penalty_last_n, p->dry_breakers, p->n_dry_breakers));
	}
}

// truncation is in the order of llama.cpp's own tools.
static void truncation(const a0_sampling *p, const sampler_ptr &to) {
	size_t keep = std::max(p->min_keep, 0);
	if (p->top_n_sigma > 0) {
		add(to, llama_sampler_init_top_n_sigma(p->top_n_sigma));
	}
	if (p->top_k > 0) {
		add(to, llama_sampler_init_top_k(p->top_k));
	}
	if (p->typical_p < 1) {
		add(to, llama_sampler_init_typical(p->typical_p, keep));
	}
	if (p->top_p < 1) {
		add(to, llama_sampler_init_top_p(p->top_p, keep));
	}
	if (p->min_p > 0) {
		add(to, llama_sampler_init_min_p(p->min_p, keep));
	}
}

int a0_sampler_new(const a0_model *m, const a0_sampling *p, a0_sampler **out, a0_message *why) {
	return a0::guard(why, [&] {
		auto s = std::make_unique<a0_sampler>();
		if (p->grammar != nullptr) {
			s->grammar.reset(llama_sampler_init_grammar(m->vocab, p->grammar, "root"));
			if (!s->grammar) {
				a0::say(why, "the grammar does not parse");
				return A0_REFUSED;
			}
		}
		s->before = chain(), s->after = chain(), s->gated = chain(), s->scale = chain();
		penalties(m, p, s->before);
		s->greedy = p->temperature <= 0;
		s->plain = s->greedy && !s->grammar && llama_sampler_chain_n(s->before.get()) == 0;
		s->miro = {s->greedy ? 0 : p->mirostat, p->mirostat_tau, p->mirostat_eta, 2 * p->mirostat_tau};
		if (s->miro.version == 0) {
			truncation(p, s->after);
			if (p->xtc_probability > 0) {
				add(s->gated, llama_sampler_init_xtc(1, p->xtc_threshold, std::max(p->min_keep, 0), 0));
				s->xtc_probability = p->xtc_probability;
			}
		}
		if (!s->greedy) {
			add(s->scale, llama_sampler_init_temp_ext(p->temperature, p->dynatemp_range, p->dynatemp_exponent));
		}
		*out = s.release();
		return A0_OK;
	});
}

void a0_sampler_free(a0_sampler *s) { delete s; }

int a0_sampler_remember(a0_sampler *s, const int32_t *tokens, size_t n, a0_message *why) {
	return a0::guard(why, [&] {
		for (size_t i = 0; i < n; i++) {
			llama_sampler_accept(s->before.get(), tokens[i]);
		}
		return A0_OK;
	});
}

int a0_sampler_accept(a0_sampler *s, int32_t token, a0_message *why) {
	return a0::guard(why, [&] {
		if (s->grammar) {
			llama_sampler_accept(s->grammar.get(), token);
		}
		llama_sampler_accept(s->before.get(), token);
		return A0_OK;
	});
}

void a0_sampler_lead(a0_sampler *s, bool hurry) { s->leads = true, s->hurries = hurry; }

static const float none = -std::numeric_limits<float>::infinity();

// largest returns the place of the largest logit, or -1 where no token is left.
static int64_t largest(const llama_token_data_array &a) {
	int64_t best = -1;
	float most = none;
	for (size_t i = 0; i < a.size; i++) {
		if (a.data[i].logit > most) {
			most = a.data[i].logit, best = static_cast<int64_t>(i);
		}
	}
	return best;
}

// normalize fills in the probabilities, and returns false where no token is left.
static bool normalize(llama_token_data_array &a) {
	int64_t best = largest(a);
	if (best < 0) {
		return false;
	}
	float most = a.data[best].logit;
	double sum = 0;
	for (size_t i = 0; i < a.size; i++) {
		sum += a.data[i].p = std::exp(a.data[i].logit - most);
	}
	for (size_t i = 0; i < a.size; i++) {
		a.data[i].p = static_cast<float>(a.data[i].p / sum);
	}
	return true;
}

// at returns the place in which u falls when the probabilities are laid side by side.
static int64_t at(const llama_token_data_array &a, double u) {
	double sum = 0;
	int64_t last = -1;
	for (size_t i = 0; i < a.size; i++) {
		if (a.data[i].p > 0) {
			sum += a.data[i].p, last = static_cast<int64_t>(i);
			if (u < sum) {
				return last;
			}
		}
	}
	return last;
}

// surprise keeps what mirostat allows: of version 2, what surprises less than mu; of version 1, as many as its estimate
// of the distribution's shape says.
static void surprise(const mirostat &miro, llama_token_data_array &a) {
	std::sort(a.data, a.data + a.size, [](const llama_token_data &x, const llama_token_data &y) { return x.logit > y.logit; });
	a.sorted = true;
	normalize(a);
	size_t keep = 0;
	if (miro.version == 2) {
		while (keep < a.size && -std::log2(a.data[keep].p) <= miro.mu) {
			keep++;
		}
	} else {
		double num = 0, den = 0;
		for (size_t i = 0; i < 99 && i + 1 < a.size && a.data[i + 1].p > 0; i++) {
			double t = std::log(double(i + 2) / double(i + 1));
			num += t * std::log(a.data[i].p / a.data[i + 1].p), den += t * t;
		}
		double s = den > 0 ? num / den : 1, e = s - 1;
		double k = std::pow(e * std::pow(2, miro.mu) / (1 - std::pow(double(a.size), -e)), 1 / s);
		keep = k >= 1 && k < double(a.size) ? static_cast<size_t>(k) : (k >= 1 ? a.size : 1);
	}
	a.size = std::max<size_t>(keep, 1);
}

// choose returns the place of the chosen token in a, or -1.
static int64_t choose(a0_sampler *s, llama_token_data_array &a, double u, double gate) {
	llama_sampler_apply(s->before.get(), &a);
	if (s->greedy) {
		return largest(a);
	}
	if (largest(a) < 0) {
		return -1;
	}
	llama_sampler_apply(s->after.get(), &a);
	if (gate < s->xtc_probability) {
		llama_sampler_apply(s->gated.get(), &a);
	}
	llama_sampler_apply(s->scale.get(), &a);
	if (s->miro.version != 0) {
		surprise(s->miro, a);
	}
	return normalize(a) ? at(a, u) : -1;
}

static llama_token_data_array fill(a0_context *c, const float *logits) {
	for (int32_t t = 0; t < c->model->n_vocab; t++) {
		c->candidates[t] = {t, logits[t], 0};
	}
	return {c->candidates.data(), c->candidates.size(), -1, false};
}

void a0::closers(a0_model *m) {
	m->closers.assign(m->n_vocab, A0_NOTHING);
	char piece[64];
	for (llama_token t = 0; t < m->n_vocab; t++) {
		int32_t n = llama_token_to_piece(m->vocab, t, piece, sizeof piece, 0, false);
		if (llama_vocab_is_eog(m->vocab, t)) {
			m->closers[t] = A0_ANSWER;
		} else if (n > 0 && std::all_of(piece + 1, piece + n, [](char c) { return c == ']' || c == '}'; })) {
			m->closers[t] = piece[0] == '"' ? A0_STRING : piece[0] == ']' || piece[0] == '}' ? A0_ARRAY_OR_OBJECT : A0_NOTHING;
			if (n == 1 && piece[0] == '~') {
				m->tilde = t;
			}
		}
	}
}

// close leaves only the tokens with which something ends, of those that may follow in JSON: the answer, what is open within a
// string only where that is. Where none may follow, it leaves all. Place t of a is that of token t.
static void close(const a0_model *m, llama_token_data_array &a) {
	bool may[4] = {};
	for (size_t t = 0; t < a.size; t++) {
		may[m->closers[t]] |= a.data[t].logit != none;
	}
	bool quoted = m->tilde >= 0 && a.data[m->tilde].logit != none;
	a0_closer kind = may[A0_ANSWER] ? A0_ANSWER : may[A0_ARRAY_OR_OBJECT] && !quoted ? A0_ARRAY_OR_OBJECT : may[A0_STRING] ? A0_STRING : A0_NOTHING;
	for (size_t t = 0; kind != A0_NOTHING && t < a.size; t++) {
		if (m->closers[t] != kind) {
			a.data[t].logit = none;
		}
	}
}

// allowed reports whether the grammar lets a token follow.
static bool allowed(a0_sampler *s, llama_token token) {
	llama_token_data one = {token, 1, 0};
	llama_token_data_array a = {&one, 1, -1, false};
	llama_sampler_apply(s->grammar.get(), &a);
	return one.logit != none;
}

static int32_t pick(a0_context *c, const float *logits, a0_sampler *s, double u, double gate) {
	if (s->plain) {
		return static_cast<int32_t>(std::max_element(logits, logits + c->model->n_vocab) - logits);
	}
	llama_token_data_array a = fill(c, logits);
	int64_t place = choose(s, a, u, gate);
	bool over = place >= 0 && llama_vocab_is_eog(c->model->vocab, a.data[place].id);
	// The whole vocabulary is asked only where it must be.
	if (s->grammar && (s->hurries || place < 0 || !allowed(s, a.data[place].id))) {
		a = fill(c, logits);
		llama_sampler_apply(s->grammar.get(), &a);
		if (s->hurries || (s->leads && over)) {
			close(c->model, a);
		}
		place = choose(s, a, u, gate);
	}
	if (place < 0) {
		return -1;
	}
	if (s->miro.version != 0) {
		s->miro.mu -= s->miro.eta * (-std::log2(a.data[place].p) - s->miro.tau);
	}
	return a.data[place].id;
}

// report writes the model's own probabilities.
static void report(a0_context *c, const float *logits, int32_t token, int32_t n_top, a0_prob *prob, a0_prob *top) {
	int32_t n = c->model->n_vocab;
	float most = *std::max_element(logits, logits + n);
	double sum = 0;
	for (int32_t t = 0; t < n; t++) {
		sum += std::exp(logits[t] - most);
	}
	auto norm = static_cast<float>(most + std::log(sum));
	prob->logprob = logits[token] - norm;
	llama_token_data_array a = fill(c, logits);
	auto more = [](const llama_token_data &x, const llama_token_data &y) { return x.logit != y.logit ? x.logit > y.logit : x.id < y.id; };
	std::partial_sort(a.data, a.data + n_top, a.data + a.size, more);
	for (int32_t i = 0; i < n_top; i++) {
		top[i] = {a.data[i].id, a.data[i].logit - norm};
	}
}

int a0_sample(a0_context *c, int32_t i, a0_sampler *s, double u, double gate, int32_t n_top, a0_prob *prob, a0_prob *top, a0_message *why) {
	return a0::guard(why, [&] {
		const float *logits = llama_get_logits_ith(c->ctx, i);
		if (logits == nullptr || n_top > c->model->n_vocab) {
			a0::say(why, "no logits were computed there");
			return A0_REFUSED;
		}
		prob->token = pick(c, logits, s, u, gate);
		if (prob->token < 0) {
			a0::say(why, "no token can follow");
			return A0_DEAD_END;
		}
		if (n_top >= 0) {
			report(c, logits, prob->token, n_top, prob, top);
		}
		return static_cast<a0_status>(a0_sampler_accept(s, prob->token, why));
	});
}
