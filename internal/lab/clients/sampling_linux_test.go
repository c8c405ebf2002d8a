package clients

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"strings"
	"testing"

	"github.com/agent0-converge/agent0-converge/internal/lab/serving"
)

// say is what the model says to a question, with more fields.
func say(t *testing.T, s *serving.Server, question string, fields map[string]any) string {
	t.Helper()
	a := listen(t, s, question, fields)
	return a.Choices[0].Message.Content
}

func listen(t *testing.T, s *serving.Server, question string, fields map[string]any) answer {
	t.Helper()
	a, err := asked(t.Context(), s, question, fields)
	if err != nil || len(a.Choices) == 0 {
		t.Fatalf("%v: %d %s %v", fields, a.status, a.Error.Message, err)
	}
	return a
}

// with is fields and more of them.
func with(fields map[string]any, more ...any) map[string]any {
	out := maps.Clone(fields)
	for i := 0; i < len(more); i += 2 {
		out[more[i].(string)] = more[i+1]
	}
	return out
}

var greedy = map[string]any{"temperature": 0}

const violin = "What is a violin?"

// token is the one token of a text.
func token(t *testing.T, s *serving.Server, text string) string {
	t.Helper()
	var got struct{ Tokens []int }
	if _, b, err := post(t.Context(), s, "/tokenize", map[string]any{"content": text}); err != nil || json.Unmarshal(b, &got) != nil || len(got.Tokens) != 1 {
		t.Fatalf("%q: %s %v", text, b, err)
	}
	return fmt.Sprint(got.Tokens[0])
}

func TestBias(t *testing.T) {
	s := real(t)
	plain := say(t, s, violin, greedy)
	if !strings.Contains(plain, " bowed") {
		t.Fatalf("%q", plain)
	}
	banned := say(t, s, violin, with(greedy, "logit_bias", map[string]any{token(t, s, " bow"): -100}))
	if strings.Contains(banned, " bow") || !strings.HasPrefix(banned, "A violin is") {
		t.Errorf("banned: %q", banned)
	}
	forced := say(t, s, violin, with(greedy, "max_tokens", 5, "logit_bias", map[string]any{token(t, s, " dog"): 100}))
	if forced != strings.Repeat(" dog", 5) {
		t.Errorf("forced: %q", forced)
	}
}

// Penalties change what is repeated.
func TestPenalties(t *testing.T) {
	s := real(t)
	long := with(greedy, "ignore_eos", true, "max_tokens", 120)
	distinct := func(text string) int {
		words := map[string]bool{}
		for _, w := range strings.Fields(text) {
			words[strings.Trim(w, ".,;")] = true
		}
		return len(words)
	}
	plain := say(t, s, "Say something", long)
	if again := say(t, s, "Say something", long); again != plain {
		t.Fatalf("the likeliest tokens are others:\n%q\n%q", plain, again)
	}
	for _, more := range [][]any{{"presence_penalty", 2}, {"frequency_penalty", 2}, {"repeat_penalty", 1.5}, {"repeat_penalty", 1.5, "repeat_last_n", -1}, {"dry_multiplier", 5, "dry_allowed_length", 1}} {
		text := say(t, s, "Say something", with(long, more...))
		if text == plain || distinct(text) <= distinct(plain) {
			t.Errorf("%v: %d words, without %d\n%q\n%q", more, distinct(text), distinct(plain), text, plain)
		}
	}
	if off := say(t, s, "Say something", with(long, "repeat_penalty", 1.5, "repeat_last_n", 0)); off != plain {
		t.Errorf("a penalty that looks back at nothing: %q", off)
	}
}

// Penalties look back at the prompt too, as llama.cpp's do: what is there a word of is not said again.
func TestPenaltiesOfThePrompt(t *testing.T) {
	s := real(t)
	first := func(prompt string, more ...any) string {
		fields := with(map[string]any{"prompt": prompt, "max_tokens": 8, "temperature": 0, "ignore_eos": true}, more...)
		var a struct{ Choices []struct{ Text string } }
		status, b, err := post(t.Context(), s, "/v1/completions", fields)
		if err = errors.Join(err, json.Unmarshal(b, &a)); err != nil || len(a.Choices) != 1 {
			t.Fatalf("%d %s %v", status, b, err)
		}
		return a.Choices[0].Text
	}
	again := 0
	for _, word := range []string{" river", " castle", " bread", " winter", " horse", " garden"} {
		prompt := strings.Repeat(word, 12)
		if strings.HasPrefix(first(prompt), word) {
			again++
		}
		if said := first(prompt, "presence_penalty", 2, "repeat_penalty", 100, "repeat_last_n", -1); strings.HasPrefix(said, word) {
			t.Errorf("%q is said again", said)
		}
	}
	if again == 0 {
		t.Error("no word is said again without penalties: this shows nothing")
	}
}

// Samplers do something, and the same with the same seed: but for a draw that falls on the border of two tokens, as sums over
// a cache that is laid out otherwise differ in their last bits.
func TestSamplers(t *testing.T) {
	s := real(t)
	pairs, equal := 0, 0
	const question = "Tell me about zorgles"
	open := map[string]any{"temperature": 1.5, "top_k": 0, "top_p": 1, "min_p": 0, "max_tokens": 24}
	var plain [4]string
	for seed := range plain {
		plain[seed] = say(t, s, question, with(open, "seed", seed))
		if seed > 0 && plain[seed] == plain[seed-1] {
			t.Errorf("seeds %d and %d: %q", seed-1, seed, plain[seed])
		}
	}
	for _, more := range [][]any{
		{"top_k", 3}, {"top_p", 0.2}, {"min_p", 0.3}, {"typical_p", 0.2}, {"top_n_sigma", 0.5}, {"xtc_probability", 1, "xtc_threshold", 0.02}, {"temperature", 0.3},
		{"dynatemp_range", 1.4}, {"dry_multiplier", 4, "dry_allowed_length", 1, "dry_sequence_breakers", []string{"x"}}, {"mirostat", 1, "mirostat_tau", 1}, {"mirostat", 2, "mirostat_tau", 1},
	} {
		differ := 0
		for seed := range plain {
			fields := with(with(open, more...), "seed", seed)
			text := say(t, s, question, fields)
			if pairs++; say(t, s, question, fields) == text {
				equal++
			}
			if text != plain[seed] {
				differ++
			}
		}
		if differ == 0 {
			t.Errorf("%v changes nothing", more)
		}
	}
	t.Logf("%d of %d texts are the same with the same seed", equal, pairs)
	if equal*20 < pairs*19 {
		t.Errorf("only %d of %d texts are the same with the same seed", equal, pairs)
	}
	best := say(t, s, question, with(open, "temperature", 0))
	for _, more := range [][]any{{"top_k", 1}, {"min_p", 1}, {"top_p", 0}} {
		for seed := range 4 {
			if text := say(t, s, question, with(with(open, more...), "seed", seed)); text != best {
				t.Errorf("%v: %q, the likeliest are %q", more, text, best)
			}
		}
	}
}

// A stop text that begins and ends within tokens is not sent, nor what comes after it.
func TestStopTexts(t *testing.T) {
	s := real(t)
	full := say(t, s, violin, greedy)
	for at := 3; at+9 < len(full); at += 4 {
		stop := full[at : at+9]
		fields := with(greedy, "stop", []string{"not there", stop}, "messages", []any{map[string]any{"role": "user", "content": violin}})
		want := full[:strings.Index(full, stop)]
		if text := say(t, s, violin, fields); text != want {
			t.Errorf("%q: %q", stop, text)
		}
		_, b, err := post(t.Context(), s, "/v1/chat/completions", with(fields, "stream", true))
		text := ""
		for line := range strings.Lines(string(b)) {
			var chunk struct {
				Choices []struct {
					Delta struct{ Content string }
				}
			}
			if data, ok := strings.CutPrefix(line, "data: {"); ok && json.Unmarshal([]byte("{"+data), &chunk) == nil {
				text += chunk.Choices[0].Delta.Content
			}
		}
		if err != nil || text != want {
			t.Errorf("%q, streamed: %q, %v", stop, text, err)
		}
	}
}

// Probabilities are those of the model: the same in every run, of the token that was chosen, and no more than 1 together.
func TestLogprobs(t *testing.T) {
	s := real(t)
	fields := map[string]any{"temperature": 0, "logprobs": true, "top_logprobs": 20, "max_tokens": 30}
	first := listen(t, s, "Tell me about zorgles", fields).Choices[0].Logprobs.Content
	if len(first) < 3 {
		t.Fatalf("%v", first)
	}
	for range 3 {
		again := listen(t, s, "Tell me about zorgles", fields).Choices[0].Logprobs.Content
		if len(again) != len(first) {
			t.Fatalf("%d tokens, and then %d", len(first), len(again))
		}
		for i, p := range again {
			if p.Token != first[i].Token || math.Abs(p.Logprob-first[i].Logprob) > 0.02 {
				t.Errorf("token %d: %q %v, and then %q %v", i, first[i].Token, first[i].Logprob, p.Token, p.Logprob)
			}
		}
	}
	drawn := listen(t, s, "Tell me about zorgles", with(fields, "temperature", 2, "top_k", 0, "top_p", 1, "min_p", 0)).Choices[0].Logprobs.Content
	for _, p := range append(first, drawn...) {
		sum, least, listed := 0.0, 0.0, math.NaN()
		for _, o := range p.Top {
			if sum += math.Exp(o.Logprob); o.Logprob > least {
				t.Errorf("%v is not in order", p.Top)
			}
			if least = o.Logprob; o.Token == p.Token {
				listed = o.Logprob
			}
		}
		if len(p.Top) != 20 || sum > 1.0001 || p.Logprob > 0 || !math.IsNaN(listed) && listed != p.Logprob || math.IsNaN(listed) && p.Logprob > least {
			t.Errorf("%q %v among %v, %v together", p.Token, p.Logprob, p.Top, sum)
		}
	}
}
