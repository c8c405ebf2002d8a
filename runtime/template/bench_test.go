package template

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"
)

// BenchmarkChat makes prompts of long conversations.
func BenchmarkChat(b *testing.B) {
	for _, messages := range []int{10, 1000} {
		var list []string
		for i := range messages {
			role := "user"
			if i%2 == 1 {
				role = "assistant"
			}
			list = append(list, fmt.Sprintf(`{"role":%q,"content":%q}`, role, strings.Repeat("some words ", 50)))
		}
		raw := json.RawMessage("[" + strings.Join(list, ",") + "]")
		for _, name := range []string{"qwen3-0.6b", "mixtral-8x7b", "granite3.3-2b"} {
			b.Run(fmt.Sprintf("%s/%d", name, messages), func(b *testing.B) {
				p, err := Parse(published(b, "testdata/published")[name])
				if err != nil {
					b.Fatal(err)
				}
				for b.Loop() {
					if _, err := chat(context.Background(), p, raw, nil, nil, Tokens{"<s>", "</s>"}, now, Limits{Time: time.Minute}); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
