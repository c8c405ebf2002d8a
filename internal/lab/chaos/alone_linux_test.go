package chaos_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/agent0-converge/agent0-converge/internal/lab/serving"
)

// words are what the model is asked about.
var words = strings.Fields("violin river mountain king castle bread horse doctor garden winter island bridge teacher ship forest apple lion bottle window pencil")

// known is a question whose answer is known.
type known struct {
	ask
	// alone is the text that it has when nobody else asks.
	alone string
	// exact says that no sum of numbers which comes out a little differently can change the text: at each place the likeliest
	// token was ahead by much more. Of others a few in a thousand may part from what they are alone.
	exact bool
}

// ahead is by how much, as logarithms of probabilities, the likeliest token has to be ahead to be certain. In other company the
// logits differ by less than a thousandth.
const ahead = 0.01

// questions are asked alone, once.
var questions = sync.OnceValues(func() ([]known, error) {
	ctx, stop := context.WithTimeout(context.Background(), serving.Patience)
	defer stop()
	s, err := serving.Start(programs, programs.Engines, nil)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	if _, err := s.Ready(ctx); err != nil {
		return nil, err
	}
	var all []known
	for _, w := range words {
		for i, a := range sorts(w) {
			k := known{ask: a}
			if err := k.learn(ctx, s.URL, i < 2); err != nil {
				return nil, err
			}
			if i >= 2 || k.exact { // a greedy one that is nearly undecided proves nothing
				all = append(all, k)
			}
		}
	}
	return all, nil
})

// sorts are the sorts of questions about a word: the first two are greedy.
func sorts(word string) []ask {
	question := "What is a " + word + "?"
	prompt := "<|im_start|>user\n" + question + "<|im_end|>\n<|im_start|>assistant\n"
	text := ask{body: map[string]any{"prompt": prompt, "max_tokens": 80, "temperature": 0}}
	chat := ask{chat: true, body: map[string]any{
		"messages": []map[string]string{{"role": "user", "content": question}}, "max_tokens": 80, "temperature": 0,
	}}
	seeded := map[string]any{"temperature": 0.8, "seed": 7}
	return []ask{
		text, chat, text.with(seeded), chat.with(seeded),
		text.with(map[string]any{"grammar": `root ::= [a-z ]{20,60} "."`}),
		chat.with(map[string]any{"response_format": map[string]any{"type": "json_schema", "json_schema": map[string]any{
			"name": "gloss", "schema": json.RawMessage(`{"type":"object","properties":{"gloss":{"type":"string","maxLength":40}},"required":["gloss"],"additionalProperties":false}`),
		}}}),
	}
}

// learn asks when nobody else does.
func (k *known) learn(ctx context.Context, url string, greedy bool) error {
	a := k.do(ctx, http.DefaultClient, url, nil)
	if !a.whole || a.text == "" {
		return fmt.Errorf("%s: %s", k.key(), a.String())
	}
	k.alone = a.text
	if !greedy {
		return nil
	}
	least, err := k.margin(ctx, url, a.raw)
	k.exact = least >= ahead
	return err
}

// margin returns by how much the likeliest token was ahead where it was least, the model's end at the end of the text included.
func (k *known) margin(ctx context.Context, url string, plain []byte) (float64, error) {
	var r reply
	if err := json.Unmarshal(plain, &r); err != nil {
		return 0, err
	}
	more := map[string]any{"ignore_eos": true, "max_tokens": min(80, r.Usage.Tokens+1), "logprobs": 2}
	if k.chat {
		more["logprobs"], more["top_logprobs"] = true, 2
	}
	asked := k.with(more)
	a := asked.do(ctx, http.DefaultClient, url, nil)
	if !a.whole {
		return 0, errors.New(a.String())
	}
	if err := json.Unmarshal(a.raw, &r); err != nil {
		return 0, err
	}
	var l struct {
		Tops    []map[string]float64 `json:"top_logprobs"`
		Content []struct {
			Tops []struct{ Logprob float64 } `json:"top_logprobs"`
		}
	}
	if err := json.Unmarshal(r.Choices[0].Logprobs, &l); err != nil {
		return 0, err
	}
	least := math.Inf(1)
	for _, tops := range l.Tops {
		var two []float64
		for _, v := range tops {
			two = append(two, v)
		}
		least = min(least, gap(two))
	}
	for _, c := range l.Content {
		var two []float64
		for _, t := range c.Tops {
			two = append(two, t.Logprob)
		}
		least = min(least, gap(two))
	}
	if len(l.Tops)+len(l.Content) == 0 {
		return 0, fmt.Errorf("no probabilities came: %s", a.raw)
	}
	return least, nil
}

// gap is how far the two likeliest are apart; 0 where there are not two: their texts may be the same.
func gap(two []float64) float64 {
	if len(two) < 2 {
		return 0
	}
	slices.Sort(two)
	return two[len(two)-1] - two[len(two)-2]
}

// catalogue returns the questions, of which enough have a certain answer.
func catalogue(t *testing.T) []known {
	t.Helper()
	all, err := questions()
	if err != nil {
		t.Fatal(err)
	}
	exact := 0
	for _, k := range all {
		if k.exact {
			exact++
		}
	}
	if exact < len(words) {
		t.Fatalf("only %d greedy questions of %d have a certain answer", exact, 2*len(words))
	}
	return all
}
