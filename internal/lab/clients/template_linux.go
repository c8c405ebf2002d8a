package clients

import (
	"bytes"
	"encoding/binary"
	"errors"
	"os"
	"strings"
)

// alignment is that of the tensors in a GGUF file that does not say another.
const alignment = 32

// WithTemplate writes a copy of a model with another chat template. What is in the file after the template moves by a
// multiple of the tensors' alignment.
func WithTemplate(from, to, template string) error {
	b, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	// The 8 is the type of strings: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
	key := []byte("tokenizer.chat_template\x08\x00\x00\x00")
	at := bytes.Index(b, key)
	if at < 0 {
		return errors.New("the model has no chat template")
	}
	at += len(key)
	old := int(binary.LittleEndian.Uint64(b[at:]))
	template += "{#"
	for (len(template)+len("#}")-old)%alignment != 0 {
		template += " "
	}
	template += "#}"
	out := append(bytes.Clone(b[:at]), binary.LittleEndian.AppendUint64(nil, uint64(len(template)))...)
	out = append(append(out, template...), b[at+8+old:]...)
	return os.WriteFile(to, out, 0o644)
}

// Marked is a chat template of ChatML that tells of tools, and writes calls between marks.
func Marked(open, end string) string {
	return strings.NewReplacer("OPEN", open, "CLOSE", end).Replace(
		`{% if tools %}{{ '<|im_start|>system\nYou have' }}{% for t in tools %} {{ t.function.name }}{% endfor %}{{ '.<|im_end|>\n' }}{% endif %}` +
			`{% for m in messages %}{{ '<|im_start|>' + m.role + '\n' + (m.content or '') }}` +
			`{% for c in m.tool_calls or [] %}{{ 'OPEN {"name": "' + c.function.name + '", "arguments": ' + (c.function.arguments | tojson) + '} CLOSE' }}{% endfor %}` +
			`{{ '<|im_end|>\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}`)
}
